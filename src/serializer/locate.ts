import { shortInspect } from '../base/value-errors.ts';
import { type Refusal, UnencodableRecordError } from './errors.ts';

const MAX_LOOKED_AT = 1_000_000;

/** Names where in the records the refused value sits: `record 3, at .user.callback, is …`. */
export function describeRefusal(refusal: Refusal, records: readonly unknown[], from: number): UnencodableRecordError {
  for (let i = 0; i < records.length; i++) {
    const path = pathTo(records[i], refusal.value);
    if (path === null) continue;
    const at = path === '' ? '' : ` (its part ${path}, ${shortInspect(refusal.value)})`;
    return new UnencodableRecordError(
      `record ${from + i} of its batch, ${shortInspect(records[i])}${at},`,
      refusal.reason,
    );
  }
  return new UnencodableRecordError(shortInspect(refusal.value), refusal.reason);
}

/** A revoked proxy cannot be looked at, so only the record is named. */
export function describeRevokedProxy(
  error: unknown,
  records: readonly unknown[],
  from: number,
): UnencodableRecordError {
  const i = records.findIndex((record) => shortInspect(record).includes('<Revoked Proxy>'));
  const subject = i < 0 ? 'a record' : `record ${from + i} of its batch, ${shortInspect(records[i])},`;
  return new UnencodableRecordError(subject, 'it is or holds a proxy that was revoked', error);
}

/** Breadth first: the shortest path. Null if `wanted` is not in `root`. */
function pathTo(root: unknown, wanted: unknown): string | null {
  const seen = new Set<unknown>([root]);
  const queue: { readonly value: unknown; readonly path: string }[] = [{ value: root, path: '' }];
  for (let i = 0; i < queue.length && i < MAX_LOOKED_AT; i++) {
    const { value, path } = queue[i] as { value: unknown; path: string };
    if (Object.is(value, wanted)) return path;
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) continue;
    for (const [step, next] of parts(value))
      if (typeof next === 'function' || typeof next === 'symbol' || (typeof next === 'object' && !seen.has(next))) {
        seen.add(next);
        queue.push({ value: next, path: path + step });
      }
  }
  return null;
}

function* parts(value: object): Generator<[string, unknown]> {
  if (value instanceof Map) {
    let i = 0;
    for (const [key, item] of value) {
      yield [`.keys()[${i++}]`, key];
      yield [`.get(${shortInspect(key)})`, item];
    }
  } else if (value instanceof Set) {
    let i = 0;
    for (const item of value) yield [`.values()[${i++}]`, item];
  }
  for (const key of value instanceof Error ? Object.getOwnPropertyNames(value) : Object.keys(value)) {
    const step = Array.isArray(value)
      ? `[${key}]`
      : /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(key)
        ? `.${key}`
        : `[${JSON.stringify(key)}]`;
    yield [step, (value as Record<string, unknown>)[key]];
  }
}
