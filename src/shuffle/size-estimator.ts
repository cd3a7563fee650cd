/** Deeper parts count as one small object: the estimate has to stop somewhere, also for cycles. */
const MAX_DEPTH = 6;
/** Of long arrays, Maps and Sets only so many elements are looked at. */
const SAMPLE = 32;
/** From here on what a list or table costs while it grows is counted too: it would be too late to ask afterwards. */
const LONG = 1 << 16;
/** A text that was put together from pieces is copied into one when it is read. */
const LONG_TEXT = 1 << 20;
/** An array grows by half, with the old slots still there. */
const ARRAY_GROWTH = 2.5;
/** A Map or Set doubles, with the old table still there. */
const TABLE_GROWTH = 3;

/** About how many bytes of heap a value holds. Shared parts are counted every time they are met. */
export function estimateBytes(value: unknown): number {
  try {
    return estimateAt(value, 0);
  } catch {
    return 64; // a getter that throws, or a revoked proxy: whoever encodes it will say so
  }
}

function estimateAt(value: unknown, depth: number): number {
  switch (typeof value) {
    case 'number':
      return (value | 0) === value ? 0 : 16;
    case 'string':
      return 16 + ((value.length + 7) & ~7) * (value.length < LONG_TEXT ? 1 : 2);
    case 'boolean':
    case 'undefined':
      return 0;
    case 'bigint':
      return 24;
    case 'object':
      return value === null ? 0 : estimateObject(value, depth);
    default:
      return 64;
  }
}

function estimateObject(value: object, depth: number): number {
  if (depth >= MAX_DEPTH) return 64;
  if (Array.isArray(value)) return 48 + grown(8 * value.length, value.length, ARRAY_GROWTH) + sampleArray(value, depth);
  if (ArrayBuffer.isView(value)) return 100 + value.byteLength;
  if (value instanceof Map)
    return 64 + grown(44 * value.size, value.size, TABLE_GROWTH) + sampleEntries(value, value.size, depth);
  if (value instanceof Set)
    return 64 + grown(36 * value.size, value.size, TABLE_GROWTH) + sampleEntries(value, value.size, depth);
  let bytes = 24;
  let seen = 0;
  for (const name in value) {
    bytes += 8;
    // An object used as a dictionary may have millions of keys.
    if (++seen <= SAMPLE) bytes += estimateAt((value as Record<string, unknown>)[name], depth + 1);
  }
  return bytes;
}

function grown(bytes: number, length: number, factor: number): number {
  return length < LONG ? bytes : bytes * factor;
}

function sampleArray(values: readonly unknown[], depth: number): number {
  if (values.length === 0) return 0;
  const step = Math.max(1, Math.floor(values.length / SAMPLE));
  let bytes = 0;
  let sampled = 0;
  for (let i = 0; i < values.length; i += step) {
    bytes += estimateAt(values[i], depth + 1);
    sampled++;
  }
  return (bytes / sampled) * values.length;
}

function sampleEntries(values: Iterable<unknown>, size: number, depth: number): number {
  let bytes = 0;
  let sampled = 0;
  for (const value of values) {
    bytes += estimateAt(value, depth + 1);
    if (++sampled === SAMPLE) break;
  }
  return sampled === 0 ? 0 : (bytes / sampled) * size;
}
