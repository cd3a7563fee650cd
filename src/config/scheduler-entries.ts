import { type ConfigEntry, defineEntry, defineOptional, definePrefix, type KeyPrefix } from './config-entry.ts';
import { fraction, notNegative, oneOf, positive, types } from './value-types.ts';

export const TASK_MAX_FAILURES: ConfigEntry<number> = defineEntry({
  key: 'spark.task.maxFailures',
  type: types.int,
  default: 4,
  check: positive,
  doc: 'Failures of any one task before its stage, and so its job, is given up. Local masters other than `local[N,F]` give up at the first.',
  since: '0.1',
});

export const TASK_CPUS: ConfigEntry<number> = defineEntry({
  key: 'spark.task.cpus',
  type: types.int,
  default: 1,
  check: positive,
  doc: 'How many slots one task occupies.',
  since: '0.1',
});

export const LOCALITY_WAIT: ConfigEntry<number> = defineEntry({
  key: 'spark.locality.wait',
  type: types.durationMs,
  default: 3000,
  check: notNegative,
  doc: 'How long a task holds out for a slot near its data before it takes one farther away, at each level of locality.',
  since: '0.1',
});

const localityWait = (level: string, words: string): ConfigEntry<number> =>
  defineEntry({
    key: `spark.locality.wait.${level}`,
    type: types.durationMs,
    fallback: LOCALITY_WAIT,
    check: notNegative,
    doc: `\`spark.locality.wait\` for ${words}.`,
    since: '0.1',
  });

export const LOCALITY_WAIT_PROCESS: ConfigEntry<number> = localityWait('process', 'the executor that has the data');
export const LOCALITY_WAIT_NODE: ConfigEntry<number> = localityWait('node', 'the host that has the data');
export const LOCALITY_WAIT_RACK: ConfigEntry<number> = localityWait('rack', 'the rack that has the data');

export const REDUCE_LOCALITY: ConfigEntry<boolean> = defineEntry({
  key: 'spark.shuffle.reduceLocality.enabled',
  type: types.boolean,
  default: true,
  doc: 'Whether the tasks that read a shuffle hold out for a host that has at least a fifth of their input; for shuffles with less than 1000 partitions on each side.',
  since: '0.2',
});

export const LOCALITY_WAIT_LEGACY_RESET: ConfigEntry<boolean> = defineEntry({
  key: 'spark.locality.wait.legacyResetOnTaskLaunch',
  type: types.boolean,
  default: false,
  doc: 'Whether any task that is launched begins the wait anew, as long ago. Else only rounds of offers do in which nothing was refused.',
  since: '0.2',
});

/** Spark: spark.task.resource.{resourceName}.amount */
export const TASK_RESOURCE: KeyPrefix = definePrefix({
  prefix: 'spark.task.resource.',
  rest: 'NAME.amount',
  doc: 'How much of a custom resource, such as `gpu`, one task takes: a number of addresses, or below 1 a part of one.',
});

export const EXECUTOR_RESOURCE: KeyPrefix = definePrefix({
  prefix: 'spark.executor.resource.',
  rest: 'NAME.amount`, `.discoveryScript`, `.vendor',
  doc: 'How many addresses of a custom resource each executor gets. Its worker says which; where there is none, the script does.',
});

export const DRIVER_RESOURCE: KeyPrefix = definePrefix({
  prefix: 'spark.driver.resource.',
  rest: 'NAME.amount`, `.discoveryScript`, `.vendor',
  doc: 'How many addresses of a custom resource the driver gets: from its worker in cluster mode, else from the script.',
});

export const SCHEDULER_MODE: ConfigEntry<'FIFO' | 'FAIR'> = defineEntry({
  key: 'spark.scheduler.mode',
  type: oneOf('FIFO', 'FAIR'),
  default: 'FIFO',
  doc: 'How jobs of one application share its slots: `FIFO`, one after the other, or `FAIR`, by pools with weights.',
  since: '0.1',
});

export const SCHEDULER_ALLOCATION_FILE: ConfigEntry<string | undefined> = defineOptional({
  key: 'spark.scheduler.allocation.file',
  type: types.text,
  defaultText: '`fairscheduler.xml` of the folder `conf`, if it exists',
  doc: 'The file that defines the pools of the `FAIR` mode.',
  since: '0.1',
});

export const SCHEDULER_REVIVE_INTERVAL: ConfigEntry<number> = defineEntry({
  key: 'spark.scheduler.revive.interval',
  type: types.durationMs,
  default: 1000,
  check: positive,
  doc: 'How often free slots are offered to waiting tasks although nothing happened. Accepted; not used by local masters, which lose no message.',
  since: '0.1',
});

