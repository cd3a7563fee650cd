import type { FetchedPart, RemoteBlock, ShuffleBlockReply, ShuffleBlockRequest } from '../protocol/block-transfer.ts';
import type { BlockManagerId } from '../protocol/map-output.ts';

/** Spark's keys, in bytes. */
export interface FetchLimits {
  /** What a fetch may have on its way or waiting to be read. spark.reducer.maxSizeInFlight */
  readonly maxBytesInFlight: number;
  /** Requests on their way at a time. spark.reducer.maxReqsInFlight */
  readonly maxRequestsInFlight: number;
}

/** Asks one owner for parts of blocks; one reply each. Rejects when the owner cannot be reached, retries included. */
export type AskOwner = (
  location: BlockManagerId,
  blocks: readonly ShuffleBlockRequest[],
) => Promise<readonly ShuffleBlockReply[]>;

/** A block larger than this travels in parts. */
const PART_BYTES = 8 << 20;

/** A part of a block in its place in the order. */
interface Piece {
  readonly request: number;
  readonly offset: number;
  /** What it is thought to have; what it takes of the limit. */
  readonly bytes: number;
  /** Not null: it is here, or cannot be had. */
  arrived: { readonly part: FetchedPart } | { readonly error: Error } | null;
}

interface Fetch {
  readonly blocks: readonly RemoteBlock[];
  /** In the order they are read; those before #first are done with. */
  readonly pieces: Piece[];
  first: number;
  /** The first that was not asked for. */
  nextToAsk: number;
  bytesInFlight: number;
  requestsInFlight: number;
  stopped: boolean;
  waiter: { resolve(parts: FetchedPart[]): void; reject(error: Error): void } | null;
}

/**
 * Fetches blocks of other executors for the slots, ahead of what they read and not farther ahead than the limits allow.
 * Lives on the executor's main thread; a slot asks for what comes next and blocks until it is there.
 *
 * Spark: ShuffleBlockFetcherIterator
 */
export class BlockFetcher {
  readonly #ask: AskOwner;
  readonly #limits: FetchLimits;
  readonly #fetches = new Map<number, Fetch>();
  #nextId = 0;

  constructor(ask: AskOwner, limits: FetchLimits) {
    this.#ask = ask;
    this.#limits = limits;
  }

  /** @returns the id for `next` and `stop`. */
  start(blocks: readonly RemoteBlock[]): number {
    const pieces: Piece[] = [];
    blocks.forEach(({ bytes }, request) => {
      for (let offset = 0; offset === 0 || offset < bytes; offset += PART_BYTES)
        pieces.push({ request, offset, bytes: Math.min(PART_BYTES, bytes - offset), arrived: null });
    });
    const id = this.#nextId++;
    const fetch: Fetch = {
      blocks,
      pieces,
      first: 0,
      nextToAsk: 0,
      bytesInFlight: 0,
      requestsInFlight: 0,
      stopped: false,
      waiter: null,
    };
    this.#fetches.set(id, fetch);
    this.#askMore(fetch);
    return id;
  }

  /** The parts that come next, as many as are here; waits for the first. Rejects when that cannot be had. */
  next(id: number): Promise<FetchedPart[]> {
    const fetch = this.#fetches.get(id);
    if (fetch === undefined) return Promise.reject(new Error(`there is no fetch ${id}`));
    return new Promise((resolve, reject) => {
      fetch.waiter = { resolve, reject };
      this.#serve(fetch);
    });
  }

  /** One part once more. */
  async again(block: RemoteBlock, offset: number, length: number): Promise<Uint8Array> {
    const [reply] = await this.#ask(block.location, [shuffleRequest(block, offset, length)]);
    if (reply?.kind !== 'bytes') throw new Error(reply?.message ?? 'its owner gave no answer');
    return reply.bytes;
  }

  /** What is on its way is dropped when it comes. */
  stop(id: number): void {
    const fetch = this.#fetches.get(id);
    if (fetch !== undefined) fetch.stopped = true;
    this.#fetches.delete(id);
  }

