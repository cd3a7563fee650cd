// Settings of history servers, and of how much is kept of an application for pages.
import { type ConfigEntry, defineEntry } from './config-entry.ts';
import { notNegative, positive, types } from './value-types.ts';

const DAY_MS = 86_400_000;
const INT_MAX: number = 2 ** 31 - 1;

export const HISTORY_LOG_DIRECTORY: ConfigEntry<string> = defineEntry({
  key: 'spark.history.fs.logDirectory',
  type: types.text,
  default: 'file:/tmp/spark-events',
  doc: 'The directory with the event logs that a history server shows.',
  since: '0.2',
});

export const HISTORY_UPDATE_INTERVAL: ConfigEntry<number> = defineEntry({
  key: 'spark.history.fs.update.interval',
  type: types.durationSeconds,
  default: 10_000,
  check: positive,
  doc: 'How often a history server looks for logs that are new or have grown.',
  since: '0.2',
});

export const HISTORY_UI_PORT: ConfigEntry<number> = defineEntry({
  key: 'spark.history.ui.port',
  type: types.int,
  default: 18_080,
  check: (value) => (value >= 0 && value <= 65_535 ? undefined : 'must be between 0 and 65535'),
  doc: 'The port of a history server; when it is taken the next one that is free. `--port` wins over it.',
  since: '0.2',
});

export const HISTORY_RETAINED_APPLICATIONS: ConfigEntry<number> = defineEntry({
  key: 'spark.history.retainedApplications',
  type: types.int,
  default: 50,
  check: positive,
  doc: 'Of how many applications a history server keeps in memory what it has read; those that were looked at last.',
  since: '0.2',
});

export const HISTORY_MAX_APPLICATIONS: ConfigEntry<number> = defineEntry({
  key: 'spark.history.ui.maxApplications',
  type: types.int,
  default: INT_MAX,
  defaultText: 'all',
  check: notNegative,
  doc: 'How many applications the first page of a history server lists; others are still found by their id.',
  since: '0.2',
});

export const HISTORY_CLEANER_ENABLED: ConfigEntry<boolean> = defineEntry({
  key: 'spark.history.fs.cleaner.enabled',
  type: types.boolean,
  default: false,
  doc: 'Whether a history server removes old event logs.',
  since: '0.2',
});

export const HISTORY_CLEANER_INTERVAL: ConfigEntry<number> = defineEntry({
  key: 'spark.history.fs.cleaner.interval',
  type: types.durationSeconds,
  default: DAY_MS,
  check: positive,
  doc: 'How often it looks for logs to remove.',
  since: '0.2',
});

export const HISTORY_CLEANER_MAX_AGE: ConfigEntry<number> = defineEntry({
  key: 'spark.history.fs.cleaner.maxAge',
  type: types.durationSeconds,
  default: 7 * DAY_MS,
  check: positive,
  doc: 'Logs that have not changed for longer are removed.',
  since: '0.2',
});

export const HISTORY_CLEANER_MAX_NUM: ConfigEntry<number> = defineEntry({
  key: 'spark.history.fs.cleaner.maxNum',
  type: types.int,
  default: INT_MAX,
  defaultText: 'any number',
  check: positive,
  doc: 'When there are more logs, the oldest of applications that have ended are removed.',
  since: '0.2',
});

export const RETAINED_TASKS: ConfigEntry<number> = defineEntry({
  key: 'spark.ui.retainedTasks',
  type: types.int,
  default: 100_000,
  check: positive,
  doc: 'How many tasks of a stage pages and the REST API show; the oldest that are over are forgotten first.',
  since: '0.2',
});

export const RETAINED_DEAD_EXECUTORS: ConfigEntry<number> = defineEntry({
  key: 'spark.ui.retainedDeadExecutors',
  type: types.int,
  default: 100,
  check: notNegative,
  doc: 'How many executors that are gone pages and the REST API show.',
  since: '0.2',
});
