import { IllegalArgumentError } from '../base/errors.ts';
import { loadFunction } from '../base/load-function.ts';
import type { Logger } from '../base/logger.ts';
import { type MetricsPart, periodOf } from './metrics-config.ts';
import type { MetricsSnapshot } from './metrics-snapshot.ts';
import type { MetricsSink, SinkOptions } from './sink.ts';

/** A sink that reports by itself. */
export interface OpenSink {
  readonly name: string;
  readonly periodMs: number;
  readonly sink: MetricsSink;
}

/** A sink that others ask, over HTTP. */
export interface MetricsServlet {
  readonly path: string;
  readonly contentType: string;
  show(snapshot: MetricsSnapshot): string;
}

export interface OpenSinks {
  readonly sinks: readonly OpenSink[];
  readonly servlets: readonly MetricsServlet[];
}

/** Classes of Spark that have no meaning here, and what to do instead. */
const WITHOUT_MEANING: Readonly<Record<string, string>> = {
  JmxSink: 'there is no JVM: use PrometheusServlet, or GraphiteSink, StatsdSink, CsvSink',
  GangliaSink: 'use GraphiteSink or StatsdSink, which gateways to Ganglia read',
};

const SPARK_CLASS = /^(?:org\.apache\.spark\.metrics\.sink\.)?([A-Z]\w*)$/;

/** Whether this is no module, but one of ours or a mistake. */
export function isSparkClass(className: string): boolean {
  return SPARK_CLASS.test(className) || className.startsWith('org.apache.spark.');
}

/**
 * Makes the sinks of an instance; their code is loaded here.
 *
 * @param prefix how their lines begin: `driver`.
 * @throws IllegalArgumentError, IskraError naming the line that is wrong. A sink that only a JVM could have is warned of.
 */
export async function openSinks(prefix: string, parts: readonly MetricsPart[], log: Logger): Promise<OpenSinks> {
  const sinks: OpenSink[] = [];
  const servlets: MetricsServlet[] = [];
  for (const part of parts) {
    const { name, className, options } = part;
    const line = `${prefix}.sink.${name}`;
    const simple = SPARK_CLASS.exec(className)?.[1];
    const instead = simple === undefined ? undefined : WITHOUT_MEANING[simple];
    if (instead !== undefined) {
      log.warn(`${line}.class=${className} is passed over: ${instead}`);
      continue;
    }
    const servlet = await openServlet(simple, options, line);
    if (servlet === undefined) {
      const sink = await openReporter(simple, className, { options, line, log });
      sinks.push({ name, periodMs: periodOf(line, options), sink });
    } else if (servlet !== null) servlets.push(servlet);
  }
  return { sinks, servlets };
}

/** Undefined: it is none. */
async function openServlet(
  simple: string | undefined,
  options: Readonly<Record<string, string>>,
  line: string,
): Promise<MetricsServlet | undefined> {
  if (simple !== 'MetricsServlet' && simple !== 'PrometheusServlet') return undefined;
  const given = options['path'] ?? '';
  const path = given.startsWith('/') ? given.replace(/\/+$/, '') : '';
  if (path === '' || /[*?#\s]/.test(path))
    throw new IllegalArgumentError(`${line}.path is '${given}', but must be a path below /, such as /metrics/json`);
  const { metricsJson, prometheusText } = await import('./sinks/servlet-text.ts');
  const sample = options['sample'] === 'true';
  return simple === 'MetricsServlet'
    ? {
        path,
        contentType: 'application/json',
        show: (snapshot) => JSON.stringify(metricsJson(snapshot, sample)),
      }
    : { path, contentType: 'text/plain; version=0.0.4', show: prometheusText };
}

async function openReporter(simple: string | undefined, className: string, given: SinkOptions): Promise<MetricsSink> {
  switch (simple) {
    case 'ConsoleSink':
      return new (await import('./sinks/console-sink.ts')).ConsoleSink();
    case 'CsvSink':
    case 'CSVSink':
      return new (await import('./sinks/csv-sink.ts')).CsvSink(given);
    case 'GraphiteSink':
      return new (await import('./sinks/graphite-sink.ts')).GraphiteSink(given);
    case 'StatsdSink':
      return new (await import('./sinks/statsd-sink.ts')).StatsdSink(given);
    case 'Slf4jSink':
      return new (await import('./sinks/slf4j-sink.ts')).Slf4jSink(given);
    default:
      return openCustom(className, given);
  }
}

/** A module with a function `createSink`. */
async function openCustom(className: string, given: SinkOptions): Promise<MetricsSink> {
  const { line } = given;
  if (/^org\.apache\.spark\./.test(className))
    throw new IllegalArgumentError(
      `${line}.class=${className} is no sink that is known here: use ConsoleSink, CsvSink, GraphiteSink, StatsdSink, Slf4jSink, MetricsServlet or PrometheusServlet, or the path of a module with a function createSink`,
    );
  const create = await loadFunction(`${line}.class`, className, 'createSink(options, log)', 'METRICS_SINK');
  const made = await create(given.options, given.log);
  if (typeof (made as Partial<MetricsSink> | null | undefined)?.report !== 'function')
    throw new IllegalArgumentError(`${line}.class=${className}: what createSink gave has no function report(snapshot)`);
  return made as MetricsSink; // it has what is called
}
