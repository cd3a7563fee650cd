import type { AnyFunction } from './dependency.ts';
import { RangePartitioner } from './range-partitioner.ts';
import type { RDDNode } from './rdd-node.ts';
import { onto, type Site } from './site.ts';
import { checkPartitionCount, narrowOp, shuffled, withFunction } from './transformations.ts';
import { checkUserFunction } from './user-function.ts';

// Operators of RDDs whose keys have an order. Spark: OrderedRDDFunctions

export type Compare = (a: never, b: never) => number;

/** Null for "the natural order". */
export function checkCompare(
  at: { readonly operator: string },
  compare: Compare | null | undefined,
): AnyFunction | null {
  if (compare === undefined || compare === null) return null;
  checkUserFunction(compare, at.operator, 'comparator');
  return compare;
}

export function sortByKey(
  at: Site,
  ascending: boolean,
  numPartitions: number | undefined,
  given: Compare | undefined,
): RDDNode {
  const compare = checkCompare(at, given);
  const parts = numPartitions === undefined ? at.node.numPartitions : checkPartitionCount(at, numPartitions);
  const partitioner = new RangePartitioner(parts, at, ascending, compare as Compare | null).madeBy(
    at.operator,
    at.callSite,
  );
  return shuffled(at, partitioner, { ordering: { compare, ascending, operator: at.operator } });
}

export function sortBy(
  at: Site,
  f: AnyFunction,
  ascending: boolean,
  numPartitions: number | undefined,
  compare: Compare | undefined,
): RDDNode {
  const keyed = withFunction(at, 'keyBy', f);
  return narrowOp(onto(at, sortByKey(onto(at, keyed), ascending, numPartitions, compare)), { op: 'values' });
}
