import { type ConfigEntry, defineEntry, definePrefix, type KeyPrefix } from './config-entry.ts';
import { oneOf, positive, types } from './value-types.ts';

export const VALIDATE_OUTPUT_SPECS: ConfigEntry<boolean> = defineEntry({
  key: 'spark.hadoop.validateOutputSpecs',
  type: types.boolean,
  default: true,
  doc: 'Whether saving into a directory that exists is refused. False lets a save add to or replace what is there.',
  since: '0.1',
});

/** The key's name is Hadoop's; Spark hands `spark.hadoop.*` on to it, and so users know it under this name. */
export const INPUT_SPLIT_MIN_SIZE: ConfigEntry<number> = defineEntry({
  key: 'spark.hadoop.mapreduce.input.fileinputformat.split.minsize',
  type: types.bytes,
  default: 1,
  check: positive,
  doc: 'The smallest piece that `textFile` cuts a file into; the last of a file may be smaller.',
  since: '0.1',
});

/** The block size that `textFile` reckons with where the file system has none. Hadoop: `fs.local.block.size` */
export const LOCAL_BLOCK_SIZE: ConfigEntry<number> = defineEntry({
  key: 'spark.hadoop.fs.local.block.size',
  type: types.bytes,
  default: 32 * 1024 ** 2,
  check: positive,
  doc: 'The largest piece that `textFile` cuts a local file into.',
  since: '0.1',
});

export const IGNORE_EMPTY_SPLITS: ConfigEntry<boolean> = defineEntry({
  key: 'spark.hadoopRDD.ignoreEmptySplits',
  type: types.boolean,
  default: true,
  doc: 'Whether empty files give no partition. False: one each.',
  since: '0.1',
});

export const FILES_MAX_PARTITION_BYTES: ConfigEntry<number> = defineEntry({
  key: 'spark.files.maxPartitionBytes',
  type: types.bytes,
  default: 128 * 1024 ** 2,
  check: positive,
  doc: 'The most bytes of files that `binaryFiles` packs into one partition; a larger file has one of its own.',
  since: '0.1',
});

export const FILES_OPEN_COST: ConfigEntry<number> = defineEntry({
  key: 'spark.files.openCostInBytes',
  type: types.bytes,
  default: 4 * 1024 ** 2,
  check: positive,
  doc: 'What opening a file costs, in bytes that could be read meanwhile: `binaryFiles` packs by it.',
  since: '0.1',
});

export const TEXT_MALFORMED: ConfigEntry<'replace' | 'error'> = defineEntry({
  key: 'spark.iskra.text.malformed',
  type: oneOf('replace', 'error'),
  default: 'replace',
  doc: 'What happens to text that is not UTF-8: `replace` reads U+FFFD for it and warns, `error` fails the task.',
  since: '0.1',
});

export const HADOOP_PREFIX: KeyPrefix = definePrefix({
  prefix: 'spark.hadoop.',
  rest: 'KEY',
  doc: "Hadoop's own keys. Those that are listed by name are used.",
});

export const EXECUTOR_ENV_PREFIX: KeyPrefix = definePrefix({
  prefix: 'spark.executorEnv.',
  rest: 'NAME',
  doc: 'Environment variables of executors. Accepted; not used by local masters, whose slots have the environment of the driver.',
});

export const TASK_MAX_DIRECT_RESULT_SIZE: ConfigEntry<number> = defineEntry({
  key: 'spark.task.maxDirectResultSize',
  type: types.bytes,
  default: 1024 ** 2,
  check: positive,
  doc: 'Results up to this size travel with the end of their task, larger ones wait at their executor to be fetched. Local masters have no way to save.',
  since: '0.1',
});
