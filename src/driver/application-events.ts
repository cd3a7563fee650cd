// What an application says of itself when it begins, for listeners and its event log.
import { homedir, userInfo } from 'node:os';
import { dirname } from 'node:path';
import type { EpochMs } from '../base/clock.ts';
import { VERSION } from '../base/version.ts';
import { APP_ID, APP_NAME } from '../config/core-entries.ts';
import { EXECUTOR_CORES, EXECUTOR_MEMORY } from '../config/memory-entries.ts';
import { TASK_CPUS } from '../config/scheduler-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import type { ResourceProfile } from '../protocol/resource-profile.ts';
import type { SparkListenerEvent } from '../protocol/spark-listener-event.ts';
import type { RpcAddress } from '../rpc/rpc-address.ts';

const DRIVER_ID = 'driver';
const MIB: number = 1024 ** 2;

export interface ApplicationFacts {
  readonly conf: SparkConf;
  readonly applicationId: string;
  readonly appName: string;
  readonly startTime: EpochMs;
  /** The files of the program. */
  readonly mainScripts: readonly string[];
  /** What is said of metrics. */
  readonly metrics: { readonly properties: Readonly<Record<string, string>> };
  /** Where executors get blocks of the driver; null: its process has the only executor, which goes by the same id. */
  readonly address: RpcAddress | null;
}

/** In the order in which they are told. Spark: SparkContext.postEnvironmentUpdate, postApplicationStart */
export function applicationEvents(facts: ApplicationFacts): SparkListenerEvent[] {
  const { conf, applicationId: appId, appName, startTime: at, address } = facts;
  return [
    { type: 'SparkListenerResourceProfileAdded', at, profile: defaultProfile(conf) },
    // A driver that is no executor keeps no blocks.
    ...(address === null ? [] : [driverBlocks(address, at)]),
    environmentUpdate(facts),
    { type: 'SparkListenerApplicationStart', at, appId, appName, user: userName() },
  ];
}

function driverBlocks(address: RpcAddress, at: EpochMs): SparkListenerEvent {
  const blockManager = { executorId: DRIVER_ID, ...address };
  return { type: 'SparkListenerBlockManagerAdded', at, blockManager, maxBytes: 0 };
}

function environmentUpdate({
  conf,
  applicationId,
  appName,
  startTime,
  mainScripts,
  metrics,
}: ApplicationFacts): SparkListenerEvent {
  return {
    type: 'SparkListenerEnvironmentUpdate',
    at: startTime,
    runtime: {
      'Java Home': dirname(dirname(process.execPath)),
      'Java Version': `none; Node.js ${process.version}`,
      'Scala Version': `none; Iskra ${VERSION}`,
    },
    sparkProperties: {
      ...Object.fromEntries(conf.getAll()),
      [APP_ID.key]: applicationId,
      [APP_NAME.key]: appName,
      'spark.app.startTime': String(startTime),
      'spark.executor.id': DRIVER_ID,
    },
    systemProperties: {
      'node.version': process.version,
      'os.name': process.platform,
      'os.arch': process.arch,
      'user.dir': process.cwd(),
      'user.home': homedir(),
      'user.name': userName(),
    },
    metricsProperties: metrics.properties,
    classpathEntries: Object.fromEntries(mainScripts.map((url) => [url, 'Main Script'])),
  };
}

/** The default profile in full: what it stands for is in the settings. Spark: ResourceProfile.getOrCreateDefaultProfile */
function defaultProfile(conf: SparkConf): ResourceProfile {
  const executor = (resourceName: string, amount: number) => ({
    resourceName,
    amount,
    discoveryScript: '',
    vendor: '',
  });
  return {
    id: 0,
    executorResources: {
      ...(conf.contains(EXECUTOR_CORES) ? { cores: executor('cores', conf.get(EXECUTOR_CORES)) } : {}),
      memory: executor('memory', Math.floor(conf.get(EXECUTOR_MEMORY) / MIB)),
      offHeap: executor('offHeap', 0),
    },
    taskResources: { cpus: { resourceName: 'cpus', amount: conf.get(TASK_CPUS) } },
  };
}

/** Spark: Utils.getCurrentUserName */
export function userName(): string {
  const given = process.env['SPARK_USER'];
  if (given) return given;
  try {
    return userInfo().username;
  } catch {
    return 'unknown'; // a user id without a name, as containers have
  }
}
