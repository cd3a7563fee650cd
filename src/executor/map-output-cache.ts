import type { ShuffleId } from '../protocol/ids.ts';
import type { MapOutputs } from '../protocol/map-output.ts';

/**
 * What an executor knows of where map outputs are: it asks the driver once a shuffle, not once a task or slot.
 *
 * Every stage attempt says of which epoch of the driver's book it is; what is remembered of an older one is asked again. An
 * answer with holes is handed on and not remembered: what fills them does not change the epoch.
 *
 * Spark: MapOutputTrackerWorker
 */
export class MapOutputCache {
  readonly #ask: (shuffleId: ShuffleId, epoch: number) => Promise<MapOutputs>;
  readonly #known = new Map<ShuffleId, MapOutputs>();
  readonly #asked = new Map<ShuffleId, Promise<MapOutputs>>();

  constructor(ask: (shuffleId: ShuffleId, epoch: number) => Promise<MapOutputs>) {
    this.#ask = ask;
  }

  /** @param epoch of the asking stage attempt. */
  async get(shuffleId: ShuffleId, epoch: number): Promise<MapOutputs> {
    for (;;) {
      const known = this.#known.get(shuffleId);
      if (known !== undefined && known.epoch >= epoch) return known;
      const asked = this.#asked.get(shuffleId);
      if (asked === undefined) return this.#fetch(shuffleId, epoch);
      // Somebody else asked before, perhaps too early.
      const outputs = await asked.catch(() => null);
      if (outputs !== null && outputs.epoch >= epoch) return outputs;
    }
  }

  /** The shuffle is gone, or what was known of it turned out to be wrong. */
  forget(shuffleId: ShuffleId): void {
    this.#known.delete(shuffleId);
    this.#asked.delete(shuffleId);
  }

  async #fetch(shuffleId: ShuffleId, epoch: number): Promise<MapOutputs> {
    const asking = this.#ask(shuffleId, epoch);
    this.#asked.set(shuffleId, asking);
    try {
      const outputs = await asking;
      const isCurrent = this.#asked.get(shuffleId) === asking; // else it was forgotten meanwhile
      if (isCurrent && !outputs.statuses.includes(null)) this.#known.set(shuffleId, outputs);
      return outputs;
    } finally {
      if (this.#asked.get(shuffleId) === asking) this.#asked.delete(shuffleId);
    }
  }
}
