import { type ConfigEntry, defineEntry, defineOptional } from './config-entry.ts';
import { notNegative, positive, types } from './value-types.ts';

export const CHECKPOINT_COMPRESS: ConfigEntry<boolean> = defineEntry({
  key: 'spark.checkpoint.compress',
  type: types.boolean,
  default: false,
  doc: 'Whether the files of reliable checkpoints are compressed.',
  since: '0.1',
});

export const CHECKPOINT_DIR: ConfigEntry<string | undefined> = defineOptional({
  key: 'spark.checkpoint.dir',
  type: types.text,
  doc: 'The directory for reliable checkpoints, as `setCheckpointDir` would set it.',
  since: '0.1',
});

export const CLEANER_REFERENCE_TRACKING: ConfigEntry<boolean> = defineEntry({
  key: 'spark.cleaner.referenceTracking',
  type: types.boolean,
  default: true,
  doc: 'Whether cached blocks, shuffle files and broadcast values are removed when the program cannot reach their RDDs and variables any more.',
  since: '0.1',
});

export const CLEANER_BLOCKING: ConfigEntry<boolean> = defineEntry({
  key: 'spark.cleaner.referenceTracking.blocking',
  type: types.boolean,
  default: true,
  doc: 'Whether the cleaner waits for executors to have removed something, shuffles excepted. Accepted: executors are told one after another and do not answer, so nothing piles up that would have to be waited for.',
  since: '0.1',
});

export const CLEANER_BLOCKING_SHUFFLE: ConfigEntry<boolean> = defineEntry({
  key: 'spark.cleaner.referenceTracking.blocking.shuffle',
  type: types.boolean,
  default: false,
  doc: 'The same for shuffles. Accepted, as above.',
  since: '0.1',
});

export const CLEANER_CLEAN_CHECKPOINTS: ConfigEntry<boolean> = defineEntry({
  key: 'spark.cleaner.referenceTracking.cleanCheckpoints',
  type: types.boolean,
  default: false,
  doc: 'Whether the files of a reliable checkpoint are removed when the program cannot reach the RDD any more.',
  since: '0.1',
});

export const CLEANER_PERIODIC_GC: ConfigEntry<number> = defineEntry({
  key: 'spark.cleaner.periodicGC.interval',
  type: types.durationMs,
  default: 30 * 60_000,
  check: positive,
  doc: "How often the driver's garbage is collected although memory does not ask for it, so that the cleaner hears what is not reachable.",
  since: '0.1',
});

export const FILES: ConfigEntry<readonly string[]> = defineEntry({
  key: 'spark.files',
  type: types.list,
  default: [],
  doc: 'Files that every task finds with `SparkFiles.get(name)`, with commas between them; `--files`.',
  since: '0.1',
});

export const ARCHIVES: ConfigEntry<readonly string[]> = defineEntry({
  key: 'spark.archives',
  type: types.list,
  default: [],
  doc: 'Archives (zip, jar, tar, tar.gz, tgz) that are unpacked where tasks find them with `SparkFiles.get(name)`, with commas between them; `path#name` chooses the name; `--archives`.',
  since: '0.1',
});

export const FILES_OVERWRITE: ConfigEntry<boolean> = defineEntry({
  key: 'spark.files.overwrite',
  type: types.boolean,
  default: false,
  doc: 'Whether `addFile` may replace a file of the same name that has other contents.',
  since: '0.1',
});

export const FILES_FETCH_TIMEOUT: ConfigEntry<number> = defineEntry({
  key: 'spark.files.fetchTimeout',
  type: types.durationMs,
  default: 60_000,
  check: positive,
  doc: 'How long a download of `addFile` or `addArchive` may go without a byte. A number without unit counts milliseconds.',
  since: '0.1',
});

export const LISTENER_BUS_CAPACITY: ConfigEntry<number> = defineEntry({
  key: 'spark.scheduler.listenerbus.eventqueue.capacity',
  type: types.int,
  default: 10_000,
  check: positive,
  doc: 'How many events may wait for listeners; more are dropped, with a warning.',
  since: '0.2',
});

export const RETAINED_JOBS: ConfigEntry<number> = defineEntry({
  key: 'spark.ui.retainedJobs',
  type: types.int,
  default: 1000,
  check: notNegative,
  doc: 'How many jobs that are over `statusTracker` remembers; the oldest are forgotten first.',
  since: '0.1',
});

export const RETAINED_STAGES: ConfigEntry<number> = defineEntry({
  key: 'spark.ui.retainedStages',
  type: types.int,
  default: 1000,
  check: notNegative,
  doc: 'How many stages that are over `statusTracker` remembers; the oldest are forgotten first.',
  since: '0.1',
});
