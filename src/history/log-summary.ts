import { type LogFound, readLines, readTail } from '../event-log/event-log-reader.ts';

/** What lists show of a log. */
export interface LogSummary {
  readonly appId: string;
  readonly appName: string;
  readonly attemptId: string | null;
  readonly user: string;
  readonly sparkVersion: string;
  readonly startTime: number;
  /** Null: it has not told. */
  readonly endTime: number | null;
  readonly exitCode: number | null;
}

const START = '{"Event":"SparkListenerApplicationStart"';
const END = '{"Event":"SparkListenerApplicationEnd"';
const LOG_START = '{"Event":"SparkListenerLogStart"';
/** Where the end of a plain file is looked for. Spark: spark.history.fs.endEventReparseChunkSize */
const TAIL_BYTES: number = 1024 * 1024;

/**
 * Finds out whose log it is and whether it has an end, without reading what is between where that can be avoided.
 *
 * @returns null when the application has not said its id yet: lists need one.
 * @throws IskraError when it cannot be read. Spark: FsHistoryProvider.mergeApplicationListing, AppListingListener
 */
export async function summarize(log: LogFound): Promise<LogSummary | null> {
  let version = '';
  let start: Record<string, unknown> | null = null;
  let end: Record<string, unknown> | null = null;
  const seeEnd = (line: string): void => {
    if (line.startsWith(END)) end = parse(line) ?? end;
  };
  const last = log.files.at(-1);
  if (last === undefined) return null;
  const isPlain = await readTail(last.path, TAIL_BYTES, (line) => {
    seeEnd(line);
    return true;
  });
  await readLines(log, (line) => {
    if (line.startsWith(LOG_START)) version = text(parse(line)?.['Spark Version']);
    else if (line.startsWith(START)) start = parse(line) ?? start;
    else if (!isPlain) seeEnd(line);
    return !isPlain || start === null;
  });
  return start === null ? null : summaryOf(start, end, version);
}

function summaryOf(
  start: Readonly<Record<string, unknown>>,
  end: Readonly<Record<string, unknown>> | null,
  sparkVersion: string,
): LogSummary | null {
  const appId = text(start['App ID']);
  if (appId === '') return null;
  const attemptId = start['App Attempt ID'];
  const endTime = end?.['Timestamp'];
  const exitCode = end?.['ExitCode'];
  return {
    appId,
    appName: text(start['App Name']),
    attemptId: typeof attemptId === 'string' ? attemptId : null,
    user: text(start['User']),
    sparkVersion,
    startTime: typeof start['Timestamp'] === 'number' ? start['Timestamp'] : 0,
    endTime: typeof endTime === 'number' ? endTime : null,
    exitCode: typeof exitCode === 'number' ? exitCode : null,
  };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Null: the line is broken, which is no reason not to list the rest. */
function parse(line: string): Record<string, unknown> | null {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return null;
  }
}
