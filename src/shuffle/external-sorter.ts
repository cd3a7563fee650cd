import { MAX_FAN_IN, MergeStream } from './merge-stream.ts';
import type { PairBlock, PairStream } from './pair-stream.ts';
import { appendRows, BLOCK_ROWS } from './row-blocks.ts';
import type { ShuffleEnv } from './shuffle-env.ts';
import { estimateBytes } from './size-estimator.ts';
import { comparatorOf, type KeyOrder, sortedRows } from './sorter.ts';
import { SpillFile } from './spill-file.ts';
import type { MemoryUse } from './task-memory.ts';

/** Rows of each block whose size is estimated. */
const SAMPLES_PER_BLOCK = 16;
/** Two array slots, a word to sort by, and a slot in each sorted column. */
const BYTES_PER_ROW = 40;

interface Run {
  readonly start: number;
  readonly end: number;
}

/**
 * Sorts pairs by key, in memory or, when that runs short, in sorted runs on disk that are merged at the end, at most
 * MAX_FAN_IN at a time. Equal keys keep the order they came in. Spark: ExternalSorter
 */
export class ExternalSorter {
  readonly #env: ShuffleEnv;
  readonly #tag: string;
  readonly #order: KeyOrder;
  readonly #memory: MemoryUse;
  readonly #file: SpillFile;
  #runs: Run[] = [];
  #blocks: PairBlock[] = [];
  #bytes = 0;

  constructor(env: ShuffleEnv, order: KeyOrder) {
    this.#env = env;
    this.#tag = `${env.programKey} sort`;
    this.#order = order;
    this.#memory = env.memory.use();
    this.#file = new SpillFile(env);
  }

  /** Takes in a block; may write a run. */
  add(block: PairBlock): void {
    const { keys, values } = block;
    const n = keys.length;
    if (n === 0) return;
    this.#blocks.push(block);
    const step = Math.max(1, Math.floor(n / SAMPLES_PER_BLOCK));
    let bytes = 0;
    let sampled = 0;
    for (let i = 0; i < n; i += step) {
      bytes += BYTES_PER_ROW + estimateBytes(keys[i]) + estimateBytes(values[i]);
      sampled++;
    }
    this.#bytes += Math.round((bytes / sampled) * n);
    if (this.#memory.shouldSpill(this.#bytes)) this.#spill();
  }

  /** Everything in order, once. */
  finish(): PairStream {
    const last = this.#sortBlocks();
    if (this.#runs.length === 0) return { next: () => last.next(), close: () => this.close() };
    // The rest counts as one source.
    const sources = this.#reduceRuns(MAX_FAN_IN - 1).map((run): PairStream => this.#file.read(run.start, run.end));
    const merged = this.#merge([...sources, last]);
    return {
      next: () => merged.next(),
      close: () => {
        merged.close();
        this.close();
      },
    };
  }

  /** Gives memory and files back; twice is fine. */
  close(): void {
    this.#blocks = [];
    this.#file.close();
    this.#memory.release();
    const { metrics, memory } = this.#env;
    metrics.peakExecutionMemoryBytes = Math.max(metrics.peakExecutionMemoryBytes, memory.peakBytes);
  }

  /** What came since the last run, sorted. */
  #sortBlocks(): PairStream {
    const { keys, values } = concatenated(this.#blocks);
    this.#blocks = [];
    return new SortedPairs(keys, values, sortedRows(keys, this.#order, this.#tag));
  }

  #spill(): void {
    const start = this.#file.position;
    this.#append(this.#sortBlocks());
    this.#runs.push({ start, end: this.#file.position });
    this.#file.account(this.#bytes, start);
    this.#bytes = 0;
    this.#memory.shouldSpill(0);
  }

  /** Merges neighbours until `limit` runs are left, as few rows as possible a second time. */
  #reduceRuns(limit: number): readonly Run[] {
    while (this.#runs.length > limit) {
      const reduced: Run[] = [];
      let excess = this.#runs.length - limit;
      for (let at = 0; at < this.#runs.length; ) {
        const k = Math.min(MAX_FAN_IN, excess + 1, this.#runs.length - at);
        const group = this.#runs.slice(at, at + k);
        reduced.push(group.length === 1 ? (group[0] as Run) : this.#mergeRuns(group));
        excess -= k - 1;
        at += k;
      }
      this.#runs = reduced;
    }
    return this.#runs;
  }

  #mergeRuns(group: readonly Run[]): Run {
    const start = this.#file.position;
    const merged = this.#merge(group.map((run) => this.#file.read(run.start, run.end)));
    try {
      this.#append(merged);
    } finally {
      merged.close();
    }
    this.#file.account(0, start);
    return { start, end: this.#file.position };
  }

  #append(sorted: PairStream): void {
    for (let block = sorted.next(); block !== null; block = sorted.next())
      appendRows(this.#file.output, this.#env.encoder, block.keys, block.values, 0, block.keys.length);
  }

  #merge(sources: readonly PairStream[]): PairStream {
    return new MergeStream(this.#tag, sources, comparatorOf(this.#order));
  }
}

function concatenated(blocks: readonly PairBlock[]): PairBlock {
  let rows = 0;
  for (const block of blocks) rows += block.keys.length;
  const keys: unknown[] = new Array(rows);
  const values: unknown[] = new Array(rows);
  let at = 0;
  for (const block of blocks)
    for (let i = 0; i < block.keys.length; i++) {
      keys[at] = block.keys[i];
      values[at++] = block.values[i];
    }
  return { keys, values };
}

/** Columns in sorted order, gathered block by block: sorting needs no second copy of them. */
class SortedPairs implements PairStream {
  #keys: readonly unknown[];
  #values: readonly unknown[];
  readonly #rows: ArrayLike<number>;
  #at = 0;

  constructor(keys: readonly unknown[], values: readonly unknown[], rows: ArrayLike<number>) {
    this.#keys = keys;
    this.#values = values;
    this.#rows = rows;
  }

  next(): PairBlock | null {
    const n = Math.min(BLOCK_ROWS, this.#keys.length - this.#at);
    if (n <= 0) return null;
    const keys: unknown[] = new Array(n);
    const values: unknown[] = new Array(n);
    for (let i = 0; i < n; i++) {
      const row = this.#rows[this.#at + i] as number; // one row for each key
      keys[i] = this.#keys[row];
      values[i] = this.#values[row];
    }
    this.#at += n;
    return { keys, values };
  }

  close(): void {
    this.#keys = [];
    this.#values = [];
  }
}
