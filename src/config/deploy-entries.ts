// Settings of the standalone cluster's daemons.
import { type ConfigEntry, defineEntry, defineOptional, definePrefix, type KeyPrefix } from './config-entry.ts';
import { aFreeSignal, notNegative, oneOf, positive, types } from './value-types.ts';

/** For `check`: a pattern with a place for each of its values. */
const places =
  (...wanted: readonly string[]) =>
  (value: string): string | undefined => {
    const places = (value.match(/%0?\d*[sd]/g) ?? []).map((place) => place.at(-1));
    if (places.join() !== wanted.join())
      return `must contain ${wanted.map((kind) => `%${kind}`).join(', ')} in this order`;
    // Workers have directories of that name, and refuse others.
    const plain = value.replace(/%0?\d*[sd]/g, '0');
    return /^(?!\.)[\w.-]{1,150}$/.test(plain)
      ? undefined
      : 'must have letters, digits, _, - and . besides, and not begin with a dot';
  };

export const DEPLOY_RECOVERY_MODE: ConfigEntry<'NONE' | 'FILESYSTEM' | 'ZOOKEEPER' | 'CUSTOM'> = defineEntry({
  key: 'spark.deploy.recoveryMode',
  type: oneOf('NONE', 'FILESYSTEM', 'ZOOKEEPER', 'CUSTOM'),
  default: 'NONE',
  doc: 'What a master keeps for the next one: nothing; workers, applications and drivers as files in `spark.deploy.recoveryDirectory`; the same in ZooKeeper, where several masters elect the one that leads; or what `spark.deploy.recoveryMode.factory` makes.',
  since: '0.2',
});

export const DEPLOY_RECOVERY_FACTORY: ConfigEntry<string> = defineEntry({
  key: 'spark.deploy.recoveryMode.factory',
  type: types.text,
  default: '',
  doc: 'Of the mode `CUSTOM`: a module, as a path or the name of a package, whose function `createRecovery(conf, log)` gives `{ persistence, election }`.',
  since: '0.2',
});

export const DEPLOY_ZOOKEEPER_URL: ConfigEntry<string> = defineEntry({
  key: 'spark.deploy.zookeeper.url',
  type: types.text,
  default: '',
  doc: 'The servers of the mode `ZOOKEEPER`: `host:port,host:port`.',
  since: '0.2',
});

export const DEPLOY_ZOOKEEPER_DIR: ConfigEntry<string> = defineEntry({
  key: 'spark.deploy.zookeeper.dir',
  type: types.text,
  default: '/spark',
  check: (value) =>
    /^(\/(?!\.{1,2}(\/|$))[^/\s]+)+$/.test(value)
      ? undefined
      : 'must be the path of a node in ZooKeeper, such as /spark',
  doc: 'Where in ZooKeeper the election and the records are. Masters of one cluster have the same one, and share it with no other cluster.',
  since: '0.2',
});

export const DEPLOY_ZOOKEEPER_SESSION_TIMEOUT: ConfigEntry<number> = defineEntry({
  key: 'spark.iskra.deploy.zookeeper.sessionTimeout',
  type: types.durationMs,
  default: 10_000,
  check: positive,
  doc: 'After so long without a sign of life from the master that leads another one is elected. A master that has heard nothing from ZooKeeper for two thirds of it leads no more. The servers have bounds for it: 2 to 20 of their ticks.',
  since: '0.2',
});

export const DEPLOY_ZOOKEEPER_CONNECT_TIMEOUT: ConfigEntry<number> = defineEntry({
  key: 'spark.iskra.deploy.zookeeper.connectTimeout',
  type: types.durationMs,
  default: 15_000,
  check: positive,
  doc: 'How long a master that starts looks for a ZooKeeper server before it gives up.',
  since: '0.2',
});

export const DEPLOY_RECOVERY_DIRECTORY: ConfigEntry<string> = defineEntry({
  key: 'spark.deploy.recoveryDirectory',
  type: types.text,
  default: '',
  doc: 'The directory of the mode `FILESYSTEM`.',
  since: '0.2',
});

export const DEPLOY_RECOVERY_TIMEOUT: ConfigEntry<number | undefined> = defineOptional({
  key: 'spark.deploy.recoveryTimeout',
  type: types.durationSeconds,
  check: positive,
  defaultText: '`spark.worker.timeout`',
  doc: 'How long a master that recovers waits for workers and applications to answer.',
  since: '0.2',
});

export const DEPLOY_SPREAD_OUT_APPS: ConfigEntry<boolean> = defineEntry({
  key: 'spark.deploy.spreadOutApps',
  type: types.boolean,
  default: true,
  alternatives: ['spark.deploy.spreadOut'],
  doc: 'Whether an application is spread over as many workers as possible, or packed onto few.',
  since: '0.2',
});

export const DEPLOY_SPREAD_OUT_DRIVERS: ConfigEntry<boolean> = defineEntry({
  key: 'spark.deploy.spreadOutDrivers',
  type: types.boolean,
  default: true,
  doc: 'Whether drivers go to workers in turns, or to the first that has room.',
  since: '0.2',
});

