import type { BatchIterator } from '../base/batch-iterator.ts';

/** Keys and values as columns of equal length; belongs to whoever got it. */
export interface PairBlock {
  readonly keys: unknown[];
  readonly values: unknown[];
}

/** Blocks of a kind, pulled. */
export interface BlockStream<B> {
  next(): B | null;
  /** Idempotent. */
  close(): void;
}

/** Pairs as columns; what the parts of the shuffle hand to each other. */
export interface PairStream extends BlockStream<PairBlock> {}

const BATCH_ROWS = 2048;

/** Pairs as the `[key, value]` records that stages work on. */
export class PairRecords implements BatchIterator<[unknown, unknown]> {
  readonly #stream: PairStream;
  #block: PairBlock | null = null;
  #at = 0;

  constructor(stream: PairStream) {
    this.#stream = stream;
  }

  next(): readonly [unknown, unknown][] | null {
    let block = this.#block;
    while (block === null || this.#at === block.keys.length) {
      block = this.#stream.next();
      this.#block = block;
      this.#at = 0;
      if (block === null) return null;
    }
    const { keys, values } = block;
    // A block a little over a batch is not worth a second, tiny batch.
    const left = keys.length - this.#at;
    const end = left <= 2 * BATCH_ROWS ? keys.length : this.#at + BATCH_ROWS;
    const from = this.#at;
    const batch: [unknown, unknown][] = new Array(end - from);
    for (let i = from; i < end; i++) batch[i - from] = [keys[i], values[i]];
    this.#at = end;
    return batch;
  }

  close(): void {
    this.#block = null;
    this.#stream.close();
  }
}
