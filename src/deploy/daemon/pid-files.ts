// Daemons on this machine, by their pid files: who runs, and where his log is.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { IskraError } from '../../base/errors.ts';
import { makeDirectory } from '../../base/make-directory.ts';
import type { DaemonFiles } from './daemon-environment.ts';
import type { DaemonClass } from './daemon-options.ts';
import { whileAlone } from './pid-claims.ts';

export interface DaemonName {
  readonly of: DaemonClass;
  readonly instance: number;
}

export function pidFile({ pidDir, ident }: DaemonFiles, { of, instance }: DaemonName): string {
  return join(pidDir, `iskra-${ident}-${of}-${instance}.pid`);
}

export function logFile({ logDir, ident }: DaemonFiles, { of, instance }: DaemonName, host: string): string {
  return join(logDir, `iskra-${ident}-${of}-${instance}-${host}.out`);
}

/** Instances of a class that have a pid file, ascending, whether or not they run. */
export function knownInstances({ pidDir, ident }: DaemonFiles, of: DaemonClass): readonly number[] {
  const prefix = `iskra-${ident}-${of}-`;
  return (existsSync(pidDir) ? readdirSync(pidDir) : [])
    .flatMap((file) => (file.startsWith(prefix) ? [/^(\d+)\.pid$/.exec(file.slice(prefix.length))?.[1]] : []))
    .flatMap((instance) => (instance === undefined ? [] : [Number(instance)]))
    .sort((a, b) => a - b);
}

/** The process that its pid file names and that is this daemon indeed; null: it does not run. */
export function runningPid(files: DaemonFiles, name: DaemonName): number | null {
  let text: string;
  try {
    text = readFileSync(pidFile(files, name), 'utf8');
  } catch {
    return null;
  }
  const pid = Number(text.trim());
  return Number.isSafeInteger(pid) && pid > 0 && isDaemon(pid, name) ? pid : null;
}

/** @throws IskraError `DAEMON_FOLDER` with the variable that names another one. */
export function makeDaemonFolder(path: string, of: string, variable: string): void {
  try {
    makeDirectory(path);
  } catch (error) {
    const why = (error as Error).message;
    throw new IskraError(
      'DAEMON_FOLDER',
      `cannot make the directory of ${of}, ${path}: ${why}. Name another one with ${variable}`,
    );
  }
}

/**
 * Takes the pid file for a process that is about to start the daemon, unless that runs or somebody else is about to.
 *
 * @returns the process that has it, or null: it is ours.
 * @throws IskraError `DAEMON_FILE_BUSY`; the error of a directory that cannot be written to.
 */
export function takePidFile(files: DaemonFiles, name: DaemonName, starter: number): number | null {
  const path = pidFile(files, name);
  makeDaemonFolder(files.pidDir, 'pid files', 'PID_DIR');
  return whileAlone(path, () => {
    const holder = runningPid(files, name) ?? starterOf(path);
    if (holder === null) write(path, `${starter} starting\n`); // none, or that of one that is gone
    return holder;
  });
}

/** Whoever has taken it says which process the daemon is. */
export function writePidFile(files: DaemonFiles, name: DaemonName, pid: number): void {
  write(pidFile(files, name), `${pid}\n`);
}

/** Removes it, unless somebody else has it. @param pids of who ends or has ended. */
export function releasePidFile(files: DaemonFiles, name: DaemonName, pids: readonly number[]): void {
  const path = pidFile(files, name);
  if (!existsSync(path)) return;
  whileAlone(path, () => {
    const holder = runningPid(files, name) ?? starterOf(path);
    if (holder === null || pids.includes(holder)) rmSync(path, { force: true });
  });
}

/** At once: nobody sees it empty. */
function write(path: string, text: string): void {
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, text);
  renameSync(fresh, path);
}

function starterOf(path: string): number | null {
  try {
    const text = readFileSync(path, 'utf8').trim();
    const pid = Number(/^([1-9]\d*) starting$/.exec(text)?.[1]);
    process.kill(pid, 0); // throws for one that is gone, and for NaN
    return pid;
  } catch {
    return null;
  }
}

/** A process may have been given the number of one that has ended: what runs there has to look like it. */
export function isDaemon(pid: number, { of, instance }: DaemonName): boolean {
  const command = commandOf(pid);
  return command.includes(` ${of} `) && command.endsWith(` --instance ${instance}`);
}

/** The arguments of a process, with blanks between them; '' when it is gone. */
function commandOf(pid: number): string {
  try {
    if (existsSync('/proc/self/cmdline'))
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replace(/\0$/, '').replaceAll('\0', ' ');
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return '';
  }
}

/** Makes room for a new log: `log` becomes `log.1`, that `log.2`, and so on; the oldest goes. Spark: spark_rotate_log */
export function rotateLog(log: string, maxFiles: number): void {
  if (!existsSync(log)) return;
  for (let number = maxFiles; number > 1; number--)
    if (existsSync(`${log}.${number - 1}`)) renameSync(`${log}.${number - 1}`, `${log}.${number}`);
  renameSync(log, `${log}.1`);
}
