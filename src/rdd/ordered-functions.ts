import { builtIn } from './built-in-functions.ts';
import { checkPartitioner, choosePartitioner } from './default-partitioner.ts';
import type { AnyFunction } from './dependency.ts';
import { PartitionPruningRDD } from './nodes/partition-pruning-rdd.ts';
import { type Partitioner, samePartitioner } from './partitioner.ts';
import { orderingPlan } from './plans.ts';
import { RangePartitioner } from './range-partitioner.ts';
import type { RDDNode } from './rdd-node.ts';
import { onto, type Site } from './site.ts';
import { narrow, narrowOp, shuffled, withBuiltIn, withFunction } from './transformations.ts';
import { checkUserFunction, functionPassedTo } from './user-function.ts';

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
  const parts = numPartitions ?? at.node.numPartitions;
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

export function repartitionAndSortWithinPartitions(
  at: Site,
  given: Partitioner,
  compared: Compare | undefined,
): RDDNode {
  const compare = checkCompare(at, compared);
  const partitioner = typeof given === 'number' ? choosePartitioner(at, given) : checkPartitioner(at, given);
  const ordering = { compare, ascending: true, operator: at.operator };
  if (!samePartitioner(at.node.partitioner, partitioner)) return shuffled(at, partitioner, { ordering });
  return narrow(at, true, (parent, builder) => ({
    kind: 'SortInPlace',
    parent,
    ordering: orderingPlan(ordering, builder),
  }));
}

/** Spark: OrderedRDDFunctions.filterByRange */
export function filterByRange(at: Site, lower: unknown, upper: unknown, compared: Compare | undefined): RDDNode {
  const given = checkCompare(at, compared);
  const { partitioner } = at.node;
  const range = partitioner instanceof RangePartitioner ? partitioner : null;
  const compare = given ?? range?.ordering.compare ?? null;
  const inRange = builtIn('keyInRange', null, [
    [lower, 'the lower bound passed to filterByRange()'],
    [upper, 'the upper bound passed to filterByRange()'],
    [compare, functionPassedTo(at.operator, 'comparator')],
  ]);
  // Of another order the partitions say nothing.
  const prunes = range !== null && compare === range.ordering.compare;
  const scanned = prunes ? pruned(at, range, lower, upper) : at.node;
  return withBuiltIn(onto(at, scanned), 'filter', inRange, true);
}

function pruned(at: Site, range: RangePartitioner, lower: unknown, upper: unknown): RDDNode {
  const wanted = (partition: number): boolean => {
    if (!range.isPrepared) return true;
    const ends = [range.getPartition(lower), range.getPartition(upper)];
    return partition >= Math.min(...ends) && partition <= Math.max(...ends);
  };
  return new PartitionPruningRDD(at.jobs.newRddId(), at.callSite, at.node, wanted, range.isPrepared);
}
