// From command line, environment and properties file to what a master or a worker runs by: the first of them that says it wins.
import { join, resolve } from 'node:path';
import { IllegalArgumentError } from '../../base/errors.ts';
import { type Environment, findConfFile } from '../../config/conf-file.ts';
import { HISTORY_LOG_DIRECTORY, HISTORY_UI_PORT } from '../../config/history-entries.ts';
import { parseMasterUrl } from '../../config/master-url.ts';
import { METRICS_CONF, METRICS_FILE } from '../../config/metrics-entries.ts';
import { AUTHENTICATE } from '../../config/network-entries.ts';
import {
  SHUFFLE_SERVICE_ENABLED,
  SHUFFLE_SERVICE_OWN_PROCESS,
  SHUFFLE_SERVICE_PORT,
} from '../../config/shuffle-service-entries.ts';
import { SparkConf } from '../../config/spark-conf.ts';
import { MASTER_UI_PORT, WORKER_UI_PORT } from '../../config/ui-entries.ts';
import { types } from '../../config/value-types.ts';
import { parseAddress } from '../../rpc/rpc-address.ts';
import { readProperties } from '../submit/spark-defaults.ts';
import { refuseSecret, UsageError } from '../submit/submit-arguments.ts';
import { homeFolder, variable } from './daemon-environment.ts';
import type { DaemonClass, GivenOptions } from './daemon-options.ts';

/** What arguments are read on. */
export interface DaemonMachine {
  readonly env: Environment;
  readonly workingFolder: string;
  readonly cores: number;
  /** MiB. */
  readonly memory: number;
  /** By which others may reach it; undefined when there is none. */
  readonly address: string | undefined;
  warn(message: string): void;
}

interface DaemonArguments {
  readonly conf: SparkConf;
  /** By which others reach it. */
  readonly host: string;
  readonly bindAddress: string;
  readonly port: number;
  /** What links to its pages say. */
  readonly publicHost: string;
  readonly webUiPort: number;
  /** It listens on this machine alone because nobody said otherwise and nobody would have to prove who he is. */
  readonly loopbackByDefault: boolean;
}

export interface MasterArguments extends DaemonArguments {
  readonly kind: 'master';
}

export interface WorkerArguments extends DaemonArguments {
  readonly kind: 'worker';
  readonly cores: number;
  /** MiB. */
  readonly memory: number;
  readonly workDir: string;
  /** `host:port` of each. */
  readonly masters: readonly string[];
}

export interface ShuffleServiceArguments extends DaemonArguments {
  readonly kind: 'shuffle-service';
}

export interface HistoryServerArguments extends DaemonArguments {
  readonly kind: 'history-server';
}

/** How environment variables of a class begin, and which one has its `-Dspark.…`. */
const VARIABLES: Readonly<Record<DaemonClass, { readonly prefix: string; readonly options: string }>> = {
  master: { prefix: 'MASTER', options: 'MASTER_OPTS' },
  worker: { prefix: 'WORKER', options: 'WORKER_OPTS' },
  'shuffle-service': { prefix: 'SHUFFLE_SERVICE', options: 'SHUFFLE_OPTS' },
  'history-server': { prefix: 'HISTORY', options: 'HISTORY_OPTS' },
};

const MIB: number = 1024 ** 2;
const DEFAULT_MASTER_PORT = 7077;

/** @throws UsageError, or IskraError `PROPERTIES_FILE`. Spark: MasterArguments */
export async function masterArguments(given: GivenOptions, machine: DaemonMachine): Promise<MasterArguments> {
  if (given.rest[0] !== undefined)
    throw new UsageError(`a master takes no arguments, but was given '${given.rest[0]}'`);
  const conf = await settings('master', given, machine);
  return { kind: 'master', ...common('master', given, machine, conf) };
}

/** @throws UsageError, or IskraError `PROPERTIES_FILE`. */
export async function shuffleServiceArguments(
  given: GivenOptions,
  machine: DaemonMachine,
): Promise<ShuffleServiceArguments> {
  if (given.rest[0] !== undefined)
    throw new UsageError(`a shuffle service takes no arguments, but was given '${given.rest[0]}'`);
  const conf = await settings('shuffle-service', given, machine);
  return { kind: 'shuffle-service', ...common('shuffle-service', given, machine, conf) };
}

/**
 * The directory of logs may also stand alone, as in older versions of Spark.
 *
 * @throws UsageError, or IskraError `PROPERTIES_FILE`. Spark: HistoryServerArguments
 */
