import { type ConfigEntry, defineEntry, defineOptional } from './config-entry.ts';
import { notNegative, positive, types } from './value-types.ts';

export const EXCLUDE_ENABLED: ConfigEntry<boolean | undefined> = defineOptional({
  key: 'spark.excludeOnFailure.enabled',
  alternatives: ['spark.blacklist.enabled'],
  type: types.boolean,
  defaultText: '`false`',
  doc: 'Whether executors and nodes on which tasks have failed are avoided: for the task, for its stage, and in the end for the application.',
  since: '0.2',
});

export const EXCLUDE_APPLICATION_ENABLED: ConfigEntry<boolean | undefined> = defineOptional({
  key: 'spark.excludeOnFailure.application.enabled',
  type: types.boolean,
  defaultText: 'as `spark.excludeOnFailure.enabled`',
  doc: 'Whether they are avoided for the application.',
  since: '0.2',
});

export const EXCLUDE_TASK_AND_STAGE_ENABLED: ConfigEntry<boolean | undefined> = defineOptional({
  key: 'spark.excludeOnFailure.taskAndStage.enabled',
  type: types.boolean,
  defaultText: 'as `spark.excludeOnFailure.enabled`',
  doc: 'Whether they are avoided for tasks and for stages.',
  since: '0.2',
});

export const EXCLUDE_TIMEOUT: ConfigEntry<number | undefined> = defineOptional({
  key: 'spark.excludeOnFailure.timeout',
  alternatives: ['spark.blacklist.timeout'],
  type: types.durationMs,
  check: positive,
  defaultText: '`1h`',
  doc: 'How long an executor or node is avoided for the application, and how long a failure counts towards that.',
  since: '0.2',
});

export const EXCLUDE_OLDER_TIMEOUT: ConfigEntry<number | undefined> = defineOptional({
  key: 'spark.scheduler.executorTaskExcludeOnFailureTime',
  alternatives: ['spark.scheduler.executorTaskBlacklistTime'],
  type: types.durationMs,
  check: notNegative,
  doc: 'Older key: sets `spark.excludeOnFailure.timeout`, and switches exclusion on when larger than 0.',
  since: '0.2',
});

const limit = (name: string, value: number, doc: string): ConfigEntry<number> =>
  defineEntry({
    key: `spark.excludeOnFailure.${name}`,
    alternatives: [`spark.blacklist.${name}`],
    type: types.int,
    default: value,
    check: positive,
    doc,
    since: '0.2',
  });

export const EXCLUDE_MAX_TASK_ATTEMPTS_PER_EXECUTOR: ConfigEntry<number> = limit(
  'task.maxTaskAttemptsPerExecutor',
  1,
  'How often a task may fail on one executor before it does not go there any more.',
);

export const EXCLUDE_MAX_TASK_ATTEMPTS_PER_NODE: ConfigEntry<number> = limit(
  'task.maxTaskAttemptsPerNode',
  2,
  'How often a task may fail on one node before it does not go there any more. Must be below `spark.task.maxFailures`.',
);

export const EXCLUDE_MAX_FAILED_TASKS_PER_EXECUTOR_STAGE: ConfigEntry<number> = limit(
  'stage.maxFailedTasksPerExecutor',
  2,
  'How many tasks of a stage may fail on one executor before the stage avoids it.',
);

export const EXCLUDE_MAX_FAILED_EXECUTORS_PER_NODE_STAGE: ConfigEntry<number> = limit(
  'stage.maxFailedExecutorsPerNode',
  2,
  'How many executors of one node a stage avoids before it avoids the node.',
);

export const EXCLUDE_MAX_FAILED_TASKS_PER_EXECUTOR: ConfigEntry<number> = limit(
  'application.maxFailedTasksPerExecutor',
  2,
  'How many tasks, of stages that succeeded in the end, may fail on one executor before the application avoids it.',
);

export const EXCLUDE_MAX_FAILED_EXECUTORS_PER_NODE: ConfigEntry<number> = limit(
  'application.maxFailedExecutorsPerNode',
  2,
  'How many executors of one node the application avoids before it avoids the node.',
);

export const EXCLUDE_KILL: ConfigEntry<boolean> = defineEntry({
  key: 'spark.excludeOnFailure.killExcludedExecutors',
  alternatives: ['spark.blacklist.killBlacklistedExecutors'],
  type: types.boolean,
  default: false,
  doc: 'Whether executors that the application avoids are killed, where the cluster manager can.',
  since: '0.2',
});

export const EXCLUDE_KILL_DECOMMISSION: ConfigEntry<boolean> = defineEntry({
  key: 'spark.excludeOnFailure.killExcludedExecutors.decommission',
  type: types.boolean,
  default: false,
  doc: 'Whether they are drained instead of killed.',
  since: '0.2',
});

export const EXCLUDE_FETCH_FAILURE_ENABLED: ConfigEntry<boolean> = defineEntry({
  key: 'spark.excludeOnFailure.application.fetchFailure.enabled',
  alternatives: ['spark.blacklist.application.fetchFailure.enabled'],
  type: types.boolean,
  default: false,
  doc: 'Whether an executor whose map output cannot be read is avoided at once; with an external shuffle service, its node.',
  since: '0.2',
});

export const UNSCHEDULABLE_TASK_SET_TIMEOUT: ConfigEntry<number> = defineEntry({
  key: 'spark.scheduler.excludeOnFailure.unschedulableTaskSetTimeout',
  alternatives: ['spark.scheduler.blacklist.unschedulableTaskSetTimeout'],
  type: types.durationSeconds,
  default: 120_000,
  check: notNegative,
  doc: 'How long a stage that must avoid all executors waits for a new one before it is given up.',
  since: '0.2',
});
