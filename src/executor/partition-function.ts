import { assertNever } from '../base/assert-never.ts';
import { IskraError } from '../base/errors.ts';
import { shortInspect } from '../base/value-errors.ts';
import type { PartitionerPlan } from '../protocol/stage-program.ts';
import { type Partitioner, partitionOfHash } from '../rdd/partitioner.ts';
import type { PartitionFunction } from '../shuffle/shuffle-writer.ts';
import { comparatorOf, resolveOrdering } from '../shuffle/sorter.ts';

/** Above this many bounds a binary search beats walking them. Spark: RangePartitioner.getPartition */
const LINEAR_SEARCH_LIMIT = 128;

/** Where a key goes. Only the hash partitioner looks at the hash. */
export function partitionFunction(plan: PartitionerPlan, functions: readonly unknown[]): PartitionFunction {
  switch (plan.kind) {
    case 'hash': {
      const n = plan.numPartitions;
      return (key, hash) => (key === null || key === undefined ? 0 : partitionOfHash(hash, n));
    }
    case 'identity':
      return (key) => key as number;
    case 'range':
      return rangeFunction(plan, functions);
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
): PartitionFunction {
  const bounds = functions[plan.bounds] as readonly unknown[];
  const compare = comparatorOf({ ...resolveOrdering(plan.ordering, functions), ascending: true });
  const { ascending } = plan.ordering;
  const last = bounds.length;
  const find =
    bounds.length <= LINEAR_SEARCH_LIMIT
      ? (key: unknown): number => {
          let i = 0;
          while (i < last && compare(key, bounds[i]) > 0) i++;
          return i;
        }
      : (key: unknown): number => {
          let lo = 0;
          let hi = last;
          while (lo < hi) {
            const mid = (lo + hi) >>> 1;
            if (compare(key, bounds[mid]) > 0) lo = mid + 1;
            else hi = mid;
          }
          return lo;
        };
  return ascending ? find : (key) => last - find(key);
}
