import { isDate, isTypedArray } from 'node:util/types';
import { isKeyed, isPlain } from './value-hash.ts';

// A second hash of a value, unrelated to the one of value-hash.ts: both together tell 2^64 values apart, where 32 bits would
// take every hundredth of 10^8 values for another. Stored sketches depend on the numbers.

const SEED_STRING = 0x9747b28c | 0;
const SEED_NUMBER = 0x7fb5d329;
const SEED_BIGINT = 0x165667b1;
const SEED_ARRAY = 0x2545f491;
const SEED_OBJECT = 0x632be5ab;
const SEED_DATE = 0x4cf5ad43;
const SEED_KEYED = 0x38b34ae5;
const ATOMS: ReadonlyMap<unknown, number> = new Map<unknown, number>([
  [undefined, 0x12fe6a91],
  [null, 0x73a5b9c3],
  [true, 0x0b4e0ef3],
  [false, 0x5e2d58d8],
]);

const doubleView = new Float64Array(1);
const wordView = new Int32Array(doubleView.buffer);

/** @param value one that hashValue has accepted: what cannot be a key is not refused here again. */
export function hashValueAgain(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return ofString(value, SEED_STRING);
    case 'number':
      return ofNumber(value, SEED_NUMBER);
    case 'bigint':
      return ofString(value.toString(36), SEED_BIGINT);
    case 'object':
      return value === null ? (ATOMS.get(null) as number) : ofObject(value);
    default:
      return ATOMS.get(value) ?? 0;
  }
}

function ofObject(value: object): number {
  if (Array.isArray(value)) {
    let h = SEED_ARRAY ^ value.length;
    for (let i = 0; i < value.length; i++) h = mix(h, hashValueAgain(value[i]));
    return finish(h);
  }
  if (isPlain(value)) {
    const keys = Object.keys(value);
    let h = SEED_OBJECT ^ keys.length;
    // A sum does not depend on the order of keys.
    for (const key of keys)
      h = (h + finish(mix(ofString(key, SEED_OBJECT), hashValueAgain((value as Record<string, unknown>)[key])))) | 0;
    return finish(h);
  }
  if (isKeyed(value)) return finish(mix(SEED_KEYED, value.hashCode()));
  if (isDate(value)) return ofNumber(value.getTime(), SEED_DATE);
  if (!isTypedArray(value)) return 0;
  let h = SEED_ARRAY;
  for (const element of value as Iterable<unknown>) h = mix(h, hashValueAgain(element));
  return finish(h);
}

function ofString(text: string, seed: number): number {
  let h = seed;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193) + (h >>> 25);
  return finish(h ^ text.length);
}

function ofNumber(value: number, seed: number): number {
  // Every NaN has one pattern, and 0 + -0 is 0.
  doubleView[0] = Number.isNaN(value) ? Number.NaN : value + 0;
  return finish(mix(mix(seed, wordView[0] as number), wordView[1] as number));
}

/** One step of xxHash's 32-bit mixing. */
function mix(hash: number, next: number): number {
  const h = (hash + Math.imul(next, 0xc2b2ae3d)) | 0;
  return Math.imul((h << 17) | (h >>> 15), 0x27d4eb2f);
}

/** xxHash's last steps: every bit of the input changes half of those of the output. */
function finish(hash: number): number {
  let h = hash ^ (hash >>> 15);
  h = Math.imul(h, 0x85ebca77);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae3d);
  return h ^ (h >>> 16);
}
