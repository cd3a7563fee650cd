// Array reads in the hot loops say `as T`: the indices are all below the length.
import { compareValues } from '../base/value-ordering.ts';
import type { OrderingPlan } from '../protocol/stage-program.ts';
import type { PairBlock } from './pair-stream.ts';

export type Comparator = (left: unknown, right: unknown) => number;

/** An OrderingPlan with its function. */
export interface KeyOrder {
  /** Null: the natural order (base/value-ordering.ts). */
  readonly compare: Comparator | null;
  readonly ascending: boolean;
}

/** @param functions the program's decoded closure graph. */
export function resolveOrdering(plan: OrderingPlan, functions: readonly unknown[]): KeyOrder {
  return {
    compare: plan.compare === null ? null : (functions[plan.compare] as Comparator),
    ascending: plan.ascending,
  };
}

/** The order as one comparator. */
export function comparatorOf(order: KeyOrder): Comparator {
  const compare = order.compare ?? compareValues;
  return order.ascending ? compare : (left, right) => compare(right, left);
}

/**
 * Sorts pairs by key into new columns; equal keys stay in the order they came in.
 *
 * Numbers and strings in natural order are sorted natively as 64-bit words of 32 bits of the key and 32 bits of the row
 * number; rows that agree in these bits of the key are then put right among themselves. Anything else, and a user's
 * comparator, goes through Array.sort.
 *
 * @throws UnorderableError for keys without natural order; what a user's comparator throws.
 */
export function sortPairs(keys: readonly unknown[], values: readonly unknown[], order: KeyOrder): PairBlock {
  const rows = sortedRows(keys, order);
  const n = keys.length;
  const sortedKeys: unknown[] = new Array(n);
  const sortedValues: unknown[] = new Array(n);
  for (let i = 0; i < n; i++) {
    const row = rows[i] as number;
    sortedKeys[i] = keys[row];
    sortedValues[i] = values[row];
  }
  return { keys: sortedKeys, values: sortedValues };
}

/** Fewer keys are not worth the words. */
const PACK_FROM = 32;

function sortedRows(keys: readonly unknown[], order: KeyOrder): ArrayLike<number> {
  if (order.compare === null && keys.length >= PACK_FROM) {
    const kind = keyKind(keys);
    if (kind === 'int') return packedInts(keys as readonly number[], order.ascending);
    if (kind === 'number') return packedNumbers(keys as readonly number[], order);
    if (kind === 'string') return packedStrings(keys as readonly string[], order);
  }
  const compare = comparatorOf(order);
  const rows: number[] = [];
  for (let i = 0; i < keys.length; i++) rows.push(i);
  return rows.sort((a, b) => compare(keys[a], keys[b]));
}

function keyKind(keys: readonly unknown[]): 'int' | 'number' | 'string' | 'other' {
  const type = typeof keys[0];
  if (type === 'string') {
    for (let i = 1; i < keys.length; i++) if (typeof keys[i] !== 'string') return 'other';
    return 'string';
  }
  if (type !== 'number') return 'other';
  let ints = true;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    if (typeof key !== 'number') return 'other';
    if ((key | 0) !== key) ints = false;
  }
  return ints ? 'int' : 'number';
}

/** Little-endian words, as all platforms of Node have: [row, prefix] pairs under one 64-bit sort. */
function newWords(n: number): { readonly words: BigUint64Array; readonly halves: Uint32Array } {
  const words = new BigUint64Array(n);
  return { words, halves: new Uint32Array(words.buffer) };
}

function rowsOf(halves: Uint32Array): Uint32Array {
  const n = halves.length >>> 1;
  const rows = new Uint32Array(n);
  for (let i = 0; i < n; i++) rows[i] = halves[2 * i] as number;
  return rows;
}

function packedInts(keys: readonly number[], ascending: boolean): Uint32Array {
  const { words, halves } = newWords(keys.length);
  const flip = ascending ? 0x80000000 : 0x7fffffff;
  for (let i = 0; i < keys.length; i++) {
    halves[2 * i] = i;
    halves[2 * i + 1] = (keys[i] as number) ^ flip;
  }
  words.sort();
  return rowsOf(halves);
}

// The upper word of a double sorts like the double once its sign is taken care of: all bits of negative ones are turned,
// of the others only the sign. NaN comes out above Infinity.
function packedNumbers(keys: readonly number[], order: KeyOrder): Uint32Array {
  const { words, halves } = newWords(keys.length);
  const double = new Float64Array(1);
  const word = new Int32Array(double.buffer);
  const flip = order.ascending ? 0 : -1;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as number;
    double[0] = Number.isNaN(key) ? Number.NaN : key + 0; // one NaN for all; + 0 makes -0 a 0
    const high = word[1] as number;
    halves[2 * i] = i;
    halves[2 * i + 1] = (high < 0 ? ~high : high ^ 0x80000000) ^ flip;
  }
  words.sort();
  const rows = rowsOf(halves);
  fixTies(rows, halves, keys, order);
  return rows;
}

function packedStrings(keys: readonly string[], order: KeyOrder): Uint32Array {
  const { words, halves } = newWords(keys.length);
  const skip = commonPrefix(keys);
  const flip = order.ascending ? 0 : -1;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string;
    let prefix = 0;
    for (let at = skip; at < skip + 4; at++) {
      // 0 is for a string that has ended; all units from 254 on look alike, and are ties.
      const unit = at < key.length ? key.charCodeAt(at) + 1 : 0;
      prefix = (prefix << 8) | (unit > 255 ? 255 : unit);
    }
    halves[2 * i] = i;
    halves[2 * i + 1] = prefix ^ flip;
  }
  words.sort();
  const rows = rowsOf(halves);
  fixTies(rows, halves, keys, order);
  return rows;
}

/** Units that all keys begin with, such as `user_`: they would fill the prefix and tell nothing. */
function commonPrefix(keys: readonly string[]): number {
  const first = keys[0] as string;
  let length = first.length;
  for (let i = 1; i < keys.length && length > 0; i++) {
    const key = keys[i] as string;
    if (key.length < length) length = key.length;
    for (let at = 0; at < length; at++)
      if (key.charCodeAt(at) !== first.charCodeAt(at)) {
        length = at;
        break;
      }
  }
  return length;
}

/** Groups up to this size are sorted by insertion. */
const INSERTION_MAX = 16;

/** Sorts each group of rows whose prefixes agree, by the keys themselves. */
function fixTies<K extends number | string>(
  rows: Uint32Array,
  halves: Uint32Array,
  keys: readonly K[],
  order: KeyOrder,
): void {
  const n = rows.length;
  const compare = comparatorOf(order);
  for (let from = 0; from < n; ) {
    const prefix = halves[2 * from + 1];
    let to = from + 1;
    while (to < n && halves[2 * to + 1] === prefix) to++;
    if (to - from > INSERTION_MAX) {
      const group = Array.from(rows.subarray(from, to)).sort((a, b) => compare(keys[a], keys[b]));
      rows.set(group, from);
    } else if (to - from > 1) {
      for (let i = from + 1; i < to; i++) {
        const row = rows[i] as number;
        const key = keys[row];
        let j = i - 1;
        while (j >= from && compare(keys[rows[j] as number], key) > 0) {
          rows[j + 1] = rows[j] as number;
          j--;
        }
        rows[j + 1] = row;
      }
    }
    from = to;
  }
}
