/** log4j's levels, ascending. */
export type LogLevel = 'ALL' | 'TRACE' | 'DEBUG' | 'INFO' | 'WARN' | 'ERROR' | 'FATAL' | 'OFF';

/** Plain fields that belong to a log line; shown as `key=value` in text and as properties in JSON. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** What every component logs to; it is an argument, never a global. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** True when a line of this level would be written; ask before building an expensive message. */
  enabled(level: LogLevel): boolean;
  /** The same sink under another component name. */
  named(component: string): Logger;
}

const silent: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  enabled: () => false,
  named: () => silent,
};

/** Swallows everything; for tests and for parts that nobody listens to. */
export const silentLogger: Logger = silent;
