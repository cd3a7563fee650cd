import { choosePartitioner, defaultPartitioner, type PartitionerArgument } from './default-partitioner.ts';
import type { AnyFunction } from './dependency.ts';
import { groupByKey, subtractByKey } from './pair-functions.ts';
import { HashPartitioner, PairPartitioner, samePartitioner } from './partitioner.ts';
import type { RDDNode } from './rdd-node.ts';
import { onto, type Site } from './site.ts';
import { combinedInPlace, narrowOp, shuffled, union, withFunction } from './transformations.ts';

// Operators that compare whole records: each becomes the key of a pair.

/** Spark: RDD.groupBy */
export function groupBy(at: Site, f: AnyFunction, given: PartitionerArgument): RDDNode {
  const keyed = withFunction(at, 'keyBy', f);
  return groupByKey(onto(at, keyed), given ?? ownNumber(at));
}

/** As many partitions as by default; a partitioner of the receiver's keys knows nothing of the new ones, unless it hashes. */
function ownNumber(at: Site): PartitionerArgument {
  const partitioner = defaultPartitioner([at.node], at.jobs.settings.configuredParallelism);
  return partitioner instanceof HashPartitioner ? partitioner : new HashPartitioner(partitioner.numPartitions);
}

/**
 * Each record of both once. Both sides are made distinct where they are, so only one of equal records travels; what is there
 * twice then, is in both.
 *
 * Spark: RDD.intersection
 */
export function intersection(at: Site, other: RDDNode, given: PartitionerArgument): RDDNode {
  // As pairs, since a partitioner that one side has is for its keys, not for its records.
  const [left, right] = [at.node, other].map((node) => narrowOp(onto(at, node), { op: 'pairWithOne' })) as [
    RDDNode,
    RDDNode,
  ];
  const partitioner = choosePartitioner(onto(at, left), given, [right]);
  const once = (pairs: RDDNode): RDDNode => shuffled(onto(at, pairs), partitioner, { combine: { kind: 'first' } });
  const both = union(at, [once(left), once(right)]);
  return narrowOp(onto(at, combinedInPlace(onto(at, both), { kind: 'sum' })), { op: 'keysOfBoth' });
}

/**
 * The records that are not in `other`. When the receiver's pairs are where they belong already they stay there.
 *
 * Spark: RDD.subtract
 */
export function subtract(at: Site, other: RDDNode, given: PartitionerArgument): RDDNode {
  const own = at.node.partitioner;
  const chosen = given === undefined ? own : choosePartitioner(at, given);
  const inPlace = chosen !== null && samePartitioner(own, chosen) ? new PairPartitioner(chosen) : null;
  const left = narrowOp(at, { op: 'pairWithNull' }, inPlace ?? false);
  const right = narrowOp(onto(at, other), { op: 'pairWithNull' });
  const rest = subtractByKey(onto(at, left), right, inPlace ?? chosen ?? undefined);
  return narrowOp(onto(at, rest), { op: 'keys' });
}
