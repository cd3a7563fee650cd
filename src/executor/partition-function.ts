import { assertNever } from '../base/assert-never.ts';
import { IskraError } from '../base/errors.ts';
import { shortInspect } from '../base/value-errors.ts';
import { hashValue } from '../base/value-hash.ts';
import { compareValues } from '../base/value-ordering.ts';
import type { PartitionerPlan } from '../protocol/stage-program.ts';
import { type Partitioner, partitionOfHash } from '../rdd/partitioner.ts';
import type { PartitionFunction } from '../shuffle/shuffle-writer.ts';
import { comparatorOf, resolveOrdering } from '../shuffle/sorter.ts';

/**
 * Where a key goes. Only the hash partitioner looks at the hash.
 *
 * @param tag of the stage's code, see `specialize`.
 */
export function partitionFunction(
  plan: PartitionerPlan,
  functions: readonly unknown[],
  tag: string,
): PartitionFunction {
  switch (plan.kind) {
    case 'hash': {
      const n = plan.numPartitions;
      return (key, hash) => (key === null || key === undefined ? 0 : partitionOfHash(hash, n));
    }
    case 'identity':
      return (key) => key as number;
    case 'range':
      return rangeFunction(plan, functions, tag);
    case 'ofKey': {
      const inner = partitionFunction(plan.inner, functions, tag);
      if (plan.inner.kind !== 'hash') return (pair) => inner((pair as readonly unknown[])[0], 0);
      return (pair) => {
        const key = (pair as readonly unknown[])[0];
        return inner(key, hashValue(key));
      };
    }
    case 'custom': {
      const partitioner = functions[plan.partitioner] as Partitioner;
      const n = plan.numPartitions;
      return (key) => {
        const p = partitioner.getPartition(key);
        if (Number.isInteger(p) && p >= 0 && p < n) return p;
        throw new IskraError(
          'BAD_PARTITION',
          `the partitioner's getPartition(${shortInspect(key)}) returned ${shortInspect(p)}; it must return an integer from 0 to ${n - 1}`,
        );
      };
    }
    default:
      return assertNever(plan);
  }
}

function rangeFunction(
  plan: Extract<PartitionerPlan, { kind: 'range' }>,
  functions: readonly unknown[],
  tag: string,
): PartitionFunction {
  const bounds = functions[plan.bounds] as readonly unknown[];
  const find = plan.ordering.compare === null ? naturalFinder(bounds) : null;
  const search =
    find ?? searchBy(bounds, comparatorOf({ ...resolveOrdering(plan.ordering, functions, tag), ascending: true }));
  const last = bounds.length;
  return plan.ordering.ascending ? search : (key) => last - search(key);
}

type Finder = (key: unknown) => number;

/** How many bounds are below the key, by a comparator. */
function searchBy(bounds: readonly unknown[], compare: (a: unknown, b: unknown) => number): Finder {
  return (key) => {
    let low = 0;
    let high = bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(key, bounds[middle]) > 0) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/**
 * The same for numbers, or for strings, whose natural order is that of `>`: a comparator costs ten times as much a step. A key
 * of another type, and NaN, go the way of the comparator.
 *
 * @returns null when the bounds are neither all numbers nor all strings.
 */
function naturalFinder(bounds: readonly unknown[]): Finder | null {
  const slow = searchBy(bounds, compareValues);
  if (bounds.every((bound) => typeof bound === 'number' && !Number.isNaN(bound))) {
    const numbers = Float64Array.from(bounds as readonly number[]);
    return (key) => {
      if (typeof key !== 'number' || Number.isNaN(key)) return slow(key);
      let low = 0;
      let high = numbers.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (key > (numbers[middle] as number)) low = middle + 1;
        else high = middle;
      }
      return low;
    };
  }
  if (bounds.every((bound) => typeof bound === 'string')) {
    const strings = bounds as readonly string[];
    return (key) => {
      if (typeof key !== 'string') return slow(key);
      let low = 0;
      let high = strings.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (key > (strings[middle] as string)) low = middle + 1;
        else high = middle;
      }
      return low;
    };
  }
  return null;
}
