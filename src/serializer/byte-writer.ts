import { UnencodableRecordError } from './errors.ts';

/** Positions are rounded up by 32-bit operators. */
const MAX_BYTES = 0x7fff_fff0;

/** A growing buffer. Positions are relative to `origin`, where the payload starts, so that alignment is the payload's. */
export class ByteWriter {
  bytes: Buffer;
  position: number;
  readonly origin: number;
  readonly #initial: number;

  /** @param origin bytes kept free in front for a header; a multiple of 8. */
  constructor(origin: number, initial: number) {
    this.origin = origin;
    this.#initial = initial;
    this.position = origin;
    this.bytes = Buffer.allocUnsafeSlow(initial);
  }

  /** Starts over. Memory that one giant block left behind is given back. */
  reset(): void {
    this.position = this.origin;
    if (this.bytes.length > this.#initial * 64) this.bytes = Buffer.allocUnsafeSlow(this.#initial);
  }

  /** Makes room for `count` more bytes. */
  need(count: number): void {
    const wanted = this.position + count;
    if (wanted <= this.bytes.length) return;
    if (wanted > MAX_BYTES)
      throw new UnencodableRecordError(
        'a block of records',
        `it would have more than ${MAX_BYTES} bytes; encode fewer or smaller records at once`,
      );
    let size = this.bytes.length * 2;
    while (size < wanted) size *= 2;
    const larger = Buffer.allocUnsafeSlow(Math.min(size, MAX_BYTES));
    this.bytes.copy(larger, 0, 0, this.position);
    this.bytes = larger;
  }

  u8(value: number): void {
    this.need(1);
    this.bytes[this.position++] = value;
  }

  u32(value: number): void {
    this.need(4);
    this.position = this.bytes.writeUInt32LE(value, this.position);
  }

  /** Unsigned LEB128 of an integer below 2^32. */
  varint(value: number): void {
    this.need(5);
    let rest = value >>> 0;
    let p = this.position;
    while (rest >= 0x80) {
      this.bytes[p++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.bytes[p++] = rest;
    this.position = p;
  }

  double(value: number): void {
    this.need(8);
    this.position = this.bytes.writeDoubleLE(value, this.position);
  }

  raw(bytes: Uint8Array): void {
    this.need(bytes.byteLength);
    this.bytes.set(bytes, this.position);
    this.position += bytes.byteLength;
  }

  /** Pads with zeros to a multiple of 8. */
  align(): void {
    const padded = (this.position + 7) & ~7;
    this.need(8);
    while (this.position < padded) this.bytes[this.position++] = 0;
  }

  /** Room for `count` numbers at an aligned position; the writer moves behind them. */
  int8s(count: number): Int8Array {
    const at = this.#claim(count);
    return new Int8Array(this.bytes.buffer, at, count);
  }
  int16s(count: number): Int16Array {
    const at = this.#claim(count * 2);
    return new Int16Array(this.bytes.buffer, at, count);
  }
  uint16s(count: number): Uint16Array {
    const at = this.#claim(count * 2);
    return new Uint16Array(this.bytes.buffer, at, count);
  }
  int32s(count: number): Int32Array {
    const at = this.#claim(count * 4);
    return new Int32Array(this.bytes.buffer, at, count);
  }
  uint32s(count: number): Uint32Array {
    const at = this.#claim(count * 4);
    return new Uint32Array(this.bytes.buffer, at, count);
  }
  doubles(count: number): Float64Array {
    const at = this.#claim(count * 8);
    return new Float64Array(this.bytes.buffer, at, count);
  }
  int64s(count: number): BigInt64Array {
    const at = this.#claim(count * 8);
    return new BigInt64Array(this.bytes.buffer, at, count);
  }

  /** Called before `this.bytes` is read: it may grow. */
  #claim(count: number): number {
    this.align();
    this.need(count);
    const at = this.position;
    this.position += count;
    return at;
  }
}
