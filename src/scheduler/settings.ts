import type { PoolDefinition } from './pool.ts';

/** Second copies of slow tasks; the keys are those of spark.speculation.*. */
export interface SpeculationSettings {
  readonly intervalMs: number;
  /** How many times the median a task must run. */
  readonly multiplier: number;
  /** Part of a task set that must have finished. */
  readonly quantile: number;
  readonly minTaskRuntimeMs: number;
  /** Beyond this, tasks of small sets count as slow without a median to compare with; null: never. */
  readonly taskDurationThresholdMs: number | null;
  /** Tasks that read records fast enough get none; null: speed does not matter. */
  readonly efficiency: { readonly processRateMultiplier: number; readonly longRunTaskFactor: number } | null;
  /** Slots of one executor, which say what a small set is. */
  readonly slotsPerExecutor: number;
  /** How long a draining executor is known to live; null: not known (spark.executor.decommission.killInterval). */
  readonly decommissionKillIntervalMs: number | null;
}

/** Executors and nodes that are avoided after failures; the keys are those of spark.excludeOnFailure.*. */
export interface ExclusionSettings {
  /** For the whole application (application.enabled). */
  readonly application: boolean;
  /** For tasks and task sets (taskAndStage.enabled). */
  readonly taskAndStage: boolean;
  readonly maxTaskAttemptsPerExecutor: number;
  readonly maxTaskAttemptsPerNode: number;
  readonly maxFailedTasksPerExecutorStage: number;
  readonly maxFailedExecutorsPerNodeStage: number;
  readonly maxFailedTasksPerExecutor: number;
  readonly maxFailedExecutorsPerNode: number;
  readonly timeoutMs: number;
  /** Excluded executors are killed. */
  readonly kill: boolean;
  /** …or rather drained. */
  readonly killByDecommission: boolean;
  /** One fetch failure is enough. */
  readonly fetchFailure: boolean;
  /** How long a task set without any place waits for one (spark.scheduler.excludeOnFailure.unschedulableTaskSetTimeout). */
  readonly unschedulableTimeoutMs: number;
}

/** What the schedulers are told once; the keys in brackets are where the driver reads them. */
export interface SchedulerSettings {
  /** Failures of one task before its stage is given up (spark.task.maxFailures). */
  readonly maxFailures: number;
  /** Cores a task takes (spark.task.cpus). */
  readonly cpusPerTask: number;
  /** Custom resources a task of the default profile takes: `gpu` → 0.5 (spark.task.resource.*.amount). */
  readonly taskResources: Readonly<Record<string, number>>;
  /** Stage attempts that may fail by fetch failures in a row (spark.stage.maxConsecutiveAttempts). */
  readonly maxConsecutiveStageAttempts: number;
  /** Attempts of one stage in all; never below maxConsecutiveStageAttempts (spark.stage.maxAttempts). */
  readonly maxStageAttempts: number;
  /** Fetch failures of executors that are being decommissioned do not count (spark.stage.ignoreDecommissionFetchFailure). */
  readonly ignoreDecommissionFetchFailure: boolean;
  /** Reduce tasks prefer hosts that have much of their input (spark.shuffle.reduceLocality.enabled). */
  readonly reduceLocality: boolean;
  /** Patience at each level of locality (spark.locality.wait.*). */
  readonly localityWaitMs: { readonly process: number; readonly node: number; readonly rack: number };
  /** The wait for a nearer place begins anew with every launch, as it did long ago (spark.locality.wait.legacyResetOnTaskLaunch). */
  readonly legacyLocalityWaitReset: boolean;
  /** Order of task sets (spark.scheduler.mode). */
  readonly mode: 'FIFO' | 'FAIR';
  /** Pools of the FAIR scheduler, from its allocation file. */
  readonly pools: readonly PoolDefinition[];
  /** Sum of the serialized results of one stage attempt, bytes; 0 is no limit (spark.driver.maxResultSize). */
  readonly maxResultSizeBytes: number;
  /** True when a shuffle service keeps map outputs beyond the life of executors (spark.shuffle.service.enabled). */
  readonly shuffleServiceEnabled: boolean;
  /** With a shuffle service: a fetch failure forgets all outputs of the host (spark.files.fetchFailure.unRegisterOutputOnHost). */
  readonly unregisterOutputOnHost: boolean;
  /** How often a barrier stage's job looks for enough slots again (spark.scheduler.barrier.maxConcurrentTasksCheck.interval). */
  readonly barrierCheckIntervalMs: number;
  /** How often it may not find them (spark.scheduler.barrier.maxConcurrentTasksCheck.maxFailures). */
  readonly barrierCheckMaxFailures: number;
  /** Job groups cancelled with their future jobs that are remembered (spark.scheduler.numCancelledJobGroupsToTrack). */
  readonly numCancelledJobGroupsToTrack: number;
  /** How long fetch failures are gathered before stages are submitted again. */
  readonly resubmitDelayMs: number;
  /** How long a task set may wait for its first task before a warning. */
  readonly starvationWarningMs: number;
  /** What has to be free for an executor, for that warning; null: nothing is said. */
  readonly executorNeeds: string | null;
  /** Identical exceptions of a task set are logged in full once in this time (spark.logging.exceptionPrintInterval). */
  readonly exceptionPrintIntervalMs: number;
  /** A task whose description has this many bytes or more cannot be sent (spark.rpc.message.maxSize). */
  readonly maxMessageBytes: number;
  /** Null: no second copies (spark.speculation). */
  readonly speculation: SpeculationSettings | null;
  /** Null: no executor is avoided (spark.excludeOnFailure.enabled). */
  readonly exclusion: ExclusionSettings | null;
  /** Somebody asks for executors when tasks wait (spark.dynamicAllocation.enabled). */
  readonly dynamicAllocation: boolean;
  /** Topology; null: no racks are known. */
  readonly rackOf: ((host: string) => string | null) | null;
  /** Checks the invariants after every event (spark.iskra.paranoid). */
  readonly paranoid: boolean;
}

