import { threadId } from 'node:worker_threads';
import type { BatchIterator } from '../base/batch-iterator.ts';
import { OutputFile } from '../shuffle/output-file.ts';
import { estimateBytes } from '../shuffle/size-estimator.ts';
import type { MemoryUse } from '../shuffle/task-memory.ts';
import { BATCH_SIZE } from './record-iterator.ts';
import { FileBlockBatches } from './source-iterators.ts';
import type { TaskEnv } from './task-env.ts';

let files = 0;

/**
 * [x, y] for each x of the left side all y of the right one, in Spark's order. The left side streams. The right one is
 * computed once (Spark: once for each x) and kept in memory while the task may hold it; else it goes to a file that is read
 * again for each x.
 */
export class CartesianIterator implements BatchIterator {
  readonly #left: BatchIterator;
  readonly #openRight: () => BatchIterator;
  readonly #env: TaskEnv;
  readonly #use: MemoryUse;
  #right: KeptSide | null = null;
  #xs: readonly unknown[] = [];
  #x = 0;
  /** The right side's batches that the current x has not met yet. */
  #ys: BatchIterator | null = null;

  constructor(left: BatchIterator, openRight: () => BatchIterator, env: TaskEnv) {
    this.#left = left;
    this.#openRight = openRight;
    this.#env = env;
    this.#use = env.shuffle.memory.use();
  }

  next(): readonly unknown[] | null {
    const out: unknown[] = [];
    while (out.length < BATCH_SIZE) {
      if (this.#ys === null && !this.#nextX()) return out.length === 0 ? null : out;
      const ys = this.#ys?.next() ?? null;
      if (ys === null) {
        this.#endX();
        this.#x++;
        continue;
      }
      const x = this.#xs[this.#x];
      for (let i = 0; i < ys.length; i++) out.push([x, ys[i]]);
    }
    return out;
  }

  close(): void {
    this.#use.release();
    try {
      this.#endX();
      this.#right?.close();
    } finally {
      this.#left.close();
    }
  }

  #endX(): void {
    this.#ys?.close();
    this.#ys = null;
  }

  /** False: there is no further x, or nothing for it to meet. */
  #nextX(): boolean {
    while (this.#x >= this.#xs.length) {
      const xs = this.#left.next();
      if (xs === null) return false;
      this.#xs = xs;
      this.#x = 0;
    }
    this.#right ??= this.#readRight();
    if (this.#right.isEmpty) return false;
    this.#env.shuffle.throwIfKilled();
    this.#ys = this.#right.open();
    return true;
  }

  #readRight(): KeptSide {
    const kept = new KeptSide(this.#env);
    // Known before it is full, so that `close` finds its file.
    this.#right = kept;
    const source = this.#openRight();
    try {
      for (let batch = source.next(); batch !== null; batch = source.next()) {
        this.#env.shuffle.throwIfKilled();
        kept.add(batch);
        if (this.#use.shouldSpill(kept.bytes)) {
          kept.spill();
          this.#use.shouldSpill(kept.bytes);
        }
      }
    } finally {
      source.close();
    }
    kept.seal();
    return kept;
  }
}

/** The batches of one side, to be read many times. */
class KeptSide {
  readonly #env: TaskEnv;
  #batches: (readonly unknown[])[] = [];
  #file: OutputFile | null = null;
  /** What it holds in memory, by estimate. */
  bytes = 0;
  isEmpty = true;

  constructor(env: TaskEnv) {
    this.#env = env;
  }

  add(batch: readonly unknown[]): void {
    if (batch.length === 0) return;
    this.isEmpty = false;
    if (this.#file !== null) {
      this.#write(this.#file, batch);
      return;
    }
    this.#batches.push(batch.slice()); // the batch is its maker's again with the next one
    this.bytes += estimateBytes(batch);
  }

  spill(): void {
    if (this.#file !== null) return;
    const name = `temp_local_cartesian_${process.pid}_${threadId}_${files++}`;
    this.#file = new OutputFile(this.#env.shuffle.files, this.#env.localDirs, name);
    for (const batch of this.#batches) this.#write(this.#file, batch);
    this.#env.task.taskMetrics().memoryBytesSpilled += this.bytes;
    this.#batches = [];
    this.bytes = 0;
  }

  seal(): void {
    this.#file?.close();
  }

  open(): BatchIterator {
    if (this.#file !== null) return new FileBlockBatches(this.#file.path, this.#file.position);
    const batches = this.#batches;
    let next = 0;
    return { next: () => batches[next++] ?? null, close() {} };
  }

  close(): void {
    this.#batches = [];
    this.#file?.discard();
  }

  #write(file: OutputFile, batch: readonly unknown[]): void {
    const block = this.#env.encoder.encode(batch, 0, batch.length);
    file.append(block);
    this.#env.task.taskMetrics().diskBytesSpilled += block.byteLength;
  }
}
