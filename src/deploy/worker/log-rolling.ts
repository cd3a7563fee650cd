// When a log goes on in another file, how that is called, and which ones go: decisions only.
import type { EpochMs } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import {
  EXECUTOR_LOGS_ROLLING_ENABLE_COMPRESSION,
  EXECUTOR_LOGS_ROLLING_MAX_RETAINED_FILES,
  EXECUTOR_LOGS_ROLLING_MAX_SIZE,
  EXECUTOR_LOGS_ROLLING_STRATEGY,
  EXECUTOR_LOGS_ROLLING_TIME_INTERVAL,
} from '../../config/executor-log-entries.ts';
import type { SparkConf } from '../../config/spark-conf.ts';
import { PACKED } from '../../ui/rolled-logs.ts';

/** How far a name says the time. */
type Precision = 'day' | 'hour' | 'minute' | 'second' | 'millisecond';

/** How logs are rolled. Spark: RollingPolicy */
export interface LogRolling {
  readonly when:
    | { readonly kind: 'time'; readonly everyMs: number }
    /** A file gets no larger, unless one write is. */
    | { readonly kind: 'size'; readonly maxBytes: number };
  readonly precision: Precision;
  /** Of one log, the newest ones; null: all. */
  readonly maxRetainedFiles: number | null;
  readonly compress: boolean;
}

/** Spark: SizeBasedRollingPolicy.MINIMUM_SIZE_BYTES, TimeBasedRollingPolicy.MINIMUM_INTERVAL_SECONDS */
const LEAST_BYTES: number = 80 * 1024;
const LEAST_SECONDS = 60;

const NAMED_INTERVALS: ReadonlyMap<string, readonly [everyMs: number, precision: Precision]> = new Map([
  ['daily', [86_400_000, 'day']],
  ['hourly', [3_600_000, 'hour']],
  ['minutely', [60_000, 'minute']],
]);

/** What settings ask for; null: logs are not rolled. Spark: FileAppender.apply */
export function logRolling(conf: SparkConf, log: Logger): LogRolling | null {
  const strategy = conf.get(EXECUTOR_LOGS_ROLLING_STRATEGY);
  if (strategy === '') return null;
  const retained = conf.get(EXECUTOR_LOGS_ROLLING_MAX_RETAINED_FILES);
  const files = {
    maxRetainedFiles: retained > 0 ? retained : null,
    compress: conf.get(EXECUTOR_LOGS_ROLLING_ENABLE_COMPRESSION),
  };
  if (strategy === 'size') {
    let maxBytes = conf.get(EXECUTOR_LOGS_ROLLING_MAX_SIZE);
    if (maxBytes < LEAST_BYTES) {
      log.warn(
        `Rolling size [${maxBytes} bytes] is too small. Setting the size to the acceptable minimum of ${LEAST_BYTES} bytes.`,
      );
      maxBytes = LEAST_BYTES;
    }
    return { when: { kind: 'size', maxBytes }, precision: 'millisecond', ...files };
  }
  const interval = conf.get(EXECUTOR_LOGS_ROLLING_TIME_INTERVAL);
  const named = NAMED_INTERVALS.get(interval);
  let seconds = Number(interval);
  if (named === undefined && seconds < LEAST_SECONDS) {
    log.warn(
      `Rolling interval [${seconds} seconds] is too small. Setting the interval to the acceptable minimum of ${LEAST_SECONDS} seconds.`,
    );
    seconds = LEAST_SECONDS;
  }
  const [everyMs, precision] = named ?? [seconds * 1000, 'second'];
  return { when: { kind: 'time', everyMs }, precision, ...files };
}

/** Says for one log before which bytes it is rolled. */
export class LogRoller {
  readonly #rolling: LogRolling;
  /** Of the file that is written to. */
  #bytes: number;
  /** When it is to be rolled at the latest. */
  #until: EpochMs;

  /** @param bytes what the file has already. */
  constructor(rolling: LogRolling, bytes: number, at: EpochMs) {
    this.#rolling = rolling;
    this.#bytes = bytes;
    this.#until = this.#endOfInterval(at);
  }

  /**
   * Bytes are about to be written.
   *
   * @returns true: the file has to be rolled before, and they go to the next one. An empty one is not rolled.
   */
  write(bytes: number, at: EpochMs): boolean {
    const { when } = this.#rolling;
    const due = when.kind === 'time' ? at >= this.#until : this.#bytes + bytes > when.maxBytes;
    const rolls = due && this.#bytes > 0;
    if (due) this.#until = this.#endOfInterval(at);
    this.#bytes = rolls ? bytes : this.#bytes + bytes;
    return rolls;
  }

  /** Intervals begin at midnight UTC, as Spark's do. */
  #endOfInterval(at: EpochMs): EpochMs {
    const { when } = this.#rolling;
    return when.kind === 'time' ? (Math.floor(at / when.everyMs) + 1) * when.everyMs : Number.POSITIVE_INFINITY;
  }
}

/**
 * How a file is called that is rolled now, in the machine's own time zone: `stdout--2015-01-01`. One of that name stays; then it
 * is `stdout--2015-01-01--0`, and so on.
 *
 * @param entries all names of its directory.
 */
export function rolledName(name: string, precision: Precision, at: EpochMs, entries: readonly string[]): string {
  const taken = new Set(entries);
  const free = (rolled: string): boolean => !taken.has(rolled) && !taken.has(rolled + PACKED);
  const plain = `${name}--${timeOf(new Date(at), precision)}`;
  if (free(plain)) return plain;
  let i = 0;
  while (!free(`${plain}--${i}`)) i++;
  return `${plain}--${i}`;
}

/** Spark's `yyyy-MM-dd--HH-mm-ss--SSSS`, as far as it goes. */
function timeOf(time: Date, precision: Precision): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${String(time.getFullYear()).padStart(4, '0')}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  if (precision === 'day') return day;
  const hour = `${day}--${two(time.getHours())}`;
  if (precision === 'hour') return hour;
  const minute = `${hour}-${two(time.getMinutes())}`;
  if (precision === 'minute') return minute;
  const second = `${minute}-${two(time.getSeconds())}`;
  return precision === 'second' ? second : `${second}--${String(time.getMilliseconds()).padStart(4, '0')}`;
}

/** @param rolled the files of one log, the oldest first. @returns those that go. Spark: RollingFileAppender.deleteOldFiles */
export function outdatedLogs(rolled: readonly string[], { maxRetainedFiles }: LogRolling): readonly string[] {
  return maxRetainedFiles === null ? [] : rolled.slice(0, Math.max(0, rolled.length - maxRetainedFiles));
}
