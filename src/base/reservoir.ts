import { type SeededRandom, seededRandom } from './seeded-random.ts';

/**
 * A uniform sample of at most `limit` records of a stream whose length nobody knows before its end.
 *
 * Spark: SamplingUtils.reservoirSampleAndCount
 */
export class Reservoir<T = unknown> {
  readonly #limit: number;
  readonly #random: SeededRandom;
  readonly #sample: T[] = [];
  #count = 0;

  /** `stream` tells samples with the same seed apart: the partition. */
  constructor(limit: number, seed: number, stream: number) {
    this.#limit = limit;
    this.#random = seededRandom(seed, stream);
  }

  add(batch: readonly T[]): void {
    const sample = this.#sample;
    for (let i = 0; i < batch.length; i++) {
      const record = batch[i] as T;
      this.#count++;
      if (sample.length < this.#limit) {
        sample.push(record);
        continue;
      }
      // Longer streams than 2^32 would need more bits; partitions of that size do not come here in practice.
      const at = Math.floor(this.#random.next() * this.#count);
      if (at < this.#limit) sample[at] = record;
    }
  }

  /** How many records were added. */
  get count(): number {
    return this.#count;
  }

  /** In no useful order. */
  get sample(): readonly T[] {
    return this.#sample;
  }
}

/** Keeps each record with the same probability. Spark: BernoulliSampler */
export class BernoulliSample<T = unknown> {
  readonly #fraction: number;
  readonly #random: SeededRandom;
  readonly sample: T[] = [];

  constructor(fraction: number, seed: number, stream: number) {
    this.#fraction = fraction;
    this.#random = seededRandom(seed, stream);
  }

  add(batch: readonly T[]): void {
    for (let i = 0; i < batch.length; i++) if (this.#random.next() < this.#fraction) this.sample.push(batch[i] as T);
  }
}
