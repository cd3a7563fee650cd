import { CorruptBlockError } from './errors.ts';

/** Reads a payload whose first byte lies at a multiple of 8 of its memory (block.ts sees to that). */
export class ByteReader {
  readonly bytes: Buffer;
  readonly #memory: ArrayBufferLike;
  readonly #base: number;
  position = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.#memory = bytes.buffer;
    this.#base = bytes.byteOffset;
  }

  u8(): number {
    this.#claim(1);
    return this.bytes[this.position++] as number;
  }

  u32(): number {
    const value = this.bytes.readUInt32LE(this.position);
    this.position += 4;
    return value;
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return value >>> 0;
  }

  double(): number {
    const value = this.bytes.readDoubleLE(this.position);
    this.position += 8;
    return value;
  }

  /** A view, not a copy. */
  raw(count: number): Buffer {
    this.#claim(count);
    const view = this.bytes.subarray(this.position, this.position + count);
    this.position += count;
    return view;
  }

  align(): void {
    this.position = (this.position + 7) & ~7;
  }

  int8s(count: number): Int8Array {
    return new Int8Array(this.#memory, this.#take(count), count);
  }
  uint8s(count: number): Uint8Array {
    this.#claim(count);
    const at = this.#base + this.position;
    this.position += count;
    return new Uint8Array(this.#memory, at, count);
  }
  int16s(count: number): Int16Array {
    return new Int16Array(this.#memory, this.#take(count * 2), count);
  }
  uint16s(count: number): Uint16Array {
    return new Uint16Array(this.#memory, this.#take(count * 2), count);
  }
  int32s(count: number): Int32Array {
    return new Int32Array(this.#memory, this.#take(count * 4), count);
  }
  uint32s(count: number): Uint32Array {
    return new Uint32Array(this.#memory, this.#take(count * 4), count);
  }
  doubles(count: number): Float64Array {
    return new Float64Array(this.#memory, this.#take(count * 8), count);
  }
  int64s(count: number): BigInt64Array {
    return new BigInt64Array(this.#memory, this.#take(count * 8), count);
  }

  #take(count: number): number {
    this.align();
    this.#claim(count);
    const at = this.#base + this.position;
    this.position += count;
    return at;
  }

  #claim(count: number): void {
    if (this.position + count > this.bytes.length)
      throw new CorruptBlockError(
        this.position,
        `a column needs ${count} bytes, the payload has ${this.bytes.length - this.position} left`,
      );
  }
}
