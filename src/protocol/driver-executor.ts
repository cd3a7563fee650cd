import type { BarrierSyncReply, BarrierSyncRequest } from './barrier-sync.ts';
import type { ExecutorId, ShuffleId, TaskId } from './ids.ts';
import type { MapOutputs } from './map-output.ts';
import type { PermitAsk, PermitReturn } from './rate-limit.ts';
import type { StageProgram } from './stage-program.ts';
import type { AccumulatorUpdate, TaskDescription, TaskResult } from './task.ts';
import type { TaskMetrics } from './task-metrics.ts';

/** Driver → executor, one way. Spark: CoarseGrainedClusterMessage */
export type ToExecutor =
  /** `program` is null when this executor was sent it before. */
  | { readonly type: 'LaunchTask'; readonly task: TaskDescription; readonly program: StageProgram | null }
  | { readonly type: 'KillTask'; readonly taskId: TaskId; readonly interrupt: boolean; readonly reason: string }
  /** No task of this stage attempt will come any more: forget its program. */
  | { readonly type: 'ForgetProgram'; readonly programKey: string }
  | { readonly type: 'RemoveRdd'; readonly rddId: number }
  | { readonly type: 'RemoveShuffle'; readonly shuffleId: number }
  /** `keep`: slots drop their decoded copies, the bytes stay. */
  | { readonly type: 'RemoveBroadcast'; readonly broadcastId: number; readonly keep: boolean }
  /** A copy of a cached partition was lost: see that there are `replicas` of it again. `holders`: who has one still, besides. */
  | {
      readonly type: 'ReplicateBlock';
      readonly rddId: number;
      readonly partition: number;
      readonly holders: readonly ExecutorId[];
      readonly replicas: number;
    }
  /** A result that waited was fetched, or is not wanted. */
  | { readonly type: 'DropResult'; readonly taskId: TaskId }
  /** Finish what runs, hand on what you hold, and end. */
  | { readonly type: 'DecommissionExecutor' }
  | { readonly type: 'StopExecutor' };

/** How a task attempt ended. */
export interface StatusUpdate {
  readonly taskId: TaskId;
  readonly result: TaskResult;
}

/** Executor → driver, one way. */
export type FromExecutor =
  /** Only executors that are processes of their own say so, before the tasks begin. Spark: StatusUpdate with TaskState.RUNNING */
  | { readonly type: 'TasksStarted'; readonly executorId: ExecutorId; readonly taskIds: readonly TaskId[] }
  | ({ readonly type: 'StatusUpdate'; readonly executorId: ExecutorId } & StatusUpdate)
  /** Several tasks ended in one turn of the executor. */
  | { readonly type: 'StatusUpdates'; readonly executorId: ExecutorId; readonly updates: readonly StatusUpdate[] }
  /** A task ended well, with a result too large to travel with this: it waits to be fetched. Spark: IndirectTaskResult */
  | {
      readonly type: 'ResultReady';
      readonly executorId: ExecutorId;
      readonly taskId: TaskId;
      readonly bytes: number;
      readonly accumulators: readonly AccumulatorUpdate[];
      readonly metrics: TaskMetrics;
    }
  /** A block of a persisted RDD is now here, or (stored false) no longer. */
  | {
      readonly type: 'BlockUpdated';
      readonly executorId: ExecutorId;
      readonly rddId: number;
      readonly partition: number;
      readonly stored: boolean;
      readonly memoryBytes: number;
      readonly diskBytes: number;
    };

/** Questions of an executor to its driver. name → [request, reply]; both plain data, they may cross a network. */
export interface AskDriver {
  /** `epoch`: an answer that the executor remembers must be of this one or a later. */
  GetMapOutputs: [{ readonly shuffleId: ShuffleId; readonly epoch: number }, MapOutputs];
  CanCommit: [
    {
      readonly stageId: number;
      readonly stageAttemptId: number;
      readonly partition: number;
      readonly attemptNumber: number;
    },
    { readonly allowed: boolean },
  ];
  /** Answered when there is a permit, within some seconds also without; 0 when the task has ended. */
  AcquirePermits: [PermitAsk, { readonly permits: number }];
  ReturnPermits: [PermitReturn, null];
  /** Answered when the other tasks of the stage have come, which may take as long as spark.barrier.sync.timeout. */
  BarrierSync: [BarrierSyncRequest, BarrierSyncReply];
}

/** Answers an executor's questions; at once where it can, so that a slot in the driver's own process need not wait a turn. */
export type AnswerExecutor = <K extends keyof AskDriver>(
  name: K,
  request: AskDriver[K][0],
) => AskDriver[K][1] | Promise<AskDriver[K][1]>;

/** An answer for each question. */
export type DriverAnswers = {
  readonly [K in keyof AskDriver]: (request: AskDriver[K][0]) => AskDriver[K][1] | Promise<AskDriver[K][1]>;
};

/** Questions of the driver to an executor. name → [request, reply] */
export interface AskExecutorProcess {
  /** A part of a result that waits; null: it is not there. */
  FetchResult: [
    { readonly taskId: TaskId; readonly offset: number; readonly length: number },
    { readonly bytes: Uint8Array | null },
  ];
}
