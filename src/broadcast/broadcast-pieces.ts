import { crc32 } from 'node:zlib';
import type { BroadcastInfo } from '../protocol/executor-registration.ts';

/** How a value's bytes are cut for the way. */
export function describePieces(bytes: Uint8Array, pieceBytes: number): BroadcastInfo {
  const checksums: number[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) checksums.push(crc32(bytes.subarray(at, at + pieceBytes)));
  return { bytes: bytes.length, pieceBytes, checksums };
}

/** Bytes [start, end) of a piece in the value. */
export function pieceExtent(info: BroadcastInfo, piece: number): { readonly start: number; readonly end: number } {
  const start = piece * info.pieceBytes;
  return { start, end: Math.min(start + info.pieceBytes, info.bytes) };
}

/**
 * A value that arrives piece by piece, in shared memory, so that every slot of the executor reads the one copy. What has
 * arrived can be served to others before the rest is there.
 *
 * Spark: TorrentBroadcast.readBlocks
 */
export class PiecedValue {
  readonly info: BroadcastInfo;
  readonly #bytes: Uint8Array;
  readonly #has: boolean[];
  #missing: number;

  constructor(info: BroadcastInfo) {
    this.info = info;
    this.#bytes = new Uint8Array(new SharedArrayBuffer(info.bytes));
    this.#has = info.checksums.map(() => false);
    this.#missing = info.checksums.length;
  }

  get complete(): boolean {
    return this.#missing === 0;
  }

  /** The whole value, once it is complete. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Null: not here yet, or no such piece. */
  piece(index: number): Uint8Array | null {
    if (this.#has[index] !== true) return null;
    const { start, end } = pieceExtent(this.info, index);
    return this.#bytes.subarray(start, end);
  }

  /**
   * @returns false when the bytes are not those of the piece: too few, too many, or of another checksum.
   */
  put(index: number, bytes: Uint8Array, check: boolean): boolean {
    const { start, end } = pieceExtent(this.info, index);
    if (bytes.length !== end - start) return false;
    if (check && crc32(bytes) !== this.info.checksums[index]) return false;
    if (this.#has[index] === true) return true;
    this.#bytes.set(bytes, start);
    this.#has[index] = true;
    this.#missing--;
    return true;
  }
}
