import type { Logger } from '../../base/logger.ts';
import type { HistogramValues, MeterValues, MetricsSnapshot } from '../metrics-snapshot.ts';
import type { MetricsSink, SinkOptions } from '../sink.ts';
import { plain } from './fields.ts';

/** A line a metric: `type=GAUGE, name=master.workers, value=2`. Dropwizard: Slf4jReporter */
export function logLines({ gauges, counters, histograms, meters, timers }: MetricsSnapshot): string[] {
  const lines: string[] = [];
  const line = (type: string, name: string, fields: readonly (readonly [string, string | number])[]): void => {
    const shown = fields.map(([key, value]) => `${key}=${typeof value === 'number' ? plain(value) : value}`);
    lines.push([`type=${type}`, `name=${name}`, ...shown].join(', '));
  };
  for (const [name, value] of Object.entries(gauges)) line('GAUGE', name, [['value', value]]);
  for (const [name, count] of Object.entries(counters)) line('COUNTER', name, [['count', count]]);
  for (const [name, values] of Object.entries(histograms))
    line('HISTOGRAM', name, [['count', values.count], ...distribution(values)]);
  for (const [name, values] of Object.entries(meters))
    line('METER', name, [['count', values.count], ...rates(values), ['rate_unit', 'events/second']]);
  for (const [name, values] of Object.entries(timers))
    line('TIMER', name, [
      ['count', values.count],
      ...distribution(values),
      ...rates(values),
      ['rate_unit', 'calls/second'],
      ['duration_unit', 'milliseconds'],
    ]);
  return lines;
}

function distribution(values: HistogramValues): (readonly [string, number])[] {
  const fields = ['min', 'max', 'mean', 'stddev', 'p50', 'p75', 'p95', 'p98', 'p99', 'p999'] as const;
  return fields.map((field) => [field, values[field]]);
}

function rates(values: MeterValues): (readonly [string, number])[] {
  return (['m1_rate', 'm5_rate', 'm15_rate', 'mean_rate'] as const).map((field) => [field, values[field]]);
}

/** The log, at INFO, under the name `metrics`. Spark: Slf4jSink */
export class Slf4jSink implements MetricsSink {
  readonly #log: Logger;

  constructor({ log, line }: SinkOptions) {
    this.#log = log.named('metrics');
    if (!this.#log.enabled('INFO'))
      log.warn(`${line} writes to the log at INFO, which is not shown: set spark.log.level=INFO`);
  }

  report(snapshot: MetricsSnapshot): void {
    for (const line of logLines(snapshot)) this.#log.info(line);
  }
}