export async function historyServerArguments(
  given: GivenOptions,
  machine: DaemonMachine,
): Promise<HistoryServerArguments> {
  const [first, second] = given.rest;
  if (second !== undefined)
    throw new UsageError(`a history server takes one directory, but was also given '${second}'`);
  const named = given.values.get('--dir');
  if (named !== undefined && first !== undefined)
    throw new UsageError(`the directory of logs was given twice: '${named}' and '${first}'`);
  const conf = await settings('history-server', given, machine);
  const dir = named ?? first;
  if (dir === '') throw new UsageError("--dir is '', but must be a directory");
  if (dir !== undefined)
    conf.set(HISTORY_LOG_DIRECTORY.key, /^[a-z][a-z0-9+.-]*:\//i.test(dir) ? dir : resolve(machine.workingFolder, dir));
  const args = common('history-server', given, machine, conf);
  // Its pages are all it serves: either name of the port will do.
  const port = given.values.has('--port') ? args.port : args.webUiPort;
  return { kind: 'history-server', ...args, port, webUiPort: port };
}

/** @throws UsageError, or IskraError `PROPERTIES_FILE`. Spark: WorkerArguments */
export async function workerArguments(given: GivenOptions, machine: DaemonMachine): Promise<WorkerArguments> {
  const { env, workingFolder } = machine;
  const [url, second] = given.rest;
  if (url === undefined) throw new UsageError('a worker needs its master: give spark://HOST:PORT');
  if (second !== undefined)
    throw new UsageError(
      `a worker takes one URL, but was also given '${second}': write several masters as spark://A:7077,B:7077`,
    );
  const masters = mastersOf(url);
  const conf = await settings('worker', given, machine);
  const ownService = conf.get(SHUFFLE_SERVICE_ENABLED) && !conf.get(SHUFFLE_SERVICE_OWN_PROCESS);
  if (ownService && Number(variable(env, 'WORKER_INSTANCES') ?? 1) > 1)
    throw new UsageError(
      'Starting multiple workers on one host is failed because we may launch no more than one external shuffle service on each host, please set spark.shuffle.service.enabled to false or set SPARK_WORKER_INSTANCES to 1 to resolve the conflict.',
    );
  const dir =
    given.values.get('--work-dir') ?? variable(env, 'WORKER_DIR') ?? join(homeFolder(env, workingFolder), 'work');
  return {
    kind: 'worker',
    ...common('worker', given, machine, conf),
    cores: cores(given, machine),
    memory: memory(given, machine),
    workDir: resolve(workingFolder, dir),
    masters,
  };
}

/** @throws UsageError */
export function mastersOf(url: string): readonly string[] {
  try {
    const parsed = parseMasterUrl(url);
    if (parsed.kind !== 'standalone') throw new IllegalArgumentError('it is of another kind');
    const addresses = parsed.masters.map((master) => master.slice('spark://'.length));
    for (const address of addresses) parseAddress(address);
    return addresses;
  } catch {
    throw new UsageError(`Invalid master URL: ${url}. Give spark://HOST:PORT, or several as spark://A:7077,B:7077`);
  }
}

/** Properties file, then `-Dspark.…` of the environment, then `--conf`, the later ones winning. */
async function settings(of: DaemonClass, given: GivenOptions, machine: DaemonMachine): Promise<SparkConf> {
  const { env, workingFolder, warn } = machine;
  const named = given.values.get('--properties-file');
  const file =
    named === undefined ? findConfFile(env, workingFolder, 'spark-defaults.conf') : resolve(workingFolder, named);
  const values: Record<string, string> = {};
  if (file !== undefined) {
    const read = await readProperties(file, env);
    for (const warning of read.warnings) warn(warning);
    Object.assign(values, read.values);
  }
  for (const name of ['DAEMON_JAVA_OPTS', VARIABLES[of].options])
    for (const option of (variable(env, name) ?? '').split(/\s+/).filter((word) => word !== '')) {
      const match = /^-D(spark\.[^=]+)=(.*)$/.exec(option);
      if (match?.[1] === undefined) warn(`${option} in ${name} is ignored: there is no JVM; -Dspark.KEY=VALUE is read`);
      else values[match[1]] = match[2] ?? '';
    }
  for (const text of given.conf) {
    const at = text.indexOf('=');
    if (at < 1) throw new UsageError(`Spark config without '=': ${text}; give --conf KEY=VALUE`);
    const key = text.slice(0, at).trim();
    refuseSecret(key);
    if (key.startsWith('spark.')) values[key] = text.slice(at + 1).trim();
    else warn(`Ignoring non-Spark config property: ${key}`);
  }
  const metricsFile = findConfFile(env, workingFolder, METRICS_FILE);
  if (metricsFile !== undefined) values[METRICS_CONF.key] ??= metricsFile;
  const conf = new SparkConf(values);
  try {
    conf.checkAll();
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  return conf;
}

function common(of: DaemonClass, given: GivenOptions, machine: DaemonMachine, conf: SparkConf): DaemonArguments {
  const { env } = machine;
  const name = VARIABLES[of].prefix;
  const port = option(given, '--port', env, `${name}_PORT`);
  const webUiPort = option(given, '--webui-port', env, `${name}_WEBUI_PORT`);
  const hostSaid =
    given.values.get('--host') ??
    given.values.get('--ip') ??
    variable(env, `${name}_HOST`) ??
    variable(env, 'LOCAL_HOSTNAME');
  const localIp = variable(env, 'LOCAL_IP');
  const hostGiven = hostSaid ?? (isWildcard(localIp) ? machine.address : localIp);
  if (hostGiven !== undefined && (hostGiven === '' || /[\s/@]/.test(hostGiven) || hostGiven.includes('://')))
    throw new UsageError(`'${hostGiven}' is not a host: give a name or an address, such as host-a or 10.0.0.7`);
  if (isWildcard(hostGiven))
    throw new UsageError(
      `'${hostGiven}' is where to listen, not a name by which others reach it: give --bind-address ${hostGiven}, and with --host a name or an address of this machine`,
    );
  // Whoever reaches the port can run code: others may only when they have to prove who they are, or when the user says so.
  const mayBeOpen = conf.get(AUTHENTICATE) || conf.contains(AUTHENTICATE);
  const byDefault = mayBeOpen ? machine.address : undefined;
  const host = hostGiven ?? byDefault ?? 'localhost';
  const bindGiven = given.values.get('--bind-address') ?? (hostGiven === undefined ? undefined : localIp);
  return {
    conf,
    host,
    bindAddress: bindGiven ?? (host === 'localhost' ? '127.0.0.1' : host),
    port: port === undefined ? defaultPort(of, conf) : portOf(port),
    publicHost: variable(env, 'PUBLIC_DNS') ?? host,
    webUiPort: webUiPort === undefined ? defaultUiPort(of, conf) : portOf(webUiPort),
    loopbackByDefault: hostGiven === undefined && !mayBeOpen,
  };
}

/** All addresses of a machine: one can listen there, and not be reached. */
function isWildcard(host: string | undefined): boolean {
  return host === '0.0.0.0' || host === '::' || host === '[::]';
}

function defaultPort(of: DaemonClass, conf: SparkConf): number {
  switch (of) {
    case 'master':
      return DEFAULT_MASTER_PORT;
    case 'worker':
      return 0;
    case 'shuffle-service':
      return conf.get(SHUFFLE_SERVICE_PORT);
    case 'history-server':
      return conf.get(HISTORY_UI_PORT);
  }
}

function defaultUiPort(of: DaemonClass, conf: SparkConf): number {
  if (of === 'history-server') return conf.get(HISTORY_UI_PORT);
  return conf.get(of === 'master' ? MASTER_UI_PORT : WORKER_UI_PORT);
}

/** A value with where it is from, for errors. */
interface Given {
  readonly text: string;
  readonly from: string;
}

function option(given: GivenOptions, name: string, env: Environment, variableName: string): Given | undefined {
  const text = given.values.get(name);
  if (text !== undefined) return { text, from: name };
  const value = variable(env, variableName);
  if (value === undefined) return undefined;
  const from = env[`ISKRA_${variableName}`] ? `ISKRA_${variableName}` : `SPARK_${variableName}`;
  return { text: value, from };
}

function portOf({ text, from }: Given): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535))
    throw new UsageError(`${from} is '${text}', but must be a port: 0 to 65535, 0 being any that is free`);
  return port;
}