/** Spark's defaults. */
export const DEFAULT_SETTINGS: SchedulerSettings = {
  maxFailures: 4,
  cpusPerTask: 1,
  taskResources: {},
  maxConsecutiveStageAttempts: 4,
  maxStageAttempts: 2 ** 31 - 1,
  ignoreDecommissionFetchFailure: false,
  reduceLocality: true,
  localityWaitMs: { process: 3000, node: 3000, rack: 3000 },
  legacyLocalityWaitReset: false,
  mode: 'FIFO',
  pools: [],
  maxResultSizeBytes: 1024 * 1024 * 1024,
  shuffleServiceEnabled: false,
  unregisterOutputOnHost: false,
  barrierCheckIntervalMs: 15_000,
  barrierCheckMaxFailures: 40,
  numCancelledJobGroupsToTrack: 1000,
  resubmitDelayMs: 200,
  starvationWarningMs: 15_000,
  executorNeeds: null,
  exceptionPrintIntervalMs: 10_000,
  maxMessageBytes: 128 * 1024 * 1024,
  speculation: null,
  exclusion: null,
  dynamicAllocation: false,
  rackOf: null,
  paranoid: false,
};

/** Spark's defaults of what applies once speculation is switched on. */
export const DEFAULT_SPECULATION: SpeculationSettings = {
  intervalMs: 100,
  multiplier: 3,
  quantile: 0.9,
  minTaskRuntimeMs: 100,
  taskDurationThresholdMs: null,
  efficiency: { processRateMultiplier: 0.75, longRunTaskFactor: 2 },
  slotsPerExecutor: 1,
  decommissionKillIntervalMs: null,
};

/** Spark's defaults of what applies once exclusion is switched on. */
export const DEFAULT_EXCLUSION: ExclusionSettings = {
  application: true,
  taskAndStage: true,
  maxTaskAttemptsPerExecutor: 1,
  maxTaskAttemptsPerNode: 2,
  maxFailedTasksPerExecutorStage: 2,
  maxFailedExecutorsPerNodeStage: 2,
  maxFailedTasksPerExecutor: 2,
  maxFailedExecutorsPerNode: 2,
  timeoutMs: 3_600_000,
  kill: false,
  killByDecommission: false,
  fetchFailure: false,
  unschedulableTimeoutMs: 120_000,
};
