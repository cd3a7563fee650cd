import { IskraError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { MASTER } from '../config/core-entries.ts';
import * as dynamic from '../config/dynamic-allocation-entries.ts';
import { DECOMMISSION_ENABLED, STORAGE_DECOMMISSION_SHUFFLE_BLOCKS } from '../config/executor-entries.ts';
import { parseMasterUrl } from '../config/master-url.ts';
import { SHUFFLE_SERVICE_ENABLED, SHUFFLE_SERVICE_FETCH_RDD_ENABLED } from '../config/shuffle-service-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import { EXECUTOR_INSTANCES } from '../config/submit-entries.ts';
import type { AllocationSettings } from '../scheduler/allocation-settings.ts';

/** Spark: Utils.isDynamicAllocationEnabled */
function isDynamicAllocationEnabled(conf: SparkConf): boolean {
  const master = conf.get(MASTER);
  return conf.get(dynamic.DYN_ALLOCATION_ENABLED) && master !== undefined && parseMasterUrl(master).kind !== 'local';
}

/**
 * What spark.dynamicAllocation.* say; null when it is off.
 *
 * @throws IskraError when the settings do not fit together, or when nobody would keep the shuffle data of executors that go.
 *
 * Spark: ExecutorAllocationManager.validateSettings, Utils.getDynamicAllocationInitialExecutors
 */
export function allocationSettings(conf: SparkConf, log: Logger): AllocationSettings | null {
  if (!isDynamicAllocationEnabled(conf)) return null;
  const min = conf.get(dynamic.DYN_ALLOCATION_MIN_EXECUTORS);
  const max = conf.get(dynamic.DYN_ALLOCATION_MAX_EXECUTORS) ?? Number.POSITIVE_INFINITY;
  const minKey = dynamic.DYN_ALLOCATION_MIN_EXECUTORS.key;
  const maxKey = dynamic.DYN_ALLOCATION_MAX_EXECUTORS.key;
  const refuse = (message: string): never => {
    throw new IskraError('DYNAMIC_ALLOCATION', message);
  };
  if (min < 0 || max < 0) refuse(`${minKey} and ${maxKey} must be positive!`);
  if (max === 0) refuse(`${maxKey} cannot be 0!`);
  if (min > max) refuse(`${minKey} (${min}) must be less than or equal to ${maxKey} (${max})!`);
  const timeout = (entry: typeof dynamic.DYN_ALLOCATION_SCHEDULER_BACKLOG_TIMEOUT): number => {
    const ms = conf.get(entry);
    if (ms <= 0) refuse(`${entry.key} must be > 0!`);
    return ms;
  };
  const ratio = conf.get(dynamic.DYN_ALLOCATION_EXECUTOR_ALLOCATION_RATIO);
  if (!(ratio > 0 && ratio <= 1))
    refuse(`${dynamic.DYN_ALLOCATION_EXECUTOR_ALLOCATION_RATIO.key} must be > 0 and <= 1.0`);
  const cachedMs = conf.get(dynamic.DYN_ALLOCATION_CACHED_EXECUTOR_IDLE_TIMEOUT) ?? Number.POSITIVE_INFINITY;
  const trackingMs = conf.get(dynamic.DYN_ALLOCATION_SHUFFLE_TRACKING_TIMEOUT) ?? Number.POSITIVE_INFINITY;
  const idleMs = conf.get(dynamic.DYN_ALLOCATION_EXECUTOR_IDLE_TIMEOUT);
  if (idleMs < 0 || cachedMs < 0 || trackingMs < 0) refuse('Timeout must be >= 0.');
  return {
    minExecutors: min,
    maxExecutors: max,
    initialExecutors: initialExecutors(conf, min, log),
    schedulerBacklogTimeoutMs: timeout(dynamic.DYN_ALLOCATION_SCHEDULER_BACKLOG_TIMEOUT),
    sustainedSchedulerBacklogTimeoutMs: timeout(dynamic.DYN_ALLOCATION_SUSTAINED_SCHEDULER_BACKLOG_TIMEOUT),
    executorIdleTimeoutMs: idleMs,
    cachedExecutorIdleTimeoutMs: cachedMs,
    shuffleTimeoutMs: keepsShuffles(conf, refuse) ? trackingMs : null,
    executorAllocationRatio: ratio,
    decommission: conf.get(DECOMMISSION_ENABLED),
    serviceServesBlocks: conf.get(SHUFFLE_SERVICE_ENABLED) && conf.get(SHUFFLE_SERVICE_FETCH_RDD_ENABLED),
  };
}

/** Whether executors are kept for the shuffle data they hold. */
function keepsShuffles(conf: SparkConf, refuse: (message: string) => never): boolean {
  if (conf.get(SHUFFLE_SERVICE_ENABLED)) return false;
  if (conf.get(dynamic.DYN_ALLOCATION_SHUFFLE_TRACKING_ENABLED)) return true;
  if (conf.get(DECOMMISSION_ENABLED) && conf.get(STORAGE_DECOMMISSION_SHUFFLE_BLOCKS)) return false;
  return refuse(
    `Dynamic allocation of executors requires one of the following conditions: 1) enabling external shuffle service through ${SHUFFLE_SERVICE_ENABLED.key}. 2) enabling shuffle tracking through ${dynamic.DYN_ALLOCATION_SHUFFLE_TRACKING_ENABLED.key}. 3) enabling shuffle blocks decommission through ${DECOMMISSION_ENABLED.key} and ${STORAGE_DECOMMISSION_SHUFFLE_BLOCKS.key}.`,
  );
}

function initialExecutors(conf: SparkConf, min: number, log: Logger): number {
  const initial = conf.get(dynamic.DYN_ALLOCATION_INITIAL_EXECUTORS);
  const instances = conf.get(EXECUTOR_INSTANCES) ?? 0;
  const warn = (key: string): void => {
    const instead = dynamic.DYN_ALLOCATION_MIN_EXECUTORS.key;
    log
      .named('Utils')
      .warn(`${key} less than ${instead} is invalid, ignoring its setting, please update your configs.`);
  };
  if (initial < min) warn(dynamic.DYN_ALLOCATION_INITIAL_EXECUTORS.key);
  if (conf.contains(EXECUTOR_INSTANCES) && instances < min) warn(EXECUTOR_INSTANCES.key);
  return Math.max(min, initial, instances);
}
