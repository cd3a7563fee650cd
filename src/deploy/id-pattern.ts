import type { EpochMs } from '../base/clock.ts';

/** Ids that a worker takes: they name directories. */
export const SAFE_ID: RegExp = /^(?!\.)[\w.-]{1,200}$/;

/**
 * Fills a pattern such as `app-%s-%04d` with its values, in order. Only `%s`, `%d` and `%0Nd` are known, which is what
 * the settings allow.
 */
export function fillPattern(pattern: string, ...values: readonly (string | number)[]): string {
  let next = 0;
  return pattern.replace(/%(?:0(\d+))?[sd]/g, (_place, width: string | undefined) =>
    String(values[next++] ?? '').padStart(Number(width ?? 0), '0'),
  );
}

/** `yyyyMMddHHmmss` in the machine's own time zone, as in Spark's ids. */
export function idTimestamp(at: EpochMs): string {
  const time = new Date(at);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${String(time.getFullYear()).padStart(4, '0')}${two(time.getMonth() + 1)}${two(time.getDate())}${two(
    time.getHours(),
  )}${two(time.getMinutes())}${two(time.getSeconds())}`;
}
