import type { ErrorData } from '../base/errors.ts';
import type { ExecutorId, ShuffleId, TaskId } from './ids.ts';
import type { BlockManagerId } from './map-output.ts';

/** Why a task attempt ended. Spark: TaskEndReason */
export type TaskEndReason = { readonly kind: 'Success' } | TaskFailedReason;

export type TaskFailedReason =
  /** User code or the engine threw inside the task. Counts as a failure. */
  | { readonly kind: 'ExceptionFailure'; readonly error: ErrorData; readonly retriable: boolean }
  /** A map output could not be read: the fault of the map side, not of this task. `mapIndex` null: no output was known. */
  | {
      readonly kind: 'FetchFailed';
      readonly location: BlockManagerId | null;
      readonly shuffleId: ShuffleId;
      readonly mapId: TaskId | null;
      readonly mapIndex: number | null;
      readonly reduceId: number;
      readonly message: string;
    }
  /** The slot (a thread) ended under the task: out of heap, process.exit, native crash. Counted apart from exceptions. */
  | { readonly kind: 'SlotLost'; readonly message: string }
  | {
      readonly kind: 'ExecutorLostFailure';
      readonly executorId: ExecutorId;
      readonly exitCausedByApp: boolean;
      readonly message: string;
    }
  | { readonly kind: 'TaskResultLost' }
  | { readonly kind: 'TaskKilled'; readonly reason: string }
  | { readonly kind: 'TaskCommitDenied'; readonly partition: number; readonly attemptNumber: number }
  /** A finished map task whose output was lost with its executor. */
  | { readonly kind: 'Resubmitted' };

/** The text that stands in "most recent failure: …". Spark: TaskFailedReason.toErrorString */
export function describeFailure(reason: TaskFailedReason): string {
  switch (reason.kind) {
    case 'ExceptionFailure':
      return reason.error.stack;
    case 'FetchFailed':
      return `FetchFailed(${reason.location === null ? 'null' : `${reason.location.executorId}@${reason.location.host}`}, shuffleId=${reason.shuffleId}, mapIndex=${reason.mapIndex}, mapId=${reason.mapId}, reduceId=${reason.reduceId}, message=\n${reason.message}\n)`;
    case 'SlotLost':
      return `SlotLost: ${reason.message}`;
    case 'ExecutorLostFailure':
      return `ExecutorLostFailure (executor ${reason.executorId} exited ${reason.exitCausedByApp ? 'caused by one of the running tasks' : 'unrelated to the running tasks'}) Reason: ${reason.message}`;
    case 'TaskResultLost':
      return 'TaskResultLost (result lost from block manager)';
    case 'TaskKilled':
      return `TaskKilled (${reason.reason})`;
    case 'TaskCommitDenied':
      return `TaskCommitDenied (Driver denied task commit) for partition ${reason.partition}, attempt ${reason.attemptNumber}`;
    case 'Resubmitted':
      return 'Resubmitted (resubmitted due to lost executor)';
  }
}
