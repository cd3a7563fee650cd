// A block is a header and a payload, padded so that blocks one after another keep their payloads at multiples of 8.
//
//    0        4        8        12      13       14       15       16        20         24
//   | payload | raw    | rows   | codec | version | padding | magic | 0      | checksum | payload … padding |
//   |  bytes  | bytes  |        |       |         |  bytes  |       |        |  crc32   |                   |
//
// `payload bytes` includes the padding; the checksum is over bytes 0-19 and the payload with its padding.
import { crc32 } from 'node:zlib';
import { ByteReader } from './byte-reader.ts';
import { CODEC, type Compressor, decompress } from './compression.ts';
import { CorruptBlockError, isStackOverflow } from './errors.ts';

/** Bytes before the payload of every block. The next block starts at offset + this + payloadBytes. */
export const BLOCK_HEADER_BYTES = 24;
const VERSION = 1;
const MAGIC = 0xb5;

export interface BlockHeader {
  /** Bytes after the header, with padding. */
  readonly payloadBytes: number;
  /** Bytes of the payload when unpacked. */
  readonly rawBytes: number;
  readonly rows: number;
  /** 0: as it is; 1: lz4. */
  readonly codec: number;
  readonly checksum: number;
}

/** @throws CorruptBlockError if no whole header of this version is there. The payload is not looked at. */
export function readBlockHeader(bytes: Uint8Array, offset: number): BlockHeader {
  if (offset < 0 || offset + BLOCK_HEADER_BYTES > bytes.byteLength)
    throw new CorruptBlockError(
      offset,
      `expected a header of ${BLOCK_HEADER_BYTES} bytes, found ${Math.max(0, bytes.byteLength - offset)}`,
    );
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, BLOCK_HEADER_BYTES);
  const magic = view.getUint8(15);
  if (magic !== MAGIC) throw new CorruptBlockError(offset, `expected block mark ${MAGIC}, found ${magic}`);
  const version = view.getUint8(13);
  if (version !== VERSION) throw new CorruptBlockError(offset, `expected block version ${VERSION}, found ${version}`);
  const codec = view.getUint8(12);
  if (codec !== CODEC.none && codec !== CODEC.lz4)
    throw new CorruptBlockError(offset, `expected codec 0 (none) or 1 (lz4), found ${codec}`);
  return {
    payloadBytes: view.getUint32(0, true),
    rawBytes: view.getUint32(4, true),
    rows: view.getUint32(8, true),
    codec,
    checksum: view.getUint32(20, true),
  };
}

/**
 * Completes the block whose payload lies in `bytes[BLOCK_HEADER_BYTES, end)`.
 *
 * @returns a view of `bytes`, or, if compressed, of memory of its own.
 */
export function finishBlock(bytes: Buffer, end: number, rows: number, compressor: Compressor): Buffer {
  const rawBytes = end - BLOCK_HEADER_BYTES;
  const packed = compressor.compress(bytes.subarray(BLOCK_HEADER_BYTES, end));
  const used = packed?.length ?? rawBytes;
  const padding = -used & 7;
  const block =
    packed === null ? bytes.subarray(0, end + padding) : Buffer.allocUnsafeSlow(BLOCK_HEADER_BYTES + used + padding);
  if (packed !== null) block.set(packed, BLOCK_HEADER_BYTES);
  block.fill(0, BLOCK_HEADER_BYTES + used);
  block.writeUInt32LE(used + padding, 0);
  block.writeUInt32LE(rawBytes, 4);
  block.writeUInt32LE(rows, 8);
  block[12] = packed === null ? CODEC.none : CODEC.lz4;
  block[13] = VERSION;
  block[14] = padding;
  block[15] = MAGIC;
  block.writeUInt32LE(0, 16);
  block.writeUInt32LE(checksumOf(block), 20);
  return block;
}

function checksumOf(block: Buffer): number {
  return crc32(block.subarray(BLOCK_HEADER_BYTES), crc32(block.subarray(0, 20)));
}

/**
 * Checks a block and gives its payload, unpacked, to `read`, which must copy what it keeps: the memory is reused.
 *
 * @throws CorruptBlockError
 */
export function openBlock<T>(bytes: Uint8Array, offset: number, read: (r: ByteReader, rows: number) => T): T {
  const header = readBlockHeader(bytes, offset);
  const end = offset + BLOCK_HEADER_BYTES + header.payloadBytes;
  if (end > bytes.byteLength)
    throw new CorruptBlockError(
      offset,
      `expected ${header.payloadBytes} bytes of payload, found ${bytes.byteLength - offset - BLOCK_HEADER_BYTES}`,
    );
  const block = Buffer.from(bytes.buffer, bytes.byteOffset + offset, end - offset);
  const found = checksumOf(block);
  if (found !== header.checksum)
    throw new CorruptBlockError(offset, `expected checksum ${hex(header.checksum)}, found ${hex(found)}`);
  const packed = block.subarray(BLOCK_HEADER_BYTES, block.length - (block[14] as number));
  if (header.codec === CODEC.none) return readAligned(packed, offset, header.rows, read);
  let payload: Buffer;
  try {
    payload = decompress(packed);
  } catch (error) {
    throw new CorruptBlockError(offset, `lz4 cannot unpack it (${error instanceof Error ? error.message : error})`);
  }
  if (payload.length !== header.rawBytes)
    throw new CorruptBlockError(offset, `expected ${header.rawBytes} bytes unpacked, found ${payload.length}`);
  return readAligned(payload, offset, header.rows, read);
}

/** A copy serves one call at a time; a call within a call (a class codec that decodes) makes its own. */
let scratch: Buffer | null = null;
const MAX_SCRATCH = 4 << 20;

function readAligned<T>(payload: Buffer, offset: number, rows: number, read: (r: ByteReader, n: number) => T): T {
  if ((payload.byteOffset & 7) === 0) return readChecked(payload, offset, rows, read);
  let copy = scratch;
  scratch = null;
  if (copy === null || copy.length < payload.length) copy = Buffer.allocUnsafeSlow(Math.max(65_536, payload.length));
  payload.copy(copy);
  try {
    return readChecked(copy.subarray(0, payload.length), offset, rows, read);
  } finally {
    if (copy.length <= MAX_SCRATCH) scratch = copy;
  }
}

function readChecked<T>(payload: Buffer, offset: number, rows: number, read: (r: ByteReader, n: number) => T): T {
  try {
    return read(new ByteReader(payload), rows);
  } catch (error) {
    // The checksum held, so the writer was another program or has a bug; a RangeError is a read beyond the end.
    if (error instanceof RangeError && !isStackOverflow(error))
      throw new CorruptBlockError(offset, `its columns do not fit (${error.message})`);
    throw error;
  }
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