export const NUM_CANCELLED_JOB_GROUPS_TO_TRACK: ConfigEntry<number> = defineEntry({
  key: 'spark.scheduler.numCancelledJobGroupsToTrack',
  type: types.int,
  default: 1000,
  check: positive,
  doc: 'How many of the job groups that were cancelled together with their future jobs are remembered; the oldest is forgotten first.',
  since: '0.2',
});

export const PROFILE_MERGE_CONFLICTS: ConfigEntry<boolean> = defineEntry({
  key: 'spark.scheduler.resource.profileMergeConflicts',
  type: types.boolean,
  default: false,
  doc: 'Whether RDDs of one stage may have different resource profiles; the stage then gets the larger amount of each resource.',
  since: '0.2',
});

export const BARRIER_CHECK_INTERVAL: ConfigEntry<number> = defineEntry({
  key: 'spark.scheduler.barrier.maxConcurrentTasksCheck.interval',
  type: types.durationSeconds,
  default: 15_000,
  check: positive,
  doc: 'How long a job waits before it looks again whether there are enough slots for its barrier stage.',
  since: '0.2',
});

export const BARRIER_CHECK_MAX_FAILURES: ConfigEntry<number> = defineEntry({
  key: 'spark.scheduler.barrier.maxConcurrentTasksCheck.maxFailures',
  type: types.int,
  default: 40,
  check: positive,
  doc: 'How often there may be too few slots for a barrier stage before its job fails.',
  since: '0.2',
});

export const BARRIER_SYNC_TIMEOUT: ConfigEntry<number> = defineEntry({
  key: 'spark.barrier.sync.timeout',
  type: types.durationSeconds,
  default: 365 * 24 * 3600 * 1000,
  check: positive,
  doc: 'How long the tasks of a barrier stage wait in `barrier()` or `allGather()` for the last of them.',
  since: '0.2',
});

export const STAGE_MAX_ATTEMPTS: ConfigEntry<number> = defineEntry({
  key: 'spark.stage.maxAttempts',
  type: types.int,
  default: 2 ** 31 - 1,
  check: positive,
  doc: 'How many attempts one stage may have in all before the job is given up. Below `spark.stage.maxConsecutiveAttempts` that one counts.',
  since: '0.2',
});

export const STAGE_IGNORE_DECOMMISSION_FETCH_FAILURE: ConfigEntry<boolean> = defineEntry({
  key: 'spark.stage.ignoreDecommissionFetchFailure',
  type: types.boolean,
  default: false,
  doc: 'Whether failed fetches from executors that are being decommissioned do not count for `spark.stage.maxConsecutiveAttempts`.',
  since: '0.2',
});

export const UNREGISTER_OUTPUT_ON_HOST: ConfigEntry<boolean> = defineEntry({
  key: 'spark.files.fetchFailure.unRegisterOutputOnHost',
  type: types.boolean,
  default: false,
  doc: 'Whether a failed fetch makes the map outputs of all executors on that host count as lost, where a shuffle service serves them or the host is being decommissioned.',
  since: '0.2',
});

export const STAGE_MAX_CONSECUTIVE_ATTEMPTS: ConfigEntry<number> = defineEntry({
  key: 'spark.stage.maxConsecutiveAttempts',
  type: types.int,
  default: 4,
  check: positive,
  doc: 'How many attempts in a row of one stage may end with a failed fetch before the job is given up.',
  since: '0.1',
});

export const MIN_REGISTERED_RESOURCES_RATIO: ConfigEntry<number> = defineEntry({
  key: 'spark.scheduler.minRegisteredResourcesRatio',
  type: types.double,
  default: 0,
  check: fraction,
  doc: 'Which part of `spark.cores.max` has to have registered before a context is there. Local masters have their slots at once.',
  since: '0.2',
});

export const MAX_REGISTERED_RESOURCES_WAITING_TIME: ConfigEntry<number> = defineEntry({
  key: 'spark.scheduler.maxRegisteredResourcesWaitingTime',
  type: types.durationMs,
  default: 30_000,
  check: notNegative,
  doc: 'How long a context waits for them.',
  since: '0.2',
});

export const STARVATION_TIMEOUT: ConfigEntry<number> = defineEntry({
  key: 'spark.starvation.timeout',
  type: types.durationMs,
  default: 15_000,
  check: positive,
  doc: 'How long tasks may wait for the first executor that takes one before a warning says so, and says so again.',
  since: '0.2',
});
