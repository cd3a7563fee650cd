/** What stands in place of a hidden value; Spark's text. */
export const REDACTED = '*********(redacted)';

/** Hides the values of pairs whose key or value the pattern matches. Spark: Utils.redact */
export function redactPairs(pattern: RegExp, pairs: Iterable<readonly [string, string]>): [string, string][] {
  return Array.from(pairs, ([key, value]) => [key, pattern.test(key) || pattern.test(value) ? REDACTED : value]);
}
