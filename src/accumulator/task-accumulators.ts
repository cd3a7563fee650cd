import { IskraError } from '../base/errors.ts';
import type { AccumulatorUpdate } from '../protocol/task.ts';
import { encodeValue } from '../serializer/serializer.ts';
import { type AnyAccumulator, setIdentity } from './accumulator-base.ts';

/** Heartbeats are many, and must stay small. */
const MAX_PROGRESS_BYTES = 64 * 1024;

/** The accumulators that the functions of one task reached. */
export class TaskAccumulators {
  readonly #accumulators = new Map<number, AnyAccumulator>();
  /** They are not encoded for the progress again: most only grow. */
  readonly #tooLarge = new Set<number>();

  /** Gives the task's instance of an accumulator; `makeZero` is asked the first time. */
  adopt(id: number, name: string | null, makeZero: () => AnyAccumulator): AnyAccumulator {
    let accumulator = this.#accumulators.get(id);
    if (accumulator === undefined) {
      accumulator = makeZero();
      setIdentity(accumulator, { id, name, atDriver: false });
      this.#accumulators.set(id, accumulator);
    }
    return accumulator;
  }

  /**
   * What the task added, as plain data; those that are still zero say nothing.
   *
   * @throws IskraError ACCUMULATOR_NOT_DATA when a state cannot be cloned.
   */
  updates(): readonly AccumulatorUpdate[] {
    const updates: AccumulatorUpdate[] = [];
    for (const [id, accumulator] of this.#accumulators) {
      if (accumulator.isZero) continue;
      const { name } = accumulator;
      updates.push({ id, name, value: stateOf(accumulator) });
    }
    return updates;
  }

  /** The same while the task runs. What is large, or cannot be told, is left out: the task's end tells. */
  progress(): readonly AccumulatorUpdate[] {
    return [...this.#accumulators].flatMap(([id, accumulator]) => {
      try {
        if (accumulator.excludeFromHeartbeat || accumulator.isZero || this.#tooLarge.has(id)) return [];
        const value = stateOf(accumulator);
        if (sizeOf(value) <= MAX_PROGRESS_BYTES) return [{ id, name: accumulator.name, value }];
        this.#tooLarge.add(id);
        return [];
      } catch {
        return [];
      }
    });
  }
}

function stateOf(accumulator: AnyAccumulator): unknown {
  const state = accumulator.exportState();
  return isFlat(state) ? state : encode(accumulator, state);
}

/** About so many bytes. */
function sizeOf(value: unknown): number {
  if (value instanceof Uint8Array) return value.byteLength;
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 8;
  return Object.values(value).reduce((sum: number, each) => sum + sizeOf(each), 0);
}

/** True for a record of primitives, which can always be cloned. */
function isFlat(state: unknown): boolean {
  if (typeof state !== 'object' || state === null) return typeof state !== 'function' && typeof state !== 'symbol';
  return Object.values(state).every((v) => v === null || /^(string|number|boolean|undefined|bigint)$/.test(typeof v));
}

/** Here the error can name the accumulator; when the message is sent it would cost the whole task result. */
function encode(accumulator: AnyAccumulator, state: unknown): Uint8Array {
  try {
    return Uint8Array.prototype.slice.call(encodeValue(state));
  } catch (cause) {
    throw new IskraError(
      'ACCUMULATOR_NOT_DATA',
      `the state of ${accumulator} cannot leave the task: ${(cause as Error).message}; add plain data, ` +
        'or override exportState and importState',
      { cause },
    );
  }
}
