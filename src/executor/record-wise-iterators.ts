import type { BatchIterator } from '../base/batch-iterator.ts';
import { IskraError } from '../base/errors.ts';
import type { Sampler } from '../base/samplers.ts';

// Operators that go record by record but know more than the record: where it stands, or what stands beside it.

/** What a sampler chooses. */
export class SampleIterator implements BatchIterator {
  readonly #parent: BatchIterator;
  readonly #sampler: Sampler;

  constructor(parent: BatchIterator, sampler: Sampler) {
    this.#parent = parent;
    this.#sampler = sampler;
  }

  next(): readonly unknown[] | null {
    // Batch by batch, also when nothing of one is chosen: between batches the task looks whether it was killed.
    const batch = this.#parent.next();
    if (batch === null) return null;
    const out: unknown[] = [];
    this.#sampler.add(batch, out);
    return out;
  }

  close(): void {
    this.#parent.close();
  }
}

/** The k-th record becomes [record, first + k * step]. */
export class NumberingIterator implements BatchIterator {
  readonly #parent: BatchIterator;
  readonly #step: number;
  #next: number;

  constructor(parent: BatchIterator, first: number, step: number) {
    this.#parent = parent;
    this.#next = first;
    this.#step = step;
  }

  next(): readonly unknown[] | null {
    const batch = this.#parent.next();
    if (batch === null) return null;
    const out = new Array<unknown>(batch.length);
    const first = this.#next;
    const step = this.#step;
    for (let i = 0; i < batch.length; i++) out[i] = [batch[i], first + i * step];
    this.#next = first + batch.length * step;
    return out;
  }

  close(): void {
    this.#parent.close();
  }
}

/** [key, record], with one key for all. */
export class KeyedIterator implements BatchIterator {
  readonly #parent: BatchIterator;
  readonly #key: number;

  constructor(parent: BatchIterator, key: number) {
    this.#parent = parent;
    this.#key = key;
  }

  next(): readonly unknown[] | null {
    const batch = this.#parent.next();
    if (batch === null) return null;
    const key = this.#key;
    const out = new Array<unknown>(batch.length);
    for (let i = 0; i < batch.length; i++) out[i] = [key, batch[i]];
    return out;
  }

  close(): void {
    this.#parent.close();
  }
}

/** Records side by side. Batches of the two sides need not be of one size. */
export class ZipIterator implements BatchIterator {
  readonly #left: Side;
  readonly #right: Side;

  constructor(left: BatchIterator, right: BatchIterator) {
    this.#left = new Side(left);
    this.#right = new Side(right);
  }

  next(): readonly unknown[] | null {
    const left = this.#left;
    const right = this.#right;
    const more = left.fill();
    if (right.fill() !== more)
      throw new IskraError(
        'UNEQUAL_PARTITIONS',
        'Can only zip RDDs with same number of elements in each partition; zipPartitions() takes others, too',
      );
    if (!more) return null;
    const n = Math.min(left.batch.length - left.at, right.batch.length - right.at);
    const out = new Array<unknown>(n);
    for (let i = 0; i < n; i++) out[i] = [left.batch[left.at + i], right.batch[right.at + i]];
    left.at += n;
    right.at += n;
    return out;
  }

  close(): void {
    try {
      this.#left.source.close();
    } finally {
      this.#right.source.close();
    }
  }
}

class Side {
  readonly source: BatchIterator;
  batch: readonly unknown[] = [];
  at = 0;
  #ended = false;

  constructor(source: BatchIterator) {
    this.source = source;
  }

  /** True when there is a record at `at`. */
  fill(): boolean {
    while (!this.#ended && this.at >= this.batch.length) {
      const batch = this.source.next();
      this.#ended = batch === null;
      this.batch = batch ?? [];
      this.at = 0;
    }
    return !this.#ended;
  }
}

/** One batch, made when it is asked for. */
export class OnceIterator implements BatchIterator {
  #make: (() => readonly unknown[]) | null;

  constructor(make: () => readonly unknown[]) {
    this.#make = make;
  }

  next(): readonly unknown[] | null {
    const make = this.#make;
    this.#make = null;
    return make === null ? null : make();
  }

  close(): void {
    this.#make = null;
  }
}
