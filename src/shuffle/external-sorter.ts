import type { PairBlock, PairStream } from './pair-stream.ts';
import type { ShuffleEnv } from './shuffle-env.ts';
import { type KeyOrder, sortPairs } from './sorter.ts';

/** Sorts pairs by key. */
export class ExternalSorter {
  readonly #order: KeyOrder;
  readonly #keys: unknown[] = [];
  readonly #values: unknown[] = [];

  constructor(_env: ShuffleEnv, order: KeyOrder) {
    this.#order = order;
  }

  add(block: PairBlock): void {
    const { keys, values } = block;
    for (let i = 0; i < keys.length; i++) {
      this.#keys.push(keys[i]);
      this.#values.push(values[i]);
    }
  }

  finish(): PairStream {
    let block: PairBlock | null = sortPairs(this.#keys, this.#values, this.#order);
    return {
      next: () => {
        const b = block;
        block = null;
        return b;
      },
      close: () => this.close(),
    };
  }

  close(): void {}
}
