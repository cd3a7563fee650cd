import type { Logger } from '../base/logger.ts';
import { PiecedValue } from '../broadcast/broadcast-pieces.ts';
import type { BroadcastInfo } from '../protocol/executor-registration.ts';
import type { BlockManagerId } from '../protocol/map-output.ts';

export interface TorrentSources {
  info(broadcastId: number): Promise<BroadcastInfo | null>;
  /** Who has the piece; the driver last. None: it is on its way to another executor; one that insists gets the driver. */
  locations(broadcastId: number, piece: number, insist: boolean): Promise<readonly BlockManagerId[]>;
  fetch(owner: BlockManagerId, broadcastId: number, piece: number): Promise<Uint8Array | null>;
  /** This executor has it now. */
  stored(broadcastId: number, piece: number): void;
}

/** Pieces of one value that are fetched at the same time. */
const PARALLEL = 4;

/**
 * Broadcast values of an executor, got piece by piece from the driver and from other executors, in an order that differs
 * from executor to executor, so that each piece leaves the driver about once. Fetched once an executor, however many slots
 * wait for it.
 *
 * Spark: TorrentBroadcast
 */
export class TorrentBroadcasts {
  readonly #sources: TorrentSources;
  readonly #checksum: boolean;
  readonly #random: () => number;
  readonly #log: Logger;
  readonly #values = new Map<number, PiecedValue>();
  readonly #fetching = new Map<number, Promise<Uint8Array | null>>();

  /** @param random in [0, 1). */
  constructor(sources: TorrentSources, checksum: boolean, random: () => number, log: Logger) {
    this.#sources = sources;
    this.#checksum = checksum;
    this.#random = random;
    this.#log = log.named('TorrentBroadcast');
  }

  /** The value's bytes in shared memory; null when it was destroyed. */
  get(id: number): Promise<Uint8Array | null> {
    const value = this.#values.get(id);
    if (value?.complete) return Promise.resolve(value.bytes);
    let fetching = this.#fetching.get(id);
    if (fetching === undefined) {
      fetching = this.#fetch(id).finally(() => this.#fetching.delete(id));
      this.#fetching.set(id, fetching);
    }
    return fetching;
  }

  /** For others. */
  piece(id: number, piece: number): Uint8Array | null {
    return this.#values.get(id)?.piece(piece) ?? null;
  }

  remove(id: number): void {
    this.#values.delete(id);
  }

  async #fetch(id: number): Promise<Uint8Array | null> {
    const info = await this.#sources.info(id);
    if (info === null) return null;
    const value = new PiecedValue(info);
    this.#values.set(id, value);
    const order = info.checksums.map((_, piece) => piece);
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.floor(this.#random() * (i + 1));
      [order[i], order[j]] = [order[j] as number, order[i] as number];
    }
    let next = 0;
    const numPieces = order.length;
    const fetchNext = async (): Promise<void> => {
      while (next < order.length) {
        const insist = next >= numPieces;
        const piece = order[next++] as number;
        // Pieces that another executor is just getting come last: it has them by then.
        if (!(await this.#fetchPiece(id, value, piece, insist))) order.push(piece);
      }
    };
    try {
      await Promise.all(Array.from({ length: Math.min(PARALLEL, order.length) }, fetchNext));
    } catch (error) {
      next = order.length;
      this.#values.delete(id);
      throw error;
    }
    return value.bytes;
  }

  /** @returns false when it is not to be had now. */
  async #fetchPiece(id: number, value: PiecedValue, piece: number, insist: boolean): Promise<boolean> {
    const locations = await this.#sources.locations(id, piece, insist);
    if (locations.length === 0 && !insist) return false;
    let failure: unknown = new Error('nobody has it');
    for (const owner of spread(locations, this.#random)) {
      try {
        const bytes = await this.#sources.fetch(owner, id, piece);
        if (bytes === null) continue;
        if (value.put(piece, bytes, this.#checksum)) {
          this.#sources.stored(id, piece);
          return true;
        }
        failure = new Error(`executor ${owner.executorId} sent bytes that are not those of the piece`);
      } catch (error) {
        failure = error;
      }
      this.#log.warn(`piece ${piece} of broadcast ${id} cannot be had from executor ${owner.executorId}`, {
        error: String(failure),
      });
    }
    throw new Error(`Failed to get broadcast_${id}_piece${piece} of broadcast_${id}: ${String(failure)}`, {
      cause: failure,
    });
  }
}

/** Executors in any order, then the driver, which is the last of them. */
function spread(locations: readonly BlockManagerId[], random: () => number): readonly BlockManagerId[] {
  const executors = locations.slice(0, -1);
  const first = Math.floor(random() * executors.length);
  return [...executors.slice(first), ...executors.slice(0, first), ...locations.slice(-1)];
}
