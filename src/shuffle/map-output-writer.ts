import { dirname, join } from 'node:path';
import type { ShuffleId, TaskId } from '../protocol/ids.ts';
import { fileError } from './file-ops.ts';
import { encodeIndex, mapOutputNames } from './map-output-files.ts';
import { OutputFile } from './output-file.ts';
import { appendBuckets } from './row-blocks.ts';
import type { ShuffleEnv } from './shuffle-env.ts';

const COPY_BYTES = 1024 * 1024;

/** Which map output a writer makes. */
export interface MapOutputId {
  readonly shuffleId: ShuffleId;
  /** Task id of the attempt. */
  readonly mapId: TaskId;
  readonly numPartitions: number;
}

/** What a finished map output has in it. */
export interface MapOutputSizes {
  /** Bytes per reduce partition. */
  readonly sizes: number[];
  readonly totalBytes: number;
  readonly records: number;
}

/**
 * Writes the two files of a map task from runs: rows with their partition, at one time as many as fit in memory.
 *
 *   <name>.data.runs   run 0: partition 0, 1, … R-1; run 1: partition 0, 1, … ; …     while the task runs
 *   <name>.data        partition 0 of all runs, partition 1 of all runs, …            at commit
 *   <name>.index       R + 1 offsets
 *
 * Runs are put together by copying bytes, never by decoding: blocks stand alone, and a key that several runs have is
 * merged by the reader, which merges anyway. One run, or one partition, is renamed and not even copied.
 */
export class MapOutputWriter {
  readonly #env: ShuffleEnv;
  readonly #id: MapOutputId;
  readonly #names: { readonly data: string; readonly index: string };
  readonly #runs: Float64Array[] = [];
  readonly #temporary: OutputFile[] = [];
  #runFile: OutputFile | null = null;
  #records = 0;
  #over = false;

  constructor(env: ShuffleEnv, id: MapOutputId) {
    this.#env = env;
    this.#id = id;
    this.#names = mapOutputNames(id.shuffleId, id.mapId);
  }

  /** Writes rows, grouped by partition. */
  append(keys: readonly unknown[], values: readonly unknown[], rows: number, partitions: Int32Array): void {
    if (rows === 0) return;
    const startedAt = this.#env.clock.now();
    this.#runFile ??= this.#create(this.#names.data, '.runs');
    const { numPartitions } = this.#id;
    this.#runs.push(appendBuckets(this.#runFile, this.#env.encoder, keys, values, rows, partitions, numPartitions));
    this.#records += rows;
    this.#env.metrics.shuffleWriteTimeMs += this.#env.clock.now() - startedAt;
  }

  /** `append` because memory ran short. @param bytes what the rows held. */
  spill(
    keys: readonly unknown[],
    values: readonly unknown[],
    rows: number,
    partitions: Int32Array,
    bytes: number,
  ): void {
    const before = this.#runFile?.position ?? 0;
    this.append(keys, values, rows, partitions);
    this.#env.metrics.memoryBytesSpilled += bytes;
    this.#env.metrics.diskBytesSpilled += (this.#runFile?.position ?? 0) - before;
  }

  /** Puts both files in their places. @throws IskraError naming the file; nothing is left behind then. */
  commit(): MapOutputSizes {
    const startedAt = this.#env.clock.now();
    try {
      const offsets = new Float64Array(this.#id.numPartitions + 1);
      const data = this.#assemble(offsets);
      data.close();
      const index = this.#create(this.#names.index, '.tmp');
      index.append(encodeIndex(offsets));
      index.close();
      this.#rename(data, this.#names.data);
      this.#rename(index, this.#names.index);
      for (const file of this.#temporary) if (file !== data && file !== index) file.discard();
      this.#over = true;
      return this.#result(offsets);
    } catch (e) {
      this.abort();
      throw e;
    } finally {
      this.#env.metrics.shuffleWriteTimeMs += this.#env.clock.now() - startedAt;
    }
  }

  /** Removes everything; harmless after commit. */
  abort(): void {
    if (this.#over) return;
    this.#over = true;
    for (const file of this.#temporary) file.discard();
    for (const name of [this.#names.data, this.#names.index]) {
      try {
        this.#env.files.remove(this.#env.localDirs.find(name));
      } catch {
        // Left to LocalDirs.removeAll().
      }
    }
  }

  #result(offsets: Float64Array): MapOutputSizes {
    const sizes: number[] = [];
    for (let p = 0; p < this.#id.numPartitions; p++) sizes.push((offsets[p + 1] as number) - (offsets[p] as number));
    const totalBytes = offsets[this.#id.numPartitions] as number;
    this.#env.metrics.shuffleBytesWritten += totalBytes;
    this.#env.metrics.shuffleRecordsWritten += this.#records;
    return { sizes, totalBytes, records: this.#records };
  }

  /** The data file, still under a temporary name. Fills the offsets. */
  #assemble(offsets: Float64Array): OutputFile {
    const runs = this.#runs;
    const runFile = this.#runFile;
    const [first] = runs;
    if (runFile === null || first === undefined) return this.#create(this.#names.data, '.tmp');
    if (runs.length === 1) {
      offsets.set(first);
      return runFile;
    }
    if (this.#id.numPartitions === 1) {
      offsets[1] = runFile.position;
      return runFile;
    }
    runFile.flush();
    const data = this.#create(this.#names.data, '.tmp');
    const buffer = Buffer.allocUnsafeSlow(Math.min(COPY_BYTES, runFile.position));
    for (let p = 0; p < this.#id.numPartitions; p++) {
      offsets[p] = data.position;
      for (const run of runs) {
        const end = run[p + 1] as number;
        for (let at = run[p] as number; at < end; ) {
          const n = Math.min(buffer.length, end - at);
          runFile.read(buffer, 0, n, at);
          data.append(n === buffer.length ? buffer : buffer.subarray(0, n));
          at += n;
        }
      }
    }
    offsets[this.#id.numPartitions] = data.position;
    return data;
  }

  #create(name: string, suffix: string): OutputFile {
    const file = new OutputFile(this.#env.files, this.#env.localDirs, name, suffix);
    this.#temporary.push(file);
    return file;
  }

  /** Within its directory, which is another one than the name's own after a failure. */
  #rename(file: OutputFile, name: string): void {
    const path = join(dirname(file.path), name);
    try {
      this.#env.files.rename(file.path, path);
    } catch (e) {
      throw fileError('write', path, file.position, e);
    }
  }
}
