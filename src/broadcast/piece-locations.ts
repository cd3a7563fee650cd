import type { ExecutorId } from '../protocol/ids.ts';

/** The driver's book: which executor has which piece of which broadcast value. */
export class PieceLocations {
  /** broadcast → piece → executors */
  readonly #values = new Map<number, Map<number, Set<ExecutorId>>>();

  stored(broadcastId: number, piece: number, executorId: ExecutorId): void {
    const pieces = this.#values.get(broadcastId) ?? new Map<number, Set<ExecutorId>>();
    this.#values.set(broadcastId, pieces);
    const holders = pieces.get(piece) ?? new Set<ExecutorId>();
    pieces.set(piece, holders);
    holders.add(executorId);
  }

  /** Executors that have it, in the order in which they got it. */
  holders(broadcastId: number, piece: number): readonly ExecutorId[] {
    return [...(this.#values.get(broadcastId)?.get(piece) ?? [])];
  }

  executorLost(executorId: ExecutorId): void {
    for (const pieces of this.#values.values()) for (const holders of pieces.values()) holders.delete(executorId);
  }

  removed(broadcastId: number): void {
    this.#values.delete(broadcastId);
  }
}
