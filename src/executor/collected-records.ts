import type { BatchIterator } from '../base/batch-iterator.ts';
import { UnencodableRecordError } from '../serializer/serializer.ts';
import { OutputFile } from '../shuffle/output-file.ts';
import type { MemoryUse } from '../shuffle/task-memory.ts';
import type { AsyncBatchIterator } from './async-batches.ts';
import { ConcatIterator } from './segment-iterator.ts';
import { BlockBatches, FileBlockBatches } from './source-iterators.ts';
import type { TaskEnv } from './task-env.ts';

/** Tells files of a task apart; with the task's id the name is unique. */
let nextFile = 0;

/** Up to here records stay as they are: most partitions that are collected are small. */
const KEPT_RECORDS = 2048;

/**
 * What came out of an async operator, for readers that cannot await; it may be read more than once. Beyond KEPT_RECORDS they are
 * kept encoded, and in a file when the task's memory asks for it. Records that cannot be encoded stay as they are, with all
 * that follow.
 *
 *   [ file ][ encoded blocks ][ as they came ]
 */
export class CollectedRecords {
  readonly #env: TaskEnv;
  readonly #memory: MemoryUse;
  #file: OutputFile | null = null;
  #blocks: Uint8Array[] = [];
  #bytes = 0;
  #kept: (readonly unknown[])[] = [];
  #numKept = 0;
  #encodes = true;

  constructor(env: TaskEnv) {
    this.#env = env;
    this.#memory = env.shuffle.memory.use();
    env.task.addTaskCompletionListener(() => this.#remove());
  }

  async addAll(source: AsyncBatchIterator): Promise<void> {
    for (let batch = await source.next(); batch !== null; batch = await source.next()) this.#add(batch);
    if (this.#file !== null) this.#spill();
  }

  open(): BatchIterator {
    let next = 0;
    const kept: BatchIterator = { next: () => this.#kept[next++] ?? null, close() {} };
    const parts = [() => new BlockBatches(this.#blocks) as BatchIterator, () => kept];
    const file = this.#file;
    return new ConcatIterator(file === null ? parts : [() => new FileBlockBatches(file.path, file.position), ...parts]);
  }

  #add(batch: readonly unknown[]): void {
    this.#kept.push(batch);
    this.#numKept += batch.length;
    if (!this.#encodes || this.#numKept <= KEPT_RECORDS) return;
    // From now on each batch is encoded as it comes.
    this.#numKept = KEPT_RECORDS;
    this.#encodeKept();
    if (this.#memory.shouldSpill(this.#bytes)) this.#spill();
  }

  #encodeKept(): void {
    const { encoder } = this.#env;
    let done = 0;
    try {
      for (const batch of this.#kept) {
        if (batch.length > 0) {
          // Not Buffer.slice, which copies nothing: the encoder uses its buffer again.
          const block = Uint8Array.prototype.slice.call(encoder.encode(batch, 0, batch.length));
          this.#blocks.push(block);
          this.#bytes += block.byteLength;
        }
        done++;
      }
    } catch (error) {
      if (!(error instanceof UnencodableRecordError)) throw error;
      this.#encodes = false;
    }
    this.#kept = this.#kept.slice(done);
  }

  #spill(): void {
    const { shuffle, localDirs, task } = this.#env;
    this.#file ??= new OutputFile(shuffle.files, localDirs, `collected_${task.taskAttemptId}_${nextFile++}`);
    for (const block of this.#blocks) this.#file.append(block);
    this.#file.flush(); // it is read by its name
    this.#env.task.taskMetrics().diskBytesSpilled += this.#bytes;
    this.#env.task.taskMetrics().memoryBytesSpilled += this.#bytes;
    this.#blocks = [];
    this.#bytes = 0;
    this.#memory.shouldSpill(0);
  }

  #remove(): void {
    this.#memory.release();
    this.#file?.discard();
  }
}
