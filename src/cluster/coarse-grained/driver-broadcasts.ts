import type { Logger } from '../../base/logger.ts';
import { describePieces, pieceExtent } from '../../broadcast/broadcast-pieces.ts';
import { PieceLocations } from '../../broadcast/piece-locations.ts';
import type { BroadcastInfo } from '../../protocol/executor-registration.ts';
import type { ExecutorId } from '../../protocol/ids.ts';

interface Value {
  readonly bytes: Uint8Array;
  readonly info: BroadcastInfo;
  sentBytes: number;
  /** Pieces that an executor was sent to the driver for. */
  readonly leaving: Set<number>;
}

/** Broadcast values on the driver: the first who has each piece, and the book of who else has it. */
export class DriverBroadcasts {
  readonly #pieceBytes: number;
  readonly #log: Logger;
  readonly #values = new Map<number, Value>();
  readonly #locations = new PieceLocations();

  constructor(pieceBytes: number, log: Logger) {
    this.#pieceBytes = pieceBytes;
    this.#log = log.named('TorrentBroadcast');
  }

  put(broadcastId: number, bytes: Uint8Array): void {
    this.#values.set(broadcastId, {
      bytes,
      info: describePieces(bytes, this.#pieceBytes),
      sentBytes: 0,
      leaving: new Set(),
    });
  }

  info(broadcastId: number): BroadcastInfo | null {
    return this.#values.get(broadcastId)?.info ?? null;
  }

  /** Null: no such value, or no such piece. */
  piece(broadcastId: number, piece: number): Uint8Array | null {
    const value = this.#values.get(broadcastId);
    if (value === undefined || piece >= value.info.checksums.length) return null;
    const { start, end } = pieceExtent(value.info, piece);
    value.sentBytes += end - start;
    return value.bytes.subarray(start, end);
  }

  stored(broadcastId: number, piece: number, executorId: ExecutorId): void {
    if (this.#values.has(broadcastId)) this.#locations.stored(broadcastId, piece, executorId);
  }

  holders(broadcastId: number, piece: number): readonly ExecutorId[] {
    return this.#locations.holders(broadcastId, piece);
  }

  /** Whether whoever wants a piece that no executor has had better come again: it is on its way to one. */
  isLeaving(broadcastId: number, piece: number): boolean {
    const leaving = this.#values.get(broadcastId)?.leaving;
    if (leaving === undefined || leaving.has(piece)) return leaving !== undefined;
    leaving.add(piece);
    return false;
  }

  executorLost(executorId: ExecutorId): void {
    this.#locations.executorLost(executorId);
  }

  /** @param keep executors drop their copies, the value stays here. */
  remove(broadcastId: number, keep: boolean): void {
    this.#locations.removed(broadcastId);
    const value = this.#values.get(broadcastId);
    value?.leaving.clear();
    if (keep || value === undefined) return;
    this.#values.delete(broadcastId);
    this.#log.info(`broadcast_${broadcastId} is removed`, { bytes: value.bytes.byteLength, sent: value.sentBytes });
  }
}
