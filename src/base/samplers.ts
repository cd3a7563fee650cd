import { type SeededRandom, seededRandom } from './seeded-random.ts';

/** How a partition is sampled, as data. */
export type SamplerPlan =
  /** Each record once with probability `fraction`. */
  | { readonly kind: 'bernoulli'; readonly fraction: number }
  /** Each record once when its number in [0, 1) is in [lower, upper): cells side by side share out all records. */
  | { readonly kind: 'cell'; readonly lower: number; readonly upper: number }
  /** Each record as often as a Poisson variable of this mean says. */
  | { readonly kind: 'poisson'; readonly mean: number };

/** Chooses records of one stream. Spark: RandomSampler */
export interface Sampler {
  /** Appends to `out` what is chosen of `batch`. How the stream is cut into batches does not matter. */
  add(batch: readonly unknown[], out: unknown[]): void;
}

/**
 * Up to this fraction it pays to draw how many records to skip instead of one number for each.
 *
 * Spark: RandomSampler.defaultMaxGapSamplingFraction
 */
const MAX_GAP_FRACTION = 0.4;

/** The same `seed` and `stream` (the partition) always choose the same positions. */
export function createSampler(plan: SamplerPlan, seed: number, stream: number): Sampler {
  const random = seededRandom(seed, stream);
  switch (plan.kind) {
    case 'bernoulli':
      return plan.fraction <= MAX_GAP_FRACTION
        ? new GapSampler(random, Math.log1p(-plan.fraction), () => 1)
        : new CellSampler(random, 0, plan.fraction);
    case 'cell':
      return new CellSampler(random, plan.lower, plan.upper);
    case 'poisson':
      return plan.mean <= MAX_GAP_FRACTION
        ? new GapSampler(random, -plan.mean, atLeastOnce(random, plan.mean))
        : new PoissonSampler(random, plan.mean);
  }
}

/** Spark: BernoulliCellSampler */
class CellSampler implements Sampler {
  readonly #random: SeededRandom;
  readonly #lower: number;
  readonly #upper: number;

  constructor(random: SeededRandom, lower: number, upper: number) {
    this.#random = random;
    this.#lower = lower;
    this.#upper = upper;
  }

  add(batch: readonly unknown[], out: unknown[]): void {
    const random = this.#random;
    const lower = this.#lower;
    const upper = this.#upper;
    for (let i = 0; i < batch.length; i++) {
      const u = random.next();
      if (u >= lower && u < upper) out.push(batch[i]);
    }
  }
}

/** Half of the smallest number but 0 that a stream gives; the logarithm of 0 would skip everything. */
const SMALLEST = 2 ** -33;

/** Spark: GapSampling, GapSamplingReplacement */
class GapSampler implements Sampler {
  readonly #random: SeededRandom;
  readonly #logSkip: number;
  readonly #times: () => number;
  /** Records to leave out before the next one that is chosen. */
  #gap: number;

  /**
   * @param logSkip logarithm of the probability that a record is left out; 0: all are.
   * @param times how often a chosen record is taken.
   */
  constructor(random: SeededRandom, logSkip: number, times: () => number) {
    this.#random = random;
    this.#logSkip = logSkip;
    this.#times = times;
    this.#gap = this.#draw();
  }

  add(batch: readonly unknown[], out: unknown[]): void {
    let at = this.#gap;
    while (at < batch.length) {
      for (let n = this.#times(); n > 0; n--) out.push(batch[at]);
      at += 1 + this.#draw();
    }
    this.#gap = at - batch.length;
  }

  #draw(): number {
    if (this.#logSkip === 0) return Infinity;
    return Math.floor(Math.log(Math.max(this.#random.next(), SMALLEST)) / this.#logSkip);
  }
}

/** Larger means are drawn as sums of smaller ones: e^-mean must not become 0. */
const MAX_MEAN = 16;

/** Spark: PoissonSampler */
class PoissonSampler implements Sampler {
  readonly #random: SeededRandom;
  readonly #pieces: number;
  readonly #mean: number;

  constructor(random: SeededRandom, mean: number) {
    this.#random = random;
    this.#pieces = Math.max(1, Math.ceil(mean / MAX_MEAN));
    this.#mean = mean / this.#pieces;
  }

  add(batch: readonly unknown[], out: unknown[]): void {
    for (let i = 0; i < batch.length; i++) {
      let n = 0;
      for (let piece = 0; piece < this.#pieces; piece++) n += poissonAt(this.#random.next(), this.#mean);
      for (; n > 0; n--) out.push(batch[i]);
    }
  }
}

/** A Poisson variable of which it is known that it is not 0. */
function atLeastOnce(random: SeededRandom, mean: number): () => number {
  const none = Math.exp(-mean);
  return () => Math.max(1, poissonAt(none + (1 - none) * random.next(), mean));
}

/** The value below which a Poisson variable lies with probability u, for u in [0, 1). */
function poissonAt(u: number, mean: number): number {
  let k = 0;
  let p = Math.exp(-mean);
  let sum = p;
  // Where the sum of doubles stops short of 1, p is 0 and more steps would add nothing.
  while (u >= sum && p > 0) {
    k++;
    p *= mean / k;
    sum += p;
  }
  return k;
}
