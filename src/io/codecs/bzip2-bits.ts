import type { ByteSource } from '../byte-source.ts';
import { TruncatedError } from './decoded-source.ts';

const START_BYTES = 256 * 1024;
/** A block of 900,000 symbols of at most 20 bits, and its tables. */
const MAX_BLOCK_BYTES = 2_400_000;
const WINDOW_BYTES = 4 << 20;

/**
 * The bits of a file, most significant first. `fill` gets all bytes of a block into memory, so that reading a bit needs no
 * question whether there is another one.
 */
export class BitReader {
  readonly #file: ByteSource;
  bytes: Buffer = Buffer.allocUnsafeSlow(START_BYTES);
  /** The next bit, counted from the start of `bytes`. */
  bit = 0;
  /** Bytes that are there. */
  used = 0;
  /** Where in the file `bytes` begins. */
  base: number;
  #ended = false;

  /** @param base where in the file the source begins. */
  constructor(file: ByteSource, base: number) {
    this.#file = file;
    this.base = base;
  }

  /** Of the next bit, in the file. */
  get position(): number {
    return this.base * 8 + this.bit;
  }

  /** Makes sure that the next MAX_BLOCK_BYTES are there, or all until the end of the file. */
  fill(least: number = MAX_BLOCK_BYTES): void {
    let at = this.bit >> 3;
    while (this.used - at < least && !this.#ended) {
      if (at > 0 && this.used === this.bytes.length) {
        this.bytes.copyWithin(0, at, this.used);
        this.used -= at;
        this.base += at;
        this.bit &= 7;
        at = 0;
      }
      if (this.used === this.bytes.length) {
        const larger = Buffer.allocUnsafeSlow(Math.min(WINDOW_BYTES, this.bytes.length * 2));
        this.bytes.copy(larger, 0, 0, this.used);
        this.bytes = larger;
      }
      const n = this.#file.read(this.bytes, this.used, this.bytes.length - this.used);
      if (n === 0) this.#ended = true;
      this.used += n;
    }
  }

  /** Whether the file ends within the next `bits`, rounded up to whole bytes. */
  endsWithin(bits: number): boolean {
    this.fill(((bits + 7) >> 3) + 1);
    return this.bit + bits > this.used * 8;
  }

  /** At most 24 bits. */
  read(n: number): number {
    const { bytes, bit } = this;
    const at = bit >> 3;
    if (bit + n > this.used * 8) throw new TruncatedError('the file ends within a block');
    const word =
      (((bytes[at] as number) << 24) |
        ((bytes[at + 1] ?? 0) << 16) |
        ((bytes[at + 2] ?? 0) << 8) |
        (bytes[at + 3] ?? 0)) <<
      (bit & 7);
    this.bit = bit + n;
    return word >>> (32 - n);
  }

  readLong(): number {
    const high = this.read(16);
    return high * 65_536 + this.read(16);
  }

  align(): void {
    this.bit = (this.bit + 7) & ~7;
  }

  /**
   * Goes to the first place, at the next bit or later, that has `high` and then `low`, 24 bits each. False: there is none.
   */
  seek(high: number, low: number): boolean {
    // The last 48 bits in two halves, and one bit more at a time.
    let a = 0;
    let b = 0;
    let seen = 0;
    for (;;) {
      this.fill(1);
      const { bytes, used } = this;
      if (this.bit >= used * 8) return false;
      let { bit } = this;
      for (const end = used * 8; bit < end; bit++) {
        const next = ((bytes[bit >> 3] as number) >> (7 - (bit & 7))) & 1;
        a = ((a << 1) | (b >>> 23)) & 0xffffff;
        b = ((b << 1) | next) & 0xffffff;
        if (++seen >= 48 && a === high && b === low) {
          this.bit = bit + 1;
          // The mark may have begun in bytes that are gone; it is not read again.
          return true;
        }
      }
      this.bit = bit;
    }
  }
}
