import type { RecordEncoder } from '../serializer/serializer.ts';
import { AggregationTable } from './aggregation-table.ts';
import { type GroupKind, GroupLimit } from './group-limit.ts';
import type { MergeLoop } from './merge-loops.ts';
import type { OutputFile } from './output-file.ts';
import type { PairBlock, PairStream } from './pair-stream.ts';
import { appendBuckets } from './row-blocks.ts';
import type { ShuffleEnv } from './shuffle-env.ts';
import { type Spillable, SpillingTable } from './spilling-table.ts';
import type { TaskMemory } from './task-memory.ts';

/** A hash aggregation that spills: combiners by key, in memory as long as they fit. */
export class Aggregator {
  readonly #spilling: SpillingTable<CombinerTable, PairBlock>;

  /**
   * @param mergeCombiners brings spilled combiners together again.
   * @param kind what the table's values are, for the error when one key's are too large.
   */
  constructor(env: ShuffleEnv, mergeCombiners: MergeLoop, kind: GroupKind) {
    this.#spilling = new SpillingTable(env, () => new CombinerTable(env.memory, mergeCombiners, kind));
  }

  get table(): AggregationTable {
    return this.#spilling.table.rows;
  }

  /**
   * To be called after each batch that went into the table; may empty it.
   *
   * @throws GroupTooLargeError when the table is one key, which spilling would not make smaller, and the heap is full.
   */
  endBatch(): void {
    this.table.noticeLarge();
    this.#spilling.endBatch();
  }

  /** Everything, once; order is that of first arrival unless something was spilled. The table is over. */
  finish(): PairStream {
    return this.#spilling.finish();
  }

  /** Gives memory and files back; twice is fine. */
  close(): void {
    this.#spilling.close();
  }
}

class CombinerTable implements Spillable<PairBlock> {
  readonly rows: AggregationTable = new AggregationTable();
  readonly #mergeCombiners: MergeLoop;
  readonly #limit: GroupLimit;

  constructor(memory: TaskMemory, mergeCombiners: MergeLoop, kind: GroupKind) {
    this.#mergeCombiners = mergeCombiners;
    this.#limit = new GroupLimit(memory, kind);
  }

  get size(): number {
    return this.rows.size;
  }

  get hashes(): Int32Array {
    return this.rows.hashes;
  }

  estimatedBytes(): number {
    return this.rows.estimatedBytes();
  }

  clear(): void {
    this.rows.clear();
  }

  write(output: OutputFile, encoder: RecordEncoder, buckets: Int32Array, numBuckets: number): Float64Array {
    const { keys, values, size } = this.rows;
    return appendBuckets(output, encoder, keys, values, size, buckets, numBuckets);
  }

  merge(block: PairBlock): void {
    this.#limit.checkMerge(this.rows, block);
    this.#mergeCombiners(this.rows, block.keys, block.values);
    this.rows.noticeLarge();
  }

  checkRoom(): void {
    this.#limit.check(this.rows);
  }

  results(): PairStream {
    let block: PairBlock | null = { keys: this.rows.keys, values: this.rows.values };
    return {
      next() {
        const all = block;
        block = null;
        return all;
      },
      close() {},
    };
  }
}
