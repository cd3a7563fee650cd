import type { HistogramValues, MeterValues, MetricsSnapshot } from '../../src/metrics/metrics-snapshot.ts';

const HISTOGRAM: HistogramValues = {
  ...{ count: 4, max: 40, mean: 20.5, min: 1, stddev: 14.25, p50: 20, p75: 30, p95: 40, p98: 40, p99: 40, p999: 40 },
  values: [1, 20, 30, 40],
};
const METER: MeterValues = { count: 7, m1_rate: 0.5, m5_rate: 0.25, m15_rate: 0.125, mean_rate: 1.75 };

/** One metric of each kind, and a gauge of each kind of value. 2023-11-14T22:13:20Z */
export const EVERY_METRIC: MetricsSnapshot = {
  at: 1_700_000_000_500,
  gauges: { 'a.mode': 'ALIVE, "well"', 'a.ratio': 0.123456, 'a.workers': 3 },
  counters: { 'b.seen': 12_345_678_901 },
  histograms: { 'c.size': HISTOGRAM },
  meters: { 'd.rate': METER },
  timers: { 'e.time': { ...HISTOGRAM, max: 40.5, ...METER } },
};
