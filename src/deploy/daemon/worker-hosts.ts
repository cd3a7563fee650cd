// The workers of `conf/workers`: those of this machine directly, those of others by ssh.
import { resolve } from 'node:path';
import { IskraError } from '../../base/errors.ts';
import { formatAddress } from '../../rpc/rpc-address.ts';
import { UsageError } from '../submit/submit-arguments.ts';
import { type MasterArguments, masterArguments, mastersOf, workerArguments } from './daemon-arguments.ts';
import { type DaemonFiles, homeFolder, machineAddress, variable } from './daemon-environment.ts';
import type { DaemonHost } from './daemon-host.ts';
import type { GivenOptions } from './daemon-options.ts';
import { isThisHost, workerHosts } from './hosts-file.ts';
import { numberOf, startAndSay, stopClass } from './local-daemons.ts';
import { runOnHosts, shellWord } from './ssh.ts';

/** Which workers there are to be: lines of `conf/workers`. */
export interface WorkerLines {
  /** How many say this machine. */
  readonly here: number;
  /** Each with how many lines there are. */
  readonly others: ReadonlyMap<string, number>;
}

/** @throws UsageError for a host that ssh would take for an option. */
function workerLines({ env, workingFolder }: DaemonHost): WorkerLines {
  let here = 0;
  const others = new Map<string, number>();
  for (const name of workerHosts(env, workingFolder)) {
    if (isThisHost(name)) here++;
    else if (/^-|\s/.test(name)) throw new UsageError(`'${name}' of conf/workers is not a host: give a name a line`);
    else others.set(name, (others.get(name) ?? 0) + 1);
  }
  return { here, others };
}

/** `start-workers [--here N] [spark://HOST:PORT]`. @returns the exit code. Spark: sbin/start-workers.sh */
export async function startWorkers(given: GivenOptions, files: DaemonFiles, host: DaemonHost): Promise<number> {
  const [url, second] = given.rest;
  if (second !== undefined)
    throw new UsageError(
      `start-workers takes one URL, but was also given '${second}': write several masters as spark://A:7077,B:7077`,
    );
  const lines = linesHere(given) ?? workerLines(host);
  const machine = { ...host, address: machineAddress() };
  const masters = url ?? urlOf(await masterArguments({ ...given, rest: [] }, machine));
  checkReachable(mastersOf(masters), lines);
  await workerArguments({ ...given, rest: [masters] }, machine);
  return startLines(lines, masters, given, files, host);
}

/** `start-all`: a master, and all workers. @returns the exit code. Spark: sbin/start-all.sh */
export async function startAll(given: GivenOptions, files: DaemonFiles, host: DaemonHost): Promise<number> {
  if (given.rest[0] !== undefined)
    throw new UsageError(`start-all takes no arguments, but was given '${given.rest[0]}'`);
  const machine = { ...host, address: machineAddress() };
  // What is wrong with workers is said before there is a master without them.
  const master = await masterArguments(given, machine);
  const lines = workerLines(host);
  if (lines.others.size > 0) checkReachable([formatAddress(master)], lines);
  await workerArguments({ ...given, rest: ['spark://localhost:1'] }, machine);
  let url: string | null = null;
  const started = await orSay(host, async () => {
    ({ url } = await startAndSay({ of: 'master', instance: 1 }, settingsOf(given, host), files, host));
  });
  return Math.max(started, await startLines(lines, url ?? `spark://${formatAddress(master)}`, given, files, host));
}

/** `stop-workers [--here]`. @returns the exit code. Spark: sbin/stop-workers.sh */
export async function stopWorkers(given: GivenOptions, files: DaemonFiles, host: DaemonHost): Promise<number> {
  if (given.rest[0] !== undefined)
    throw new UsageError(`stop-workers takes no arguments, but was given '${given.rest[0]}'`);
  const lines = linesHere(given) ?? workerLines(host);
  return stopLines(lines, files, host);
}

/** `stop-all`: all workers, then the master. @returns the exit code. Spark: sbin/stop-all.sh */
export async function stopAll(given: GivenOptions, files: DaemonFiles, host: DaemonHost): Promise<number> {
  if (given.rest[0] !== undefined)
    throw new UsageError(`stop-all takes no arguments, but was given '${given.rest[0]}'`);
  // Workers first: the master need not give their executors to others. One that stays is no reason to leave the others.
  const workers = await Promise.allSettled([stopLines({ here: 1, others: workerLines(host).others }, files, host)]);
  await stopClass('master', files, host);
  for (const result of workers) if (result.status === 'rejected') throw result.reason;
  return workers[0]?.status === 'fulfilled' ? workers[0].value : 1;
}

