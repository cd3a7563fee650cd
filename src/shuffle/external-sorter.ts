import { MAX_FAN_IN, MergeStream } from './merge-stream.ts';
import type { PairBlock, PairStream } from './pair-stream.ts';
import { appendRows } from './row-blocks.ts';
import type { ShuffleEnv } from './shuffle-env.ts';
import { estimateBytes } from './size-estimator.ts';
import { comparatorOf, type KeyOrder, sortPairs } from './sorter.ts';
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
  readonly #order: KeyOrder;
  readonly #memory: MemoryUse;
  readonly #file: SpillFile;
  #runs: Run[] = [];
  #blocks: PairBlock[] = [];
  #bytes = 0;

  constructor(env: ShuffleEnv, order: KeyOrder) {
    this.#env = env;
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
    const rest = this.#sortBlocks();
    const last = new OneBlock(rest);
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
  #sortBlocks(): PairBlock {
    const { keys, values } = concatenated(this.#blocks);
    this.#blocks = [];
    return sortPairs(keys, values, this.#order);
  }

  #spill(): void {
    const start = this.#file.position;
    const { keys, values } = this.#sortBlocks();
    appendRows(this.#file.output, this.#env.encoder, keys, values, 0, keys.length);
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
      for (let block = merged.next(); block !== null; block = merged.next())
        appendRows(this.#file.output, this.#env.encoder, block.keys, block.values, 0, block.keys.length);
    } finally {
      merged.close();
    }
    this.#file.account(0, start);
    return { start, end: this.#file.position };
  }

  #merge(sources: readonly PairStream[]): PairStream {
    return new MergeStream(`${this.#env.programKey} sort`, sources, comparatorOf(this.#order));
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

class OneBlock implements PairStream {
  #block: PairBlock | null;

  constructor(block: PairBlock) {
    this.#block = block;
  }

  next(): PairBlock | null {
    const block = this.#block;
    this.#block = null;
    return block;
  }

  close(): void {
    this.#block = null;
  }
}
