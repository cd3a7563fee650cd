import type { RecordEncoder } from '../serializer/serializer.ts';
import { GrowthTracker } from './growth-tracker.ts';
import type { OutputFile } from './output-file.ts';
import type { BlockStream, PairBlock } from './pair-stream.ts';
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

/** What a table is to a `SpillingTable`; `B` is what its results come in. */
export interface Spillable<B> {
  /** Keys in it. */
  readonly size: number;
  /** Hashes of its keys; only the first `size` of them count. */
  readonly hashes: Int32Array;
  estimatedBytes(): number;
  clear(): void;
  /**
   * Writes all of it as rows of key and value, grouped by bucket.
   *
   * @param buckets the bucket of each key.
   * @returns numBuckets + 1 positions in the file: bucket b lies in [b, b + 1).
   */
  write(output: OutputFile, encoder: RecordEncoder, buckets: Int32Array, numBuckets: number): Float64Array;
  /** Takes in rows that were written. */
  merge(block: PairBlock): void;
  /** For a table that spilling would not make smaller. @throws GroupTooLargeError when the heap has no room for more. */
  checkRoom(): void;
  /** Everything, once, in order of first arrival. */
  results(): BlockStream<B>;
}

/**
 * A table by key that spills: in memory as long as it fits.
 *
 * When memory runs short the whole table goes to disk, cut into 32 buckets by its keys' hashes. At the end each bucket is
 * brought together for itself, from all runs: no key is in two buckets. One that does not fit either is cut by the next bits.
 *
 *   table full ─► run 0: bucket 0 │ 1 │ … │ 31
 *   table full ─► run 1: bucket 0 │ 1 │ … │ 31      then: bucket 0 of run 0, 1, … ─► SpillingTable one level deeper
 *
 * Against sorting by hash and merging this saves the sort and the merge: a spilled row costs one encoding, one decoding
 * and one more look-up. Spark: ExternalAppendOnlyMap, which sorts and merges.
 */
export class SpillingTable<T extends Spillable<B>, B> {
  readonly table: T;
  readonly #env: ShuffleEnv;
  readonly #make: () => T;
  readonly #depth: number;
  readonly #memory: MemoryUse;
  readonly #growth = new GrowthTracker(() => this.table.estimatedBytes());
  readonly #file: SpillFile;
  /** Positions of the buckets of each run in the file. */
  readonly #runs: Float64Array[] = [];

  /** @param make an empty table: this one's, and those that buckets are read back into. */
  constructor(env: ShuffleEnv, make: () => T, depth = 0) {
    this.#env = env;
    this.#make = make;
    this.#depth = depth;
    this.table = make();
    this.#memory = env.memory.use();
    this.#file = new SpillFile(env);
  }

  /**
   * To be called after each batch that went into the table; may empty it.
   *
   * @throws GroupTooLargeError when the table is one key, which spilling would not make smaller, and the heap is full.
   */
  endBatch(): void {
    if (!this.#memory.shouldSpill(this.#growth.estimate())) return;
    if (this.#mayTake()) this.#spill();
    else this.table.checkRoom();
  }

  /** Everything, once; order is that of first arrival unless something was spilled. The table is over. */
  finish(): BlockStream<B> {
    if (this.#runs.length > 0) {
      if (this.table.size > 0) this.#spill();
      return new BucketStream(
        (bucket) => this.#openBucket(bucket),
        () => this.close(),
      );
    }
    const results = this.table.results();
    return {
      next: () => results.next(),
      close: () => {
        results.close();
        this.close();
      },
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
    this.#runs.push(table.write(this.#file.output, this.#env.encoder, buckets, BUCKETS));
    this.#file.account(this.#memory.bytes, from);
    table.clear();
    this.#growth.reset();
    this.#memory.shouldSpill(0);
  }

  /** A bucket of all runs, brought together; null behind the last. */
  #openBucket(bucket: number): BlockStream<B> | null {
    if (bucket === BUCKETS) return null;
    const part = new SpillingTable<T, B>(this.#env, this.#make, this.#depth + 1);
    try {
      for (const run of this.#runs) {
        const start = run[bucket] as number;
        const end = run[bucket + 1] as number;
        if (end === start) continue;
        const blocks = this.#file.read(start, end);
        try {
          for (let block = blocks.next(); block !== null; block = blocks.next()) {
            part.table.merge(block);
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
class BucketStream<B> implements BlockStream<B> {
  readonly #open: (bucket: number) => BlockStream<B> | null;
  readonly #release: () => void;
  #next = 0;
  #part: BlockStream<B> | null = null;

  /** @param open null behind the last bucket. */
  constructor(open: (bucket: number) => BlockStream<B> | null, release: () => void) {
    this.#open = open;
    this.#release = release;
  }

  next(): B | null {
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
