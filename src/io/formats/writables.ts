import { IskraError } from '../../base/errors.ts';
import { shortInspect } from '../../base/value-errors.ts';
import type { WritableName } from '../../protocol/file-formats.ts';

// Hadoop's classes of values as bytes. Numbers are big-endian. Hadoop: org.apache.hadoop.io, WritableUtils

const PACKAGE = 'org.apache.hadoop.io.';

/** Appends numbers and texts to a buffer that grows. */
export class WritableOutput {
  #bytes: Buffer = Buffer.allocUnsafeSlow(64 * 1024);
  #used = 0;

  get length(): number {
    return this.#used;
  }

  /** What is there; valid until it is written to again. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#used);
  }

  clear(): void {
    this.#used = 0;
  }

  #room(count: number): number {
    const at = this.#used;
    this.#used = at + count;
    if (this.#used > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.#used, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    return at;
  }

  byte(value: number): void {
    const at = this.#room(1);
    this.#bytes[at] = value;
  }

  int(value: number): void {
    const at = this.#room(4);
    this.#bytes.writeInt32BE(value, at);
  }

  long(value: bigint): void {
    const at = this.#room(8);
    this.#bytes.writeBigInt64BE(value, at);
  }

  float(value: number): void {
    const at = this.#room(4);
    this.#bytes.writeFloatBE(value, at);
  }

  double(value: number): void {
    const at = this.#room(8);
    this.#bytes.writeDoubleBE(value, at);
  }

  raw(value: Uint8Array): void {
    const at = this.#room(value.length);
    this.#bytes.set(value, at);
  }

  /** A length of 0 or more, as Hadoop's VInt has it. */
  vint(value: number): void {
    if (value <= 127) {
      this.byte(value);
      return;
    }
    const size = value < 0x100 ? 1 : value < 0x10000 ? 2 : value < 0x1000000 ? 3 : 4;
    this.byte(256 - 112 - size);
    for (let k = size - 1; k >= 0; k--) this.byte((value >>> (8 * k)) & 0xff);
  }

  text(value: string): void {
    const length = Buffer.byteLength(value);
    this.vint(length);
    const at = this.#room(length);
    this.#bytes.write(value, at);
  }
}

/** Reads numbers and texts from bytes. Reading beyond the end throws a RangeError. */
export class WritableInput {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  raw(length: number): Buffer {
    const end = this.at + length;
    if (length < 0 || end > this.bytes.length)
      throw new RangeError(`${length} bytes expected, ${this.bytes.length - this.at} there`);
    const piece = this.bytes.subarray(this.at, end);
    this.at = end;
    return piece;
  }

  vlong(): bigint {
    const first = this.raw(1).readInt8(0);
    if (first >= -112) return BigInt(first);
    const negative = first < -120;
    const size = negative ? -120 - first : -112 - first;
    let value = 0n;
    for (const byte of this.raw(size)) value = (value << 8n) | BigInt(byte);
    return negative ? ~value : value;
  }

  vint(): number {
    return Number(this.vlong());
  }

  text(): string {
    return this.raw(this.vint()).toString('utf8');
  }
}

export type ReadWritable = (input: WritableInput) => unknown;
export type WriteWritable = (output: WritableOutput, value: unknown) => void;

/**
 * How values of one of Hadoop's classes are read.
 *
 * @param longs what 64-bit numbers become.
 * @returns null for a class that we do not know.
 */