function cores(given: GivenOptions, machine: DaemonMachine): number {
  const wanted = option(given, '--cores', machine.env, 'WORKER_CORES');
  if (wanted === undefined) return machine.cores;
  const number = /^\d+$/.test(wanted.text) ? Number(wanted.text) : 0;
  if (!Number.isSafeInteger(number) || number < 1)
    throw new UsageError(`${wanted.from} is '${wanted.text}', but must be a whole number of 1 or more`);
  return number;
}

/** MiB. Spark: WorkerArguments.checkWorkerMemory, inferDefaultMemory */
function memory(given: GivenOptions, machine: DaemonMachine): number {
  const wanted = option(given, '--memory', machine.env, 'WORKER_MEMORY');
  if (wanted === undefined) return Math.max(machine.memory - 1024, 1024);
  const bytes = types.bytes.parse(wanted.text.trim());
  if (bytes === undefined)
    throw new UsageError(`${wanted.from} is '${wanted.text}', but must be a size with its unit, such as 1000M or 2G`);
  const mib = Math.floor(bytes / MIB);
  if (mib < 1)
    throw new UsageError(
      `Memory is below 1MB, or missing a M/G at the end of the memory specification? ${wanted.from} is '${wanted.text}': give 1000M or 2G`,
    );
  return mib;
}
