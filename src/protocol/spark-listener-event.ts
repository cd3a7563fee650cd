import type { ExecutorId, JobId, RddId, ShuffleId, StageId, TaskId } from './ids.ts';
import type { BlockManagerId } from './map-output.ts';
import type { ResourceProfile } from './resource-profile.ts';
import type { StorageLevel } from './storage-level.ts';
import type { TaskEndReason } from './task-end-reason.ts';
import type { TaskMetrics } from './task-metrics.ts';

/** One RDD of a stage, as it was when somebody asked. Spark: RDDInfo */
export interface RddInfo {
  readonly rddId: RddId;
  /** As the user named it, else its class: `MapPartitionsRDD`. */
  readonly name: string;
  /** `map at app.ts:12` */
  readonly callSite: string;
  readonly parentIds: readonly RddId[];
  readonly storageLevel: StorageLevel;
  readonly isBarrier: boolean;
  readonly determinism: 'DETERMINATE' | 'UNORDERED' | 'INDETERMINATE';
  readonly numPartitions: number;
}

/** What a listener needs to know of a stage attempt. Spark: StageInfo */
export interface StageInfo {
  readonly stageId: StageId;
  readonly attemptNumber: number;
  /** The action's or transformation's call site, `reduceByKey at app.ts:12`. */
  readonly name: string;
  readonly numTasks: number;
  readonly rddIds: readonly RddId[];
  /**
   * The same RDDs in full, for who asks when he hears of the stage; later they may be forgotten. A function, since few ask, and a
   * lineage may be long. Absent: not known.
   */
  rdds?(): readonly RddInfo[];
  readonly parentIds: readonly StageId[];
  readonly kind: 'ShuffleMapStage' | 'ResultStage';
  /** The shuffle that the stage writes; null: none. */
  readonly shuffleDepId: ShuffleId | null;
  readonly resourceProfileId: number;
}

export interface TaskInfo {
  readonly taskId: TaskId;
  /** Index in the task set. */
  readonly index: number;
  readonly partition: number;
  readonly attemptNumber: number;
  readonly executorId: ExecutorId;
  readonly host: string;
  readonly locality: 'PROCESS_LOCAL' | 'NODE_LOCAL' | 'NO_PREF' | 'RACK_LOCAL' | 'ANY';
  readonly speculative: boolean;
  readonly launchedAt: number;
}

/** An executor or node is avoided after failures, or no longer. Each comes under its older name first. */
type ExclusionEvent =
  | {
      readonly type: 'SparkListenerExecutorBlacklisted' | 'SparkListenerExecutorExcluded';
      readonly at: number;
      readonly executorId: ExecutorId;
      readonly taskFailures: number;
    }
  | {
      readonly type: 'SparkListenerExecutorUnblacklisted' | 'SparkListenerExecutorUnexcluded';
      readonly at: number;
      readonly executorId: ExecutorId;
    }
  | {
      readonly type: 'SparkListenerNodeBlacklisted' | 'SparkListenerNodeExcluded';
      readonly at: number;
      readonly host: string;
      readonly executorFailures: number;
    }
  | {
      readonly type: 'SparkListenerNodeUnblacklisted' | 'SparkListenerNodeUnexcluded';
      readonly at: number;
      readonly host: string;
    }
  | {
      readonly type: 'SparkListenerExecutorBlacklistedForStage' | 'SparkListenerExecutorExcludedForStage';
      readonly at: number;
      readonly executorId: ExecutorId;
      readonly taskFailures: number;
      readonly stageId: StageId;
      readonly stageAttemptId: number;
    }
  | {
      readonly type: 'SparkListenerNodeBlacklistedForStage' | 'SparkListenerNodeExcludedForStage';
      readonly at: number;
      readonly host: string;
      readonly executorFailures: number;
      readonly stageId: StageId;
      readonly stageAttemptId: number;
    };

/** What running tasks of an executor have measured and added so far, from its heartbeat; those that have told nothing are left out. */
export interface ExecutorMetricsUpdate {
  readonly type: 'SparkListenerExecutorMetricsUpdate';
  readonly at: number;
  readonly executorId: ExecutorId;
  readonly tasks: readonly {
    readonly taskId: TaskId;
    readonly stageId: StageId;
    readonly stageAttemptId: number;
    readonly metrics: TaskMetrics;
    /** Named accumulators that it has added to; `update`: so far. `value` is not told: the task may fail yet. */
    readonly accumulables: readonly AccumulableInfo[];
  }[];
}

/** A named accumulator. `update`: what one task added; `value`: what all have. Spark: AccumulableInfo */
export interface AccumulableInfo {
  readonly id: number;
  readonly name: string;
  readonly update: unknown;
  readonly value: unknown;
}

