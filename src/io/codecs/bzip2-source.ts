import type { ByteSource } from '../byte-source.ts';
import { BitReader } from './bzip2-bits.ts';
import { Bzip2Block } from './bzip2-block.ts';
import { corrupt, TruncatedError } from './decoded-source.ts';

// The first twelve digits of pi, and of its square root.
const BLOCK_HIGH = 0x314159;
const BLOCK_LOW = 0x265359;
const END_HIGH = 0x177245;
const END_LOW = 0x385090;
const MARK_BITS = 48;

/**
 * A bzip2 file or the blocks of one whose marks begin in bytes [start, end); streams may follow one another.
 *
 * After its own blocks it goes on with those of others, to complete a line: `ownBytes` tells where they begin.
 *
 * Hadoop: BZip2Codec
 */
export class Bzip2Source implements ByteSource {
  readonly #path: string;
  readonly #file: ByteSource;
  readonly #bits: BitReader;
  readonly #block = new Bzip2Block();
  readonly #start: number;
  readonly #end: number;
  #given = 0;
  #own: number = Number.POSITIVE_INFINITY;
  #state: 'new' | 'inBlock' | 'ended' = 'new';

  /** @param file gives the bytes of `path` from `start` on; `path` is for messages. */
  constructor(path: string, start: number, end: number, file: ByteSource) {
    this.#path = path;
    this.#start = start;
    this.#end = end;
    this.#file = file;
    this.#bits = new BitReader(file, start);
  }

  get ownBytes(): number {
    return this.#own;
  }

  read(target: Buffer, offset: number, length: number): number {
    try {
      for (;;) {
        if (this.#state === 'new') this.#first();
        if (this.#state === 'ended') return 0;
        const n = this.#block.read(target, offset, length);
        this.#given += n;
        if (n > 0) return n;
        this.#next();
      }
    } catch (e) {
      if (!(e instanceof RangeError || e instanceof TruncatedError)) throw e;
      throw corrupt(this.#path, 'bzip2', Math.ceil(this.#bits.position / 8), e);
    }
  }

  close(): void {
    this.#state = 'ended';
    this.#file.close();
  }

  #first(): void {
    const bits = this.#bits;
    if (this.#start === 0) {
      if (bits.endsWithin(8)) {
        this.#state = 'ended'; // an empty file is an empty text
        return;
      }
      this.#header();
      this.#next();
      return;
    }
    if (!bits.seek(BLOCK_HIGH, BLOCK_LOW) || bits.position - MARK_BITS >= this.#end * 8) {
      this.#own = 0;
      this.#state = 'ended';
      return;
    }
    this.#open();
  }

  /** To the next block, over the end of a stream. */
  #next(): void {
    const bits = this.#bits;
    for (;;) {
      bits.fill(16);
      const begin = bits.position;
      const high = bits.read(24);
      const low = bits.read(24);
      if (high === BLOCK_HIGH && low === BLOCK_LOW) {
        if (begin >= this.#end * 8 && this.#own > this.#given) this.#own = this.#given;
        this.#open();
        return;
      }
      if (high !== END_HIGH || low !== END_LOW) throw new RangeError('neither a block nor the end of a stream');
      bits.readLong(); // of checksums, which were looked at one by one
      bits.align();
      if (bits.endsWithin(8)) {
        this.#state = 'ended';
        return;
      }
      this.#header();
    }
  }

  #header(): void {
    const bits = this.#bits;
    bits.fill(16);
    const magic = bits.read(24);
    const level = bits.read(8);
    if (magic !== 0x425a68 || level < 0x31 || level > 0x39) throw new RangeError('no header of a bzip2 stream');
  }

  #open(): void {
    this.#block.open(this.#bits);
    this.#state = 'inBlock';
  }
}
