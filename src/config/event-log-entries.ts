// Settings of event logs: what a driver writes of its application.
import { type ConfigEntry, defineEntry, defineOptional } from './config-entry.ts';
import { oneOf, positive, types } from './value-types.ts';

export const EVENT_LOG_ENABLED: ConfigEntry<boolean> = defineEntry({
  key: 'spark.eventLog.enabled',
  type: types.boolean,
  default: false,
  doc: 'Whether the events of the application are written to `spark.eventLog.dir`, for a history server.',
  since: '0.1',
});

export const EVENT_LOG_DIR: ConfigEntry<string> = defineEntry({
  key: 'spark.eventLog.dir',
  type: types.text,
  default: 'file:///tmp/spark-events',
  doc: 'The directory for event logs, when `spark.eventLog.enabled` is true. It must exist.',
  since: '0.1',
});

export const EVENT_LOG_OVERWRITE: ConfigEntry<boolean> = defineEntry({
  key: 'spark.eventLog.overwrite',
  type: types.boolean,
  default: false,
  doc: 'Whether an event log of the same application that lies there already is replaced; else it is an error.',
  since: '0.2',
});

export const EVENT_LOG_COMPRESS: ConfigEntry<boolean | undefined> = defineOptional({
  key: 'spark.eventLog.compress',
  type: types.boolean,
  defaultText: 'true where zstd can be written',
  doc: 'Whether event logs are compressed. Needs Node 22.15 or the package `@bokuweb/zstd-wasm`: without them it is an error to ask for it, and logs are plain when nobody does.',
  since: '0.2',
});

export const EVENT_LOG_CODEC: ConfigEntry<'zstd'> = defineEntry({
  key: 'spark.eventLog.compression.codec',
  type: oneOf('zstd'),
  default: 'zstd',
  doc: 'What event logs are compressed with.',
  since: '0.2',
});

export const EVENT_LOG_BUFFER: ConfigEntry<number> = defineEntry({
  key: 'spark.eventLog.buffer.kb',
  type: types.kib,
  default: 100 * 1024,
  check: positive,
  doc: 'How much of an event log waits in memory between events that are written at once.',
  since: '0.2',
});

export const EVENT_LOG_ROLLING: ConfigEntry<boolean> = defineEntry({
  key: 'spark.eventLog.rolling.enabled',
  type: types.boolean,
  default: true,
  doc: 'Whether an event log is a directory of files of limited size, else it is one file.',
  since: '0.2',
});

const TEN_MIB: number = 10 * 1024 ** 2;

export const EVENT_LOG_ROLLING_MAX_FILE_SIZE: ConfigEntry<number> = defineEntry({
  key: 'spark.eventLog.rolling.maxFileSize',
  type: types.bytes,
  default: 128 * 1024 ** 2,
  check: (value) =>
    value >= TEN_MIB
      ? undefined
      : 'must be 10m or more: Max file size of event log should be configured to be at least 10 MiB.',
  doc: 'From what size on the next file of a rolling event log begins; 10m or more.',
  since: '0.2',
});

export const EVENT_LOG_BLOCK_UPDATES: ConfigEntry<boolean> = defineEntry({
  key: 'spark.eventLog.logBlockUpdates.enabled',
  type: types.boolean,
  default: false,
  doc: 'Whether event logs tell of each block of a persisted RDD that comes or goes. The storage pages of a history server need it.',
  since: '0.2',
});
