import { crc32 } from 'node:zlib';
import type { ShuffleId, TaskId } from '../protocol/ids.ts';

/** The file names of a map output. Spark: ShuffleDataBlockId, ShuffleIndexBlockId */
export function mapOutputNames(shuffleId: ShuffleId, mapId: TaskId): { readonly data: string; readonly index: string } {
  return { data: `shuffle_${shuffleId}_${mapId}_0.data`, index: `shuffle_${shuffleId}_${mapId}_0.index` };
}

/**
 * The index file:
 *
 *   R + 1 × u64 LE   where partition 0, 1, … R-1 begin in the data file, and where the last one ends
 *   u32 LE           crc32 of all that
 */
export function encodeIndex(offsets: Float64Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(offsets.length * 8 + 4);
  for (let i = 0; i < offsets.length; i++) bytes.writeBigUInt64LE(BigInt(offsets[i] as number), i * 8);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, offsets.length * 8)), offsets.length * 8);
  return bytes;
}

/** Bytes [start, end) of one partition in the data file. */
export interface Extent {
  readonly start: number;
  readonly end: number;
}

/** Looks one partition up in a whole index file. @throws Error saying what is wrong with it. */
export function readIndex(index: Uint8Array, numPartitions: number, partition: number): Extent {
  const bytes = Buffer.from(index.buffer, index.byteOffset, index.byteLength);
  const offsetsBytes = (numPartitions + 1) * 8;
  if (bytes.length !== offsetsBytes + 4)
    throw new Error(`it has ${bytes.length} bytes, but ${offsetsBytes + 4} belong to ${numPartitions} partitions`);
  if (crc32(bytes.subarray(0, offsetsBytes)) !== bytes.readUInt32LE(offsetsBytes))
    throw new Error('its checksum does not fit its offsets');
  const start = Number(bytes.readBigUInt64LE(partition * 8));
  const end = Number(bytes.readBigUInt64LE(partition * 8 + 8));
  if (end < start) throw new Error(`partition ${partition} would end at byte ${end} and begin at ${start}`);
  return { start, end };
}
