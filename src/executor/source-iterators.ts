import { closeSync, openSync, readSync } from 'node:fs';
import type { BatchIterator } from '../base/batch-iterator.ts';
import { IskraError } from '../base/errors.ts';
import type { RangePayload } from '../protocol/stage-program.ts';
import type { TaskMetrics } from '../protocol/task-metrics.ts';
import { BLOCK_HEADER_BYTES, CorruptBlockError, decodeBlock, readBlockHeader } from '../serializer/serializer.ts';
import { BATCH_SIZE, BATCH_SIZES } from './record-iterator.ts';

/** Serializer blocks back to back in memory (also shared memory), one batch a block. */
export class BlockBatches implements BatchIterator {
  readonly #chunks: readonly Uint8Array[];
  #chunk = 0;
  #offset = 0;

  constructor(chunks: readonly Uint8Array[]) {
    this.#chunks = chunks;
  }

  next(): readonly unknown[] | null {
    for (;;) {
      const chunk = this.#chunks[this.#chunk];
      if (chunk === undefined) return null;
      if (this.#offset >= chunk.byteLength) {
        this.#chunk++;
        this.#offset = 0;
        continue;
      }
      const at = this.#offset;
      this.#offset = at + BLOCK_HEADER_BYTES + readBlockHeader(chunk, at).payloadBytes;
      return decodeBlock(chunk, at);
    }
  }

  close(): void {
    this.#chunk = this.#chunks.length;
  }
}

/** The same from a file, one block in memory at a time. */
export class FileBlockBatches implements BatchIterator {
  readonly #path: string;
  readonly #bytes: number;
  readonly #advice: string;
  #fd: number;
  #offset = 0;

  /**
   * @param bytes what the blocks take together: a file that is cut where one of them ends looks whole.
   * @param advice what to do about a damaged one.
   */
  constructor(path: string, bytes: number, advice = 'check the disks of spark.local.dir') {
    this.#path = path;
    this.#bytes = bytes;
    this.#advice = advice;
    this.#fd = openSync(path, 'r');
  }

  next(): readonly unknown[] | null {
    if (this.#offset >= this.#bytes) return null;
    const header = Buffer.allocUnsafe(BLOCK_HEADER_BYTES);
    const got = readSync(this.#fd, header, 0, BLOCK_HEADER_BYTES, this.#offset);
    if (got === 0) throw this.#damaged(`should have ${this.#bytes} bytes, but ends`);
    if (got < BLOCK_HEADER_BYTES) throw this.#damaged('ends in the middle of a block');
    try {
      const { payloadBytes } = readBlockHeader(header, 0);
      const block = Buffer.allocUnsafeSlow(BLOCK_HEADER_BYTES + payloadBytes);
      if (readSync(this.#fd, block, 0, block.length, this.#offset) < block.length)
        throw this.#damaged('ends in the middle of a block');
      const records = decodeBlock(block, 0);
      this.#offset += block.length;
      return records;
    } catch (error) {
      if (!(error instanceof CorruptBlockError)) throw error;
      throw this.#damaged('was damaged in the block', error);
    }
  }

  close(): void {
    if (this.#fd < 0) return;
    closeSync(this.#fd);
    this.#fd = -1;
  }

  #damaged(how: string, cause?: unknown): IskraError {
    return new IskraError(
      'BLOCK_FILE_DAMAGED',
      `the block file ${this.#path} ${how} at byte ${this.#offset}; ${this.#advice}`,
      { cause, details: { path: this.#path, offset: this.#offset } },
    );
  }
}

/** Counts what is read from outside: files, cached blocks. A batch counts when it was read, before its records are worked on. */
export class CountedBatches implements BatchIterator {
  readonly #parent: BatchIterator;
  readonly #metrics: TaskMetrics;

  constructor(parent: BatchIterator, metrics: TaskMetrics) {
    this.#parent = parent;
    this.#metrics = metrics;
  }

  next(): readonly unknown[] | null {
    const batch = this.#parent.next();
    if (batch !== null) this.#metrics.inputRecordsRead += batch.length;
    return batch;
  }

  close(): void {
    this.#parent.close();
  }
}

/** A range as arrays of numbers, for readers that are not fused with it. */
export class RangeBatches implements BatchIterator<number> {
  readonly #range: RangePayload;
  #done = 0;
  #round = 0;

  constructor(range: RangePayload) {
    this.#range = range;
  }

  next(): readonly number[] | null {
    const { start, step, count } = this.#range;
    const n = Math.min(count - this.#done, BATCH_SIZES[this.#round++] ?? BATCH_SIZE);
    if (n <= 0) return null;
    const out = new Array<number>(n);
    for (let i = 0, x = start + this.#done * step; i < n; i++, x += step) out[i] = x;
    this.#done += n;
    return out;
  }

  close(): void {
    this.#done = this.#range.count;
  }
}

/** One array with all records of the partition, also when it is empty. */
export class GlomIterator implements BatchIterator {
  readonly #parent: BatchIterator;
  #done = false;

  constructor(parent: BatchIterator) {
    this.#parent = parent;
  }

  next(): readonly unknown[] | null {
    if (this.#done) return null;
    this.#done = true;
    const all: unknown[] = [];
    for (let batch = this.#parent.next(); batch !== null; batch = this.#parent.next())
      for (let i = 0; i < batch.length; i++) all.push(batch[i]);
    return [all];
  }

  close(): void {
    this.#parent.close();
  }
}

/**
 * Records dealt round robin over partitions, from a start that depends on the partition alone, so that a recomputed
 * partition is dealt the same. Spark: RDD.coalesce, distributePartition
 */
export class DealIterator implements BatchIterator<[number, unknown]> {
  readonly #parent: BatchIterator;
  readonly #numPartitions: number;
  #next: number;

  constructor(parent: BatchIterator, partition: number, numPartitions: number) {
    this.#parent = parent;
    this.#numPartitions = numPartitions;
    // A multiplicative hash spreads neighbours; any constant start would send every partition's first records to one place.
    this.#next = (Math.imul(partition + 1, 0x9e3779b1) >>> 0) % numPartitions;
  }

  next(): readonly [number, unknown][] | null {
    const batch = this.#parent.next();
    if (batch === null) return null;
    const out = new Array<[number, unknown]>(batch.length);
    let p = this.#next;
    for (let i = 0; i < batch.length; i++) {
      out[i] = [p, batch[i]];
      if (++p === this.#numPartitions) p = 0;
    }
    this.#next = p;
    return out;
  }

  close(): void {
    this.#parent.close();
  }
}
