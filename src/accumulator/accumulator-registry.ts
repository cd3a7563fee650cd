import { IllegalArgumentError, IskraError } from '../base/errors.ts';
import type { AccumulatorUpdate } from '../protocol/task.ts';
import { decodeValue } from '../serializer/serializer.ts';
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
    if (name !== null && typeof name !== 'string')
      throw new IllegalArgumentError(`the name of an accumulator must be a text, but is ${String(name)}`);
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
        accumulator.merge(partialOf(accumulator, update));
      } catch (error) {
        failed(update, error);
      }
    }
  }

  /** What a task added, and what the accumulator is worth now; undefined where that cannot be told. Never throws. */
  describe(id: number, update: unknown): { readonly partial: unknown; readonly value: unknown } {
    const accumulator = this.get(id);
    if (accumulator === null) return { partial: undefined, value: undefined };
    const read = (of: () => unknown): unknown => {
      try {
        return of();
      } catch {
        return undefined; // an own kind's code; whoever reads the value itself gets the error
      }
    };
    return {
      partial: read(() => partialOf(accumulator, update as AccumulatorUpdate).value),
      value: read(() => accumulator.value),
    };
  }
}

function partialOf(accumulator: AnyAccumulator, { value }: AccumulatorUpdate): AnyAccumulator {
  const partial = accumulator.copyAndReset();
  partial.importState(value instanceof Uint8Array ? decodeValue(value) : value);
  return partial;
}
