import type { Logger } from '../base/logger.ts';
import type { SparkConf } from './spark-conf.ts';

/** Warns of keys that nothing reads and of older names, each key once for one `warned` set. */
export function warnOfOddKeys(conf: SparkConf, log: Logger, warned: Set<string> = new Set()): void {
  const once = (key: string, message: string): void => {
    if (warned.has(key)) return;
    warned.add(key);
    log.warn(message);
  };
  for (const { key, nearest } of conf.unknownKeys()) {
    once(key, `${key} is not a key that Iskra knows${nearest === undefined ? '' : `; did you mean ${nearest}?`}`);
  }
  for (const { key, instead } of conf.deprecatedKeys()) {
    once(key, `The configuration key ${key} has been deprecated; use ${instead} instead`);
  }
}
