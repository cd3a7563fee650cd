import { threadId } from 'node:worker_threads';
import { IskraError } from '../base/errors.ts';
import { CorruptBlockError } from '../serializer/serializer.ts';
import { OutputFile } from './output-file.ts';
import type { PairBlock, PairStream } from './pair-stream.ts';
import { SegmentBlocks, UnreadableSegmentError } from './segment-blocks.ts';
import type { ShuffleEnv } from './shuffle-env.ts';

/** A merge reads up to sixteen runs at once. */
const CHUNK_BYTES = 128 * 1024;

let made = 0;

/** A temporary file of blocks: what did not fit in memory. Made at the first write, removed at close. */
export class SpillFile {
  readonly #env: ShuffleEnv;
  #output: OutputFile | null = null;

  constructor(env: ShuffleEnv) {
    this.#env = env;
  }

  get position(): number {
    return this.#output?.position ?? 0;
  }

  /** To append to. */
  get output(): OutputFile {
    // Slots of one process share the directories, so the thread is part of the name.
    this.#output ??= new OutputFile(
      this.#env.files,
      this.#env.localDirs,
      `temp_local_${process.pid}_${threadId}_${made++}`,
    );
    return this.#output;
  }

  /** Counts a spill. @param bytes what it held in memory. @param from where it begins in the file. */
  account(bytes: number, from: number): void {
    this.#env.metrics.memoryBytesSpilled += bytes;
    this.#env.metrics.diskBytesSpilled += this.position - from;
  }

  /** Blocks in [start, end) of the file. */
  read(start: number, end: number): PairStream {
    return new SpilledPairs(this.#env, this.output, start, end);
  }

  close(): void {
    this.#output?.discard();
    this.#output = null;
  }
}

class SpilledPairs implements PairStream {
  readonly #throwIfKilled: () => void;
  readonly #output: OutputFile;
  readonly #blocks: SegmentBlocks;

  constructor(env: ShuffleEnv, output: OutputFile, start: number, end: number) {
    this.#throwIfKilled = env.throwIfKilled;
    this.#output = output;
    output.flush();
    const segment = {
      length: end - start,
      place: output.path,
      read: (target: Uint8Array, at: number, length: number, position: number) =>
        output.read(target, at, length, start + position),
      close: () => {}, // the file stays open for other runs
    };
    this.#blocks = new SegmentBlocks(segment, CHUNK_BYTES);
  }

  next(): PairBlock | null {
    this.#throwIfKilled();
    try {
      return this.#blocks.next();
    } catch (e) {
      if (e instanceof UnreadableSegmentError) throw e.cause;
      if (e instanceof CorruptBlockError)
        throw new IskraError(
          'SPILL_CORRUPT',
          `the spill file ${this.#output.path} was damaged on disk: ${e.message}; check the disks of spark.local.dir`,
          { cause: e, details: { path: this.#output.path } },
        );
      throw e;
    }
  }

  close(): void {
    this.#blocks.close();
  }
}
