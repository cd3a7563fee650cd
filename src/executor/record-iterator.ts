import type { BatchIterator } from '../base/batch-iterator.ts';

/**
 * Batches as the iterator that a user function of mapPartitions sees. A class with `next`, not a generator: 4.6 against
 * 18 ns a record. Single pass, like every iterator.
 */
export class RecordIterator<T = unknown> implements IterableIterator<T> {
  readonly #batches: BatchIterator<T>;
  #batch: readonly T[] = [];
  #at = 0;
  #done = false;

  constructor(batches: BatchIterator<T>) {
    this.#batches = batches;
  }

  next(): IteratorResult<T> {
    while (this.#at >= this.#batch.length) {
      if (this.#done) return { value: undefined, done: true };
      const batch = this.#batches.next();
      if (batch === null) {
        this.#done = true;
        this.#batch = [];
        return { value: undefined, done: true };
      }
      this.#batch = batch;
      this.#at = 0;
    }
    return { value: this.#batch[this.#at++] as T, done: false };
  }

  /** `for … of` left early: nothing to do, the task closes its sources. */
  return(value?: unknown): IteratorResult<T> {
    this.#done = true;
    this.#batch = [];
    this.#at = 0;
    return { value: value as T, done: true };
  }

  [Symbol.iterator](): this {
    return this;
  }
}

/** First batches are small, so that a reader that stops early has not made 2,048 records for nothing. */
export const BATCH_SIZES: readonly number[] = [1, 16, 256];
export const BATCH_SIZE = 2048;

/** What a user function returned, as batches again. Arrays are cut, anything else is pulled. */
export class IterableBatches implements BatchIterator {
  readonly #source: BatchIterator;
  #array: readonly unknown[] | null = null;
  #iterator: Iterator<unknown> | null = null;
  #at = 0;
  #round = 0;

  constructor(iterable: Iterable<unknown>, source: BatchIterator) {
    this.#source = source;
    if (Array.isArray(iterable)) this.#array = iterable;
    else this.#iterator = iterable[Symbol.iterator]();
  }

  next(): readonly unknown[] | null {
    if (this.#array !== null) {
      if (this.#at >= this.#array.length) return null;
      const batch = this.#array.slice(this.#at, this.#at + BATCH_SIZE);
      this.#at += BATCH_SIZE;
      return batch;
    }
    const size = BATCH_SIZES[this.#round++] ?? BATCH_SIZE;
    const out: unknown[] = [];
    const iterator = this.#iterator;
    if (iterator === null) return null;
    while (out.length < size) {
      const step = iterator.next();
      if (step.done) {
        this.#iterator = null;
        break;
      }
      out.push(step.value);
    }
    return out.length === 0 && this.#iterator === null ? null : out;
  }

  close(): void {
    const iterator = this.#iterator;
    this.#iterator = null;
    // A generator's `finally` must run when its reader stops early.
    if (iterator !== null && typeof iterator.return === 'function') iterator.return();
    this.#source.close();
  }
}
