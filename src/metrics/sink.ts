import { IllegalArgumentError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { MetricsSnapshot } from './metrics-snapshot.ts';

/** Takes reports somewhere. What it throws is said once, until a report goes well again; the next one comes in any case. */
export interface MetricsSink {
  /** Resolves when the report has left the process. */
  report(snapshot: MetricsSnapshot): void | Promise<void>;
  /** After the last report. */
  stop?(): void | Promise<void>;
}

/** What a sink is made with. */
export interface SinkOptions {
  /** Of its lines, without `class`: `period`, `host`. */
  readonly options: Readonly<Record<string, string>>;
  /** How its lines begin, for errors: `driver.sink.graphite`. */
  readonly line: string;
  readonly log: Logger;
}

/** Where a server is. @throws IllegalArgumentError when a line is missing or wrong. */
export function serverOf(
  { options, line }: SinkOptions,
  title: string,
  defaults: { readonly host?: string; readonly port?: number },
): { readonly host: string; readonly port: number } {
  const host = options['host'] ?? defaults.host;
  const port = options['port'] ?? defaults.port;
  if (host === undefined || host === '')
    throw new IllegalArgumentError(`${title} sink requires 'host' property: give ${line}.host`);
  if (port === undefined) throw new IllegalArgumentError(`${title} sink requires 'port' property: give ${line}.port`);
  const number = /^\d{1,5}$/.test(String(port)) ? Number(port) : 0;
  if (number < 1 || number > 65_535)
    throw new IllegalArgumentError(`${line}.port is ${port}, but must be a port: 1 to 65535`);
  return { host, port: number };
}

/** Which metrics a sink sends: those whose name has a match of `regex`. @throws IllegalArgumentError when it is none. */
export function filterOf({ options, line }: SinkOptions): (name: string) => boolean {
  const text = options['regex'];
  if (text === undefined) return () => true;
  try {
    const regex = new RegExp(text);
    return (name) => regex.test(name);
  } catch (error) {
    throw new IllegalArgumentError(
      `${line}.regex is ${text}, but must be a regular expression: ${(error as Error).message}`,
    );
  }
}