  #serve(fetch: Fetch): void {
    const { pieces, waiter } = fetch;
    if (waiter === null) return;
    const parts: FetchedPart[] = [];
    for (; fetch.first < pieces.length; fetch.first++) {
      const piece = pieces[fetch.first] as Piece;
      if (piece.arrived === null) break;
      if ('error' in piece.arrived) {
        // What came before it is still good; the reader meets the error when it asks again.
        if (parts.length > 0) break;
        fetch.waiter = null;
        waiter.reject(piece.arrived.error);
        return;
      }
      parts.push(piece.arrived.part);
      fetch.bytesInFlight -= piece.bytes;
      piece.arrived = null; // the slot has it
    }
    if (parts.length === 0) {
      if (fetch.first < pieces.length) return;
      fetch.waiter = null;
      waiter.reject(new Error('there is nothing more to fetch'));
      return;
    }
    fetch.waiter = null;
    waiter.resolve(parts);
    this.#askMore(fetch);
  }

  /** Asks for as much as may be on its way: runs of pieces of one owner in one request. */
  #askMore(fetch: Fetch): void {
    const { maxBytesInFlight, maxRequestsInFlight } = this.#limits;
    // A fifth, so that five owners are asked at the same time. Spark: targetRequestSize
    const requestBytes = Math.max(1, Math.floor(maxBytesInFlight / 5));
    while (!fetch.stopped && fetch.nextToAsk < fetch.pieces.length && fetch.requestsInFlight < maxRequestsInFlight) {
      const first = fetch.pieces[fetch.nextToAsk] as Piece;
      if (fetch.bytesInFlight > 0 && fetch.bytesInFlight + first.bytes > maxBytesInFlight) return;
      const owner = (fetch.blocks[first.request] as RemoteBlock).location;
      const run: Piece[] = [];
      let bytes = 0;
      for (; fetch.nextToAsk < fetch.pieces.length; fetch.nextToAsk++) {
        const piece = fetch.pieces[fetch.nextToAsk] as Piece;
        if ((fetch.blocks[piece.request] as RemoteBlock).location.executorId !== owner.executorId) break;
        if (run.length > 0 && bytes + piece.bytes > requestBytes) break;
        run.push(piece);
        bytes += piece.bytes;
      }
      fetch.bytesInFlight += bytes;
      void this.#request(fetch, owner, run);
    }
  }

  async #request(fetch: Fetch, owner: BlockManagerId, run: readonly Piece[]): Promise<void> {
    fetch.requestsInFlight++;
    try {
      const replies = await this.#ask(
        owner,
        run.map((p) => shuffleRequest(fetch.blocks[p.request] as RemoteBlock, p.offset, PART_BYTES)),
      );
      for (let i = 0; i < run.length; i++) this.#arrived(fetch, run[i] as Piece, replies[i]);
    } catch (e) {
      for (const piece of run) piece.arrived = { error: e instanceof Error ? e : new Error(String(e)) };
    } finally {
      fetch.requestsInFlight--;
    }
    this.#serve(fetch);
    this.#askMore(fetch);
  }

  #arrived(fetch: Fetch, piece: Piece, reply: ShuffleBlockReply | undefined): void {
    if (reply?.kind !== 'bytes') {
      piece.arrived = { error: new Error(reply?.message ?? 'its owner gave no answer') };
      return;
    }
    const { request, offset } = piece;
    piece.arrived = { part: { request, offset, length: reply.length, bytes: reply.bytes } };
    const at = fetch.pieces.indexOf(piece);
    // Shorter than it was thought to be: what would come after its end need not be asked for.
    const isBeyondEnd = (next: Piece | undefined): boolean =>
      next !== undefined && next.request === request && next.offset >= reply.length;
    const firstUnasked = Math.max(at + 1, fetch.nextToAsk);
    while (isBeyondEnd(fetch.pieces[firstUnasked])) fetch.pieces.splice(firstUnasked, 1);
    // Longer: the rest follows.
    const end = offset + reply.bytes.length;
    if (end >= reply.length || reply.bytes.length === 0) return;
    if (fetch.pieces[at + 1]?.request === request) return;
    const rest: Piece = {
      request,
      offset: end,
      bytes: Math.min(PART_BYTES, reply.length - end),
      arrived: null,
    };
    fetch.pieces.splice(at + 1, 0, rest);
    if (fetch.nextToAsk > at + 1) {
      fetch.nextToAsk++;
      fetch.bytesInFlight += rest.bytes;
      void this.#request(fetch, (fetch.blocks[request] as RemoteBlock).location, [rest]);
    }
  }
}

function shuffleRequest(block: RemoteBlock, offset: number, maxBytes: number): ShuffleBlockRequest {
  const { shuffleId, mapId, reduceId, numPartitions } = block;
  return { shuffleId, mapId, reduceId, numPartitions, offset, maxBytes };
}
