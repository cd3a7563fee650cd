import type { BatchIterator } from '../base/batch-iterator.ts';
import type { FileSplit } from '../protocol/file-formats.ts';
import { LineDecoder } from './line-decoder.ts';
import { CHUNK_BYTES, TextBytes, type TextBytesOptions } from './text-bytes.ts';

export interface TextInputOptions extends TextBytesOptions {
  /** Most lines in one batch. Default 2048. */
  readonly batchSize?: number;
}

const MIN_CHUNK_BYTES = 8 * 1024;

/**
 * Opens a split as batches of lines without their terminators (LF, CRLF or CR), decoded as UTF-8.
 *
 * The strings are slices of their chunk: whoever keeps few of them for long keeps the whole 64 KiB.
 */
export function openTextSplit(split: FileSplit, options: TextInputOptions = {}): BatchIterator<string> {
  return new TextLines(split, options);
}

class TextLines implements BatchIterator<string> {
  readonly #bytes: TextBytes;
  readonly #decoder: LineDecoder = new LineDecoder();
  readonly #batchSize: number;
  readonly #chunkBytes: number;
  #lines: string[] = [];
  #at = 0;

  constructor(split: FileSplit, options: TextInputOptions) {
    this.#batchSize = options.batchSize ?? 2048;
    this.#chunkBytes = options.chunkBytes ?? CHUNK_BYTES;
    this.#bytes = new TextBytes(split, options);
  }

  next(): readonly string[] | null {
    if (this.#at >= this.#lines.length && !this.#decode()) return null;
    const lines = this.#lines;
    const at = this.#at;
    if (at === 0 && lines.length <= this.#batchSize) {
      this.#at = lines.length;
      return lines;
    }
    this.#at = at + this.#batchSize;
    return lines.slice(at, this.#at);
  }

  close(): void {
    this.#lines = [];
    this.#bytes.close();
  }

  #decode(): boolean {
    this.#at = 0;
    this.#lines = [];
    const bytes = this.#bytes.next();
    if (bytes === null) return false;
    this.#lines = this.#decoder.decode(bytes);
    // Some batch of lines in a chunk: arrays of ten thousand short ones cost twice as much a line.
    const size = this.#bytes.readBytes;
    if (this.#lines.length > this.#batchSize)
      this.#bytes.readBytes = Math.min(size, Math.max(MIN_CHUNK_BYTES, size >> 1));
    else if (this.#lines.length * 4 < this.#batchSize) this.#bytes.readBytes = Math.min(this.#chunkBytes, size * 2);
    return true;
  }
}
