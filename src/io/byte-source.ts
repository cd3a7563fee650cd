import { closeSync, openSync, readSync } from 'node:fs';
import { ioError } from './io-error.ts';
import { showPath } from './local-path.ts';
import { loadSyncZlib, type SyncZlibStream } from './sync-zlib.ts';

/** Bytes of a file from some place on, pulled, synchronous. */
export interface ByteSource {
  /** Reads at most `length` bytes into `target` at `offset`; 0 is the end. */
  read(target: Buffer, offset: number, length: number): number;
  /** May be called more than once. */
  close(): void;
}

/** A plain file, read from byte `start` on. `onBytes` hears of every read. */
export class FileSource implements ByteSource {
  readonly #path: string;
  readonly #onBytes: ((bytes: number) => void) | undefined;
  #fd: number;
  #position: number;

  constructor(path: string, start: number, onBytes?: (bytes: number) => void) {
    this.#path = path;
    this.#position = start;
    this.#onBytes = onBytes;
    try {
      this.#fd = openSync(path, 'r');
    } catch (e) {
      throw ioError('INPUT_NOT_READABLE', `cannot open ${showPath(path)}`, e, { path });
    }
  }

  read(target: Buffer, offset: number, length: number): number {
    let n: number;
    try {
      n = readSync(this.#fd, target, offset, length, this.#position);
    } catch (e) {
      const at = `cannot read ${showPath(this.#path)} at byte ${this.#position}`;
      throw ioError('INPUT_NOT_READABLE', at, e, { path: this.#path, offset: this.#position });
    }
    this.#position += n;
    if (n > 0) this.#onBytes?.(n);
    return n;
  }

  close(): void {
    if (this.#fd < 0) return;
    const fd = this.#fd;
    this.#fd = -1;
    closeSync(fd);
  }
}

// Deflate grows at most 1032 times, so one step may give 33 MB in the worst case and some 100 KB in a usual one.
const STEP_BYTES = 32 * 1024;
const OUT_CHUNK_BYTES = 64 * 1024;

/** A gzip file with one member or many, inflated step by step in bounded memory. */
export class GzipSource implements ByteSource {
  readonly #path: string;
  readonly #file: FileSource;
  readonly #input: Buffer = Buffer.allocUnsafeSlow(STEP_BYTES);
  readonly #inflate: SyncZlibStream;
  #error: Error | null = null;
  #ready: Buffer[] = [];
  #at = 0;
  #compressed = 0;
  #ended = false;

  constructor(path: string, onBytes?: (bytes: number) => void) {
    this.#path = path;
    this.#file = new FileSource(path, 0, onBytes);
    const { Gunzip } = loadSyncZlib();
    this.#inflate = new Gunzip({ chunkSize: OUT_CHUNK_BYTES });
    this.#inflate.on('data', (chunk: Buffer) => {
      if (chunk.length > 0) this.#ready.push(chunk);
    });
    this.#inflate.on('error', (e) => {
      this.#error ??= e;
    });
  }

  read(target: Buffer, offset: number, length: number): number {
    while (this.#ready.length === 0) {
      if (this.#ended) return 0;
      this.#step();
    }
    const chunk = this.#ready[0] as Buffer; // the loop above ends with at least one
    const n = chunk.copy(target, offset, this.#at, Math.min(chunk.length, this.#at + length));
    this.#at += n;
    if (this.#at === chunk.length) {
      this.#ready.shift();
      this.#at = 0;
    }
    return n;
  }

  #step(): void {
    const n = this.#file.read(this.#input, 0, STEP_BYTES);
    this.#compressed += n;
    if (n > 0) this.#inflate.write(this.#input.subarray(0, n));
    else {
      this.#ended = true;
      if (this.#compressed > 0) this.#inflate.end(); // an empty file is an empty text
    }
    if (this.#error === null) return;
    const truncated = 'code' in this.#error && this.#error.code === 'Z_BUF_ERROR';
    const why = truncated
      ? `it ends in the middle after ${this.#compressed} compressed bytes`
      : `its content is damaged near compressed byte ${this.#compressed} or is not gzip`;
    throw ioError(
      'INPUT_CORRUPT',
      `cannot decompress ${showPath(this.#path)}: ${why}; check it with gzip -t`,
      this.#error,
      { path: this.#path },
    );
  }

  close(): void {
    this.#file.close();
    this.#ready = [];
    this.#ended = true;
    this.#inflate.removeAllListeners();
    this.#inflate.close();
  }
}
