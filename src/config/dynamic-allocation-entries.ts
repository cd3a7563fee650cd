import { type ConfigEntry, defineEntry, defineOptional } from './config-entry.ts';
import { types } from './value-types.ts';

export const DYN_ALLOCATION_ENABLED: ConfigEntry<boolean> = defineEntry({
  key: 'spark.dynamicAllocation.enabled',
  type: types.boolean,
  default: false,
  doc: 'Whether executors are asked for while tasks wait, and given back when they are idle. Not in local masters.',
  since: '0.2',
});

export const DYN_ALLOCATION_MIN_EXECUTORS: ConfigEntry<number> = defineEntry({
  key: 'spark.dynamicAllocation.minExecutors',
  type: types.int,
  default: 0,
  doc: 'Never fewer executors than this.',
  since: '0.2',
});

export const DYN_ALLOCATION_INITIAL_EXECUTORS: ConfigEntry<number> = defineEntry({
  key: 'spark.dynamicAllocation.initialExecutors',
  type: types.int,
  fallback: DYN_ALLOCATION_MIN_EXECUTORS,
  doc: 'How many executors the application begins with: the largest of this, `minExecutors` and `spark.executor.instances`.',
  since: '0.2',
});

export const DYN_ALLOCATION_MAX_EXECUTORS: ConfigEntry<number | undefined> = defineOptional({
  key: 'spark.dynamicAllocation.maxExecutors',
  type: types.int,
  defaultText: 'no limit',
  doc: 'Never more executors than this.',
  since: '0.2',
});

export const DYN_ALLOCATION_EXECUTOR_ALLOCATION_RATIO: ConfigEntry<number> = defineEntry({
  key: 'spark.dynamicAllocation.executorAllocationRatio',
  type: types.double,
  default: 1,
  doc: 'Which part of the executors is asked for that would run all tasks at the same time. Larger than 0, at most 1.',
  since: '0.2',
});

export const DYN_ALLOCATION_SCHEDULER_BACKLOG_TIMEOUT: ConfigEntry<number> = defineEntry({
  key: 'spark.dynamicAllocation.schedulerBacklogTimeout',
  type: types.durationSeconds,
  default: 1000,
  doc: 'How long tasks wait before executors are asked for.',
  since: '0.2',
});

export const DYN_ALLOCATION_SUSTAINED_SCHEDULER_BACKLOG_TIMEOUT: ConfigEntry<number> = defineEntry({
  key: 'spark.dynamicAllocation.sustainedSchedulerBacklogTimeout',
  type: types.durationSeconds,
  fallback: DYN_ALLOCATION_SCHEDULER_BACKLOG_TIMEOUT,
  doc: 'How long they wait each further time, when twice as many are asked for.',
  since: '0.2',
});

export const DYN_ALLOCATION_EXECUTOR_IDLE_TIMEOUT: ConfigEntry<number> = defineEntry({
  key: 'spark.dynamicAllocation.executorIdleTimeout',
  type: types.durationSeconds,
  default: 60_000,
  doc: 'How long an executor may be idle.',
  since: '0.2',
});

export const DYN_ALLOCATION_CACHED_EXECUTOR_IDLE_TIMEOUT: ConfigEntry<number | undefined> = defineOptional({
  key: 'spark.dynamicAllocation.cachedExecutorIdleTimeout',
  type: types.durationSeconds,
  defaultText: 'no limit',
  doc: 'How long one may be that holds cached blocks.',
  since: '0.2',
});

export const DYN_ALLOCATION_SHUFFLE_TRACKING_ENABLED: ConfigEntry<boolean> = defineEntry({
  key: 'spark.dynamicAllocation.shuffleTracking.enabled',
  type: types.boolean,
  default: true,
  doc: 'Whether executors are kept that hold shuffle data of running jobs, so that no shuffle service is needed.',
  since: '0.2',
});

export const DYN_ALLOCATION_SHUFFLE_TRACKING_TIMEOUT: ConfigEntry<number | undefined> = defineOptional({
  key: 'spark.dynamicAllocation.shuffleTracking.timeout',
  type: types.durationMs,
  defaultText: 'no limit',
  doc: 'How long an idle executor is kept that holds shuffle data of jobs that are over.',
  since: '0.2',
});