export const DEPLOY_WORKER_SELECTION_POLICY: ConfigEntry<
  'CORES_FREE_DESC' | 'CORES_FREE_ASC' | 'MEMORY_FREE_DESC' | 'MEMORY_FREE_ASC' | 'WORKER_ID'
> = defineEntry({
  key: 'spark.deploy.workerSelectionPolicy',
  type: oneOf('CORES_FREE_DESC', 'CORES_FREE_ASC', 'MEMORY_FREE_DESC', 'MEMORY_FREE_ASC', 'WORKER_ID'),
  default: 'CORES_FREE_DESC',
  doc: 'Which workers get executors first.',
  since: '0.2',
});

export const DEPLOY_DEFAULT_CORES: ConfigEntry<number> = defineEntry({
  key: 'spark.deploy.defaultCores',
  type: types.int,
  default: 2 ** 31 - 1,
  defaultText: '(infinite)',
  check: positive,
  doc: 'How many cores an application gets that does not set `spark.cores.max`.',
  since: '0.2',
});

export const DEPLOY_RETAINED_APPLICATIONS: ConfigEntry<number> = defineEntry({
  key: 'spark.deploy.retainedApplications',
  type: types.int,
  default: 200,
  check: notNegative,
  doc: 'How many completed applications a master remembers.',
  since: '0.2',
});

export const DEPLOY_RETAINED_DRIVERS: ConfigEntry<number> = defineEntry({
  key: 'spark.deploy.retainedDrivers',
  type: types.int,
  default: 200,
  check: notNegative,
  doc: 'How many completed drivers a master remembers.',
  since: '0.2',
});

export const DEPLOY_MAX_DRIVERS: ConfigEntry<number> = defineEntry({
  key: 'spark.deploy.maxDrivers',
  type: types.int,
  default: 2 ** 31 - 1,
  check: positive,
  doc: 'How many drivers a master lets run at the same time.',
  since: '0.2',
});

export const DEPLOY_APP_ID_PATTERN: ConfigEntry<string> = defineEntry({
  key: 'spark.deploy.appIdPattern',
  type: types.text,
  default: 'app-%s-%04d',
  check: places('s', 'd'),
  doc: 'The form of application ids: time and number.',
  since: '0.2',
});

export const DEPLOY_APP_NUMBER_MODULO: ConfigEntry<number | undefined> = defineOptional({
  key: 'spark.deploy.appNumberModulo',
  type: types.int,
  check: (value) => (value >= 1000 ? undefined : 'must be at least 1000'),
  doc: 'At which number the count in application ids begins again.',
  since: '0.2',
});

export const DEPLOY_DRIVER_ID_PATTERN: ConfigEntry<string> = defineEntry({
  key: 'spark.deploy.driverIdPattern',
  type: types.text,
  default: 'driver-%s-%04d',
  check: places('s', 'd'),
  doc: 'The form of driver ids: time and number.',
  since: '0.2',
});

export const WORKER_TIMEOUT: ConfigEntry<number> = defineEntry({
  key: 'spark.worker.timeout',
  type: types.durationSeconds,
  default: 60_000,
  check: positive,
  doc: 'After so long without a heartbeat a worker counts as lost. Workers send four in this time.',
  since: '0.2',
});

export const DEAD_WORKER_PERSISTENCE: ConfigEntry<number> = defineEntry({
  key: 'spark.dead.worker.persistence',
  type: types.int,
  default: 15,
  check: notNegative,
  doc: 'For so many further `spark.worker.timeout` a lost worker stays on the page.',
  since: '0.2',
});

export const WORKER_ID_PATTERN: ConfigEntry<string> = defineEntry({
  key: 'spark.worker.idPattern',
  type: types.text,
  default: 'worker-%s-%s-%d',
  check: places('s', 's', 'd'),
  doc: 'The form of worker ids: time, host and port.',
  since: '0.2',
});

export const WORKER_INITIAL_REGISTRATION_RETRIES: ConfigEntry<number> = defineEntry({
  key: 'spark.worker.initialRegistrationRetries',
  type: types.int,
  default: 6,
  check: positive,
  doc: 'How often a worker tries to register in short intervals, of 5 to 15 s, before it goes on in long ones, of 30 to 90 s.',
  since: '0.2',
});

export const WORKER_MAX_REGISTRATION_RETRIES: ConfigEntry<number> = defineEntry({
  key: 'spark.worker.maxRegistrationRetries',
  type: types.int,
  default: 16,
  check: positive,
  doc: 'How often in all, before it gives up and ends.',
  since: '0.2',
});

export const WORKER_STATE_SYNC_MAX_ATTEMPTS: ConfigEntry<number> = defineEntry({
  key: 'spark.worker.executorStateSync.maxAttempts',
  type: types.int,
  default: 5,
  check: positive,
  doc: 'How often a worker tells its master of an end that the master does not acknowledge, before it gives up and ends.',
  since: '0.2',
});

