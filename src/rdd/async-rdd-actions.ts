import * as actions from './actions.ts';
import type { ActionOptions, FutureAction } from './future-action.ts';
import { RDDActions } from './rdd-actions.ts';
import type { TaskContext } from './task-context.ts';

/**
 * Spark's names for actions that give a future at once. All actions do here: each is another one under its other name.
 *
 * Spark: AsyncRDDActions
 */
export abstract class AsyncRDDActions<out T> extends RDDActions<T> {
  countAsync(options?: ActionOptions): FutureAction<number> {
    return actions.count(this.at('countAsync'), options);
  }

  collectAsync(options?: ActionOptions): FutureAction<T[]> {
    return actions.collect(this.at('collectAsync'), options);
  }

  takeAsync(n: number, options?: ActionOptions): FutureAction<T[]> {
    return actions.take(this.at('takeAsync'), n, options);
  }

  /** f itself is synchronous; see foreachConcurrent. */
  foreachAsync(f: (record: T) => void, options?: ActionOptions): FutureAction<void> {
    return actions.foreach(this.at('foreachAsync'), f, options);
  }

  foreachPartitionAsync(
    f: (records: IterableIterator<T>, context: TaskContext) => void,
    options?: ActionOptions,
  ): FutureAction<void> {
    return actions.foreachPartition(this.at('foreachPartitionAsync'), f, options);
  }
}
