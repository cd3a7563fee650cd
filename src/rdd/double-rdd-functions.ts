import * as actions from './actions.ts';
import * as approximate from './approximate-actions.ts';
import * as doubles from './double-actions.ts';
import type { ActionOptions, FutureAction } from './future-action.ts';
import { OrderedRDDFunctions } from './ordered-rdd-functions.ts';
import type { BoundedDouble, PartialResult } from './partial-result.ts';
import type { RDD } from './rdd.ts';
import type { StatCounter } from './stat-counter.ts';

/** Numbers. Spark: DoubleRDDFunctions */
export abstract class DoubleRDDFunctions<out T> extends OrderedRDDFunctions<T> {
  /** 0 when there is nothing. */
  sum(this: RDD<number>, options?: ActionOptions): FutureAction<number> {
    return actions.sum(this.at('sum'), options);
  }

  /** Count, mean, variance, least and greatest in one job. */
  stats(this: RDD<number>, options?: ActionOptions): FutureAction<StatCounter> {
    return doubles.stats(this.at('stats'), (s) => s, options);
  }

  /** 0 when there is nothing. */
  mean(this: RDD<number>, options?: ActionOptions): FutureAction<number> {
    return doubles.stats(this.at('mean'), (s) => s.mean, options);
  }

  /** Of the numbers as the whole population; NaN when there is nothing. */
  variance(this: RDD<number>, options?: ActionOptions): FutureAction<number> {
    return doubles.stats(this.at('variance'), (s) => s.variance, options);
  }

  /** variance by its other name. */
  popVariance(this: RDD<number>, options?: ActionOptions): FutureAction<number> {
    return doubles.stats(this.at('popVariance'), (s) => s.popVariance, options);
  }

  /** Of the numbers as a sample: divided by one less; NaN of fewer than two. */
  sampleVariance(this: RDD<number>, options?: ActionOptions): FutureAction<number> {
    return doubles.stats(this.at('sampleVariance'), (s) => s.sampleVariance, options);
  }

  /** The root of variance. */
  stdev(this: RDD<number>, options?: ActionOptions): FutureAction<number> {
    return doubles.stats(this.at('stdev'), (s) => s.stdev, options);
  }

  /** stdev by its other name. */
  popStdev(this: RDD<number>, options?: ActionOptions): FutureAction<number> {
    return doubles.stats(this.at('popStdev'), (s) => s.popStdev, options);
  }

  /** The root of sampleVariance. */
  sampleStdev(this: RDD<number>, options?: ActionOptions): FutureAction<number> {
    return doubles.stats(this.at('sampleStdev'), (s) => s.sampleStdev, options);
  }

  /**
   * How many numbers fall into each of `bucketCount` buckets of equal width between the least and the greatest; one bucket when
   * those are the same. Two jobs. Rejects when there is nothing, or NaN or Infinity is among the numbers.
   *
   * @returns the edges, one more than buckets, and the counts.
   */
  histogram(
    this: RDD<number>,
    bucketCount: number,
    options?: ActionOptions,
  ): FutureAction<[edges: number[], counts: number[]]>;
  /**
   * How many numbers fall between given edges. Buckets are open above, but for the last; numbers outside are not counted, NaN
   * only when it is the last edge.
   *
   * @param edges ascending, at least two.
   * @param evenBuckets all are as wide as the first: then a number's bucket is computed, not searched for.
   */
  histogram(
    this: RDD<number>,
    edges: ArrayLike<number>,
    evenBuckets?: boolean,
    options?: ActionOptions,
  ): FutureAction<number[]>;
  histogram(
    this: RDD<number>,
    buckets: number | ArrayLike<number>,
    second?: boolean | ActionOptions,
    third?: ActionOptions,
  ): FutureAction<[number[], number[]]> | FutureAction<number[]> {
    const at = this.at('histogram');
    const [even, options] = typeof second === 'boolean' ? [second, third] : [false, second ?? third];
    if (typeof buckets === 'number') return doubles.histogramOf(at, buckets, options);
    return doubles.histogramBetween(at, buckets, even, options);
  }

  /** The mean as far as it is known after `timeoutMs`, with bounds; see countApprox. */
  meanApprox(
    this: RDD<number>,
    timeoutMs: number,
    confidence = 0.95,
    options?: ActionOptions,
  ): FutureAction<PartialResult<BoundedDouble>> {
    return approximate.meanApprox(this.at('meanApprox'), timeoutMs, confidence, options);
  }

  /** The sum as far as it is known after `timeoutMs`, with bounds; see countApprox. */
  sumApprox(
    this: RDD<number>,
    timeoutMs: number,
    confidence = 0.95,
    options?: ActionOptions,
  ): FutureAction<PartialResult<BoundedDouble>> {
    return approximate.sumApprox(this.at('sumApprox'), timeoutMs, confidence, options);
  }
}
