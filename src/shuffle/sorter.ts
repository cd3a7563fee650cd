import { refuseComparison } from '../base/checked-compare.ts';
import { compareValues } from '../base/value-ordering.ts';
import type { OrderingPlan } from '../protocol/stage-program.ts';
import { sortedInts, sortedNumbers, sortedStrings } from './packed-sort.ts';
import type { PairBlock } from './pair-stream.ts';
import { specialize } from './specialize.ts';

export type Comparator = (left: unknown, right: unknown) => number;

/** An OrderingPlan with its function. */
export interface KeyOrder {
  /** Null: the natural order (base/value-ordering.ts). */
  readonly compare: Comparator | null;
  readonly ascending: boolean;
}

/** As checkedCompare, in text of its own for each stage. */
const CHECKED =
  'return (compare, refuse) => (left, right) => { const c = compare(left, right); if (typeof c !== "number" || c !== c) refuse(c, left, right); return c; };';

/**
 * @param functions the program's decoded closure graph.
 * @param tag what the comparator belongs to, see `specialize`.
 */
export function resolveOrdering(plan: OrderingPlan, functions: readonly unknown[], tag: string): KeyOrder {
  if (plan.compare === null) return { compare: null, ascending: plan.ascending };
  const checked = specialize<(compare: Comparator, refuse: typeof refuseComparison) => Comparator>(tag, CHECKED);
  return { compare: checked(functions[plan.compare] as Comparator, refuseComparison), ascending: plan.ascending };
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
 * number (packed-sort.ts). Anything else, and a user's comparator, goes through Array.sort.
 *
 * @param tag what the comparator belongs to, see `specialize`.
 * @throws UnorderableError for keys without natural order; what a user's comparator throws.
 */
export function sortPairs(
  keys: readonly unknown[],
  values: readonly unknown[],
  order: KeyOrder,
  tag = 'any',
): PairBlock {
  const rows = sortedRows(keys, order, tag);
  const n = keys.length;
  const sortedKeys: unknown[] = new Array(n);
  const sortedValues: unknown[] = new Array(n);
  for (let i = 0; i < n; i++) {
    const row = rows[i] as number; // one row for each key
    sortedKeys[i] = keys[row];
    sortedValues[i] = values[row];
  }
  return { keys: sortedKeys, values: sortedValues };
}

/** Fewer keys are not worth the words. */
const PACK_FROM = 32;

/** The order of the rows that `sortPairs` would bring about. */
export function sortedRows(keys: readonly unknown[], order: KeyOrder, tag: string): ArrayLike<number> {
  if (order.compare === null && keys.length >= PACK_FROM) {
    const kind = keyKind(keys);
    if (kind === 'int') return sortedInts(keys as readonly number[], order.ascending);
    if (kind === 'number') return sortedNumbers(keys as readonly number[], order.ascending);
    if (kind === 'string') return sortedStrings(keys as readonly string[], order.ascending);
  }
  const compare = comparatorOf(order);
  const rows: number[] = [];
  for (let i = 0; i < keys.length; i++) rows.push(i);
  const sort = specialize<(keys: readonly unknown[], rows: number[], compare: Comparator) => number[]>(
    tag,
    'return (keys, rows, compare) => rows.sort((a, b) => compare(keys[a], keys[b]));',
  );
  return sort(keys, rows, compare);
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
