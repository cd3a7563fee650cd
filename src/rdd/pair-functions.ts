import { IllegalArgumentError } from '../base/errors.ts';
import type { NarrowOp } from '../protocol/stage-program.ts';
import { checkPartitioner, choosePartitioner, type PartitionerArgument } from './default-partitioner.ts';
import type { AnyFunction, Combine } from './dependency.ts';
import { CoGroupedRDD } from './nodes/co-grouped-rdd.ts';
import { type Partitioner, samePartitioner } from './partitioner.ts';
import type { RDDNode } from './rdd-node.ts';
import { onto, type Site } from './site.ts';
import { combined, narrowOp, shuffled } from './transformations.ts';
import { checkUserFunction, describe } from './user-function.ts';

// Operators of RDDs of [key, value]. Spark: PairRDDFunctions

export function reduceByKey(at: Site, f: AnyFunction, given: PartitionerArgument): RDDNode {
  checkUserFunction(f, at.operator);
  return combined(at, { kind: 'reduce', operator: at.operator, f }, choosePartitioner(at, given), true);
}

/** Without map-side combining: lists do not get smaller by being made earlier. */
export function groupByKey(at: Site, given: PartitionerArgument): RDDNode {
  return combined(at, { kind: 'group' }, choosePartitioner(at, given), false);
}

export function combineByKey(
  at: Site,
  create: AnyFunction,
  mergeValue: AnyFunction,
  mergeCombiners: AnyFunction,
  given: PartitionerArgument,
  mapSideCombine: boolean,
): RDDNode {
  checkUserFunction(create, at.operator, 'createCombiner function');
  checkUserFunction(mergeValue, at.operator, 'mergeValue function');
  checkUserFunction(mergeCombiners, at.operator, 'mergeCombiners function');
  const combine: Combine = { kind: 'combine', operator: at.operator, create, mergeValue, mergeCombiners };
  return combined(at, combine, choosePartitioner(at, given), mapSideCombine);
}

export function aggregateByKey(
  at: Site,
  zero: unknown,
  seqOp: AnyFunction,
  combOp: AnyFunction,
  given: PartitionerArgument,
): RDDNode {
  checkUserFunction(seqOp, at.operator, 'seqOp');
  checkUserFunction(combOp, at.operator, 'combOp');
  const combine: Combine = { kind: 'aggregate', operator: at.operator, zero, seqOp, combOp };
  return combined(at, combine, choosePartitioner(at, given), true);
}

export function foldByKey(at: Site, zero: unknown, f: AnyFunction, given: PartitionerArgument): RDDNode {
  checkUserFunction(f, at.operator);
  const combine: Combine = { kind: 'aggregate', operator: at.operator, zero, seqOp: f, combOp: f };
  return combined(at, combine, choosePartitioner(at, given), true);
}

/** Null when the node is partitioned like that already. */
export function partitionBy(at: Site, given: Partitioner): RDDNode | null {
  const partitioner = typeof given === 'number' ? choosePartitioner(at, given) : checkPartitioner(at, given);
  return samePartitioner(at.node.partitioner, partitioner) ? null : shuffled(at, partitioner);
}

export function cogroup(at: Site, others: readonly RDDNode[], given: PartitionerArgument): RDDNode {
  return cogrouped(at, others, choosePartitioner(at, given, others));
}

/** Without a partitioner: that is what tells it from cogroup. */
export function groupWith<R extends { readonly node: RDDNode }>(
  at: Site,
  args: readonly unknown[],
  isRdd: (value: unknown) => value is R,
): RDDNode {
  const last = args.at(-1);
  if (args.length > 0 && !isRdd(last)) throw notAnRdd(at, last);
  const nodes = cogroupArguments(at, args, isRdd).others.map((o) => o.node);
  return cogroup(at, nodes, undefined);
}

export function join(
  at: Site,
  other: RDDNode,
  how: Extract<NarrowOp, { op: 'joinPairs' }>['how'],
  given: PartitionerArgument,
): RDDNode {
  const sides = cogrouped(at, [other], choosePartitioner(at, given, [other]));
  return narrowOp(onto(at, sides), { op: 'joinPairs', how }, true);
}

/** By default partitioned as the receiver is, which is the side with the values. */
export function subtractByKey(at: Site, other: RDDNode, given: PartitionerArgument): RDDNode {
  const own = at.node.partitioner ?? at.node.numPartitions;
  const partitioner = given ?? (own === 0 ? undefined : own);
  const sides = cogrouped(at, [other], choosePartitioner(at, partitioner, [other]));
  return narrowOp(onto(at, sides), { op: 'subtractPairs' }, true);
}

function cogrouped(at: Site, others: readonly RDDNode[], partitioner: Partitioner): RDDNode {
  const { jobs, callSite, node } = at;
  return new CoGroupedRDD(jobs.newRddId(), callSite, [node, ...others], partitioner, () => jobs.newShuffleId());
}

/**
 * Splits the arguments of cogroup: up to three other RDDs, then perhaps a partitioner.
 *
 * @throws IllegalArgumentError for anything else.
 */
export function cogroupArguments<R extends object>(
  at: { readonly operator: string },
  args: readonly unknown[],
  isRdd: (value: unknown) => value is R,
): { readonly others: readonly R[]; readonly given: PartitionerArgument } {
  const last = args.at(-1);
  const hasPartitioner = args.length > 0 && !isRdd(last);
  const others = hasPartitioner ? args.slice(0, -1) : args;
  if (others.length < 1 || others.length > 3) {
    throw new IllegalArgumentError(`${at.operator}() needs one to three other RDDs, but was given ${others.length}`);
  }
  for (const other of others) if (!isRdd(other)) throw notAnRdd(at, other);
  return { others: others as readonly R[], given: hasPartitioner ? (last as PartitionerArgument) : undefined };
}

export function notAnRdd(at: { readonly operator: string }, given: unknown): IllegalArgumentError {
  return new IllegalArgumentError(`${at.operator}() needs another RDD, but was given ${describe(given)}`);
}
