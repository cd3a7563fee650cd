// Where the log of an application lies, and how its files are called. Spark: EventLogFileWriter, RollingEventLogFilesWriter

/** While it is written. */
export const IN_PROGRESS = '.inprogress';
/** What a compaction made of several files. */
export const COMPACTED = '.compact';
const ROLLING_PREFIX = 'eventlog_v2_';

/** `app-1_2`: the application and its attempt, as file names take them. Spark: Utils.sanitizeDirName */
export function logName(appId: string, attemptId: string | null): string {
  const base = sanitized(appId);
  return attemptId === null ? base : `${base}_${sanitized(attemptId)}`;
}

function sanitized(text: string): string {
  return text
    .replace(/[ :/]/g, '-')
    .replace(/[.${}'"]/g, '_')
    .toLowerCase();
}

/** @param extension of the codec, without a dot; null: none. */
export function singleFileName(name: string, extension: string | null): string {
  return extension === null ? name : `${name}.${extension}`;
}

export function rollingDirName(name: string): string {
  return ROLLING_PREFIX + name;
}

/** An empty file that says whether the application runs. */
export function statusFileName(name: string, inProgress: boolean): string {
  return `appstatus_${name}${inProgress ? IN_PROGRESS : ''}`;
}

/** @param index from 1 on. */
export function rolledFileName(name: string, index: number, extension: string | null): string {
  return singleFileName(`events_${index}_${name}`, extension);
}

export function isRollingDirName(name: string): boolean {
  return name.startsWith(ROLLING_PREFIX);
}

/** The index of a file of a rolling log; null: it is none. */
export function rolledIndex(fileName: string): number | null {
  const match = /^events_(\d+)_/.exec(fileName);
  return match === null ? null : Number(match[1]);
}

/** The extension that tells the codec: `zstd`; null: plain. Marks of compaction and of work in progress do not count. */
export function codecExtension(fileName: string): string | null {
  const name = fileName.replace(/(\.compact|\.inprogress)+$/, '');
  const dot = name.lastIndexOf('.');
  return dot < 0 ? null : name.slice(dot + 1);
}
