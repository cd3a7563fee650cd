import { IskraError } from '../base/errors.ts';
import type { BarrierTaskInfo } from '../protocol/barrier-sync.ts';
import { TaskContext } from './task-context.ts';

/** What a running task of a barrier stage may ask for: its fellow tasks. Spark: BarrierTaskContext */
export interface BarrierTaskContext extends TaskContext {
  /**
   * Waits until all tasks of the stage have called it, as often as this one has.
   *
   * @throws IskraError when one of them calls allGather() instead, or does not come within spark.barrier.sync.timeout.
   */
  barrier(): void;
  /** barrier(), and the messages of all tasks, in the order of their partitions. */
  allGather(message: string): string[];
  /** Of all tasks, in the order of their partitions. */
  getTaskInfos(): BarrierTaskInfo[];
}

/**
 * `BarrierTaskContext.get()`: the context of the task that runs now.
 *
 * @throws IskraError outside of a task of a barrier stage.
 */
export const BarrierTaskContext: { get(): BarrierTaskContext } = {
  get() {
    const context = TaskContext.get();
    if (context !== null && 'allGather' in context) return context as BarrierTaskContext;
    throw new IskraError(
      'NOT_A_BARRIER_TASK',
      `BarrierTaskContext.get() was called ${context === null ? 'outside of a task' : `in a task of stage ${context.stageId}, which is no barrier stage`}; call it in a function passed to rdd.barrier().mapPartitions()`,
    );
  },
};
