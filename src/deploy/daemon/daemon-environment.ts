// What daemons take from the environment: Iskra's own variable first, then Spark's.
import { networkInterfaces, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import type { Environment } from '../../config/conf-file.ts';

/** `ISKRA_<name>`, else `SPARK_<name>`; an empty one counts as not set. */
export function variable(env: Environment, name: string): string | undefined {
  return env[`ISKRA_${name}`] || env[`SPARK_${name}`] || undefined;
}

/** Where `work` and `logs` lie unless somebody says otherwise. */
export function homeFolder(env: Environment, workingFolder: string): string {
  return resolve(workingFolder, variable(env, 'HOME') ?? '.');
}

/** Where pid and log files of daemons lie, and how they are called. */
export interface DaemonFiles {
  readonly pidDir: string;
  readonly logDir: string;
  /** The user's name, unless told otherwise: part of file names. */
  readonly ident: string;
  /** How many old log files are kept. */
  readonly maxLogFiles: number;
}

/** @param temporary where pid files lie unless somebody says otherwise. */
export function daemonFiles(env: Environment, workingFolder: string, temporary: string): DaemonFiles {
  const max = Number(variable(env, 'LOG_MAX_FILES') ?? 5);
  return {
    pidDir: resolve(workingFolder, variable(env, 'PID_DIR') ?? temporary),
    logDir: resolve(workingFolder, variable(env, 'LOG_DIR') ?? join(homeFolder(env, workingFolder), 'logs')),
    ident: (variable(env, 'IDENT_STRING') ?? userName(env)).replace(/[^\w.-]/g, '_'),
    maxLogFiles: Number.isSafeInteger(max) && max >= 1 ? max : 5,
  };
}

function userName(env: Environment): string {
  try {
    return env['USER'] || userInfo().username;
  } catch {
    return 'unknown'; // a user id without a name, as containers have
  }
}

/** An address of this machine by which others may reach it; undefined when it has none. Spark: Utils.findLocalInetAddress */
export function machineAddress(): string | undefined {
  const addresses = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
}
