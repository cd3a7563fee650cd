import { IskraError } from '../base/errors.ts';
import type { AccumulatorUpdate } from '../protocol/task.ts';
import { Accumulator, type AnyAccumulator, setIdentity } from './accumulator-base.ts';

/**
 * The accumulators of an application; on the driver.
 *
 * It holds them weakly: what the program dropped cannot be read, and so its updates need no place.
 *
 * Spark: AccumulatorContext
 */
export class AccumulatorRegistry {
  readonly #accumulators = new Map<number, WeakRef<AnyAccumulator>>();
  #nextId = 0;

  /** @throws IskraError ACCUMULATOR_REGISTERED_TWICE. */
  register(accumulator: AnyAccumulator, name: string | null): void {
    if (!(accumulator instanceof Accumulator))
      throw new IskraError('ACCUMULATOR_BAD_CLASS', 'register(x): x must extend Accumulator of iskra');
    if (accumulator.identity !== null)
      throw new IskraError(
        'ACCUMULATOR_REGISTERED_TWICE',
        `Cannot register an Accumulator twice: ${accumulator}; make a new one`,
      );
    const id = this.#nextId++;
    setIdentity(accumulator, { id, name, atDriver: true });
    this.#accumulators.set(id, new WeakRef(accumulator));
  }

  /** Updates that still come have no place. */
  forget(id: number): void {
    this.#accumulators.delete(id);
  }

  get(id: number): AnyAccumulator | null {
    return this.#accumulators.get(id)?.deref() ?? null;
  }

  /**
   * Adds what a task added. An own kind whose `merge` throws is told to `failed`, and the others are merged all the same: a
   * bad accumulator must never cost a job.
   */
  merge(updates: readonly AccumulatorUpdate[], failed: (update: AccumulatorUpdate, error: unknown) => void): void {
    for (const update of updates) {
      const accumulator = this.get(update.id);
      if (accumulator === null) {
        this.#accumulators.delete(update.id);
        continue;
      }
      try {
        const partial = accumulator.copyAndReset();
        partial.importState(update.value);
        accumulator.merge(partial);
      } catch (error) {
        failed(update, error);
      }
    }
  }
}
