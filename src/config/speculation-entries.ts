import { type ConfigEntry, defineEntry, defineOptional } from './config-entry.ts';
import { fraction, notNegative, positive, types } from './value-types.ts';

export const SPECULATION_ENABLED: ConfigEntry<boolean> = defineEntry({
  key: 'spark.speculation',
  type: types.boolean,
  default: false,
  doc: 'Whether a task that runs much longer than others of its stage gets a second copy on another host; the copy that ends first counts. Not in local masters, which have one host, and not in barrier stages.',
  since: '0.2',
});

export const SPECULATION_INTERVAL: ConfigEntry<number> = defineEntry({
  key: 'spark.speculation.interval',
  type: types.durationMs,
  default: 100,
  check: positive,
  doc: 'How often slow tasks are looked for.',
  since: '0.2',
});

export const SPECULATION_MULTIPLIER: ConfigEntry<number> = defineEntry({
  key: 'spark.speculation.multiplier',
  type: types.double,
  default: 3,
  check: positive,
  doc: 'How many times longer than the median of the finished tasks a task must run to count as slow.',
  since: '0.2',
});

export const SPECULATION_QUANTILE: ConfigEntry<number> = defineEntry({
  key: 'spark.speculation.quantile',
  type: types.double,
  default: 0.9,
  check: fraction,
  doc: 'Which part of the tasks of a stage must have finished before slow ones are looked for.',
  since: '0.2',
});

export const SPECULATION_MIN_TASK_RUNTIME: ConfigEntry<number> = defineEntry({
  key: 'spark.speculation.minTaskRuntime',
  type: types.durationMs,
  default: 100,
  check: notNegative,
  doc: 'How long a task must run at least to count as slow.',
  since: '0.2',
});

export const SPECULATION_TASK_DURATION_THRESHOLD: ConfigEntry<number | undefined> = defineOptional({
  key: 'spark.speculation.task.duration.threshold',
  type: types.durationMs,
  doc: 'Beyond this time every task of a stage counts as slow that has no more tasks than one executor has slots. It also serves stages of one task.',
  since: '0.2',
});

export const SPECULATION_EFFICIENCY_ENABLED: ConfigEntry<boolean> = defineEntry({
  key: 'spark.speculation.efficiency.enabled',
  type: types.boolean,
  default: true,
  doc: 'Whether slow tasks get a second copy only if they also read fewer records a second than others.',
  since: '0.2',
});

export const SPECULATION_PROCESS_RATE_MULTIPLIER: ConfigEntry<number> = defineEntry({
  key: 'spark.speculation.efficiency.processRateMultiplier',
  type: types.double,
  default: 0.75,
  check: (value) => (value > 0 && value <= 1 ? undefined : 'must be larger than 0 and not larger than 1'),
  doc: 'The part of the average records a second below which a task is inefficient.',
  since: '0.2',
});

export const SPECULATION_LONG_RUN_TASK_FACTOR: ConfigEntry<number> = defineEntry({
  key: 'spark.speculation.efficiency.longRunTaskFactor',
  type: types.double,
  default: 2,
  check: (value) => (value >= 1 ? undefined : 'must be 1 or larger'),
  doc: 'Beyond this many times what makes a task slow it gets a second copy however fast it reads.',
  since: '0.2',
});

export const EXECUTOR_DECOMMISSION_KILL_INTERVAL: ConfigEntry<number | undefined> = defineOptional({
  key: 'spark.executor.decommission.killInterval',
  type: types.durationSeconds,
  check: positive,
  doc: 'How long an executor that is being drained lives, where something outside ends it then. With speculation, tasks that will not end before get a copy elsewhere.',
  since: '0.2',
});
