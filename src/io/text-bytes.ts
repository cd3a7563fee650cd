import { isUtf8, constants as limits } from 'node:buffer';
import { IskraError } from '../base/errors.ts';
import type { FileSplit } from '../protocol/file-formats.ts';
import type { ByteSource } from './byte-source.ts';
import { isSplittable, openSource } from './codecs/open-source.ts';
import { showPath } from './file-system.ts';
import type { InputOptions } from './input-options.ts';
import { firstMalformedUtf8 } from './utf8.ts';

export interface TextBytesOptions extends InputOptions {
  /** Bytes read at once. Default 64 KiB: the strings of larger ones miss the caches (256 KiB: half the speed). */
  readonly chunkBytes?: number;
  /** Longest line, in bytes; a longer one is an error. Default, and most: what a string of this Node can hold. */
  readonly maxLineBytes?: number;
}

export const CHUNK_BYTES: number = 64 * 1024;
const LF = 10;
const CR = 13;

/**
 * The lines of a split as bytes, many at a time. A byte order mark at the start of a file is dropped.
 *
 * A split owns the lines that begin after its first byte up to and including its `end`; the first split of a file also the
 * one at byte 0. So each line has one owner, wherever the cuts fall. Hadoop: LineRecordReader, which gives the same lines, but
 * for encoded surrogates (CESU-8): one U+FFFD there, three here.
 */
export class TextBytes {
  readonly #path: string;
  readonly #source: ByteSource;
  readonly #options: TextBytesOptions;
  readonly #chunkBytes: number;
  readonly #maxLineBytes: number;
  /** Bytes to read at once, at most those of a chunk. */
  readBytes: number;
  /** The last byte at which a line of ours may begin. */
  #lastStart: number;
  /** Bytes [0, used) of the file's part that starts at `base`; `base` is always the start of a line, but while skipping. */
  #buffer: Buffer;
  #used = 0;
  #base: number;
  /** Bytes at the start of the buffer that were given away by the last `next`. */
  #given = 0;
  #skipping: boolean;
  #ended = false;
  #malformedSeen = false;

  constructor(split: FileSplit, options: TextBytesOptions = {}) {
    this.#path = split.path;
    this.#options = options;
    this.#chunkBytes = options.chunkBytes ?? CHUNK_BYTES;
    this.#maxLineBytes = Math.min(options.maxLineBytes ?? limits.MAX_STRING_LENGTH, limits.MAX_STRING_LENGTH);
    this.readBytes = this.#chunkBytes;
    const plain = split.compression === 'none';
    // Of a packed file the places are those of its plain bytes, from the first that the source gives.
    this.#base = plain ? split.start : 0;
    this.#lastStart = plain ? split.end : Number.POSITIVE_INFINITY;
    this.#skipping = split.start > 0 && isSplittable(split.compression);
    this.#buffer = Buffer.allocUnsafeSlow(this.#chunkBytes);
    this.#source = openSource(split, options.onBytes);
  }

  /** Whether all that was given so far is UTF-8. */
  get isWellFormed(): boolean {
    return !this.#malformedSeen;
  }

  /**
   * Whole lines, which end in LF, CR or CR LF, but for the terminator of the last one; null behind them all. Valid until the
   * next call.
   */
  next(): Buffer | null {
    while (!this.#ended) {
      const bytes = this.#fill();
      if (bytes !== null) return bytes;
    }
    return null;
  }

  close(): void {
    this.#ended = true;
    this.#source.close();
  }

