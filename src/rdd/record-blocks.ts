import {
  BLOCK_HEADER_BYTES,
  decodeBlock,
  decodeValue,
  encodeValue,
  RecordEncoder,
  readBlockHeader,
} from '../serializer/serializer.ts';

/** Records in a block: small enough that a reader that stops early has not decoded much in vain. */
const RECORDS_PER_BLOCK = 2048;

/** Made when first needed: most jobs send no records from the driver. */
let encoder: RecordEncoder | null = null;

/**
 * Records as bytes: serializer blocks back to back. `records` may be a slice of a larger list: [from, until).
 *
 * @throws UnencodableRecordError for functions, symbols, promises and the like.
 */
export function encodeRecords(records: ArrayLike<unknown>, from = 0, until: number = records.length): Uint8Array {
  if (until <= from) return new Uint8Array(0);
  encoder ??= new RecordEncoder({ compression: 'none' });
  const list = Array.isArray(records) ? records : arrayOf(records, from, until);
  const shift = list === records ? 0 : from;
  const blocks: Uint8Array[] = [];
  for (let at = from; at < until; at += RECORDS_PER_BLOCK) {
    const block = encoder.encode(list, at - shift, Math.min(until, at + RECORDS_PER_BLOCK) - shift);
    blocks.push(Uint8Array.prototype.slice.call(block)); // the encoder uses its buffer again; Buffer.slice copies nothing
  }
  return blocks.length === 1 ? (blocks[0] as Uint8Array) : Buffer.concat(blocks);
}

/** Adds the records of `bytes` to the end of `into`. */
export function decodeRecords(bytes: Uint8Array, into: unknown[]): void {
  let at = 0;
  while (at < bytes.byteLength) {
    const records = decodeBlock(bytes, at);
    for (let i = 0; i < records.length; i++) into.push(records[i]);
    at += BLOCK_HEADER_BYTES + readBlockHeader(bytes, at).payloadBytes;
  }
}

function arrayOf(records: ArrayLike<unknown>, from: number, until: number): unknown[] {
  return Array.from({ length: until - from }, (_, i) => records[from + i]);
}

/** One value of any kind. */
export const encodeOne: (value: unknown) => Uint8Array = encodeValue;
export const decodeOne: (bytes: Uint8Array) => unknown = decodeValue;
