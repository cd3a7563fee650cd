import { IskraError } from '../base/errors.ts';
import { shortInspect } from '../base/value-errors.ts';
import { hashValue } from '../base/value-hash.ts';
import { AggregationTable } from './aggregation-table.ts';
import { GrowthTracker } from './growth-tracker.ts';
import { type MapOutputId, type MapOutputSizes, MapOutputWriter } from './map-output-writer.ts';
import type { ShuffleEnv } from './shuffle-env.ts';
import { estimateBytes } from './size-estimator.ts';
import type { MemoryUse } from './task-memory.ts';

export type { MapOutputId, MapOutputSizes } from './map-output-writer.ts';

/** @param hash hashValue(key), or 0 when the writer was told that it is not needed. */
export type PartitionFunction = (key: unknown, hash: number) => number;

export interface ShuffleWriterOptions extends MapOutputId {
  readonly partition: PartitionFunction;
}

export interface PartitioningWriterOptions extends ShuffleWriterOptions {
  /** False for partitioners that look at the key itself (range, custom): saves hashing. Default true. */
  readonly usesHash?: boolean;
}

/** Map-side combine: the stage's loop puts combiners into `table`, the writer spills it and writes it out. */
export interface CombiningWriter {
  readonly table: AggregationTable;
  /** To be called after each batch; may spill, and then the table is empty. */
  endBatch(): void;
  commit(): MapOutputSizes;
  /** Removes everything that was written; harmless after commit. */
  abort(): void;
}

/** Every record goes to its partition as it is. */
export interface PartitioningWriter {
  add(key: unknown, value: unknown): void;
  /** `add` for a caller that knows the partition: generated stage code computes it inline. */
  addTo(partition: number, key: unknown, value: unknown): void;
  endBatch(): void;
  commit(): MapOutputSizes;
  abort(): void;
}

/** A writer for shuffles with map-side combine. Spark: SortShuffleWriter with an aggregator */
export function createCombiningWriter(env: ShuffleEnv, options: ShuffleWriterOptions): CombiningWriter {
  return new TableWriter(env, options);
}

/** A writer for shuffles without map-side combine. Spark: UnsafeShuffleWriter */
export function createPartitioningWriter(env: ShuffleEnv, options: PartitioningWriterOptions): PartitioningWriter {
  return new ColumnWriter(env, options);
}

class TableWriter implements CombiningWriter {
  readonly table: AggregationTable = new AggregationTable();
  readonly #env: ShuffleEnv;
  readonly #options: ShuffleWriterOptions;
  readonly #output: MapOutputWriter;
  readonly #memory: MemoryUse;
  readonly #growth = new GrowthTracker(() => this.table.estimatedBytes());

  constructor(env: ShuffleEnv, options: ShuffleWriterOptions) {
    this.#env = env;
    this.#options = options;
    this.#output = new MapOutputWriter(env, options);
    this.#memory = env.memory.use();
  }

  endBatch(): void {
    this.table.noticeLarge();
    if (!this.#memory.shouldSpill(this.#growth.estimate()) || this.table.size === 0) return;
    const { table } = this;
    this.#output.spill(table.keys, table.values, table.size, this.#partitions(), this.#memory.bytes);
    table.clear();
    this.#growth.reset();
    this.#memory.shouldSpill(0);
  }

  commit(): MapOutputSizes {
    const { table } = this;
    try {
      this.#output.append(table.keys, table.values, table.size, this.#partitions());
    } catch (e) {
      this.abort();
      throw e;
    }
    table.clear();
    this.#finish();
    return this.#output.commit();
  }

  abort(): void {
    this.#finish();
    this.#output.abort();
  }

  #partitions(): Int32Array {
    const { keys, hashes, size } = this.table;
    const { partition, numPartitions } = this.#options;
    const partitions = new Int32Array(size);
    for (let i = 0; i < size; i++) {
      const p = partition(keys[i], hashes[i] as number);
      if (!isPartition(p, numPartitions)) throw badPartition(p, numPartitions, keys[i]);
      partitions[i] = p;
    }
    return partitions;
  }

  #finish(): void {
    this.#memory.release();
    this.#env.metrics.peakExecutionMemoryBytes = Math.max(
      this.#env.metrics.peakExecutionMemoryBytes,
      this.#env.memory.peakBytes,
    );
  }
}

/** Rows collected for one write at least, whatever the number of partitions. */
const MIN_ROWS = 32 * 1024;
/** Rows for each partition that make good blocks. */
const ROWS_PER_PARTITION = 2048;
/** More rows at once than this only cost cache misses and memory. */
const MAX_ROWS = 512 * 1024;
/** Small, because many tasks have few records. */
const MIN_CAPACITY = 1024;
/** Rows of each batch whose size is estimated. */
const SAMPLES_PER_BATCH = 16;

