import type { ExecutorId, JobId, ShuffleId, StageId } from '../protocol/ids.ts';
import type { MapStatus } from '../protocol/map-output.ts';
import type { SparkListenerEvent, TaskInfo } from '../protocol/spark-listener-event.ts';
import type { AccumulatorUpdate, TaskResult } from '../protocol/task.ts';
import type { TaskEndReason } from '../protocol/task-end-reason.ts';
import type { TaskMetrics } from '../protocol/task-metrics.ts';
import type { ShuffleDependency } from '../rdd/dependency.ts';
import type { RDDNode } from '../rdd/rdd-node.ts';
import type { JobFailure } from './errors.ts';
import type { ExecutorLoss } from './ports.ts';
import type { StageWork, TaskSet } from './task-set.ts';

type Properties = Readonly<Record<string, string>>;

/** All that can happen to the DAG scheduler; names are Spark's (DAGSchedulerEvent). `at` is epoch ms. */
export type DagEvent =
  | {
      readonly type: 'JobSubmitted';
      readonly at: number;
      readonly jobId: JobId;
      readonly node: RDDNode;
      /** RDD partitions to compute; the index in this list is the output index. */
      readonly partitions: readonly number[];
      readonly sink: unknown;
      readonly properties: Properties;
      readonly callSite: string;
    }
  | {
      readonly type: 'MapStageSubmitted';
      readonly at: number;
      readonly jobId: JobId;
      readonly dependency: ShuffleDependency;
      readonly properties: Properties;
      readonly callSite: string;
    }
  | { readonly type: 'StageCancelled'; readonly at: number; readonly stageId: StageId; readonly reason: string | null }
  | { readonly type: 'JobCancelled'; readonly at: number; readonly jobId: JobId; readonly reason: string | null }
  | {
      readonly type: 'JobGroupCancelled';
      readonly at: number;
      readonly groupId: string;
      readonly reason: string | null;
      /** Jobs of the group that are submitted later fail at once. */
      readonly cancelFutureJobs: boolean;
    }
  | { readonly type: 'JobTagCancelled'; readonly at: number; readonly tag: string; readonly reason: string | null }
  | { readonly type: 'AllJobsCancelled'; readonly at: number; readonly reason?: string | null }
  | {
      readonly type: 'ExecutorAdded';
      readonly at: number;
      readonly executorId: ExecutorId;
      readonly host: string;
      readonly cores: number;
      readonly resourceProfileId: number;
    }
  | { readonly type: 'ExecutorLost'; readonly at: number; readonly executorId: ExecutorId; readonly loss: ExecutorLoss }
  /** The executor will be gone soon; `workerHost` not null: with all others on that host. Not an event of Spark's. */
  | {
      readonly type: 'ExecutorDecommissioned';
      readonly at: number;
      readonly executorId: ExecutorId;
      readonly workerHost: string | null;
    }
  | {
      readonly type: 'WorkerRemoved';
      readonly at: number;
      readonly workerId: string;
      readonly host: string;
      readonly message: string;
    }
  | {
      readonly type: 'BeginEvent';
      readonly at: number;
      readonly stageId: StageId;
      readonly stageAttemptId: number;
      readonly task: TaskInfo;
    }
  | {
      readonly type: 'GettingResultEvent';
      readonly at: number;
      readonly stageId: StageId;
      readonly stageAttemptId: number;
      readonly task: TaskInfo;
    }
  /** A task attempt ended. `result` is null unless the reason is Success. */
  | {
      readonly type: 'CompletionEvent';
      readonly at: number;
      readonly stageId: StageId;
      readonly stageAttemptId: number;
      readonly task: TaskInfo;
      readonly reason: TaskEndReason;
      readonly result: TaskResult | null;
      /** Of a failed attempt too, as far as it got; null when nothing is known. */
      readonly metrics: TaskMetrics | null;
    }
  /** A stage attempt is given up. `cause`: the error behind it, as thrown on the driver or rebuilt from a task's. */
  | {
      readonly type: 'TaskSetFailed';
      readonly at: number;
      readonly stageId: StageId;
      readonly stageAttemptId: number;
      readonly message: string;
      readonly cause: unknown;
    }
  | { readonly type: 'ResubmitFailedStages'; readonly at: number }
  /** Jobs that wait for slots of a barrier stage are tried again. */
  | { readonly type: 'CheckBarrierSlots'; readonly at: number }
  /** Nobody will read the shuffle again, beyond the jobs that run. Spark: ContextCleaner.doCleanupShuffle */
  | { readonly type: 'ShuffleUnregistered'; readonly shuffleId: ShuffleId }
  /** What the job's owner does with a result threw. Not an event of Spark's: there the waiter fails by itself. */
  | { readonly type: 'ResultHandlerFailed'; readonly at: number; readonly jobId: JobId; readonly cause: unknown }
  /** The context stops; every job fails. Spark: DAGScheduler.cleanUpAfterSchedulerStop */
  | { readonly type: 'Stopped'; readonly at: number; readonly cause: unknown };

/** Result of a map-stage job. Spark: MapOutputStatistics */
export interface MapOutputStatistics {
  readonly shuffleId: ShuffleId;
  readonly bytesByPartition: readonly number[];
}

/** All that the DAG scheduler can want; done by the loop, in order. */
export type DagEffect =
  /**
   * These stages will run for a job that was just submitted: what they capture is to be read now, since the user's
   * variables may change before the last of them runs, and between the attempts of one.
   */
  | {
      readonly type: 'PrepareStages';
      readonly stages: readonly { readonly stageId: StageId; readonly work: StageWork }[];
    }
  /** No job needs the stage any more. */
  | { readonly type: 'StageForgotten'; readonly stageId: StageId }
  | { readonly type: 'SubmitTaskSet'; readonly taskSet: TaskSet }
  /** The files of the shuffle can go. */
  | { readonly type: 'RemoveShuffle'; readonly shuffleId: ShuffleId; readonly outputs: readonly MapStatus[] }
  /** The stage is not wanted any more: no more launches, running tasks are killed. */
  | { readonly type: 'CancelTasks'; readonly stageId: StageId; readonly interrupt: boolean; readonly reason: string }
  /** Another attempt of the stage computed this output: no other needs to. */
  | { readonly type: 'PartitionCompleted'; readonly stageId: StageId; readonly output: number }
  /** Comes at most once per output of a job. */
  | {
      readonly type: 'TaskSucceeded';
      readonly jobId: JobId;
      readonly outputIndex: number;
      readonly bytes: Uint8Array;
    }
  | { readonly type: 'AccumulatorUpdates'; readonly updates: readonly AccumulatorUpdate[] }
  | { readonly type: 'JobSucceeded'; readonly jobId: JobId; readonly mapOutput: MapOutputStatistics | null }
  | { readonly type: 'JobFailed'; readonly jobId: JobId; readonly failure: JobFailure }
  | { readonly type: 'Post'; readonly event: SparkListenerEvent }
  /** Wants the event of that name at that time. */
  | { readonly type: 'WakeAt'; readonly at: number; readonly why: 'ResubmitFailedStages' | 'CheckBarrierSlots' }
  | { readonly type: 'Log'; readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly message: string };
