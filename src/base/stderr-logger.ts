import { type Clock, systemClock } from './clock.ts';
import type { LogFields, Logger, LogLevel } from './logger.ts';
import { printTo } from './standard-streams.ts';

/** log4j's order; a line is written when its level is at least the logger's. */
export const LOG_LEVELS: readonly LogLevel[] = ['ALL', 'TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL', 'OFF'];

/** Something that stays at the foot of the terminal, such as progress bars: log lines appear above it. */
export interface StatusLine {
  hide(): void;
  show(): void;
}

/** A logger whose level and format can change while it runs, for itself and all loggers named from it. */
export interface StderrLogger extends Logger {
  readonly level: LogLevel;
  setLevel(level: LogLevel): void;
  setFormat(format: LogFormat): void;
  /** Undefined: nothing stands at the foot of the terminal any more. */
  setStatusLine(status: StatusLine | undefined): void;
  named(component: string): StderrLogger;
}

/** `text` is Spark's default pattern, `json` its structured logging. */
export type LogFormat = 'text' | 'json';

export interface StderrLoggerOptions {
  readonly level?: LogLevel;
  readonly format?: LogFormat;
  /** Where lines go; each call has one line with its end. Standard error if absent. */
  readonly write?: (line: string) => void;
  readonly clock?: Clock;
}

interface Shared {
  level: LogLevel;
  rank: number;
  format: LogFormat;
  status: StatusLine | undefined;
  readonly write: (line: string) => void;
  readonly clock: Clock;
}

const rankOf = (level: LogLevel): number => LOG_LEVELS.indexOf(level);

/** A logger to standard error, at WARN and in Spark's text format unless told otherwise. */
export function createStderrLogger(component: string, options: StderrLoggerOptions = {}): StderrLogger {
  const level = options.level ?? 'WARN';
  return loggerOver(component, {
    level,
    rank: rankOf(level),
    format: options.format ?? 'text',
    status: undefined,
    write: options.write ?? ((line) => printTo('stderr', line)),
    clock: options.clock ?? systemClock,
  });
}

function loggerOver(component: string, shared: Shared): StderrLogger {
  const log = (level: LogLevel, message: string, fields: LogFields | undefined): void => {
    if (rankOf(level) < shared.rank) return;
    const at = new Date(shared.clock.now());
    const format = shared.format === 'json' ? jsonLine : textLine;
    shared.status?.hide();
    shared.write(format(at, level, component, message, fields));
    shared.status?.show();
  };
  return {
    get level() {
      return shared.level;
    },
    setLevel(level) {
      shared.level = level;
      shared.rank = rankOf(level);
    },
    setFormat(format) {
      shared.format = format;
    },
    setStatusLine(status) {
      shared.status = status;
    },
    debug: (message, fields) => log('DEBUG', message, fields),
    info: (message, fields) => log('INFO', message, fields),
    warn: (message, fields) => log('WARN', message, fields),
    error: (message, fields) => log('ERROR', message, fields),
    // OFF and ALL are thresholds, never levels of a line.
    enabled: (level) => level !== 'OFF' && rankOf(level) >= shared.rank,
    named: (name) => loggerOver(name, shared),
  };
}

const two = (n: number): string => String(n).padStart(2, '0');

/** `26/11/21 07:00:00 WARN TaskSetManager: message key=value`, in local time. */
function textLine(
  at: Date,
  level: LogLevel,
  component: string,
  message: string,
  fields: LogFields | undefined,
): string {
  const date = `${two(at.getFullYear() % 100)}/${two(at.getMonth() + 1)}/${two(at.getDate())}`;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  let line = `${date} ${time} ${level} ${component}: ${message}`;
  for (const [key, value] of Object.entries(fields ?? {})) {
    if (value !== undefined) line += ` ${key}=${showField(value)}`;
  }
  return `${line}\n`;
}

/** Quoted only where the end of the value could not be seen otherwise. */
function showField(value: string | number | boolean | null): string {
  const text = String(value);
  return text === '' || /[\s"=]/.test(text) ? JSON.stringify(text) : text;
}

/** Spark's names: `ts`, `level`, `msg`, `context`, `logger`. */
function jsonLine(
  at: Date,
  level: LogLevel,
  component: string,
  message: string,
  fields: LogFields | undefined,
): string {
  const line = { ts: at.toISOString(), level, msg: message, ...(fields && { context: fields }), logger: component };
  return `${JSON.stringify(line)}\n`;
}
