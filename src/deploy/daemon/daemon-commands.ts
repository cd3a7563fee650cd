// The commands around masters and workers. What they have in common: arguments are looked at before anything is done.
import { IskraError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { SparkConf } from '../../config/spark-conf.ts';
import { formatAddress } from '../../rpc/rpc-address.ts';
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
import { type DaemonClass, type DaemonCommand, type GivenOptions, parseDaemonOptions } from './daemon-options.ts';
import { isThisHost, workerHosts } from './hosts-file.ts';
import { type DaemonName, knownInstances } from './pid-files.ts';
import { runHistoryServer } from './run-history-server.ts';
import { runMaster } from './run-master.ts';
import { runShuffleService } from './run-shuffle-service.ts';
import { runWorker } from './run-worker.ts';
import type { RunningDaemon } from './running-daemon.ts';
import { DAEMON_LOG_VARIABLE, type DaemonReady, startDaemon } from './start-daemon.ts';
import { stopDaemon } from './stop-daemon.ts';

// The door of this folder.
export { daemonHelp } from './daemon-help.ts';
export type { DaemonCommand } from './daemon-options.ts';
export type { RunningDaemon } from './running-daemon.ts';
export type { DaemonReady } from './start-daemon.ts';

/** What the commands need from the process they run in. */
export interface DaemonHost extends Omit<DaemonMachine, 'address'> {
  /** The file of the command `iskra`. */
  readonly program: string;
  /** Programs that a worker may launch: main class → the file that `node` runs. */
  readonly programs: Readonly<Record<string, string>>;
  /** Where pid files lie unless somebody says otherwise. */
  readonly temporary: string;
  /** A line of standard output. */
  print(line: string): void;
}

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
    case 'start-all':
      return startAll(given, files, host);
    case 'stop-all': {
      if (given.rest[0] !== undefined)
        throw new UsageError(`stop-all takes no arguments, but was given '${given.rest[0]}'`);
      // Workers first: the master need not give their executors to others. One that stays is no reason to leave the others.
      const workers = await Promise.allSettled([stopClass('worker', files, host)]);
      await stopClass('master', files, host);
      for (const { reason } of workers.filter((one) => one.status === 'rejected')) throw reason;
      return { kind: 'done', code: sayOtherHosts('iskra stop worker', host) };
    }
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

async function startAndSay(
  name: DaemonName,
  argv: readonly string[],
  files: DaemonFiles,
  host: DaemonHost,
): Promise<DaemonReady> {
  const { program, env } = host;
  const { pid, url, webUiUrl, log } = await startDaemon({ name, files, program, argv, env });
  const pages = webUiUrl === '' ? '' : `, pages at ${webUiUrl}`;
  host.print(`started ${name.of} ${name.instance} as process ${pid} at ${url}${pages}, log in ${log}`);
  return { type: 'Ready', url, webUiUrl };
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

/** @param only all of the class when absent. */
async function stopClass(of: DaemonClass, files: DaemonFiles, host: DaemonHost, only?: number): Promise<void> {
  const instances = only === undefined ? knownInstances(files, of) : [only];
  const stopped = await Promise.allSettled(instances.map((instance) => stopDaemon(files, { of, instance })));
  let any = false;
  for (const [i, result] of stopped.entries()) {
    if (result.status !== 'fulfilled' || result.value === null) continue;
    any = true;
    host.print(`stopped ${of} ${instances[i]}, which was process ${result.value}`);
  }
  for (const result of stopped) if (result.status === 'rejected') throw result.reason;
  if (!any) host.print(`no ${of}${only === undefined ? '' : ` ${only}`} to stop`);
}

async function startAll(given: GivenOptions, files: DaemonFiles, host: DaemonHost): Promise<DaemonOutcome> {
  if (given.rest[0] !== undefined)
    throw new UsageError(`start-all takes no arguments, but was given '${given.rest[0]}'`);
  const machine = { ...host, address: machineAddress() };
  const instances = numberOf(host, 'WORKER_INSTANCES') ?? 1;
  const firstPort = numberOf(host, 'WORKER_PORT');
  const settings = [...given.conf.flatMap((text) => ['--conf', text])];
  const propertiesFile = given.values.get('--properties-file');
  if (propertiesFile !== undefined) settings.push('--properties-file', propertiesFile);
  // What is wrong with a worker's arguments is said before there is a master without workers.
  const master = await masterArguments(given, machine);
  await workerArguments({ ...given, rest: ['spark://localhost:1'] }, machine);
  let code = 0;
  let url = `spark://${formatAddress(master)}`;
  const orSay = async (act: () => Promise<void>): Promise<void> => {
    try {
      await act();
    } catch (error) {
      if (!IskraError.is(error) || error.code !== 'DAEMON_RUNS') throw error;
      host.warn(error.message);
      code = 1;
    }
  };
  await orSay(async () => {
    ({ url } = await startAndSay({ of: 'master', instance: 1 }, settings, files, host));
  });
  const here = workerHosts(host.env, host.workingFolder).filter(isThisHost).length * instances;
  for (let instance = 1; instance <= here; instance++) {
    const port = firstPort === undefined || firstPort === 0 ? [] : ['--port', String(firstPort + instance - 1)];
    await orSay(async () => {
      await startAndSay({ of: 'worker', instance }, [...settings, ...port, url], files, host);
    });
  }
  return { kind: 'done', code: Math.max(code, sayOtherHosts(`iskra worker --daemon ${url}`, host)) };
}

function numberOf({ env }: DaemonHost, name: string): number | undefined {
  const text = variable(env, name);
  if (text === undefined) return undefined;
  if (!/^\d{1,5}$/.test(text)) throw new UsageError(`${name} is '${text}', but must be a whole number`);
  return Number(text);
}

/** Hosts of `conf/workers` that are not this one are not reached from here. @returns the exit code. */
function sayOtherHosts(command: string, host: DaemonHost): number {
  const others = workerHosts(host.env, host.workingFolder).filter((name) => !isThisHost(name));
  for (const other of new Set(others))
    host.warn(
      `${other} of conf/workers is not this machine: run there what belongs to it, with ssh ${other} ${command}`,
    );
  return others.length === 0 ? 0 : 1;
}
