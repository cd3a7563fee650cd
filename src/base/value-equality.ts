import { isDate, isTypedArray } from 'node:util/types';
import { UnkeyableError } from './value-errors.ts';
import { isKeyed, isPlain, MAX_KEY_DEPTH, unkeyableReason } from './value-hash.ts';

/**
 * Tells whether two keys are the same key.
 *
 * Equal by value: primitives (NaN equals NaN, -0 equals 0; 1, 1n and '1' differ), Dates, typed arrays of the same
 * element type (a Buffer is a Uint8Array), arrays (a hole equals undefined), plain objects whatever the order of their
 * properties, instances whose `equals` says so.
 *
 * @throws UnkeyableError when the answer depends on objects without equality by value.
 */
export function valuesEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null)
    return Number.isNaN(a) && Number.isNaN(b);
  return objectsEqual(a, b, 0);
}

function equalAt(a: unknown, b: unknown, depth: number): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null)
    return Number.isNaN(a) && Number.isNaN(b);
  return objectsEqual(a, b, depth);
}

function objectsEqual(a: object, b: object, depth: number): boolean {
  if (depth > MAX_KEY_DEPTH) throw new UnkeyableError(a, a, 'it contains itself, or is nested too deeply');
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!equalAt(a[i], b[i], depth + 1)) return false;
    return true;
  }
  if (Array.isArray(b)) return false;
  if (isPlain(a)) return isPlain(b) && plainEqual(a, b, depth);
  if (isPlain(b)) return false;
  if (isKeyed(a)) return isKeyed(b) && a.equals(b) === true;
  if (isDate(a)) return isDate(b) && sameNumber(a.getTime(), b.getTime());
  if (isTypedArray(a)) return isTypedArray(b) && typedArraysEqual(a, b);
  throw new UnkeyableError(a, a, unkeyableReason(a));
}

function plainEqual(a: object, b: object, depth: number): boolean {
  const keys = Object.keys(a);
  if (Object.keys(b).length !== keys.length) return false;
  for (const key of keys) {
    if (!Object.hasOwn(b, key)) return false;
    if (!equalAt((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key], depth + 1)) return false;
  }
  return true;
}

type TypedArray = Uint8Array | Float64Array | BigInt64Array;

function typedArraysEqual(left: object, right: object): boolean {
  // Only length, index and tag are used, which all eleven kinds have.
  const a = left as TypedArray;
  const b = right as TypedArray;
  if (a.length !== b.length || a[Symbol.toStringTag] !== b[Symbol.toStringTag]) return false;
  for (let i = 0; i < a.length; i++) {
    const x = a[i];
    const y = b[i];
    if (x !== y && !(Number.isNaN(x) && Number.isNaN(y))) return false;
  }
  return true;
}

function sameNumber(a: number, b: number): boolean {
  return a === b || (Number.isNaN(a) && Number.isNaN(b));
}
