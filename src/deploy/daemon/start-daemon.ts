import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { constants, getPriority, hostname, setPriority } from 'node:os';
import { type Clock, systemClock } from '../../base/clock.ts';
import { IskraError } from '../../base/errors.ts';
import { printTo } from '../../base/standard-streams.ts';
import type { Environment } from '../../config/conf-file.ts';
import { types } from '../../config/value-types.ts';
import { UsageError } from '../submit/submit-arguments.ts';
import { type DaemonFiles, variable } from './daemon-environment.ts';
import {
  type DaemonName,
  logFile,
  makeDaemonFolder,
  releasePidFile,
  rotateLog,
  takePidFile,
  writePidFile,
} from './pid-files.ts';

/** Tells a daemon where its own log is. */
export const DAEMON_LOG_VARIABLE = '_ISKRA_DAEMON_LOG';

/** What a daemon says to the process that started it, once it serves. */
export interface DaemonReady {
  readonly type: 'Ready';
  readonly url: string;
  readonly webUiUrl: string;
}

export interface StartedDaemon {
  readonly pid: number;
  readonly log: string;
  readonly url: string;
  readonly webUiUrl: string;
}

export interface DaemonStart {
  readonly name: DaemonName;
  readonly files: DaemonFiles;
  /** The file of the command `iskra`. */
  readonly program: string;
  /** Behind the class's name. */
  readonly argv: readonly string[];
  readonly env: Environment;
  readonly clock?: Clock;
}

/** Its arguments have been looked at: it only takes this long when something hangs. */
const READY_TIMEOUT_MS = 60_000;
const LOG_LINES_SHOWN = 10;

/**
 * Starts a daemon in the background, and waits until it serves.
 *
 * @throws IskraError `DAEMON_RUNS` when it runs already; `DAEMON_FAILED` with the end of its log when it does not come up.
 *
 * Spark: sbin/spark-daemon.sh
 */
export async function startDaemon(start: DaemonStart): Promise<StartedDaemon> {
  const { name, files, program, argv, env } = start;
  // While it comes up the name is this process's: two who start the same daemon do not get in each other's way.
  const running = takePidFile(files, name, process.pid);
  if (running !== null)
    throw new IskraError('DAEMON_RUNS', `${name.of} ${name.instance} running as process ${running}. Stop it first.`);
  let spawned = process.pid;
  try {
    makeDaemonFolder(files.logDir, 'logs', 'LOG_DIR');
    const log = logFile(files, name, hostname());
    rotateLog(log, files.maxLogFiles);
    const fd = openSync(log, 'a', 0o640);
    let child: ChildProcess;
    try {
      const args = [...nodeOptions(env), program, name.of, ...argv, '--instance', String(name.instance)];
      child = spawn(process.execPath, args, {
        detached: true,
        stdio: ['ignore', fd, fd, 'ipc'],
        env: { ...env, [DAEMON_LOG_VARIABLE]: log },
      });
    } finally {
      closeSync(fd);
    }
    const { url, webUiUrl } = await ready(child, name, log, start.clock ?? systemClock, (pid) => {
      writePidFile(files, name, pid);
      spawned = pid;
      renice(pid, env);
    });
    return { pid: child.pid as number, log, url, webUiUrl }; // it runs
  } catch (error) {
    releasePidFile(files, name, [process.pid, spawned]);
    throw error;
  }
}

function ready(
  child: ChildProcess,
  name: DaemonName,
  log: string,
  clock: Clock,
  spawned: (pid: number) => void,
): Promise<DaemonReady> {
  return new Promise((resolve, reject) => {
    let tooLong = false;
    const cancel = clock.after(READY_TIMEOUT_MS, () => {
      tooLong = true;
      child.kill('SIGKILL');
    });
    const failed = (why: string): void => {
      cancel();
      reject(new IskraError('DAEMON_FAILED', `${name.of} ${name.instance} ${why}\n${tail(log)}full log in ${log}`));
    };
    child.once('spawn', () => spawned(child.pid as number)); // it has one since
    child.once('error', (error) => failed(`could not be started: ${error.message}`));
    child.once('exit', (code, signal) =>
      failed(tooLong ? `did not serve within ${READY_TIMEOUT_MS / 1000} s` : `ended with ${signal ?? code}`),
    );
    child.once('message', (message) => {
      cancel();
      child.removeAllListeners('exit');
      if (child.connected) child.disconnect();
      child.unref();
      resolve(message as DaemonReady); // it is our own program
    });
  });
}

/** Spark: SPARK_DAEMON_MEMORY, as the limit of the heap. */
function nodeOptions(env: Environment): readonly string[] {
  const memory = variable(env, 'DAEMON_MEMORY') ?? '1g';
  const bytes = types.mib.parse(memory);
  if (bytes === undefined || bytes < 64 * 1024 ** 2)
    throw new UsageError(`DAEMON_MEMORY is '${memory}', but must be a size of 64m or more, such as 1g`);
  return [`--max-old-space-size=${Math.floor(bytes / 1024 ** 2)}`];
}

/** By so much nicer than this process, as `nice -n` has it. Spark: SPARK_NICENESS */
function renice(pid: number, env: Environment): void {
  const niceness = Number(variable(env, 'NICENESS') ?? 0);
  if (niceness === 0) return;
  try {
    const { PRIORITY_HIGHEST, PRIORITY_LOW } = constants.priority;
    setPriority(pid, Math.min(PRIORITY_LOW, Math.max(PRIORITY_HIGHEST, getPriority() + niceness)));
  } catch (error) {
    printTo('stderr', `iskra: NICENESS ${niceness} has no effect: ${(error as Error).message}\n`);
  }
}

function tail(log: string): string {
  try {
    const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
    return lines
      .slice(-LOG_LINES_SHOWN)
      .map((line) => `  ${line}\n`)
      .join('');
  } catch {
    return '';
  }
}
