// What pages show of metrics.
import type { HistogramValues, MeterValues, MetricsSnapshot } from '../metrics-snapshot.ts';
import { plain } from './fields.ts';

/** Of Dropwizard's JSON. */
const VERSION = '4.0.0';

/** As Dropwizard writes a registry. @param sample whether histograms show all of their sample. Spark: MetricsServlet */
export function metricsJson(
  { gauges, counters, histograms, meters, timers }: MetricsSnapshot,
  sample: boolean,
): Readonly<Record<string, unknown>> {
  const mapped = <T>(metrics: Readonly<Record<string, T>>, show: (value: T) => object): object =>
    Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, show(value)]));
  const distribution = ({
    max,
    mean,
    min,
    p50,
    p75,
    p95,
    p98,
    p99,
    p999,
    stddev,
    values,
  }: HistogramValues): object => ({
    ...{ max, mean, min, p50, p75, p95, p98, p99, p999 },
    ...(sample ? { values } : {}),
    stddev,
  });
  const rates = ({ m15_rate, m1_rate, m5_rate, mean_rate }: MeterValues): object => ({
    ...{ m15_rate, m1_rate, m5_rate, mean_rate },
  });
  return {
    version: VERSION,
    gauges: mapped(gauges, (value) => ({ value })),
    counters: mapped(counters, (count) => ({ count })),
    histograms: mapped(histograms, (values) => ({ count: values.count, ...distribution(values) })),
    meters: mapped(meters, (values) => ({ count: values.count, ...rates(values), units: 'events/second' })),
    timers: mapped(timers, (values) => ({
      count: values.count,
      ...distribution(values),
      ...rates(values),
      duration_units: 'milliseconds',
      rate_units: 'calls/second',
    })),
  };
}

const NS_PER_MS = 1e6;

/** Numbers alone; gauges under two names. Durations are in nanoseconds, as Spark has them there. Spark: PrometheusServlet */
export function prometheusText({ gauges, counters, histograms, meters, timers }: MetricsSnapshot): string {
  const lines: string[] = [];
  const line = (name: string, field: string, type: string, value: number): void => {
    lines.push(`metrics_${name.replace(/[^a-zA-Z0-9]/g, '_')}_${field}{type="${type}"} ${plain(value)}\n`);
  };
  const distribution = (name: string, values: HistogramValues, type: string, factor: number): void => {
    line(name, 'Count', type, values.count);
    for (const [field, value] of [
      ['Max', values.max],
      ['Mean', values.mean],
      ['Min', values.min],
      ['50thPercentile', values.p50],
      ['75thPercentile', values.p75],
      ['95thPercentile', values.p95],
      ['98thPercentile', values.p98],
      ['99thPercentile', values.p99],
      ['999thPercentile', values.p999],
      ['StdDev', values.stddev],
    ] as const)
      line(name, field, type, value * factor);
  };
  for (const [name, value] of Object.entries(gauges)) {
    if (typeof value !== 'number') continue;
    line(name, 'Number', 'gauges', value);
    line(name, 'Value', 'gauges', value);
  }
  for (const [name, count] of Object.entries(counters)) line(name, 'Count', 'counters', count);
  for (const [name, values] of Object.entries(histograms)) distribution(name, values, 'histograms', 1);
  for (const [name, values] of Object.entries(meters)) {
    line(name, 'Count', 'counters', values.count);
    line(name, 'MeanRate', 'counters', values.mean_rate);
    line(name, 'OneMinuteRate', 'counters', values.m1_rate);
    line(name, 'FiveMinuteRate', 'counters', values.m5_rate);
    line(name, 'FifteenMinuteRate', 'counters', values.m15_rate);
  }
  for (const [name, values] of Object.entries(timers)) {
    distribution(name, values, 'timers', NS_PER_MS);
    line(name, 'FifteenMinuteRate', 'timers', values.m15_rate);
    line(name, 'FiveMinuteRate', 'timers', values.m5_rate);
    line(name, 'OneMinuteRate', 'timers', values.m1_rate);
    line(name, 'MeanRate', 'timers', values.mean_rate);
  }
  return lines.join('');
}