  /** Reads one chunk more, and gives all lines that are now complete. */
  #fill(): Buffer | null {
    this.#drop(this.#given);
    this.#given = 0;
    this.#makeRoom();
    const before = this.#used;
    // Never more than a chunk: whatever stands after a very long line must not be worked on in one piece with it.
    const room = Math.min(this.#buffer.length - before, this.readBytes);
    const n = this.#source.read(this.#buffer, before, room);
    this.#used += n;
    const eof = n === 0;
    this.#lastStart = this.#source.ownBytes ?? this.#lastStart;
    // A CR at the end waited for the byte after it.
    let fresh = before > 0 && this.#buffer[before - 1] === CR ? before - 1 : before;
    if (this.#skipping) {
      const end = this.#endOfLine(fresh, eof);
      const pendingCr = this.#used > 0 && this.#buffer[this.#used - 1] === CR ? 1 : 0;
      this.#drop(end >= 0 ? end : this.#used - pendingCr);
      if (eof) this.#ended = true;
      if (end < 0) return null;
      this.#skipping = false;
      fresh = 0;
    }
    let lines: Buffer | null = null;
    if (this.#base <= this.#lastStart) {
      const end = this.#endOfOurs(fresh, eof);
      if (end > 0) {
        lines = this.#lines(end);
        this.#given = end;
      }
    }
    if (eof || this.#base + this.#given > this.#lastStart) this.#ended = true;
    return lines;
  }

  /** Where our complete lines end in the buffer, after their terminator; 0: none is complete. */
  #endOfOurs(from: number, eof: boolean): number {
    const limit = this.#lastStart - this.#base;
    if (limit < this.#used) {
      // The line that covers the limit is the last of ours; it ends at the first terminator from there on.
      const end = this.#endOfLine(Math.max(limit, from), eof);
      if (end >= 0) return end;
    }
    if (eof) return this.#used;
    const fresh = this.#buffer.subarray(from, this.#used);
    const lf = fresh.lastIndexOf(LF);
    const cr = fresh.length > 1 ? fresh.lastIndexOf(CR, fresh.length - 2) : -1;
    const last = Math.max(lf, cr);
    return last < 0 ? 0 : from + last + 1;
  }

  /** The index after the first terminator at or after `from`; -1: not there, or a CR whose successor is not read yet. */
  #endOfLine(from: number, eof: boolean): number {
    const fresh = this.#buffer.subarray(from, this.#used);
    const lf = fresh.indexOf(LF);
    const cr = (lf < 0 ? fresh : fresh.subarray(0, lf)).indexOf(CR);
    if (cr < 0) return lf < 0 ? -1 : from + lf + 1;
    if (cr + 1 < fresh.length) return from + cr + (cr + 1 === lf ? 2 : 1);
    return eof ? this.#used : -1;
  }

  /** Null: a byte order mark is all there is. */
  #lines(end: number): Buffer | null {
    let from = 0;
    if (
      this.#base === 0 &&
      this.#buffer[0] === 0xef &&
      this.#buffer[1] === 0xbb &&
      this.#buffer[2] === 0xbf &&
      end > 2
    ) {
      if (end === 3) return null;
      from = 3;
    }
    const last = this.#buffer[end - 1];
    let to = last === LF || last === CR ? end - 1 : end;
    if (last === LF && to > from && this.#buffer[to - 1] === CR) to--;
    const bytes = this.#buffer.subarray(from, to);
    if (!this.#malformedSeen && !isUtf8(bytes)) this.#reportMalformed(from, to);
    return bytes;
  }

  #reportMalformed(from: number, to: number): void {
    this.#malformedSeen = true;
    const offset = this.#base + firstMalformedUtf8(this.#buffer, from, to);
    if (this.#options.malformed === 'error')
      throw new IskraError(
        'INPUT_NOT_UTF8',
        `${showPath(this.#path)} is not UTF-8 at byte ${offset}; convert it (iconv -f latin1 -t utf8), ` +
          'or set spark.iskra.text.malformed=replace to read such bytes as U+FFFD',
        { details: { path: this.#path, offset } },
      );
    this.#options.onMalformed?.({ path: this.#path, offset });
  }

  #drop(bytes: number): void {
    if (bytes < this.#used) this.#buffer.copyWithin(0, bytes, this.#used);
    this.#used -= bytes;
    this.#base += bytes;
  }

  /** Doubles the buffer when one line fills it, so that a line of n bytes costs O(n), and shrinks it afterwards. */
  #makeRoom(): void {
    const size = this.#buffer.length;
    if (this.#used < size) {
      if (size > this.#chunkBytes && this.#used * 2 <= this.#chunkBytes) this.#resize(this.#chunkBytes);
      return;
    }
    if (this.#used > this.#maxLineBytes)
      throw new IskraError(
        'INPUT_LINE_TOO_LONG',
        `the line that begins at byte ${this.#base} of ${showPath(this.#path)} is longer than ${this.#maxLineBytes} bytes` +
          `${this.#maxLineBytes === limits.MAX_STRING_LENGTH ? ', the longest string of this Node' : ''}; ` +
          'break the file into shorter lines',
        { details: { path: this.#path, offset: this.#base } },
      );
    this.#resize(Math.min(size * 2, this.#maxLineBytes + this.#chunkBytes));
  }

  #resize(bytes: number): void {
    const buffer = Buffer.allocUnsafeSlow(bytes);
    this.#buffer.copy(buffer, 0, 0, this.#used);
    this.#buffer = buffer;
  }
}
