import { choosePartitioner, defaultPartitioner, type PartitionerArgument } from './default-partitioner.ts';
import type { AnyFunction } from './dependency.ts';
import { cogroup, groupByKey, subtractByKey } from './pair-functions.ts';
import { HashPartitioner, PairPartitioner, samePartitioner } from './partitioner.ts';
import type { RDDNode } from './rdd-node.ts';
import { onto, type Site } from './site.ts';
import { narrowOp, withFunction } from './transformations.ts';

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

/** Each record of both once. Spark: RDD.intersection */
export function intersection(at: Site, other: RDDNode, given: PartitionerArgument): RDDNode {
  const left = narrowOp(at, { op: 'pairWithNull' });
  const right = narrowOp(onto(at, other), { op: 'pairWithNull' });
  return narrowOp(onto(at, cogroup(onto(at, left), [right], given)), { op: 'keysOfBoth' });
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
