// How a worker rolls what its executors and drivers print.
import { type ConfigEntry, defineEntry } from './config-entry.ts';
import { types } from './value-types.ts';

const STRATEGIES: readonly string[] = ['', 'time', 'size'];

export const EXECUTOR_LOGS_ROLLING_STRATEGY: ConfigEntry<string> = defineEntry({
  key: 'spark.executor.logs.rolling.strategy',
  type: types.text,
  default: '',
  defaultText: 'none',
  check: (value) => (STRATEGIES.includes(value) ? undefined : 'must be time or size, or empty'),
  doc: 'When a worker begins another file for what an executor or driver prints: after a `time`, or above a `size`. A setting of the worker.',
  since: '0.2',
});

export const EXECUTOR_LOGS_ROLLING_TIME_INTERVAL: ConfigEntry<string> = defineEntry({
  key: 'spark.executor.logs.rolling.time.interval',
  type: types.text,
  default: 'daily',
  check: (value) =>
    /^(daily|hourly|minutely|0*[1-9]\d{0,8})$/.test(value)
      ? undefined
      : 'must be daily, hourly, minutely, or a number of seconds',
  doc: 'How often, with the strategy `time`: `daily`, `hourly`, `minutely`, or a number of seconds, 60 at least.',
  since: '0.2',
});

export const EXECUTOR_LOGS_ROLLING_MAX_SIZE: ConfigEntry<number> = defineEntry({
  key: 'spark.executor.logs.rolling.maxSize',
  type: types.bytes,
  default: 1024 ** 2,
  check: (value) => (value > 0 ? undefined : 'must be positive'),
  doc: 'The size of a file, with the strategy `size`; 80k at least.',
  since: '0.2',
});

export const EXECUTOR_LOGS_ROLLING_MAX_RETAINED_FILES: ConfigEntry<number> = defineEntry({
  key: 'spark.executor.logs.rolling.maxRetainedFiles',
  type: types.int,
  default: -1,
  defaultText: 'all',
  doc: 'How many files that are full are kept for each log, the newest ones.',
  since: '0.2',
});

export const EXECUTOR_LOGS_ROLLING_ENABLE_COMPRESSION: ConfigEntry<boolean> = defineEntry({
  key: 'spark.executor.logs.rolling.enableCompression',
  type: types.boolean,
  default: false,
  doc: 'Whether files that are full are packed with gzip.',
  since: '0.2',
});
