import { fileSystemOf, type OpenFile, showPath } from './file-system.ts';
import { ioError } from './io-error.ts';

/** Bytes of a file from some place on, pulled, synchronous. */
export interface ByteSource {
  /** Reads at most `length` bytes into `target` at `offset`; 0 is the end. */
  read(target: Buffer, offset: number, length: number): number;
  /** May be called more than once. */
  close(): void;
  /**
   * Sources of a part of a file: how many of the bytes they give belong to it. What follows is there to complete the last
   * line. Infinity until it is known; asked after each read, which never crosses the border.
   */
  readonly ownBytes?: number;
}

/** A plain file, read from byte `start` on. `onBytes` hears of every read. */
export class FileSource implements ByteSource {
  readonly #path: string;
  readonly #onBytes: ((bytes: number) => void) | undefined;
  readonly #file: OpenFile;
  #position: number;

  constructor(path: string, start: number, onBytes?: (bytes: number) => void) {
    this.#path = path;
    this.#position = start;
    this.#onBytes = onBytes;
    try {
      this.#file = fileSystemOf(path).open(path);
    } catch (e) {
      throw ioError('INPUT_NOT_READABLE', `cannot open ${showPath(path)}`, e, { path });
    }
  }

  /** Of the next byte. */
  get position(): number {
    return this.#position;
  }

  seek(position: number): void {
    this.#position = position;
  }

  read(target: Buffer, offset: number, length: number): number {
    let n: number;
    try {
      n = this.#file.read(target, offset, length, this.#position);
    } catch (e) {
      const at = `cannot read ${showPath(this.#path)} at byte ${this.#position}`;
      throw ioError('INPUT_NOT_READABLE', at, e, { path: this.#path, offset: this.#position });
    }
    this.#position += n;
    if (n > 0) this.#onBytes?.(n);
    return n;
  }

  close(): void {
    this.#file.close();
  }
}

/** Reads until `length` bytes are there or the source ends; gives how many there are. */
export function readFully(source: ByteSource, target: Buffer, offset: number, length: number): number {
  let done = 0;
  while (done < length) {
    const n = source.read(target, offset + done, length - done);
    if (n === 0) break;
    done += n;
  }
  return done;
}

/** All that is left of a source. */
export function readAll(source: ByteSource, expectedBytes: number): Buffer {
  let buffer = Buffer.allocUnsafeSlow(Math.max(4096, expectedBytes + 1));
  let used = 0;
  for (;;) {
    const n = source.read(buffer, used, buffer.length - used);
    if (n === 0) return buffer.subarray(0, used);
    used += n;
    if (used === buffer.length) {
      const larger = Buffer.allocUnsafeSlow(buffer.length * 2);
      buffer.copy(larger, 0, 0, used);
      buffer = larger;
    }
  }
}
