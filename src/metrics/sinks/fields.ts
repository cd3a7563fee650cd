// Fields of metrics with several values, in the order in which reporters write them.
import type { HistogramValues, MeterValues } from '../metrics-snapshot.ts';

export const DISTRIBUTION: readonly Exclude<keyof HistogramValues, 'count' | 'values'>[] = [
  'max',
  'mean',
  'min',
  'stddev',
  'p50',
  'p75',
  'p95',
  'p98',
  'p99',
  'p999',
];

export const RATES: readonly Exclude<keyof MeterValues, 'count'>[] = ['m1_rate', 'm5_rate', 'm15_rate', 'mean_rate'];

/** Whole numbers as they are, others with two places. */
export function shortNumber(value: number): string {
  return Number.isInteger(value) ? plain(value) : value.toFixed(2);
}

/** Large ones without an exponent, too. */
export function plain(value: number): string {
  return Math.abs(value) < 1e21 ? String(value) : BigInt(value).toString();
}
