import { type ConfigEntry, defineEntry, defineOptional } from './config-entry.ts';
import { oneOf, positive, types } from './value-types.ts';

export const SUBMIT_DEPLOY_MODE: ConfigEntry<'client' | 'cluster'> = defineEntry({
  key: 'spark.submit.deployMode',
  type: oneOf('client', 'cluster'),
  default: 'client',
  doc: 'Where the driver runs: `client`, in the process that submits, or `cluster`, on a worker of a standalone cluster. Local masters know `client` alone.',
  since: '0.1',
});

export const CORES_MAX: ConfigEntry<number | undefined> = defineOptional({
  key: 'spark.cores.max',
  type: types.int,
  check: positive,
  doc: 'The slots of all executors together. Accepted; not used by local masters.',
  since: '0.1',
});

export const EXECUTOR_INSTANCES: ConfigEntry<number | undefined> = defineOptional({
  key: 'spark.executor.instances',
  type: types.int,
  check: positive,
  doc: 'How many executors are started. Accepted; not used by local masters, which have one.',
  since: '0.1',
});

export const DRIVER_CORES: ConfigEntry<number> = defineEntry({
  key: 'spark.driver.cores',
  type: types.int,
  default: 1,
  check: positive,
  doc: 'The cores of the driver in cluster mode, which its worker counts as taken. Local masters do not use it.',
  since: '0.1',
});

export const DRIVER_SUPERVISE: ConfigEntry<boolean> = defineEntry({
  key: 'spark.driver.supervise',
  type: types.boolean,
  default: false,
  doc: 'Whether a driver in a standalone cluster is started again when it fails, or when its worker is lost: `--supervise`.',
  since: '0.2',
});

export const STANDALONE_SUBMIT_WAIT_APP_COMPLETION: ConfigEntry<boolean> = defineEntry({
  key: 'spark.standalone.submit.waitAppCompletion',
  type: types.boolean,
  default: false,
  doc: 'Whether `iskra submit` in cluster mode waits until the driver has ended, and ends as it did.',
  since: '0.2',
});

export const YARN_QUEUE: ConfigEntry<string> = defineEntry({
  key: 'spark.yarn.queue',
  type: types.text,
  default: 'default',
  doc: "YARN's queue for the application. Accepted; not used by local masters.",
  since: '0.1',
});
