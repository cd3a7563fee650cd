import { createRequire } from 'node:module';

interface Lz4 {
  compressSync(data: Buffer): Buffer;
}

let loaded: Lz4 | null = null;

/** One raw LZ4 block. */
export function packLz4(bytes: Buffer): Buffer {
  loaded ??= createRequire(import.meta.url)('lz4-napi') as Lz4;
  // The library puts the size in front, four bytes; the format has none.
  return loaded.compressSync(bytes).subarray(4);
}

/**
 * Unpacks a raw LZ4 block into `out` from `at` on.
 *
 * By hand, since libraries want to know the unpacked size, which Hadoop's framing does not tell for each block.
 *
 * @returns bytes written.
 * @throws RangeError when the block does not fit its input or `out`.
 */
export function unpackLz4(packed: Buffer, out: Buffer, at: number): number {
  const end = packed.length;
  let i = 0;
  let o = at;
  while (i < end) {
    const token = packed[i++] as number; // i < end
    let literals = token >> 4;
    if (literals === 15) {
      let more = 255;
      while (more === 255) {
        if (i >= end) throw broken();
        more = packed[i++] as number;
        literals += more;
      }
    }
    if (i + literals > end || o + literals > out.length) throw broken();
    packed.copy(out, o, i, i + literals);
    i += literals;
    o += literals;
    if (i === end) break; // the last sequence has literals only
    if (i + 2 > end) throw broken();
    const distance = (packed[i] as number) | ((packed[i + 1] as number) << 8);
    i += 2;
    let length = (token & 15) + 4;
    if (length === 19) {
      let more = 255;
      while (more === 255) {
        if (i >= end) throw broken();
        more = packed[i++] as number;
        length += more;
      }
    }
    const from = o - distance;
    if (distance === 0 || from < at || o + length > out.length) throw broken();
    if (distance >= length) out.copyWithin(o, from, from + length);
    else for (let k = 0; k < length; k++) out[o + k] = out[from + k] as number; // overlapping: repeats what it writes
    o += length;
  }
  return o - at;
}

const broken = (): RangeError => new RangeError('an LZ4 sequence points outside its block');
