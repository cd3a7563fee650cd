// The commands around masters and workers. What they have in common: arguments are looked at before anything is done.
import type { Logger } from '../../base/logger.ts';
import { WORKER_DECOMMISSION_SIGNAL } from '../../config/deploy-entries.ts';
import type { SparkConf } from '../../config/spark-conf.ts';
import { UsageError } from '../submit/submit-arguments.ts';
import {
  type DaemonMachine,
  type HistoryServerArguments,
  historyServerArguments,
  type MasterArguments,
  masterArguments,
  type ShuffleServiceArguments,
  shuffleServiceArguments,
  type WorkerArguments,
  workerArguments,
} from './daemon-arguments.ts';
import { type DaemonFiles, daemonFiles, machineAddress, variable } from './daemon-environment.ts';
import { daemonHelp } from './daemon-help.ts';
import type { DaemonHost } from './daemon-host.ts';
import { type DaemonClass, type DaemonCommand, type GivenOptions, parseDaemonOptions } from './daemon-options.ts';
import { decommissionWorkers, startAndSay, stopClass } from './local-daemons.ts';
import { runHistoryServer } from './run-history-server.ts';
import { runMaster } from './run-master.ts';
import { runShuffleService } from './run-shuffle-service.ts';
import { runWorker } from './run-worker.ts';
import type { RunningDaemon } from './running-daemon.ts';
import { DAEMON_LOG_VARIABLE } from './start-daemon.ts';
import { startAll, startWorkers, stopAll, stopWorkers } from './worker-hosts.ts';

// The door of this folder.
export { daemonHelp } from './daemon-help.ts';
export type { DaemonHost } from './daemon-host.ts';
export type { DaemonCommand } from './daemon-options.ts';
export type { RunningDaemon } from './running-daemon.ts';
export type { DaemonReady } from './start-daemon.ts';

export type DaemonOutcome =
  | { readonly kind: 'help'; readonly text: string }
  /** Everything is done; the process's exit code. */
  | { readonly kind: 'done'; readonly code: number }
  /** This very process is to be the daemon. */
  | {
      readonly kind: 'serve';
      readonly of: DaemonClass;
      readonly conf: SparkConf;
      start(log: Logger): Promise<RunningDaemon>;
    };

/** @throws UsageError; IskraError that says why it cannot be done. */
export async function daemonCommand(
  command: DaemonCommand,
  argv: readonly string[],
  host: DaemonHost,
): Promise<DaemonOutcome> {
  const given = parseDaemonOptions(command, argv);
  if (given.values.has('--help')) return { kind: 'help', text: daemonHelp(command) };
  const files = daemonFiles(host.env, host.workingFolder, host.temporary);
  switch (command) {
    case 'master':
    case 'worker':
    case 'shuffle-service':
    case 'history-server':
      return daemon(command, given, argv, files, host);
    case 'stop':
      return stop(given, files, host);
    case 'decommission-worker':
      return decommission(given, files, host);
    case 'start-workers':
      return { kind: 'done', code: await startWorkers(given, files, host) };
    case 'stop-workers':
      return { kind: 'done', code: await stopWorkers(given, files, host) };
    case 'start-all':
      return { kind: 'done', code: await startAll(given, files, host) };
    case 'stop-all':
      return { kind: 'done', code: await stopAll(given, files, host) };
  }
}

async function daemon(
  of: DaemonClass,
  given: GivenOptions,
  argv: readonly string[],
  files: DaemonFiles,
  host: DaemonHost,
): Promise<DaemonOutcome> {
  const machine = { ...host, address: machineAddress() };
  const instance = instanceOf(given) ?? 1;
  const args = await argumentsOf(of, given, machine);
  if (given.values.has('--daemon') && variable(host.env, 'NO_DAEMONIZE') === undefined) {
    await startAndSay({ of, instance }, withoutOwn(argv), files, host);
    return { kind: 'done', code: 0 };
  }
  const { env, programs } = host;
  const logFile = env[DAEMON_LOG_VARIABLE] ?? null;
  return {
    kind: 'serve',
    of,
    conf: args.conf,
    start: (log) => {
      switch (args.kind) {
        case 'master':
          return runMaster(args, env, log, logFile);
        case 'worker':
          return runWorker(args, { env, logFile, programs }, log);
        case 'shuffle-service':
          return runShuffleService(args, env, log);
        case 'history-server':
          return runHistoryServer(args, log);
      }
    },
  };
}

function argumentsOf(
  of: DaemonClass,
  given: GivenOptions,
  machine: DaemonMachine,
): Promise<MasterArguments | WorkerArguments | ShuffleServiceArguments | HistoryServerArguments> {
  switch (of) {
    case 'master':
      return masterArguments(given, machine);
    case 'worker':
      return workerArguments(given, machine);
    case 'shuffle-service':
      return shuffleServiceArguments(given, machine);
    case 'history-server':
      return historyServerArguments(given, machine);
  }
}

function instanceOf(given: GivenOptions): number | undefined {
  const text = given.values.get('--instance');
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new UsageError(`--instance is '${text}', but must be a number of 1 to 9999`);
  return Number(text);
}

/** The arguments of the process in the background: it is told by other means which it is. */
function withoutOwn(argv: readonly string[]): readonly string[] {
  const left: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const arg = argv[at] as string; // at is below the length
    if (arg === '--instance') at++;
    else if (arg !== '--daemon' && !arg.startsWith('--instance=')) left.push(arg);
  }
  return left;
}

async function stop(given: GivenOptions, files: DaemonFiles, host: DaemonHost): Promise<DaemonOutcome> {
  const [of, second] = given.rest;
  if (of !== 'master' && of !== 'worker' && of !== 'shuffle-service' && of !== 'history-server') {
    const known = 'master, worker, shuffle-service or history-server';
    throw new UsageError(of === undefined ? `stop what? Say ${known}` : `cannot stop '${of}': say ${known}`);
  }
  if (second !== undefined) throw new UsageError(`one at a time: '${second}' is too much`);
  await stopClass(of, files, host, instanceOf(given));
  return { kind: 'done', code: 0 };
}

async function decommission(given: GivenOptions, files: DaemonFiles, host: DaemonHost): Promise<DaemonOutcome> {
  if (given.rest[0] !== undefined)
    throw new UsageError(`decommission-worker takes no arguments, but was given '${given.rest[0]}'`);
  // The same settings as the worker's say which signal it takes.
  const { conf } = await workerArguments({ ...given, rest: ['spark://localhost:1'] }, { ...host, address: undefined });
  const untilGone = given.values.has('--block-until-exit');
  const signal = `SIG${conf.get(WORKER_DECOMMISSION_SIGNAL)}`;
  await decommissionWorkers(files, host, signal, instanceOf(given), untilGone);
  return { kind: 'done', code: 0 };
}
