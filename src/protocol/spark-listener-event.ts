import type { ExecutorId, JobId, RddId, ShuffleId, StageId, TaskId } from './ids.ts';
import type { TaskEndReason } from './task-end-reason.ts';
import type { TaskMetrics } from './task-metrics.ts';

/** What a listener needs to know of a stage attempt. Spark: StageInfo */
export interface StageInfo {
  readonly stageId: StageId;
  readonly attemptNumber: number;
  /** The action's or transformation's call site, `reduceByKey at app.ts:12`. */
  readonly name: string;
  readonly numTasks: number;
  readonly rddIds: readonly RddId[];
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

/** What running tasks of an executor have measured so far, from its heartbeat; those that have told nothing are left out. */
export interface ExecutorMetricsUpdate {
  readonly type: 'SparkListenerExecutorMetricsUpdate';
  readonly at: number;
  readonly executorId: ExecutorId;
  readonly tasks: readonly {
    readonly taskId: TaskId;
    readonly stageId: StageId;
    readonly stageAttemptId: number;
    readonly metrics: TaskMetrics;
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
    }
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
    }
  | {
      readonly type: 'SparkListenerExecutorRemoved';
      readonly at: number;
      readonly executorId: ExecutorId;
      readonly reason: string;
    }
  | ExecutorMetricsUpdate
  | { readonly type: 'SparkListenerUnpersistRDD'; readonly at: number; readonly rddId: RddId };