/** What another host's command line has to have, for as many lines. */
function linesHere(given: GivenOptions): WorkerLines | null {
  const text = given.values.get('--here');
  if (text === undefined) return null;
  if (text !== '' && !/^[1-9]\d{0,3}$/.test(text))
    throw new UsageError(`--here is '${text}', but must be a number of 1 to 9999`);
  return { here: text === '' ? 1 : Number(text), others: new Map() };
}

async function startLines(
  { here, others }: WorkerLines,
  url: string,
  given: GivenOptions,
  files: DaemonFiles,
  host: DaemonHost,
): Promise<number> {
  const settings = settingsOf(given, host);
  const onOthers = onEach(others, (lines) => ['start-workers', '--here', `${lines}`, ...settings, url], host);
  onOthers.catch(() => {}); // seen below, or something else is wrong
  const firstPort = numberOf(host, 'WORKER_PORT');
  const count = here * (numberOf(host, 'WORKER_INSTANCES') ?? 1);
  const codes: number[] = [];
  for (let instance = 1; instance <= count; instance++) {
    const port = firstPort === undefined || firstPort === 0 ? [] : ['--port', String(firstPort + instance - 1)];
    codes.push(
      await orSay(host, async () => {
        await startAndSay({ of: 'worker', instance }, [...settings, ...port, url], files, host);
      }),
    );
  }
  return Math.max(0, ...codes, await onOthers);
}

async function stopLines({ here, others }: WorkerLines, files: DaemonFiles, host: DaemonHost): Promise<number> {
  const onOthers = onEach(others, () => ['stop-workers', '--here', '1'], host);
  onOthers.catch(() => {}); // seen below
  const [own] = await Promise.allSettled([here > 0 ? stopClass('worker', files, host) : undefined]);
  const code = await onOthers;
  if (own.status === 'rejected') throw own.reason;
  return code;
}

/** @returns the exit code. */
async function onEach(
  others: ReadonlyMap<string, number>,
  argvOf: (lines: number) => readonly string[],
  host: DaemonHost,
): Promise<number> {
  if (others.size === 0) return 0;
  const { env, workingFolder, program, nodePath } = host;
  const command = variable(env, 'REMOTE_COMMAND') ?? [nodePath, program].map(shellWord).join(' ');
  const home = shellWord(homeFolder(env, workingFolder));
  const commands = Array.from(others, ([name, lines]) => ({
    host: name,
    command: `cd ${home} && ${command} ${argvOf(lines).map(shellWord).join(' ')}`,
  }));
  const faults = await runOnHosts(commands, { env, print: (line) => host.print(line), pause: (ms) => host.pause(ms) });
  for (const fault of faults) host.warn(fault);
  return faults.length === 0 ? 0 : 1;
}

/** One that runs already is no reason to leave the others. @returns the exit code. */
async function orSay(host: DaemonHost, act: () => Promise<void>): Promise<number> {
  try {
    await act();
    return 0;
  } catch (error) {
    if (!IskraError.is(error) || error.code !== 'DAEMON_RUNS') throw error;
    host.warn(error.message);
    return 1;
  }
}

/** For another process, here or elsewhere. */
function settingsOf(given: GivenOptions, { workingFolder }: DaemonHost): readonly string[] {
  const propertiesFile = given.values.get('--properties-file');
  return [
    ...given.conf.flatMap((text) => ['--conf', text]),
    ...(propertiesFile === undefined ? [] : ['--properties-file', resolve(workingFolder, propertiesFile)]),
  ];
}

function urlOf(master: MasterArguments): string {
  if (master.port === 0)
    throw new UsageError('which master? Its port may be any: give spark://HOST:PORT, as it has printed it');
  return `spark://${formatAddress(master)}`;
}

/** @throws UsageError when workers elsewhere are to find a master at a name that means their own machine there. */
function checkReachable(masters: readonly string[], { others }: WorkerLines): void {
  const [first] = others.keys();
  const loopback = masters.find((master) => /^(localhost|127\.|\[?::1\]?)/.test(master));
  if (first === undefined || loopback === undefined) return;
  throw new UsageError(
    `${first} of conf/workers cannot reach a master at ${loopback}: give this machine's name with ISKRA_MASTER_HOST (or SPARK_MASTER_HOST), and a secret with spark.authenticate`,
  );
}
