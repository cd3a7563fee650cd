// What sinks get: all metrics of a process at one moment, as plain data.
import type { EpochMs } from '../base/clock.ts';
import type { Histogram, Meter, Metric, Timer } from './instruments.ts';

/** What is measured in one place, by names as Spark has them below the source's own. */
export interface Source {
  /** `DAGScheduler`. Spark: Source.sourceName */
  readonly name: string;
  readonly metrics: Readonly<Record<string, Metric>>;
}

export interface HistogramValues {
  readonly count: number;
  readonly max: number;
  readonly mean: number;
  readonly min: number;
  readonly stddev: number;
  readonly p50: number;
  readonly p75: number;
  readonly p95: number;
  readonly p98: number;
  readonly p99: number;
  readonly p999: number;
  /** The sample itself, ascending. */
  readonly values: readonly number[];
}

/** Per second. */
export interface MeterValues {
  readonly count: number;
  readonly m1_rate: number;
  readonly m5_rate: number;
  readonly m15_rate: number;
  readonly mean_rate: number;
}

/** Durations in ms, rates per second. */
export type TimerValues = HistogramValues & MeterValues;

/** By full name, in the order of names. */
export interface MetricsSnapshot {
  readonly at: EpochMs;
  readonly gauges: Readonly<Record<string, number | string>>;
  readonly counters: Readonly<Record<string, number>>;
  readonly histograms: Readonly<Record<string, HistogramValues>>;
  readonly meters: Readonly<Record<string, MeterValues>>;
  readonly timers: Readonly<Record<string, TimerValues>>;
}

/** @param prefix what stands before each source's name: `app-1.driver.`, or nothing. A gauge that throws is left out. */
export function takeSnapshot(sources: Iterable<Source>, prefix: string, at: EpochMs): MetricsSnapshot {
  const named: [name: string, metric: Metric][] = [];
  for (const source of sources)
    for (const [name, metric] of Object.entries(source.metrics))
      named.push([`${prefix}${source.name}.${name}`, metric]);
  named.sort(([a], [b]) => (a < b ? -1 : 1));
  const gauges: Record<string, number | string> = {};
  const counters: Record<string, number> = {};
  const histograms: Record<string, HistogramValues> = {};
  const meters: Record<string, MeterValues> = {};
  const timers: Record<string, TimerValues> = {};
  for (const [name, metric] of named)
    switch (metric.kind) {
      case 'gauge': {
        const value = readGauge(metric.read);
        if (value !== null) gauges[name] = value;
        break;
      }
      case 'counter':
        counters[name] = metric.count;
        break;
      case 'histogram':
        histograms[name] = histogramValues(metric);
        break;
      case 'meter':
        meters[name] = meterValues(metric);
        break;
      case 'timer':
        timers[name] = { ...histogramValues(metric), ...meterValues(metric) };
        break;
    }
  return { at, gauges, counters, histograms, meters, timers };
}

function readGauge(read: () => number | string): number | string | null {
  try {
    const value = read();
    return typeof value === 'number' && !Number.isFinite(value) ? null : value;
  } catch {
    return null; // the others are told all the same
  }
}

function histogramValues(metric: Histogram | Timer): HistogramValues {
  const sample = metric.values();
  return {
    count: metric.count,
    max: sample.max,
    mean: sample.mean,
    min: sample.min,
    stddev: sample.stddev,
    p50: sample.quantile(0.5),
    p75: sample.quantile(0.75),
    p95: sample.quantile(0.95),
    p98: sample.quantile(0.98),
    p99: sample.quantile(0.99),
    p999: sample.quantile(0.999),
    values: sample.values,
  };
}

function meterValues(metric: Meter | Timer): MeterValues {
  const { m1, m5, m15, mean } = metric.rates();
  return { count: metric.count, m1_rate: m1, m5_rate: m5, m15_rate: m15, mean_rate: mean };
}
