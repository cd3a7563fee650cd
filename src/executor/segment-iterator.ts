import type { BatchIterator } from '../base/batch-iterator.ts';
import type { RangePayload } from '../protocol/stage-program.ts';
import type { GroupBlock, GroupStream } from '../shuffle/group-block.ts';
import { BATCH_SIZE, BATCH_SIZES } from './record-iterator.ts';
import type { BatchSegment, GroupSegment, RangeSegment } from './segment-compiler.ts';

/**
 * A fused segment as something that can be pulled: for readers that are not the stage's sink (mapPartitions, coalesce, a
 * cache). It takes its parent's batches in slices that grow from 1, so that a reader who stops after one record has not
 * made the user's functions run on 2,048.
 */
export class SegmentIterator implements BatchIterator {
  readonly #parent: BatchIterator;
  readonly #segment: BatchSegment;
  #batch: readonly unknown[] = [];
  #at = 0;
  #round = 0;

  constructor(parent: BatchIterator, segment: BatchSegment) {
    this.#parent = parent;
    this.#segment = segment;
  }

  next(): readonly unknown[] | null {
    const out: unknown[] = [];
    while (out.length === 0) {
      if (this.#at >= this.#batch.length) {
        const batch = this.#parent.next();
        if (batch === null) return null;
        this.#batch = batch;
        this.#at = 0;
      }
      const to = Math.min(this.#batch.length, this.#at + (BATCH_SIZES[this.#round++] ?? BATCH_SIZE));
      const from = this.#at;
      this.#at = to;
      this.#segment(this.#batch, from, to, { out });
    }
    return out;
  }

  close(): void {
    this.#parent.close();
  }
}

/** The same over keys with their values. */
export class GroupSegmentIterator implements BatchIterator {
  readonly #groups: GroupStream;
  readonly #segment: GroupSegment;
  #block: GroupBlock | null = null;
  #at = 0;
  #round = 0;

  constructor(groups: GroupStream, segment: GroupSegment) {
    this.#groups = groups;
    this.#segment = segment;
  }

  next(): readonly unknown[] | null {
    const out: unknown[] = [];
    while (out.length === 0) {
      if (this.#block === null || this.#at >= this.#block.keys.length) {
        this.#block = this.#groups.next();
        if (this.#block === null) return null;
        this.#at = 0;
      }
      const from = this.#at;
      this.#at = Math.min(this.#block.keys.length, from + (BATCH_SIZES[this.#round++] ?? BATCH_SIZE));
      this.#segment(this.#block, from, this.#at, { out });
    }
    return out;
  }

  close(): void {
    this.#block = null;
    this.#groups.close();
  }
}

/** The same over a range, whose numbers need no array. */
export class RangeSegmentIterator implements BatchIterator {
  readonly #range: RangePayload;
  readonly #segment: RangeSegment;
  #done = 0;
  #round = 0;

  constructor(range: RangePayload, segment: RangeSegment) {
    this.#range = range;
    this.#segment = segment;
  }

  next(): readonly unknown[] | null {
    const { start, step, count } = this.#range;
    const out: unknown[] = [];
    while (out.length === 0) {
      if (this.#done >= count) return null;
      const n = Math.min(count - this.#done, BATCH_SIZES[this.#round++] ?? BATCH_SIZE);
      const from = start + this.#done * step;
      this.#done += n;
      this.#segment(from, step, n, { out });
    }
    return out;
  }

  close(): void {
    this.#done = this.#range.count;
  }
}

/** Several partitions one after another, each opened when its turn comes. */
export class ConcatIterator implements BatchIterator {
  readonly #open: readonly (() => BatchIterator)[];
  #current: BatchIterator | null = null;
  #next = 0;

  constructor(open: readonly (() => BatchIterator)[]) {
    this.#open = open;
  }

  next(): readonly unknown[] | null {
    for (;;) {
      if (this.#current === null) {
        const open = this.#open[this.#next++];
        if (open === undefined) return null;
        this.#current = open();
      }
      const batch = this.#current.next();
      if (batch !== null) return batch;
      this.#current.close();
      this.#current = null;
    }
  }

  close(): void {
    this.#current?.close();
    this.#current = null;
    this.#next = this.#open.length;
  }
}

/** An array as batches; owned by whoever made it. */
export class ArrayBatches implements BatchIterator {
  readonly #records: readonly unknown[];
  #at = 0;

  constructor(records: readonly unknown[]) {
    this.#records = records;
  }

  next(): readonly unknown[] | null {
    if (this.#at >= this.#records.length) return null;
    if (this.#at === 0 && this.#records.length <= BATCH_SIZE) {
      this.#at = this.#records.length;
      return this.#records;
    }
    const batch = this.#records.slice(this.#at, this.#at + BATCH_SIZE);
    this.#at += BATCH_SIZE;
    return batch;
  }

  close(): void {
    this.#at = this.#records.length;
  }
}
