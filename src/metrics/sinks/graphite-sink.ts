import { connect } from 'node:net';
import { IllegalArgumentError } from '../../base/errors.ts';
import type { MetricsSnapshot } from '../metrics-snapshot.ts';
import { filterOf, type MetricsSink, type SinkOptions, serverOf } from '../sink.ts';
import { sendDatagrams } from './datagrams.ts';
import { DISTRIBUTION, plain, RATES, shortNumber } from './fields.ts';

/** `name value seconds`, each with its end. A text is no value there. Dropwizard: GraphiteReporter */
export function graphiteLines(
  { at, gauges, counters, histograms, meters, timers }: MetricsSnapshot,
  prefix: string,
  wanted: (name: string) => boolean,
): string[] {
  const seconds = Math.floor(at / 1000);
  const lines: string[] = [];
  const send = (name: string, field: string | null, value: string): void => {
    const parts = [prefix, name, field].filter((part) => part !== '' && part !== null);
    lines.push(`${parts.join('.').replace(/\s+/g, '-')} ${value} ${seconds}\n`);
  };
  const each = <T>(metrics: Readonly<Record<string, T>>, tell: (name: string, value: T) => void): void => {
    for (const [name, value] of Object.entries(metrics)) if (wanted(name)) tell(name, value);
  };
  each(gauges, (name, value) => {
    if (typeof value === 'number') send(name, null, shortNumber(value));
  });
  each(counters, (name, count) => send(name, 'count', plain(count)));
  each(histograms, (name, values) => {
    send(name, 'count', plain(values.count));
    for (const field of DISTRIBUTION)
      send(name, field, field === 'max' || field === 'min' ? shortNumber(values[field]) : values[field].toFixed(2));
  });
  each(meters, (name, values) => {
    send(name, 'count', plain(values.count));
    for (const field of RATES) send(name, field, values[field].toFixed(2));
  });
  each(timers, (name, values) => {
    for (const field of DISTRIBUTION) send(name, field, values[field].toFixed(2));
    send(name, 'count', plain(values.count));
    for (const field of RATES) send(name, field, values[field].toFixed(2));
  });
  return lines;
}

/** For a server that takes connections and does not read. */
const TIMEOUT_MS = 5000;

/** A server of Graphite, over TCP, with a connection each time, or UDP. Spark: GraphiteSink */
export class GraphiteSink implements MetricsSink {
  readonly #server: { readonly host: string; readonly port: number };
  readonly #prefix: string;
  readonly #protocol: 'tcp' | 'udp';
  readonly #wanted: (name: string) => boolean;

  /** @throws IllegalArgumentError when host or port are missing, or a line is wrong. */
  constructor(given: SinkOptions) {
    this.#server = serverOf(given, 'Graphite', {});
    this.#prefix = given.options['prefix'] ?? '';
    this.#wanted = filterOf(given);
    const protocol = (given.options['protocol'] ?? 'tcp').toLowerCase();
    if (protocol !== 'tcp' && protocol !== 'udp')
      throw new IllegalArgumentError(`Invalid Graphite protocol: ${protocol}: ${given.line}.protocol is tcp or udp`);
    this.#protocol = protocol;
  }

  async report(snapshot: MetricsSnapshot): Promise<void> {
    const lines = graphiteLines(snapshot, this.#prefix, this.#wanted);
    if (lines.length === 0) return;
    if (this.#protocol === 'udp') await sendDatagrams(this.#server, lines);
    else await sendStream(this.#server, lines.join(''));
  }
}

/** Resolves when this machine's system has it all. */
function sendStream({ host, port }: { readonly host: string; readonly port: number }, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    socket.setTimeout(TIMEOUT_MS, () =>
      socket.destroy(new Error(`${host}:${port} did not take it within ${TIMEOUT_MS} ms`)),
    );
    socket.on('error', reject);
    socket.on('connect', () => socket.end(text));
    socket.on('finish', () => {
      socket.unref(); // whether the other end closes is its own affair
      resolve();
    });
    socket.on('close', () => reject(new Error(`${host}:${port} closed the connection`))); // nothing, when it has finished
    socket.resume(); // nothing is expected
  });
}
