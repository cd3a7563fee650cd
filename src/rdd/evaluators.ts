import { normalQuantile, poissonQuantile, studentTQuantile } from '../base/quantiles.ts';
import { ValueMap } from '../base/value-map.ts';
import { BoundedDouble } from './partial-result.ts';
import { StatCounter, type StatData } from './stat-counter.ts';

/**
 * Makes the best of the results of some of a job's tasks. What it says after the last of them is the final result.
 *
 * Spark: ApproximateEvaluator
 */
export interface ApproximateEvaluator<U, R> {
  /** @param outputId the task's position among the job's partitions. */
  merge(outputId: number, taskResult: U): void;
  currentResult(): R;
}

/** How many there are in all, judged by those counted so far. Spark: CountEvaluator */
export class CountEvaluator implements ApproximateEvaluator<number, BoundedDouble> {
  readonly #totalOutputs: number;
  readonly #confidence: number;
  #merged = 0;
  #sum = 0;

  constructor(totalOutputs: number, confidence: number) {
    this.#totalOutputs = totalOutputs;
    this.#confidence = confidence;
  }

  merge(_outputId: number, count: number): void {
    this.#merged++;
    this.#sum += count;
  }

  currentResult(): BoundedDouble {
    if (this.#merged === this.#totalOutputs) return exactly(this.#sum);
    if (this.#merged === 0 || this.#sum === 0) return new BoundedDouble(0, 0, 0, Number.POSITIVE_INFINITY);
    return countBound(this.#confidence, this.#sum, this.#merged / this.#totalOutputs);
  }
}

/** The same for each of many keys. Spark: GroupedCountEvaluator */
export class GroupedCountEvaluator<K>
  implements ApproximateEvaluator<readonly (readonly [K, number])[], Map<K, BoundedDouble>>
{
  readonly #totalOutputs: number;
  readonly #confidence: number;
  readonly #sums = new ValueMap<K, number>();
  #merged = 0;

  constructor(totalOutputs: number, confidence: number) {
    this.#totalOutputs = totalOutputs;
    this.#confidence = confidence;
  }

  merge(_outputId: number, counts: readonly (readonly [K, number])[]): void {
    this.#merged++;
    for (const [key, count] of counts) this.#sums.set(key, (this.#sums.get(key) ?? 0) + count);
  }

  currentResult(): Map<K, BoundedDouble> {
    const done = this.#merged === this.#totalOutputs;
    const share = this.#merged / this.#totalOutputs;
    const bounds = new Map<K, BoundedDouble>();
    for (const [key, sum] of this.#sums.entries())
      bounds.set(key, done ? exactly(sum) : countBound(this.#confidence, sum, share));
    return bounds;
  }
}

/** Spark: MeanEvaluator */
export class MeanEvaluator implements ApproximateEvaluator<StatData, BoundedDouble> {
  readonly #totalOutputs: number;
  readonly #confidence: number;
  readonly #counter = new StatCounter();
  #merged = 0;

  constructor(totalOutputs: number, confidence: number) {
    this.#totalOutputs = totalOutputs;
    this.#confidence = confidence;
  }

  merge(_outputId: number, stats: StatData): void {
    this.#merged++;
    this.#counter.merge(StatCounter.fromData(stats));
  }

  currentResult(): BoundedDouble {
    const { count, mean, sampleVariance } = this.#counter;
    if (this.#merged === this.#totalOutputs) return exactly(mean);
    if (this.#merged === 0 || count === 0) return unknown(0, 0);
    if (count === 1) return unknown(mean, this.#confidence);
    return around(mean, Math.sqrt(sampleVariance / count), this.#confidence, count);
  }
}

/** Spark: SumEvaluator */
export class SumEvaluator implements ApproximateEvaluator<StatData, BoundedDouble> {
  readonly #totalOutputs: number;
  readonly #confidence: number;
  readonly #counter = new StatCounter();
  #merged = 0;

  constructor(totalOutputs: number, confidence: number) {
    this.#totalOutputs = totalOutputs;
    this.#confidence = confidence;
  }

  merge(_outputId: number, stats: StatData): void {
    this.#merged++;
    this.#counter.merge(StatCounter.fromData(stats));
  }

  currentResult(): BoundedDouble {
    const { count, mean, sum, sampleVariance } = this.#counter;
    if (this.#merged === this.#totalOutputs) return exactly(sum);
    if (this.#merged === 0 || count === 0) return unknown(0, 0);
    const p = this.#merged / this.#totalOutputs;
    // What was not seen is taken to be like what was: as many for each task, of the same mean and variance.
    const unseen = (count * (1 - p)) / p;
    const estimate = sum + mean * unseen;
    const meanVariance = sampleVariance / count;
    if (count === 1 || Number.isNaN(meanVariance)) return unknown(estimate, this.#confidence);
    const countVariance = (count * (1 - p)) / (p * p);
    // Variance of the product of two independent variables.
    const variance = mean * mean * countVariance + unseen * unseen * meanVariance + meanVariance * countVariance;
    return around(estimate, Math.sqrt(variance), this.#confidence, count);
  }
}

function exactly(value: number): BoundedDouble {
  return new BoundedDouble(value, 1, value, value);
}

function unknown(mean: number, confidence: number): BoundedDouble {
  return new BoundedDouble(mean, confidence, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
}

/**
 * Of `sum` records in the share `p` of all tasks: what is still to come is distributed by Poisson, with the mean that the seen
 * ones suggest. Spark: CountEvaluator.bound
 */
function countBound(confidence: number, sum: number, p: number): BoundedDouble {
  const rest = (sum * (1 - p)) / p;
  const low = poissonQuantile((1 - confidence) / 2, rest);
  const high = poissonQuantile((1 + confidence) / 2, rest);
  return new BoundedDouble(sum + rest, confidence, sum + low, sum + high);
}

/** Above so many records the normal distribution is as good as Student's. */
const NORMAL_FROM = 100;

function around(mean: number, stdev: number, confidence: number, count: number): BoundedDouble {
  const p = (1 + confidence) / 2;
  const factor = count > NORMAL_FROM ? normalQuantile(p) : studentTQuantile(p, count - 1);
  // Without any spread even an infinite factor leaves the mean where it is.
  const reach = stdev === 0 ? 0 : factor * stdev;
  return new BoundedDouble(mean, confidence, mean - reach, mean + reach);
}
