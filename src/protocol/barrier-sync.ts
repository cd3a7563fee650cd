import type { StageId, TaskId } from './ids.ts';

/** A task of a barrier stage has come to barrier() or allGather(). Spark: RequestToSync */
export interface BarrierSyncRequest {
  readonly stageId: StageId;
  readonly stageAttemptId: number;
  readonly taskId: TaskId;
  readonly partition: number;
  /** How many syncs the task has been through. */
  readonly epoch: number;
  readonly method: 'BARRIER' | 'ALL_GATHER';
  readonly message: string;
}

/** `messages`: of all tasks, in the order of their partitions. */
export type BarrierSyncReply =
  | { readonly kind: 'Synced'; readonly messages: readonly string[] }
  | { readonly kind: 'Failed'; readonly message: string };

/** Where one task of a barrier stage runs. Spark: BarrierTaskInfo */
export interface BarrierTaskInfo {
  /** `host:port` of its executor; port 0 where executors have none. */
  readonly address: string;
}
