// The door of the folder: records to blocks of bytes and back.
import { IskraError } from '../base/errors.ts';
import { BLOCK_HEADER_BYTES, finishBlock, openBlock } from './block.ts';
import { ByteWriter } from './byte-writer.ts';
import { readArray, readPairColumns } from './column-decoder.ts';
import { ColumnWriter } from './column-writer.ts';
import { type CompressionName, Compressor } from './compression.ts';
import { isRevokedProxy, isStackOverflow, NotColumnarSignal, Refusal, UnencodableRecordError } from './errors.ts';
import { describeRefusal, describeRevokedProxy } from './locate.ts';

export { BLOCK_HEADER_BYTES, type BlockHeader, readBlockHeader } from './block.ts';
export { type ClassCodec, installClassCodec } from './class-codec.ts';
export { CorruptBlockError, UnencodableRecordError } from './errors.ts';

const INITIAL_BYTES = 64 << 10;
const NUMBER_BYTES = 8;
/** After this many blocks in a row that were no tables, only each PROBE_EVERY-th is tried as one. */
const GIVE_UP_AFTER = 3;
const PROBE_EVERY = 16;

/**
 * Encodes records to blocks; one per slot thread, reused.
 *
 * A decoded record is deeply equal to the encoded one, with its prototypes, cycles and shared references. Not kept, as
 * in structured clones: properties that are not enumerable (an error's are), getters (their value travels), frozenness,
 * and whether two typed arrays share memory. What two records share becomes two copies.
 */
export class RecordEncoder {
  readonly #w = new ByteWriter(BLOCK_HEADER_BYTES, INITIAL_BYTES);
  readonly #columns = new ColumnWriter(this.#w);
  readonly #compressor: Compressor;
  #notColumnar = 0;
  #skipped = 0;

  constructor(options: { readonly compression?: CompressionName } = {}) {
    this.#compressor = new Compressor(options.compression ?? 'lz4');
  }

  /**
   * One block for records[from, to); valid until the next call.
   *
   * @throws UnencodableRecordError for functions, symbols, promises, proxies …; the class codec's error for classes
   * that cannot travel.
   */
  encode(records: readonly unknown[], from: number, to: number): Uint8Array {
    const n = to - from;
    const rows = from === 0 ? records : records.slice(from, to);
    if (!this.#tryColumns((columns) => columns.writeRows(rows, n), rows, from))
      this.#guard((columns) => columns.writeGraph(rows, n), rows, from);
    return this.#finish(n);
  }

  /** The same bytes as encode() of [key, value] arrays, without making them. */
  encodePairs(keys: readonly unknown[], values: readonly unknown[], from: number, to: number): Uint8Array {
    const n = to - from;
    const k = from === 0 ? keys : keys.slice(from, to);
    const v = from === 0 ? values : values.slice(from, to);
    if (
      !this.#tryColumns(
        (columns) => columns.writePairs(k, v, n),
        () => pairs(k, v, n),
        from,
      )
    ) {
      const rows = pairs(k, v, n);
      this.#guard((columns) => columns.writeGraph(rows, n), rows, from);
    }
    return this.#finish(n);
  }

  /** One value as a graph. */
  encodeGraph(value: unknown): Uint8Array {
    this.#guard((columns) => columns.writeGraph([value], 1), [value], 0);
    return this.#finish(1);
  }

  #finish(rows: number): Uint8Array {
    this.#w.need(8);
    const block = finishBlock(this.#w.bytes, this.#w.position, rows, this.#compressor);
    this.#w.reset(); // a giant block is not held until the next one
    return block;
  }

  /** False if the records are no table, with nothing written. */
  #tryColumns(
    write: (columns: ColumnWriter) => void,
    records: readonly unknown[] | (() => readonly unknown[]),
    from: number,
  ): boolean {
    if (this.#notColumnar >= GIVE_UP_AFTER && ++this.#skipped % PROBE_EVERY !== 0) return false;
    try {
      this.#guard(write, records, from);
      this.#notColumnar = 0;
      return true;
    } catch (error) {
      if (!(error instanceof NotColumnarSignal)) throw error;
      this.#notColumnar++;
      return false;
    }
  }

  #guard(
    write: (columns: ColumnWriter) => void,
    records: readonly unknown[] | (() => readonly unknown[]),
    from: number,
  ): void {
    this.#w.reset();
    try {
      write(this.#columns);
    } catch (error) {
      if (error instanceof Refusal)
        throw describeRefusal(error, typeof records === 'function' ? records() : records, from);
      if (isStackOverflow(error))
        throw new UnencodableRecordError('a record', 'it is nested too deeply for the stack that is left here', error);
      if (isRevokedProxy(error))
        throw describeRevokedProxy(error, typeof records === 'function' ? records() : records, from);
      throw error;
    }
  }
}

function pairs(keys: readonly unknown[], values: readonly unknown[], n: number): unknown[][] {
  const rows = new Array<unknown[]>(n);
  for (let i = 0; i < n; i++) rows[i] = [keys[i], values[i]];
  return rows;
}

/**
 * The records of the block at `offset`; nothing of them points into `bytes`.
 *
 * @throws CorruptBlockError
 */
export function decodeBlock(bytes: Uint8Array, offset: number): unknown[] {
  return openBlock(bytes, offset, readArray);
}

/**
 * Keys and values of a block whose records are arrays of two, without making these arrays.
 *
 * @throws CorruptBlockError; IskraError `NOT_PAIRS` if the records are something else.
 */
export function decodePairBlock(bytes: Uint8Array, offset: number): { keys: unknown[]; values: unknown[] } {
  const pair = openBlock(bytes, offset, readPairColumns);
  if (pair === null)
    throw new IskraError('NOT_PAIRS', `block at byte ${offset} holds records that are not [key, value] arrays`);
  return pair;
}

let valueEncoder: RecordEncoder | null = null;

/**
 * Encodes one value: a task's result, small things. Records in number are for RecordEncoder.
 *
 * A number, which is what most small results are, takes its eight bytes alone; a block is never that short.
 *
 * @throws UnencodableRecordError
 */
export function encodeValue(value: unknown): Uint8Array {
  if (typeof value === 'number') {
    const bytes = new Uint8Array(NUMBER_BYTES);
    new DataView(bytes.buffer).setFloat64(0, value, true);
    return bytes;
  }
  // Taken while in use: a class codec may encode a value in turn.
  const encoder = valueEncoder ?? new RecordEncoder({ compression: 'none' });
  valueEncoder = null;
  const bytes = Uint8Array.prototype.slice.call(encoder.encodeGraph(value));
  valueEncoder = encoder;
  return bytes;
}

/** @throws CorruptBlockError */
export function decodeValue(bytes: Uint8Array): unknown {
  if (bytes.byteLength === NUMBER_BYTES)
    return new DataView(bytes.buffer, bytes.byteOffset, NUMBER_BYTES).getFloat64(0, true);
  return decodeBlock(bytes, 0)[0];
}