export const WORKER_PREFER_CONFIGURED_MASTER_ADDRESS: ConfigEntry<boolean> = defineEntry({
  key: 'spark.worker.preferConfiguredMasterAddress',
  type: types.boolean,
  default: false,
  doc: 'Whether a worker comes back to a master by the address it was given, or by the one that the master names.',
  since: '0.2',
});

export const WORKER_CLEANUP_ENABLED: ConfigEntry<boolean> = defineEntry({
  key: 'spark.worker.cleanup.enabled',
  type: types.boolean,
  default: true,
  doc: 'Whether a worker deletes directories of stopped applications and drivers from time to time.',
  since: '0.2',
});

export const WORKER_CLEANUP_INTERVAL: ConfigEntry<number> = defineEntry({
  key: 'spark.worker.cleanup.interval',
  type: types.durationSeconds,
  default: 30 * 60_000,
  check: positive,
  doc: 'How often it looks for them.',
  since: '0.2',
});

export const WORKER_CLEANUP_APP_DATA_TTL: ConfigEntry<number> = defineEntry({
  key: 'spark.worker.cleanup.appDataTtl',
  type: types.durationSeconds,
  default: 7 * 24 * 3600_000,
  check: notNegative,
  doc: 'For how long nothing in such a directory must have changed.',
  since: '0.2',
});

export const WORKER_UI_COMPRESSED_LOG_LENGTHS: ConfigEntry<number> = defineEntry({
  key: 'spark.worker.ui.compressedLogFileLengthCacheSize',
  type: types.int,
  default: 100,
  check: notNegative,
  doc: 'Of how many packed logs a worker remembers how long they are unpacked, which its pages of logs need to know.',
  since: '0.2',
});

export const WORKER_RETAINED_EXECUTORS: ConfigEntry<number> = defineEntry({
  key: 'spark.worker.ui.retainedExecutors',
  type: types.int,
  default: 1000,
  check: notNegative,
  doc: 'How many finished executors a worker remembers.',
  since: '0.2',
});

export const WORKER_RETAINED_DRIVERS: ConfigEntry<number> = defineEntry({
  key: 'spark.worker.ui.retainedDrivers',
  type: types.int,
  default: 1000,
  check: notNegative,
  doc: 'How many finished drivers a worker remembers.',
  since: '0.2',
});

export const WORKER_SPARE_EXECUTORS: ConfigEntry<number> = defineEntry({
  key: 'spark.iskra.worker.spareExecutors',
  type: types.int,
  default: 1,
  check: notNegative,
  doc: 'How many processes a worker keeps that wait to become executors, so that an application need not wait for their start; 0: none. Each is used once; one that waits holds some 40 MiB of its own.',
  since: '0.2',
});

export const WORKER_DRIVER_TERMINATE_TIMEOUT: ConfigEntry<number> = defineEntry({
  key: 'spark.worker.driverTerminateTimeout',
  type: types.durationMs,
  default: 10_000,
  check: notNegative,
  doc: 'How long a driver that is to end may take, before it is killed.',
  since: '0.2',
});

export const STORAGE_CLEANUP_FILES_AFTER_EXECUTOR_EXIT: ConfigEntry<boolean> = defineEntry({
  key: 'spark.storage.cleanupFilesAfterExecutorExit',
  type: types.boolean,
  default: true,
  doc: 'Whether a worker deletes what an executor that ended left on disk, but for shuffle files.',
  since: '0.2',
});

export const WORKER_RESOURCE: KeyPrefix = definePrefix({
  prefix: 'spark.worker.resource.',
  rest: 'NAME.amount`, `.discoveryScript`, `.vendor',
  doc: 'A custom resource of a worker, such as `gpu`: how many addresses it has at least, and the script that prints them as `{"name":"gpu","addresses":["0","1"]}`.',
});

export const WORKER_RESOURCES_FILE: ConfigEntry<string | undefined> = defineOptional({
  key: 'spark.worker.resourcesFile',
  type: types.text,
  doc: 'A file with the addresses of custom resources that a worker has: `[{"id":{"componentName":"spark.worker","resourceName":"gpu"},"addresses":["0","1"]}]`. It wins over discovery scripts.',
  since: '0.2',
});

export const WORKER_DECOMMISSION_SIGNAL: ConfigEntry<string> = defineEntry({
  key: 'spark.worker.decommission.signal',
  type: types.text,
  default: 'PWR',
  check: aFreeSignal,
  doc: 'The signal by which an operator tells a worker to take nothing more, where `spark.decommission.enabled` is true.',
  since: '0.2',
});

export const STANDALONE_REGISTRATION_TIMEOUT: ConfigEntry<number> = defineEntry({
  key: 'spark.iskra.standalone.registrationTimeout',
  type: types.durationMs,
  default: 20_000,
  check: positive,
  doc: 'How long an application waits for a master to register it, before it tries all masters again; after the third time it gives up.',
  since: '0.2',
});