class ColumnWriter implements PartitioningWriter {
  readonly #env: ShuffleEnv;
  readonly #partition: PartitionFunction;
  readonly #numPartitions: number;
  readonly #usesHash: boolean;
  readonly #output: MapOutputWriter;
  readonly #memory: MemoryUse;
  readonly #maxRows: number;
  // Columns of one capacity, kept over writes: storing at an index costs 2 ns, pushing 10 to 15.
  #keys: unknown[] = new Array(MIN_CAPACITY);
  #values: unknown[] = new Array(MIN_CAPACITY);
  #partitions: Int32Array = new Int32Array(MIN_CAPACITY);
  #rows = 0;
  #estimatedRows = 0;
  #bytes = 0;

  constructor(env: ShuffleEnv, options: PartitioningWriterOptions) {
    this.#env = env;
    this.#partition = options.partition;
    this.#numPartitions = options.numPartitions;
    this.#usesHash = options.usesHash ?? true;
    this.#output = new MapOutputWriter(env, options);
    this.#memory = env.memory.use();
    this.#maxRows = Math.min(MAX_ROWS, Math.max(MIN_ROWS, ROWS_PER_PARTITION * options.numPartitions));
  }

  add(key: unknown, value: unknown): void {
    this.addTo(this.#partition(key, this.#usesHash ? hashValue(key) : 0), key, value);
  }

  addTo(p: number, key: unknown, value: unknown): void {
    if (!isPartition(p, this.#numPartitions)) throw badPartition(p, this.#numPartitions, key);
    const row = this.#rows++;
    if (row === this.#partitions.length) this.#grow();
    this.#partitions[row] = p;
    this.#keys[row] = key;
    this.#values[row] = value;
  }

  endBatch(): void {
    this.#estimate();
    if (this.#memory.shouldSpill(this.#bytes)) this.#write(true);
    else if (this.#rows >= this.#maxRows) this.#write(false);
  }

  commit(): MapOutputSizes {
    try {
      this.#write(false);
    } catch (e) {
      this.abort();
      throw e;
    }
    this.#finish();
    return this.#output.commit();
  }

  abort(): void {
    this.#finish();
    this.#output.abort();
  }

  #write(spilled: boolean): void {
    if (spilled) this.#output.spill(this.#keys, this.#values, this.#rows, this.#partitions, this.#bytes);
    else this.#output.append(this.#keys, this.#values, this.#rows, this.#partitions);
    // The rows stay referenced until others take their places, except when memory is what we want.
    if (spilled) {
      this.#keys.fill(undefined, 0, this.#rows);
      this.#values.fill(undefined, 0, this.#rows);
    }
    this.#rows = 0;
    this.#estimatedRows = 0;
    this.#bytes = 0;
    this.#memory.shouldSpill(0);
  }

  #estimate(): void {
    const added = this.#rows - this.#estimatedRows;
    if (added === 0) return;
    const step = Math.max(1, Math.floor(added / SAMPLES_PER_BATCH));
    let bytes = 0;
    let sampled = 0;
    for (let i = this.#estimatedRows; i < this.#rows; i += step) {
      // Two array slots and the partition.
      bytes += 20 + estimateBytes(this.#keys[i]) + estimateBytes(this.#values[i]);
      sampled++;
    }
    this.#bytes += Math.round((bytes / sampled) * added);
    this.#estimatedRows = this.#rows;
  }

  #grow(): void {
    const capacity = this.#partitions.length * 2;
    const partitions = new Int32Array(capacity);
    partitions.set(this.#partitions);
    this.#partitions = partitions;
    this.#keys = resized(this.#keys, capacity);
    this.#values = resized(this.#values, capacity);
  }

  #finish(): void {
    this.#keys = [];
    this.#values = [];
    this.#rows = 0;
    this.#memory.release();
    this.#env.metrics.peakExecutionMemoryBytes = Math.max(
      this.#env.metrics.peakExecutionMemoryBytes,
      this.#env.memory.peakBytes,
    );
  }
}

function resized(column: readonly unknown[], capacity: number): unknown[] {
  const larger: unknown[] = new Array(capacity);
  for (let i = 0; i < column.length; i++) larger[i] = column[i];
  return larger;
}

function isPartition(p: number, numPartitions: number): boolean {
  return (p | 0) === p && p >= 0 && p < numPartitions;
}

function badPartition(p: unknown, numPartitions: number, key: unknown): IskraError {
  return new IskraError(
    'BAD_PARTITION',
    `the partitioner put key ${shortInspect(key)} into partition ${shortInspect(p)}, but there are partitions 0 to ${numPartitions - 1}; getPartition must return one of these integers`,
    { details: { numPartitions } },
  );
}
