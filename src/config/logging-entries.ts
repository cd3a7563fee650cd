import type { LogLevel } from '../base/logger.ts';
import { type ConfigEntry, defineEntry } from './config-entry.ts';
import { notNegative, oneOf, positive, types } from './value-types.ts';

export const LOG_LEVEL: ConfigEntry<LogLevel> = defineEntry({
  key: 'spark.log.level',
  type: oneOf('ALL', 'TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL', 'OFF'),
  default: 'WARN',
  doc: 'The least level that is logged: `ALL`, `TRACE`, `DEBUG`, `INFO`, `WARN`, `ERROR`, `FATAL` or `OFF`.',
  since: '0.1',
});

export const STRUCTURED_LOGGING_ENABLED: ConfigEntry<boolean> = defineEntry({
  key: 'spark.log.structuredLogging.enabled',
  type: types.boolean,
  default: false,
  doc: 'Whether log lines are JSON objects.',
  since: '0.1',
});

export const LOG_CONF: ConfigEntry<boolean> = defineEntry({
  key: 'spark.logConf',
  type: types.boolean,
  default: false,
  doc: 'Whether the settings are logged at INFO when the context starts; values that `spark.redaction.regex` matches are hidden.',
  since: '0.1',
});

export const REDACTION_REGEX: ConfigEntry<RegExp> = defineEntry({
  key: 'spark.redaction.regex',
  type: types.regex,
  default: /secret|password|token|access[.]?key|api[.]?key/i,
  doc: 'Settings whose key or value it matches are shown as `*********(redacted)`, wherever settings are shown.',
  since: '0.1',
});

export const SHOW_CONSOLE_PROGRESS: ConfigEntry<boolean> = defineEntry({
  key: 'spark.ui.showConsoleProgress',
  type: types.boolean,
  default: true,
  doc: 'Whether running stages are shown as bars, if standard error is a terminal.',
  since: '0.1',
});

export const CONSOLE_PROGRESS_UPDATE_INTERVAL: ConfigEntry<number> = defineEntry({
  key: 'spark.ui.consoleProgress.update.interval',
  type: types.durationMs,
  default: 200,
  check: positive,
  doc: 'How often the bars are drawn anew.',
  since: '0.1',
});

export const EXCEPTION_PRINT_INTERVAL: ConfigEntry<number> = defineEntry({
  key: 'spark.logging.exceptionPrintInterval',
  type: types.durationMs,
  default: 10_000,
  check: notNegative,
  doc: 'The same exception of tasks of one stage is logged in full at most once in this time, in between in one line with a count.',
  since: '0.2',
});
