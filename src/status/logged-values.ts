// Values of event logs, which any version of any program may have written: what is missing or of another kind reads as a default.

export type LoggedObject = Readonly<Record<string, unknown>>;

/** Where something is missing. */
export const NOTHING: LoggedObject = Object.freeze({});

export function objectOf(value: unknown): LoggedObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as LoggedObject) : NOTHING;
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function numberOf(value: unknown, otherwise = 0): number {
  return typeof value === 'number' ? value : otherwise;
}

export function textOf(value: unknown, otherwise = ''): string {
  return typeof value === 'string' ? value : otherwise;
}

/** Of a map of texts, such as properties: entries of other kinds are left out. */
export function textsOf(value: unknown): [string, string][] {
  return Object.entries(objectOf(value)).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
}

/** A time that was told; null: it was not. */
export function timeOf(value: unknown): number | null {
  return typeof value === 'number' && value > 0 ? value : null;
}

/** As Spark's REST API writes times: `2026-11-21T19:46:21.514GMT`. */
export function dateText(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('Z', 'GMT');
}

/** `{ [name]: shown(value) }`, or nothing for null: for fields that are there only when they have a value. */
export function ifKnown<T>(
  name: string,
  value: T | null | undefined,
  show: (value: T) => unknown = (v) => v,
): LoggedObject {
  return value === null || value === undefined ? NOTHING : { [name]: show(value) };
}