/** Everything that can be heard of a running application; names are Spark's. Times are epoch ms. */
export type SparkListenerEvent =
  | ExclusionEvent
  /** A slow task is to get a second copy. `index`: in the task set. */
  | {
      readonly type: 'SparkListenerSpeculativeTaskSubmitted';
      readonly at: number;
      readonly stageId: StageId;
      readonly stageAttemptId: number;
      readonly index: number;
      readonly partition: number;
    }
  /** Every executor is excluded for a task of the set: it waits for a new one. */
  | {
      readonly type: 'SparkListenerUnschedulableTaskSetAdded' | 'SparkListenerUnschedulableTaskSetRemoved';
      readonly at: number;
      readonly stageId: StageId;
      readonly stageAttemptId: number;
    }
  | {
      readonly type: 'SparkListenerApplicationStart';
      readonly at: number;
      readonly appId: string;
      readonly appName: string;
      /** Who runs it. */
      readonly user: string;
    }
  /** What the application runs with; values that are secret are not hidden. */
  | {
      readonly type: 'SparkListenerEnvironmentUpdate';
      readonly at: number;
      readonly runtime: Readonly<Record<string, string>>;
      readonly sparkProperties: Readonly<Record<string, string>>;
      readonly systemProperties: Readonly<Record<string, string>>;
      /** Lines of sinks and sources, those that nobody has to write too. Absent: nothing was said of metrics. */
      readonly metricsProperties?: Readonly<Record<string, string>>;
      /** Where the application's code is from: path → how it came. */
      readonly classpathEntries: Readonly<Record<string, string>>;
    }
  | { readonly type: 'SparkListenerResourceProfileAdded'; readonly at: number; readonly profile: ResourceProfile }
  | { readonly type: 'SparkListenerApplicationEnd'; readonly at: number }
  | {
      readonly type: 'SparkListenerJobStart';
      readonly at: number;
      readonly jobId: JobId;
      readonly stages: readonly StageInfo[];
      readonly properties: Readonly<Record<string, string>>;
    }
  | { readonly type: 'SparkListenerJobEnd'; readonly at: number; readonly jobId: JobId; readonly error: string | null }
  | { readonly type: 'SparkListenerStageSubmitted'; readonly at: number; readonly stage: StageInfo }
  | {
      readonly type: 'SparkListenerStageCompleted';
      readonly at: number;
      readonly stage: StageInfo;
      readonly failureReason: string | null;
      /** Named accumulators that its tasks added to, as they are now. Absent: none. */
      readonly accumulables?: readonly AccumulableInfo[];
    }
  | {
      readonly type: 'SparkListenerTaskStart';
      readonly at: number;
      readonly stageId: StageId;
      readonly stageAttemptId: number;
      readonly task: TaskInfo;
    }
  /** The task has ended, and its result, which is too large to come along, is being fetched from its executor. */
  | {
      readonly type: 'SparkListenerTaskGettingResult';
      readonly at: number;
      readonly stageId: StageId;
      readonly stageAttemptId: number;
      readonly task: TaskInfo;
    }
  | {
      readonly type: 'SparkListenerTaskEnd';
      readonly at: number;
      readonly stageId: StageId;
      readonly stageAttemptId: number;
      readonly task: TaskInfo;
      readonly reason: TaskEndReason;
      readonly metrics: TaskMetrics | null;
      /** Named accumulators that the task added to. */
      readonly accumulables: readonly AccumulableInfo[];
    }
  | {
      readonly type: 'SparkListenerExecutorAdded';
      readonly at: number;
      readonly executorId: ExecutorId;
      readonly host: string;
      readonly cores: number;
      readonly resourceProfileId: number;
      /** Where its logs can be looked at, by name. Absent: nowhere. */
      readonly logUrls?: Readonly<Record<string, string>>;
    }
  | {
      readonly type: 'SparkListenerExecutorRemoved';
      readonly at: number;
      readonly executorId: ExecutorId;
      readonly reason: string;
    }
  /** An executor, or the driver, can hold blocks. `maxBytes`: in memory. */
  | {
      readonly type: 'SparkListenerBlockManagerAdded';
      readonly at: number;
      readonly blockManager: BlockManagerId;
      readonly maxBytes: number;
    }
  | { readonly type: 'SparkListenerBlockManagerRemoved'; readonly at: number; readonly blockManager: BlockManagerId }
  /**
   * A block of a persisted RDD came, changed or, with a level of neither memory nor disk, went. Bytes are of where the level says that
   * it is, and elsewhere of what is free again.
   */
  | {
      readonly type: 'SparkListenerBlockUpdated';
      readonly at: number;
      readonly blockManager: BlockManagerId;
      readonly rddId: RddId;
      readonly partition: number;
      readonly storageLevel: StorageLevel;
      readonly memoryBytes: number;
      readonly diskBytes: number;
    }
  | ExecutorMetricsUpdate
  | { readonly type: 'SparkListenerUnpersistRDD'; readonly at: number; readonly rddId: RddId };
