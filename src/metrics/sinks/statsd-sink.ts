import type { MetricsSnapshot } from '../metrics-snapshot.ts';
import { filterOf, type MetricsSink, type SinkOptions, serverOf } from '../sink.ts';
import { sendDatagrams } from './datagrams.ts';
import { DISTRIBUTION, plain, RATES, shortNumber } from './fields.ts';

const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_PORT = 8125;

/**
 * `name:value|type`: gauges and counts as `g`, counters as `c`, what has a spread or a rate as `ms`. Spark: StatsdReporter
 *
 * A server adds up what counters say, so each is told what has come since the last report.
 *
 * @param told what counters were at then; what they are now is written to it.
 */
export function statsdLines(
  { gauges, counters, histograms, meters, timers }: MetricsSnapshot,
  prefix: string,
  wanted: (name: string) => boolean,
  told: Map<string, number>,
): string[] {
  const lines: string[] = [];
  const send = (name: string, field: string | null, value: string, type: 'c' | 'g' | 'ms'): void => {
    const parts = [prefix, name, field].filter((part) => part !== '' && part !== null);
    // What would end the name.
    const full = parts.join('.').replace(/\s+/g, '-').replace(/[:|@]/g, '_');
    lines.push(`${full}:${value}|${type}`);
  };
  const each = <T>(metrics: Readonly<Record<string, T>>, tell: (name: string, value: T) => void): void => {
    for (const [name, value] of Object.entries(metrics)) if (wanted(name)) tell(name, value);
  };
  each(gauges, (name, value) => {
    if (typeof value === 'number') send(name, null, shortNumber(value), 'g');
  });
  each(counters, (name, count) => {
    send(name, null, plain(count - (told.get(name) ?? 0)), 'c');
    told.set(name, count);
  });
  each(histograms, (name, values) => {
    send(name, 'count', plain(values.count), 'g');
    for (const field of DISTRIBUTION)
      send(
        name,
        field,
        field === 'max' || field === 'min' ? shortNumber(values[field]) : values[field].toFixed(2),
        'ms',
      );
  });
  each(meters, (name, values) => {
    send(name, 'count', plain(values.count), 'g');
    for (const field of RATES) send(name, field, values[field].toFixed(2), 'ms');
  });
  each(timers, (name, values) => {
    for (const field of DISTRIBUTION) send(name, field, values[field].toFixed(2), 'ms');
    send(name, 'count', plain(values.count), 'g');
    for (const field of RATES) send(name, field, values[field].toFixed(2), 'ms');
  });
  return lines;
}

/** A server of StatsD, over UDP. Spark: StatsdSink */
export class StatsdSink implements MetricsSink {
  readonly #server: { readonly host: string; readonly port: number };
  readonly #prefix: string;
  readonly #wanted: (name: string) => boolean;
  readonly #told = new Map<string, number>();

  /** @throws IllegalArgumentError when a line is wrong. */
  constructor(given: SinkOptions) {
    this.#server = serverOf(given, 'Statsd', { host: DEFAULT_HOST, port: DEFAULT_PORT });
    this.#prefix = given.options['prefix'] ?? '';
    this.#wanted = filterOf(given);
  }

  async report(snapshot: MetricsSnapshot): Promise<void> {
    const told = new Map(this.#told);
    const lines = statsdLines(snapshot, this.#prefix, this.#wanted, told);
    if (lines.length > 0) await sendDatagrams(this.#server, lines);
    // What did not leave is told with the next report.
    for (const [name, count] of told) this.#told.set(name, count);
  }
}
