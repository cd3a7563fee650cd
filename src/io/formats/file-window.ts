import { IskraError } from '../../base/errors.ts';
import { FileSource } from '../byte-source.ts';
import { showPath } from '../file-system.ts';

const WINDOW_BYTES = 256 * 1024;

/** A file with a piece of it in memory: for binary formats that read numbers, jump and look for marks. */
export class FileWindow {
  readonly path: string;
  readonly #format: string;
  readonly #source: FileSource;
  #bytes: Buffer = Buffer.allocUnsafeSlow(WINDOW_BYTES);
  #used = 0;
  #base: number;
  #at = 0;

  /** @param format names it in messages: `sequence file`. */
  constructor(path: string, format: string, start: number, onBytes?: (bytes: number) => void) {
    this.path = path;
    this.#format = format;
    this.#source = new FileSource(path, start, onBytes);
    this.#base = start;
  }

  /** Of the next byte, in the file. */
  get position(): number {
    return this.#base + this.#at;
  }

  seek(position: number): void {
    if (position >= this.#base && position <= this.#base + this.#used) {
      this.#at = position - this.#base;
      return;
    }
    this.#source.seek(position);
    this.#base = position;
    this.#at = 0;
    this.#used = 0;
  }

  close(): void {
    this.#source.close();
  }

  /** True at the end of the file. */
  ended(): boolean {
    return !this.#fill(1);
  }

  /** The next bytes; valid until the next call. */
  take(length: number, what: string): Buffer {
    if (!this.#fill(length))
      throw this.corrupt(`it ends in the middle of ${what}: ${length} bytes expected, ${this.#used - this.#at} there`);
    const at = this.#at;
    this.#at = at + length;
    return this.#bytes.subarray(at, at + length);
  }

  int(what: string): number {
    return this.take(4, what).readInt32BE(0);
  }

  byte(what: string): number {
    return this.take(1, what)[0] as number; // take gave one
  }

  /** Goes to the next place that has these bytes, at the current one or later. False: there is none. */
  find(mark: Buffer): boolean {
    for (;;) {
      if (!this.#fill(mark.length)) return false;
      const found = this.#bytes.subarray(this.#at, this.#used).indexOf(mark);
      if (found >= 0) {
        this.#at += found;
        return true;
      }
      this.#at = this.#used - mark.length + 1;
    }
  }

  /** `file:/x at byte 17 is no sequence file, or is damaged: …` */
  corrupt(why: string, cause?: unknown): IskraError {
    return new IskraError(
      'INPUT_CORRUPT',
      `${showPath(this.path)} is no ${this.#format}, or is damaged, at byte ${this.position}: ${why}`,
      { cause, details: { path: this.path, offset: this.position } },
    );
  }

  #fill(length: number): boolean {
    while (this.#used - this.#at < length) {
      if (this.#at > 0) {
        this.#bytes.copyWithin(0, this.#at, this.#used);
        this.#used -= this.#at;
        this.#base += this.#at;
        this.#at = 0;
      }
      if (this.#used === this.#bytes.length) {
        // A length that lies must not take all memory: grow with what is really there.
        const larger = Buffer.allocUnsafeSlow(this.#bytes.length * 2);
        this.#bytes.copy(larger, 0, 0, this.#used);
        this.#bytes = larger;
      }
      const n = this.#source.read(this.#bytes, this.#used, this.#bytes.length - this.#used);
      if (n === 0) return false;
      this.#used += n;
    }
    return true;
  }
}
