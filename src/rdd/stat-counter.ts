/** The numbers that a StatCounter consists of, as plain data: what a task sends back. */
export type StatData = readonly [count: number, mean: number, m2: number, min: number, max: number];

/** Of no numbers. */
export const NO_STATS: StatData = [0, 0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

/**
 * Count, mean and variance of numbers, by Welford's method: added one by one or merged, without the loss of digits that sums of
 * squares have.
 *
 * Spark: StatCounter
 */
export class StatCounter {
  #count = 0;
  #mean = 0;
  /** Sum of the squared distances to the mean. */
  #m2 = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;

  constructor(values: Iterable<number> = []) {
    for (const value of values) this.merge(value);
  }

  /** @internal */
  static fromData([count, mean, m2, min, max]: StatData): StatCounter {
    const counter = new StatCounter();
    counter.#count = count;
    counter.#mean = mean;
    counter.#m2 = m2;
    counter.#min = min;
    counter.#max = max;
    return counter;
  }

  /** @internal */
  toData(): StatData {
    return [this.#count, this.#mean, this.#m2, this.#min, this.#max];
  }

  copy(): StatCounter {
    return StatCounter.fromData(this.toData());
  }

  /** Adds a number, or all numbers of another counter, to this one. */
  merge(other: number | StatCounter): this {
    if (typeof other !== 'number') return this.#mergeCounter(other);
    const delta = other - this.#mean;
    this.#count++;
    this.#mean += delta / this.#count;
    this.#m2 += delta * (other - this.#mean);
    this.#min = Math.min(this.#min, other);
    this.#max = Math.max(this.#max, other);
    return this;
  }

  #mergeCounter(other: StatCounter): this {
    const theirs = other.#count;
    if (theirs === 0) return this;
    const ours = this.#count;
    const count = ours + theirs;
    const delta = other.#mean - this.#mean;
    this.#m2 = ours === 0 ? other.#m2 : this.#m2 + other.#m2 + (delta * delta * ours * theirs) / count;
    // From the mean of the larger side, unless both are about as large: the smaller step errs less.
    if (ours === 0) this.#mean = other.#mean;
    else if (theirs * 10 < ours) this.#mean += (delta * theirs) / count;
    else if (ours * 10 < theirs) this.#mean = other.#mean - (delta * ours) / count;
    else this.#mean = (this.#mean * ours + other.#mean * theirs) / count;
    this.#count = count;
    this.#min = Math.min(this.#min, other.#min);
    this.#max = Math.max(this.#max, other.#max);
    return this;
  }

  get count(): number {
    return this.#count;
  }

  /** 0 of nothing. */
  get mean(): number {
    return this.#mean;
  }

  get sum(): number {
    return this.#count * this.#mean;
  }

  /** Infinity of nothing. */
  get min(): number {
    return this.#min;
  }

  /** -Infinity of nothing. */
  get max(): number {
    return this.#max;
  }

  /** Of the numbers as the whole population; NaN of nothing. */
  get popVariance(): number {
    return this.#count === 0 ? Number.NaN : this.#m2 / this.#count;
  }

  /** popVariance by its other name. */
  get variance(): number {
    return this.popVariance;
  }

  /** Of the numbers as a sample: divided by one less; NaN of fewer than two. */
  get sampleVariance(): number {
    return this.#count <= 1 ? Number.NaN : this.#m2 / (this.#count - 1);
  }

  get popStdev(): number {
    return Math.sqrt(this.popVariance);
  }

  /** popStdev by its other name. */
  get stdev(): number {
    return this.popStdev;
  }

  get sampleStdev(): number {
    return Math.sqrt(this.sampleVariance);
  }

  toString(): string {
    const [mean, stdev, max, min] = [this.mean, this.stdev, this.max, this.min].map(sixDigits);
    return `(count: ${this.count}, mean: ${mean}, stdev: ${stdev}, max: ${max}, min: ${min})`;
  }
}

/** As printf's %f. */
function sixDigits(value: number): string {
  return Number.isFinite(value) ? value.toFixed(6) : String(value);
}

/** What a task does with each number: Welford's step on plain data, which is changed. */
export function addToStats(stats: number[], value: number): number[] {
  const count = (stats[0] as number) + 1;
  const delta = value - (stats[1] as number);
  const mean = (stats[1] as number) + delta / count;
  stats[0] = count;
  stats[1] = mean;
  stats[2] = (stats[2] as number) + delta * (value - mean);
  stats[3] = Math.min(stats[3] as number, value);
  stats[4] = Math.max(stats[4] as number, value);
  return stats;
}
