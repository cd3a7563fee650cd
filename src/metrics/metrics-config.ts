// What a metrics.properties file and `spark.metrics.conf.…` keys say. Lines are `[instance].[sink|source].[name].[option]=value`.
import { IllegalArgumentError } from '../base/errors.ts';
import { APP_ID } from '../config/core-entries.ts';
import { METRICS_CONF_PREFIX, METRICS_NAMESPACE } from '../config/metrics-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';

/** Who has metrics of its own. */
export type MetricsInstance = 'master' | 'applications' | 'worker' | 'driver' | 'executor' | 'shuffleService';

const METRICS_INSTANCES: readonly MetricsInstance[] = [
  'master',
  'applications',
  'worker',
  'driver',
  'executor',
  'shuffleService',
];

/** Of Spark, which has no such program here. */
const OTHER_INSTANCES: readonly string[] = ['applicationMaster', 'mesos_cluster'];

const PACKAGE = 'org.apache.spark.metrics.sink.';

/** Lines that nobody has to write. The first four are Spark's. */
export const DEFAULT_METRICS_LINES: Readonly<Record<string, string>> = {
  '*.sink.servlet.class': `${PACKAGE}MetricsServlet`,
  '*.sink.servlet.path': '/metrics/json',
  'master.sink.servlet.path': '/metrics/master/json',
  'applications.sink.servlet.path': '/metrics/applications/json',
  '*.sink.prometheusServlet.class': `${PACKAGE}PrometheusServlet`,
  '*.sink.prometheusServlet.path': '/metrics/prometheus',
  'master.sink.prometheusServlet.path': '/metrics/master/prometheus',
  'applications.sink.prometheusServlet.path': '/metrics/applications/prometheus',
};

/** A sink or a source as it is configured. */
export interface MetricsPart {
  readonly name: string;
  /** Of `class`. */
  readonly className: string;
  readonly options: Readonly<Record<string, string>>;
}

export interface MetricsParts {
  readonly sinks: readonly MetricsPart[];
  readonly sources: readonly MetricsPart[];
  /** What is wrong with lines that are passed over. */
  readonly warnings: readonly string[];
}

/** The lines that a SparkConf has as keys. */
export function linesOfConf(conf: SparkConf): Record<string, string> {
  return Object.fromEntries(
    conf.getAll().flatMap(([key, value]) => {
      return key.startsWith(METRICS_CONF_PREFIX) ? [[key.slice(METRICS_CONF_PREFIX.length), value]] : [];
    }),
  );
}

/**
 * What one instance has: defaults, then the file, then keys, the later ones winning, line by line; and of what is left a line of the
 * instance over one of `*`. Spark: MetricsConfig.initialize
 *
 * @param layers the earlier ones lose.
 */
export function partsOf(instance: MetricsInstance, layers: readonly Readonly<Record<string, string>>[]): MetricsParts {
  const lines: Record<string, string> = Object.assign({}, DEFAULT_METRICS_LINES, ...layers);
  const general = new Map<string, string>();
  const own = new Map<string, string>();
  const warnings: string[] = [];
  for (const [key, value] of Object.entries(lines)) {
    const [, of = '', rest = ''] = /^(\*|[A-Za-z_]+)\.(.+)$/.exec(key) ?? [];
    const given = value.trim();
    if (of === '*') general.set(rest, given);
    else if (of === instance) own.set(rest, given);
    else if (!isInstance(of))
      warnings.push(
        `metrics line ${key} is passed over: lines begin with *, ${METRICS_INSTANCES.join(', ')}, then .sink. or .source.`,
      );
  }
  const properties = new Map([...general, ...own]);
  const sinks = new Map<string, Record<string, string>>();
  const sources = new Map<string, Record<string, string>>();
  for (const [rest, value] of properties) {
    const [, kind, name, option] = /^(sink|source)\.(.+)\.([^.]+)$/.exec(rest) ?? [];
    if (name === undefined || option === undefined) {
      warnings.push(
        `metrics line ${instance}.${rest} is passed over: lines are [instance].[sink|source].[name].[option]=value`,
      );
      continue;
    }
    const parts = kind === 'sink' ? sinks : sources;
    const options = parts.get(name) ?? {};
    options[option] = value;
    parts.set(name, options);
  }
  const withClass = (kind: string, parts: ReadonlyMap<string, Record<string, string>>): MetricsPart[] =>
    [...parts].flatMap(([name, { class: className = '', ...options }]) => {
      if (className !== '') return [{ name, className, options }];
      warnings.push(
        `metrics ${kind} ${instance}.${name} has options but no class: give ${instance}.${kind}.${name}.class`,
      );
      return [];
    });
  return { sinks: withClass('sink', sinks), sources: withClass('source', sources), warnings };
}

function isInstance(name: string): boolean {
  return (METRICS_INSTANCES as readonly string[]).includes(name) || OTHER_INSTANCES.includes(name);
}

const UNIT_MS: Readonly<Record<string, number>> = {
  NANOSECONDS: 1e-6,
  MICROSECONDS: 1e-3,
  MILLISECONDS: 1,
  SECONDS: 1000,
  MINUTES: 60_000,
  HOURS: 3_600_000,
  DAYS: 86_400_000,
};
const DEFAULT_PERIOD = '10';
const DEFAULT_UNIT = 'SECONDS';
const LEAST_PERIOD_MS = 1000;
/** Of timers. */
const LONGEST_PERIOD_MS = 0x7fff_ffff;

/** How often a sink reports, ms. @throws IllegalArgumentError naming the line. Spark: MetricsSystem.checkMinimalPollingPeriod */
export function periodOf(line: string, options: Readonly<Record<string, string>>): number {
  const period = options['period'] ?? DEFAULT_PERIOD;
  const unit = (options['unit'] ?? DEFAULT_UNIT).toUpperCase();
  const unitMs = Object.hasOwn(UNIT_MS, unit) ? UNIT_MS[unit] : undefined;
  if (unitMs === undefined)
    throw new IllegalArgumentError(
      `${line}.unit is ${options['unit']}, but must be a unit of time: ${Object.keys(UNIT_MS).join(', ').toLowerCase()}`,
    );
  if (!/^\d{1,9}$/.test(period))
    throw new IllegalArgumentError(`${line}.period is ${period}, but must be a whole number, such as 10`);
  const ms = Number(period) * unitMs;
  if (ms < LEAST_PERIOD_MS)
    throw new IllegalArgumentError(
      `Polling period ${period} ${unit} below than minimal polling period of ${line}: give 1 second or more`,
    );
  return Math.min(ms, LONGEST_PERIOD_MS);
}

/** How names of metrics of a driver or an executor begin. Spark: MetricsSystem.buildRegistryName */
export function metricsPrefix(conf: SparkConf, applicationId: string, executorId: string): string {
  const namespace = conf.clone().set(APP_ID.key, applicationId).get(METRICS_NAMESPACE) ?? applicationId;
  return namespace === '' ? `${executorId}.` : `${namespace}.${executorId}.`;
}
