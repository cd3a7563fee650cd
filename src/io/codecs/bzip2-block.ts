import type { BitReader } from './bzip2-bits.ts';
import { Bzip2Mask } from './bzip2-random.ts';

const MAX_BLOCK = 900_000;
const MAX_CODE_BITS = 20;
const GROUP_SYMBOLS = 50;
/** Symbols 0 and 1 are digits of a run's length; all others stand for a byte, but for the last. */
const RUN_B = 1;
/** Codes up to so many bits are looked up at once. */
const TABLE_BITS = 10;

// The checksum of bzip2: CRC-32 as in zlib, but with the most significant bit first.
const CRC = new Uint32Array(256);
for (let i = 0; i < 256; i++) {
  let c = i << 24;
  for (let k = 0; k < 8; k++) c = c & 0x80000000 ? (c << 1) ^ 0x04c11db7 : c << 1;
  CRC[i] = c >>> 0;
}

interface Huffman {
  /** (symbol << 5 | bits) by the next TABLE_BITS bits; 0: the code is longer. */
  readonly table: Uint16Array;
  /** By number of bits: the last code, and what to add to a code for its place in `symbols`. */
  readonly limit: Int32Array;
  readonly offset: Int32Array;
  readonly symbols: Uint16Array;
}

const bad = (why: string): RangeError => new RangeError(why);

/**
 * One block of a bzip2 file: read at once, given out in pieces. The memory for it (4 MB) is used again for the next.
 *
 * Stages, from the last of the writer's to its first: Huffman codes, runs of the most recent symbol, move to front,
 * Burrows-Wheeler transform, runs of four and more equal bytes.
 */
export class Bzip2Block {
  readonly #links: Uint32Array = new Uint32Array(MAX_BLOCK);
  #left = 0;
  #at = 0;
  #previous = -1;
  #equal = 0;
  #repeat = 0;
  #crc = 0;
  #expectedCrc = 0;
  #mask: Bzip2Mask | null = null;

  /** The bits after the block's mark. */
  open(r: BitReader): void {
    r.fill();
    this.#expectedCrc = r.readLong();
    this.#mask = r.read(1) === 1 ? new Bzip2Mask() : null;
    const origin = r.read(24);
    const bytes = readAlphabet(r);
    const count = this.#readSymbols(r, bytes);
    if (origin >= count) throw bad('the start of a block lies outside it');
    this.#link(count);
    this.#left = count;
    this.#at = (this.#links[origin] as number) >>> 8;
    this.#previous = -1;
    this.#equal = 0;
    this.#repeat = 0;
    this.#crc = 0xffffffff;
  }

  /** @returns bytes written; 0 after the last. */
  read(target: Buffer, offset: number, length: number): number {
    const links = this.#links;
    const mask = this.#mask;
    const end = offset + length;
    let o = offset;
    let at = this.#at;
    let left = this.#left;
    let previous = this.#previous;
    let equal = this.#equal;
    let crc = this.#crc;
    while (o < end) {
      if (this.#repeat > 0) {
        const n = Math.min(this.#repeat, end - o);
        target.fill(previous, o, o + n);
        for (let k = 0; k < n; k++) crc = (crc << 8) ^ (CRC[(crc >>> 24) ^ previous] as number);
        o += n;
        this.#repeat -= n;
        continue;
      }
      if (left === 0) break;
      left--;
      const link = links[at] as number;
      const byte = mask === null ? link & 0xff : (link & 0xff) ^ mask.next();
      at = link >>> 8;
      if (equal === 4) {
        this.#repeat = byte;
        equal = 0;
        continue;
      }
      equal = byte === previous ? equal + 1 : 1;
      previous = byte;
      target[o++] = byte;
      crc = (crc << 8) ^ (CRC[(crc >>> 24) ^ byte] as number);
    }
    this.#at = at;
    this.#left = left;
    this.#previous = previous;
    this.#equal = equal;
    this.#crc = crc;
    if (o === offset && ~crc >>> 0 !== this.#expectedCrc) throw bad('the checksum of a block does not match');
    return o - offset;
  }

  /** Each place gets, above its byte, the place of the byte that follows in the text. */
  #link(count: number): void {
    const links = this.#links;
    const next = new Uint32Array(256);
    for (let i = 0; i < count; i++) {
      const byte = (links[i] as number) & 0xff;
      next[byte] = (next[byte] as number) + 1;
    }
    for (let byte = 0, sum = 0; byte < 256; byte++) {
      const n = next[byte] as number;
      next[byte] = sum;
      sum += n;
    }
    for (let i = 0; i < count; i++) {
      const byte = (links[i] as number) & 0xff;
      const place = next[byte] as number;
      next[byte] = place + 1;
      links[place] = ((links[place] as number) | (i << 8)) >>> 0;
    }
  }

  #readSymbols(r: BitReader, alphabet: Uint8Array): number {
    const groups = r.read(3);
    if (groups < 2 || groups > 6) throw bad(`${groups} tables of codes`);
    const selectors = readSelectors(r, groups);
    const tables: Huffman[] = [];
    for (let i = 0; i < groups; i++) tables.push(readTable(r, alphabet.length + 2));
    return this.#decode(r, alphabet, selectors, tables);
  }

