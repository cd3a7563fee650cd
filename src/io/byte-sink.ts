import { fileSystemOf, type NewFile, showPath } from './file-system.ts';
import { ioError } from './io-error.ts';

/** Where the bytes of an output file go; synchronous. */
export interface ByteSink {
  /** Takes what it needs before it returns: the memory may be used again. */
  write(bytes: Buffer): void;
  /** Writes what is held back. Nothing is written after it. */
  end(): void;
  /** Frees what it holds; after `end`, or instead of it. May be called more than once. */
  close(): void;
  /** In the file so far. */
  readonly bytesWritten: number;
}

/** A file of its own. */
export class FileSink implements ByteSink {
  readonly #path: string;
  readonly #file: NewFile;
  #bytes = 0;

  constructor(path: string) {
    this.#path = path;
    try {
      this.#file = fileSystemOf(path).create(path);
    } catch (e) {
      throw ioError('OUTPUT_NOT_WRITABLE', `cannot create ${showPath(path)}`, e, { path });
    }
  }

  get bytesWritten(): number {
    return this.#bytes;
  }

  write(bytes: Uint8Array): void {
    try {
      this.#file.write(bytes);
    } catch (e) {
      throw this.#failed(e);
    }
    this.#bytes += bytes.length;
  }

  end(): void {
    // File systems behind a network may take the last bytes only now.
    try {
      this.#file.close();
    } catch (e) {
      throw this.#failed(e);
    }
  }

  close(): void {
    this.#file.close();
  }

  #failed(e: unknown): unknown {
    const at = `cannot write ${showPath(this.#path)} after ${this.#bytes} bytes`;
    return ioError('OUTPUT_NOT_WRITABLE', at, e, { path: this.#path });
  }
}
