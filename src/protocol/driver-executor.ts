import type { ExecutorId, TaskId } from './ids.ts';
import type { StageProgram } from './stage-program.ts';
import type { TaskDescription, TaskResult } from './task.ts';

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
  | { readonly type: 'StopExecutor' };

/** Executor → driver, one way. */
export type FromExecutor =
  | { readonly type: 'TaskStarted'; readonly executorId: ExecutorId; readonly taskId: TaskId }
  | {
      readonly type: 'StatusUpdate';
      readonly executorId: ExecutorId;
      readonly taskId: TaskId;
      readonly result: TaskResult;
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
