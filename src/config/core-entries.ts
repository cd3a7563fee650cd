import { type ConfigEntry, defineEntry, defineOptional } from './config-entry.ts';
import { notNegative, positive, types } from './value-types.ts';

export const MASTER: ConfigEntry<string | undefined> = defineOptional({
  key: 'spark.master',
  type: types.text,
  doc: 'Where the application runs: `local`, `local[N]`, `local[*]`, `local[N,F]` or `local[*,F]`, where N is the number of slots and F how often one task may fail.',
  since: '0.1',
});

export const APP_NAME: ConfigEntry<string | undefined> = defineOptional({
  key: 'spark.app.name',
  type: types.text,
  doc: 'The name of the application, as logs and status pages show it.',
  since: '0.1',
});

export const APP_ID: ConfigEntry<string | undefined> = defineOptional({
  key: 'spark.app.id',
  type: types.text,
  defaultText: 'generated',
  doc: 'The id of the application.',
  since: '0.1',
});

export const DEFAULT_PARALLELISM: ConfigEntry<number | undefined> = defineOptional({
  key: 'spark.default.parallelism',
  type: types.int,
  check: positive,
  defaultText: 'the number of slots; in a cluster of all executors, 2 at least',
  doc: 'How many partitions `parallelize` and shuffles make when the program does not say.',
  since: '0.1',
});

export const RDD_LIMIT_INITIAL_NUM_PARTITIONS: ConfigEntry<number> = defineEntry({
  key: 'spark.rdd.limit.initialNumPartitions',
  type: types.int,
  default: 1,
  check: positive,
  doc: 'How many partitions `take` looks at first.',
  since: '0.1',
});

export const RDD_LIMIT_SCALE_UP_FACTOR: ConfigEntry<number> = defineEntry({
  key: 'spark.rdd.limit.scaleUpFactor',
  type: types.int,
  default: 4,
  doc: 'How many times as many partitions as before `take` looks at when those gave too little; 2 at least.',
  since: '0.1',
});

export const LOCAL_DIR: ConfigEntry<readonly string[]> = defineEntry({
  key: 'spark.local.dir',
  type: types.list,
  default: [],
  defaultText: "the system's temporary directory",
  doc: 'Directories for shuffle files, spills and cached blocks, with commas between them. Several disks share the load.',
  since: '0.1',
});

export const DRIVER_HOST: ConfigEntry<string> = defineEntry({
  key: 'spark.driver.host',
  type: types.text,
  default: 'localhost',
  doc: 'The name under which the driver is shown and reached. Local masters only show it.',
  since: '0.1',
});

export const DRIVER_MAX_RESULT_SIZE: ConfigEntry<number> = defineEntry({
  key: 'spark.driver.maxResultSize',
  type: types.bytes,
  default: 1024 ** 3,
  check: notNegative,
  doc: 'The most bytes that the results of all tasks of one action may have together; the job is aborted above it. 0 is no limit.',
  since: '0.1',
});

export const EXTRA_LISTENERS: ConfigEntry<readonly string[]> = defineEntry({
  key: 'spark.extraListeners',
  type: types.list,
  default: [],
  doc: 'Modules whose exported listener classes are registered with the listener bus: `./audit.js#AuditListener`, with commas between them. A class is made with the `SparkConf`; without `#name` the default export is meant.',
  since: '0.1',
});
