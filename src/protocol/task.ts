import type { BarrierTaskInfo } from './barrier-sync.ts';
import type { ExecutorId, StageId, TaskId } from './ids.ts';
import type { MapStatus } from './map-output.ts';
import type { ResourceInformation } from './resource-profile.ts';
import type { Split } from './stage-program.ts';
import type { TaskFailedReason } from './task-end-reason.ts';
import type { TaskMetrics } from './task-metrics.ts';

/** One task attempt on its way to an executor. Spark: TaskDescription */
export interface TaskDescription {
  readonly taskId: TaskId;
  readonly attemptNumber: number;
  readonly executorId: ExecutorId;
  /** `task 1.0 in stage 0.0 (TID 1)` without the word task: `1.0 in stage 0.0 (TID 1)`. */
  readonly name: string;
  readonly stageId: StageId;
  readonly stageAttemptId: number;
  readonly partition: number;
  readonly numPartitions: number;
  readonly cpus: number;
  /** The custom resources it may use; null: none. */
  readonly resources: Readonly<Record<string, ResourceInformation>> | null;
  readonly localProperties: Readonly<Record<string, string>>;
  /** Key of the StageProgram this task runs; the program itself travels once per executor. */
  readonly programKey: string;
  readonly split: Split;
  /** Of a barrier stage: where its tasks run, in the order of partitions. Null: it is none. */
  readonly barrier: readonly BarrierTaskInfo[] | null;
}

/**
 * An accumulator's change in one task: the zero-based partial value. `value` is the accumulator's own state: a record of
 * primitives as it is, anything else as serializer bytes, so that classes are kept.
 */
export interface AccumulatorUpdate {
  readonly id: number;
  readonly name: string | null;
  readonly value: unknown;
}

/** What a task attempt gave. */
export type TaskResult =
  /** Of a result stage: serializer bytes. */
  | {
      readonly kind: 'Result';
      readonly bytes: Uint8Array;
      readonly accumulators: readonly AccumulatorUpdate[];
      readonly metrics: TaskMetrics;
    }
  /** Of a shuffle map stage. */
  | {
      readonly kind: 'MapOutput';
      readonly status: MapStatus;
      readonly accumulators: readonly AccumulatorUpdate[];
      readonly metrics: TaskMetrics;
    }
  | { readonly kind: 'Failed'; readonly reason: TaskFailedReason; readonly metrics: TaskMetrics | null };
