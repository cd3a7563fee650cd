import { AggregationTable } from './aggregation-table.ts';
import { type GroupKind, GroupLimit } from './group-limit.ts';
import { GrowthTracker } from './growth-tracker.ts';
import type { MergeLoop } from './merge-loops.ts';
import type { PairBlock, PairStream } from './pair-stream.ts';
import { appendBuckets } from './row-blocks.ts';
import type { ShuffleEnv } from './shuffle-env.ts';
import { SpillFile } from './spill-file.ts';
import type { MemoryUse } from './task-memory.ts';

/** A spilled table is cut into this many parts by hash; data up to so many times the memory is read back once. */
const BUCKET_BITS = 5;
const BUCKETS = 1 << BUCKET_BITS;
/** Six times five bits are what a hash has; keys that agree in all of them stay in memory. */
const MAX_DEPTH = 5;
/** Parts of spilled data are not cut further below this: the files would cost more than the memory. */
const MIN_PART_BYTES = 64 * 1024;

/**
 * A hash aggregation that spills: combiners by key, in memory as long as they fit.
 *
 * When memory runs short the whole table goes to disk, cut into 32 buckets by its keys' hashes. At the end each bucket is
 * aggregated for itself, from all runs: no key is in two buckets. One that does not fit either is cut by the next bits.
 *
 *   table full ─► run 0: bucket 0 │ 1 │ … │ 31
 *   table full ─► run 1: bucket 0 │ 1 │ … │ 31      then: bucket 0 of run 0, 1, … ─► Aggregator one level deeper
 *
 * Against sorting by hash and merging this saves the sort and the merge: a spilled row costs one encoding, one decoding
 * and one more look-up. Spark: ExternalAppendOnlyMap, which sorts and merges.
 */
export class Aggregator {
  readonly table: AggregationTable = new AggregationTable();
  readonly #env: ShuffleEnv;
  readonly #mergeCombiners: MergeLoop;
  readonly #depth: number;
  readonly #memory: MemoryUse;
  readonly #growth = new GrowthTracker(() => this.table.estimatedBytes());
  readonly #kind: GroupKind;
  readonly #limit: GroupLimit;
  readonly #file: SpillFile;
  /** Positions of the buckets of each run in the file. */
  readonly #runs: Float64Array[] = [];

  /**
   * @param mergeCombiners brings spilled combiners together again.
   * @param kind what the table's values are, for the error when one key's are too large.
   */
  constructor(env: ShuffleEnv, mergeCombiners: MergeLoop, kind: GroupKind, depth = 0) {
    this.#env = env;
    this.#mergeCombiners = mergeCombiners;
    this.#kind = kind;
    this.#depth = depth;
    this.#memory = env.memory.use();
    this.#limit = new GroupLimit(env.memory, kind);
    this.#file = new SpillFile(env);
  }

  /**
   * To be called after each batch that went into the table; may empty it.
   *
   * @throws GroupTooLargeError when the table is one key, which spilling would not make smaller, and the heap is full.
   */
  endBatch(): void {
    this.table.noticeLarge();
    if (!this.#memory.shouldSpill(this.#growth.estimate())) return;
    if (this.#mayTake()) this.#spill();
    else this.#limit.check(this.table);
  }

  /** Everything, once; order is that of first arrival unless something was spilled. The table is over. */
  finish(): PairStream {
    if (this.#runs.length > 0) {
      if (this.table.size > 0) this.#spill();
      return new BucketStream(
        (bucket) => this.#openBucket(bucket),
        () => this.close(),
      );
    }
    const { table } = this;
    let block: PairBlock | null = { keys: table.keys, values: table.values };
    return {
      next() {
        const all = block;
        block = null;
        return all;
      },
      close: () => this.close(),
    };
  }

  /** Gives memory and files back; twice is fine. */
  close(): void {
    this.#file.close();
    this.#memory.release();
    const { metrics, memory } = this.#env;
    metrics.peakExecutionMemoryBytes = Math.max(metrics.peakExecutionMemoryBytes, memory.peakBytes);
  }

  #mayTake(): boolean {
    if (this.#depth === 0) return this.table.size > 0;
    return this.#depth <= MAX_DEPTH && this.table.size > 1 && this.#memory.bytes >= MIN_PART_BYTES;
  }

  #spill(): void {
    const { table } = this;
    const { size, hashes } = table;
    const buckets = new Int32Array(size);
    const shift = 32 - BUCKET_BITS * (this.#depth + 1);
    for (let i = 0; i < size; i++) buckets[i] = (mixed(hashes[i] as number) >>> shift) & (BUCKETS - 1);
    const from = this.#file.position;
    const { encoder } = this.#env;
    this.#runs.push(appendBuckets(this.#file.output, encoder, table.keys, table.values, size, buckets, BUCKETS));
    this.#file.account(this.#memory.bytes, from);
    table.clear();
    this.#growth.reset();
    this.#memory.shouldSpill(0);
  }

  /** A bucket of all runs, aggregated; null when it is empty. */
  #openBucket(bucket: number): PairStream | null {
    if (bucket === BUCKETS) return null;
    const part = new Aggregator(this.#env, this.#mergeCombiners, this.#kind, this.#depth + 1);
    try {
      for (const run of this.#runs) {
        const start = run[bucket] as number;
        const end = run[bucket + 1] as number;
        if (end === start) continue;
        const blocks = this.#file.read(start, end);
        try {
          for (let block = blocks.next(); block !== null; block = blocks.next()) {
            part.#limit.checkMerge(part.table, block);
            this.#mergeCombiners(part.table, block.keys, block.values);
            part.endBatch();
          }
        } finally {
          blocks.close();
        }
      }
      return part.finish();
    } catch (e) {
      part.close();
      throw e;
    }
  }
}

/** The buckets one after another; each is made when the one before is used up. */
class BucketStream implements PairStream {
  readonly #open: (bucket: number) => PairStream | null;
  readonly #release: () => void;
  #next = 0;
  #part: PairStream | null = null;

  /** @param open null behind the last bucket. */
  constructor(open: (bucket: number) => PairStream | null, release: () => void) {
    this.#open = open;
    this.#release = release;
  }

  next(): PairBlock | null {
    for (;;) {
      this.#part ??= this.#open(this.#next++);
      if (this.#part === null) return null;
      const block = this.#part.next();
      if (block !== null) return block;
      this.#part.close();
      this.#part = null;
    }
  }

  close(): void {
    this.#part?.close();
    this.#part = null;
    this.#next = BUCKETS;
    this.#release();
  }
}

/** Another mixing than the table's slots and the partitions have: these share bits for all keys that come here. */
function mixed(hash: number): number {
  const h = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return Math.imul(h ^ (h >>> 12), 0x297a2d39);
}
