// Settings of the metrics system. Sinks and sources are lines of a file, or keys below spark.metrics.conf.
import { type ConfigEntry, defineEntry, defineOptional, definePrefix } from './config-entry.ts';
import type { SparkConf } from './spark-conf.ts';
import { types } from './value-types.ts';

export const METRICS_CONF: ConfigEntry<string | undefined> = defineOptional({
  key: 'spark.metrics.conf',
  type: types.text,
  doc: 'The file with sinks and sources of metrics. Absent: `metrics.properties` of the folder `conf`, if there is one.',
  since: '0.2',
});

/** The file's name in a folder `conf`. */
export const METRICS_FILE = 'metrics.properties';

/** How keys begin that stand for lines of the file. */
export const METRICS_CONF_PREFIX = 'spark.metrics.conf.';

definePrefix({
  prefix: METRICS_CONF_PREFIX,
  rest: '[INSTANCE|*].[sink|source].NAME.OPTION',
  doc: 'A line of that file; it wins over one of the file.',
});

export const METRICS_NAMESPACE: ConfigEntry<string | undefined> = defineOptional({
  key: 'spark.metrics.namespace',
  type: types.text,
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a reference as settings have it
  doc: 'How names of metrics of drivers and executors begin; `${spark.app.name}`, say. Absent: the id of the application.',
  since: '0.2',
});

export const METRICS_EXECUTOR_METRICS_SOURCE_ENABLED: ConfigEntry<boolean> = defineEntry({
  key: 'spark.metrics.executorMetricsSource.enabled',
  type: types.boolean,
  default: true,
  doc: 'Whether drivers and executors have the source `ExecutorMetrics`: what memory they use.',
  since: '0.2',
});

export const METRICS_APP_STATUS_SOURCE_ENABLED: ConfigEntry<boolean> = defineEntry({
  key: 'spark.metrics.appStatusSource.enabled',
  type: types.boolean,
  default: false,
  alternatives: ['spark.app.status.metrics.enabled'],
  doc: 'Whether drivers have the source `appStatus`: how many jobs, stages and tasks have ended how.',
  since: '0.2',
});

export const METRICS_STATIC_SOURCES_ENABLED: ConfigEntry<boolean> = defineEntry({
  key: 'spark.metrics.staticSources.enabled',
  type: types.boolean,
  default: true,
  doc: 'Has no effect: the sources that it is about, `CodeGenerator` and `HiveExternalCatalog`, are of Spark SQL.',
  since: '0.2',
});

/** In the environment of what a worker starts: its own file, for programs whose settings name none. */
export const METRICS_FILE_VARIABLE = 'ISKRA_METRICS_CONF';

/** Whether anything is said about metrics; where nothing is, what measures need not be loaded. */
export function saysMetrics(conf: SparkConf): boolean {
  return conf.getAll().some(([key]) => key === METRICS_CONF.key || key.startsWith(METRICS_CONF_PREFIX));
}