  #decode(r: BitReader, alphabet: Uint8Array, selectors: Uint8Array, tables: readonly Huffman[]): number {
    const links = this.#links;
    const endOfBlock = alphabet.length + 1;
    const front = alphabet.slice();
    const { bytes } = r;
    const endBit = r.used * 8;
    let { bit } = r;
    let count = 0;
    let run = 0;
    let weight = 1;
    let group = 0;
    let inGroup = 0;
    let huffman = tables[0] as Huffman; // two at least
    for (;;) {
      if (inGroup === 0) {
        if (group >= selectors.length) throw bad('a block has more symbols than selectors');
        huffman = tables[selectors[group++] as number] as Huffman; // readSelectors checked it
        inGroup = GROUP_SYMBOLS;
      }
      inGroup--;
      const at = bit >> 3;
      // Bytes beyond the end are old ones or undefined: what they give is refused below.
      const word =
        (((bytes[at] as number) << 24) |
          ((bytes[at + 1] as number) << 16) |
          ((bytes[at + 2] as number) << 8) |
          (bytes[at + 3] as number)) <<
        (bit & 7);
      let symbol: number;
      const found = huffman.table[word >>> (32 - TABLE_BITS)] as number;
      if (found !== 0) {
        symbol = found >>> 5;
        bit += found & 31;
      } else {
        let n = TABLE_BITS + 1;
        let code = word >>> (32 - n);
        while (n <= MAX_CODE_BITS && code > (huffman.limit[n] as number)) {
          n++;
          code = word >>> (32 - n);
        }
        if (n > MAX_CODE_BITS) throw bad('a code that is in no table');
        symbol = huffman.symbols[code + (huffman.offset[n] as number)] as number;
        bit += n;
      }
      if (bit > endBit) {
        r.bit = bit - 32;
        r.read(24); // says that the file ends
        r.read(24);
      }
      if (symbol <= RUN_B) {
        if (weight > MAX_BLOCK * 2) throw bad('a run longer than a block');
        run += weight << symbol;
        weight <<= 1;
        continue;
      }
      if (run > 0) {
        if (count + run > MAX_BLOCK) throw bad('a block longer than 900,000 bytes');
        links.fill(front[0] as number, count, count + run);
        count += run;
        run = 0;
        weight = 1;
      }
      if (symbol === endOfBlock) break;
      if (count >= MAX_BLOCK) throw bad('a block longer than 900,000 bytes');
      const place = symbol - 1;
      const byte = front[place] as number;
      if (place < 16) for (let k = place; k > 0; k--) front[k] = front[k - 1] as number;
      else front.copyWithin(1, 0, place);
      front[0] = byte;
      links[count++] = byte;
    }
    r.bit = bit;
    return count;
  }
}

function readAlphabet(r: BitReader): Uint8Array {
  const ranges = r.read(16);
  const bytes: number[] = [];
  for (let i = 0; i < 16; i++) {
    if ((ranges & (0x8000 >> i)) === 0) continue;
    const inRange = r.read(16);
    for (let j = 0; j < 16; j++) if ((inRange & (0x8000 >> j)) !== 0) bytes.push(i * 16 + j);
  }
  if (bytes.length === 0) throw bad('a block that uses no byte');
  return Uint8Array.from(bytes);
}

function readSelectors(r: BitReader, groups: number): Uint8Array {
  const n = r.read(15);
  if (n === 0) throw bad('a block without selectors');
  const front = [0, 1, 2, 3, 4, 5];
  const selectors = new Uint8Array(n);
  for (let i = 0; i < n; i++) {
    let place = 0;
    while (r.read(1) === 1) if (++place >= groups) throw bad('a selector of no table');
    const [chosen] = front.splice(place, 1) as [number];
    front.unshift(chosen);
    selectors[i] = chosen;
  }
  return selectors;
}

function readTable(r: BitReader, symbols: number): Huffman {
  const lengths = new Uint8Array(symbols);
  let length = r.read(5);
  for (let i = 0; i < symbols; i++) {
    for (;;) {
      if (length < 1 || length > MAX_CODE_BITS) throw bad(`a code of ${length} bits`);
      if (r.read(1) === 0) break;
      length += r.read(1) === 0 ? 1 : -1;
    }
    lengths[i] = length;
  }
  const order = new Uint16Array(symbols);
  const limit = new Int32Array(MAX_CODE_BITS + 1).fill(-1);
  const offset = new Int32Array(MAX_CODE_BITS + 1);
  const table = new Uint16Array(1 << TABLE_BITS);
  let code = 0;
  let place = 0;
  for (let bits = 1; bits <= MAX_CODE_BITS; bits++, code <<= 1) {
    offset[bits] = place - code;
    for (let symbol = 0; symbol < symbols; symbol++) {
      if (lengths[symbol] !== bits) continue;
      order[place++] = symbol;
      if (bits <= TABLE_BITS) {
        const from = code << (TABLE_BITS - bits);
        table.fill((symbol << 5) | bits, from, from + (1 << (TABLE_BITS - bits)));
      }
      code++;
    }
    limit[bits] = code - 1;
    if (code > 1 << bits) throw bad('codes that overlap');
  }
  return { table, limit, offset, symbols: order };
}
