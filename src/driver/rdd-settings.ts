import {
  DEFAULT_PARALLELISM,
  RDD_LIMIT_INITIAL_NUM_PARTITIONS,
  RDD_LIMIT_SCALE_UP_FACTOR,
} from '../config/core-entries.ts';
import {
  FILES_MAX_PARTITION_BYTES,
  FILES_OPEN_COST,
  IGNORE_EMPTY_SPLITS,
  INPUT_SPLIT_MIN_SIZE,
  LOCAL_BLOCK_SIZE,
  VALIDATE_OUTPUT_SPECS,
} from '../config/io-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import type { FileSettings } from '../rdd/file-sources.ts';
import type { RddSettings } from '../rdd/job-runner.ts';

/** @param cores of the application now: where executors come and go, so does what they can do at the same time. */
export function rddSettings(conf: SparkConf, cores: () => number): RddSettings {
  const parallelism = conf.get(DEFAULT_PARALLELISM) ?? null;
  const defaultParallelism = (): number => parallelism ?? cores();
  return {
    get defaultParallelism() {
      return defaultParallelism();
    },
    configuredParallelism: parallelism,
    get defaultMinPartitions() {
      return Math.min(defaultParallelism(), 2);
    },
    limitInitialNumPartitions: conf.get(RDD_LIMIT_INITIAL_NUM_PARTITIONS),
    limitScaleUpFactor: conf.get(RDD_LIMIT_SCALE_UP_FACTOR),
    validateOutputSpecs: conf.get(VALIDATE_OUTPUT_SPECS),
  };
}

export function fileSettings(conf: SparkConf): FileSettings {
  return {
    minSplitBytes: conf.get(INPUT_SPLIT_MIN_SIZE),
    maxSplitBytes: conf.get(LOCAL_BLOCK_SIZE),
    ignoreEmptySplits: conf.get(IGNORE_EMPTY_SPLITS),
    maxPartitionBytes: conf.get(FILES_MAX_PARTITION_BYTES),
    openCostBytes: conf.get(FILES_OPEN_COST),
  };
}