export function writableReader(className: string, longs: 'number' | 'bigint'): ReadWritable | null {
  if (!className.startsWith(PACKAGE)) return null;
  const long = (value: bigint): number | bigint => (longs === 'bigint' ? value : safeNumber(value));
  switch (className.slice(PACKAGE.length)) {
    case 'Text':
      return (input) => input.text();
    case 'IntWritable':
      return (input) => input.raw(4).readInt32BE(0);
    case 'LongWritable':
      return (input) => long(input.raw(8).readBigInt64BE(0));
    case 'VIntWritable':
      return (input) => input.vint();
    case 'VLongWritable':
      return (input) => long(input.vlong());
    case 'ShortWritable':
      return (input) => input.raw(2).readInt16BE(0);
    case 'ByteWritable':
      return (input) => input.raw(1).readInt8(0);
    case 'DoubleWritable':
      return (input) => input.raw(8).readDoubleBE(0);
    case 'FloatWritable':
      return (input) => input.raw(4).readFloatBE(0);
    case 'BooleanWritable':
      return (input) => input.raw(1)[0] !== 0;
    case 'BytesWritable':
      // A copy: the memory below is used again.
      return (input) => Buffer.from(input.raw(input.raw(4).readInt32BE(0)));
    case 'NullWritable':
      return () => null;
    default:
      return null;
  }
}

function safeNumber(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number))
    throw new IskraError(
      'INPUT_LONG_NOT_SAFE',
      `a LongWritable holds ${value}, which a number cannot hold exactly; read it with sequenceFile(path, { longs: 'bigint' })`,
    );
  return number;
}

export const READABLE_WRITABLES: string =
  'Text, IntWritable, LongWritable, VIntWritable, VLongWritable, ShortWritable, ByteWritable, DoubleWritable, ' +
  'FloatWritable, BooleanWritable, BytesWritable, NullWritable';

/** Hadoop's full name of a class. */
export function writableClass(name: WritableName): string {
  return PACKAGE + name;
}

/** The class for a value when none is named: numbers are doubles, since all of them must fit. */
export function writableFor(value: unknown): WritableName | null {
  switch (typeof value) {
    case 'string':
      return 'Text';
    case 'number':
      return 'DoubleWritable';
    case 'bigint':
      return 'LongWritable';
    case 'boolean':
      return 'BooleanWritable';
    default:
      if (value === null || value === undefined) return 'NullWritable';
      return value instanceof Uint8Array ? 'BytesWritable' : null;
  }
}

const isInteger = (value: unknown, limit: number): value is number =>
  Number.isInteger(value) && (value as number) >= -limit && (value as number) < limit;

/** How values are written as one of Hadoop's classes; throws an IskraError for a value that is none. */
export function writableWriter(name: WritableName): WriteWritable {
  const refuse = (value: unknown): never => {
    throw new IskraError(
      'OUTPUT_NOT_WRITABLE_AS',
      `saveAsSequenceFile: ${shortInspect(value)} cannot be written as ${name}; all keys, and all values, of a partition have one class: ` +
        'name another with { keyClass, valueClass }, or map the records',
    );
  };
  switch (name) {
    case 'Text':
      return (out, v) => (typeof v === 'string' ? out.text(v) : refuse(v));
    case 'IntWritable':
      return (out, v) => (isInteger(v, 2 ** 31) ? out.int(v) : refuse(v));
    case 'LongWritable':
      return (out, v) => {
        if (typeof v === 'bigint' && BigInt.asIntN(64, v) === v) out.long(v);
        else if (Number.isSafeInteger(v)) out.long(BigInt(v as number));
        else refuse(v);
      };
    case 'DoubleWritable':
      return (out, v) => (typeof v === 'number' ? out.double(v) : refuse(v));
    case 'FloatWritable':
      return (out, v) => (typeof v === 'number' ? out.float(v) : refuse(v));
    case 'BooleanWritable':
      return (out, v) => (typeof v === 'boolean' ? out.byte(v ? 1 : 0) : refuse(v));
    case 'BytesWritable':
      return (out, v) => {
        if (!(v instanceof Uint8Array)) return refuse(v);
        out.int(v.length);
        out.raw(v);
      };
    case 'NullWritable':
      return (_out, v) => {
        if (v !== null && v !== undefined) refuse(v);
      };
  }
}

export const WRITABLE_NAMES: readonly WritableName[] = [
  'Text',
  'IntWritable',
  'LongWritable',
  'DoubleWritable',
  'FloatWritable',
  'BooleanWritable',
  'BytesWritable',
  'NullWritable',
];
