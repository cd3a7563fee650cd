import { IllegalArgumentError, IskraError } from '../base/errors.ts';
import { describe } from './user-function.ts';

/** The edges of buckets of equal width; one bucket when all numbers are one. Spark: DoubleRDDFunctions.histogram */
export function evenEdges(min: number, max: number, buckets: number): number[] {
  if (![min, max].every(Number.isFinite)) {
    throw new IskraError(
      'UNSUPPORTED_OPERATION',
      'Histogram on either an empty RDD or RDD containing +/-infinity or NaN',
    );
  }
  if (min === max) return [min, min];
  const span = max - min;
  // Steps that are added up would miss the maximum.
  return Array.from({ length: buckets + 1 }, (_, i) => (i === buckets ? max : min + (i * span) / buckets));
}

/** @throws IllegalArgumentError unless they are at least two ascending numbers; the last may be NaN, which is above all. */
export function checkEdges(given: unknown): readonly number[] {
  const edges: unknown = ArrayBuffer.isView(given) && !(given instanceof DataView) ? Array.from(given as never) : given;
  if (!Array.isArray(edges) || edges.length < 2) {
    throw new IllegalArgumentError(
      `buckets array must have at least two elements: histogram() was given ${describe(given)}`,
    );
  }
  for (let i = 0; i < edges.length; i++) {
    const edge: unknown = edges[i];
    if (typeof edge !== 'number' || (Number.isNaN(edge) && i < edges.length - 1)) {
      throw new IllegalArgumentError(`buckets of histogram() must be numbers, but bucket ${i} is ${describe(edge)}`);
    }
    if (i > 0 && edge < edges[i - 1]) {
      throw new IllegalArgumentError(
        `buckets of histogram() must ascend, but ${edge} comes after ${edges[i - 1]}; sort them first`,
      );
    }
  }
  return edges.slice() as number[]; // looked at one by one
}

/**
 * What a task does with each number: counts it in its bucket. Buckets are open above but for the last; what lies outside is
 * left out.
 *
 * @param even all buckets are as wide: the bucket is computed instead of looked for.
 */
export function bucketCounter(edges: readonly number[], even: boolean): (counts: number[], x: number) => number[] {
  const last = edges.length - 1;
  const min = edges[0] as number;
  const max = edges[last] as number;
  const nanIsInside = Number.isNaN(max);
  const count = (counts: number[], bucket: number): number[] => {
    counts[bucket] = (counts[bucket] as number) + 1;
    return counts;
  };
  if (even) {
    return (counts, x) => {
      if (!(x >= min && x <= max)) return counts;
      const bucket = Math.floor(((x - min) / (max - min)) * last);
      // 0 / 0 when the range is one number.
      return count(counts, Number.isNaN(bucket) ? 0 : Math.min(bucket, last - 1));
    };
  }
  return (counts, x) => {
    if (Number.isNaN(x)) return nanIsInside ? count(counts, last - 1) : counts;
    if (!(x >= min) || x > max) return counts;
    // The last edge that is not above x.
    let low = 0;
    let high = last;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((edges[middle] as number) <= x) low = middle;
      else high = middle;
    }
    return count(counts, low);
  };
}
