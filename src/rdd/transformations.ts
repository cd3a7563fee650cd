import { IllegalArgumentError } from '../base/errors.ts';
import type { NarrowOp, Ref } from '../protocol/stage-program.ts';
import type { AnyFunction, Combine, Ordering } from './dependency.ts';
import { CoalescedRDD, type Grouping } from './nodes/coalesced-rdd.ts';
import { MapPartitionsRDD, type NarrowPlan } from './nodes/map-partitions-rdd.ts';
import { PartitionerAwareUnionRDD } from './nodes/partitioner-aware-union-rdd.ts';
import { ShuffledRDD } from './nodes/shuffled-rdd.ts';
import { UnionRDD } from './nodes/union-rdd.ts';
import { HashPartitioner, IdentityPartitioner, type Partitioner, samePartitioner } from './partitioner.ts';
import { combinePlan } from './plans.ts';
import type { RDDNode } from './rdd-node.ts';
import { onto, type Site } from './site.ts';
import { checkUserFunction, describe, functionPassedTo } from './user-function.ts';

// Operators of RDDs of anything, from node to node. Types are rdd.ts's business.

type OpWithFunction = Extract<NarrowOp, { f: Ref }>['op'];

export function narrow(
  at: Site,
  partitioning: boolean | Partitioner,
  plan: NarrowPlan,
  isOrderSensitive = false,
  losesOrder = false,
): RDDNode {
  const { jobs, callSite, node } = at;
  return new MapPartitionsRDD(jobs.newRddId(), callSite, node, partitioning, plan, isOrderSensitive, false, losesOrder);
}

/** An operator of the engine's own, without a user function. */
export function narrowOp(
  at: Site,
  op: Exclude<NarrowOp, { f: Ref } | { key: Ref }>,
  preserves: boolean | Partitioner = false,
): RDDNode {
  return narrow(at, preserves, (parent) => ({ kind: 'Narrow', parent, op }));
}

/** Checks the function and applies it record by record. */
export function withFunction(at: Site, op: OpWithFunction, f: AnyFunction, preserves = false): RDDNode {
  checkUserFunction(f, at.operator);
  const what = functionPassedTo(at.operator);
  return narrow(at, preserves, (parent, builder) => ({
    kind: 'Narrow',
    parent,
    op: { op, f: builder.ref(f, what) },
  }));
}

/** The same with a function of `builtIn`, which needs no check. */
export function withBuiltIn(at: Site, op: OpWithFunction, f: AnyFunction, preserves = false): RDDNode {
  return narrow(at, preserves, (parent, builder) => ({
    kind: 'Narrow',
    parent,
    op: { op, f: builder.ref(f, functionPassedTo(at.operator)) },
  }));
}

export function mapPartitions(at: Site, f: AnyFunction, withIndex: boolean, preserves: boolean): RDDNode {
  return narrow(at, preserves, mapPartitionsPlan(at, f, withIndex));
}

/** All partitions at the same time. Spark: RDDBarrier.mapPartitions */
export function mapPartitionsTogether(at: Site, f: AnyFunction, withIndex: boolean, preserves: boolean): RDDNode {
  const { jobs, callSite, node } = at;
  const plan = mapPartitionsPlan(at, f, withIndex);
  return new MapPartitionsRDD(jobs.newRddId(), callSite, node, preserves, plan, false, true);
}

function mapPartitionsPlan(at: Site, f: AnyFunction, withIndex: boolean): NarrowPlan {
  checkUserFunction(f, at.operator);
  const what = functionPassedTo(at.operator);
  return (parent, builder) => ({ kind: 'MapPartitions', parent, f: builder.ref(f, what), withIndex });
}

export function glom(at: Site): RDDNode {
  return narrow(at, false, (parent) => ({ kind: 'Glom', parent }));
}

/**
 * The partitions of all, those without any left out. Where all have one and the same partitioner, partitions are joined
 * index by index and the partitioner stays.
 *
 * Spark: SparkContext.union
 */
export function union(at: Omit<Site, 'node'>, nodes: readonly RDDNode[]): RDDNode {
  const parents = nodes.filter((n) => n.numPartitions > 0);
  const partitioner = parents[0]?.partitioner ?? null;
  if (partitioner !== null && parents.every((n) => samePartitioner(n.partitioner, partitioner))) {
    return new PartitionerAwareUnionRDD(at.jobs.newRddId(), at.callSite, parents, partitioner);
  }
  return new UnionRDD(at.jobs.newRddId(), at.callSite, parents);
}

/** Combines by key; without a shuffle when the keys are where they belong already. */
export function combined(at: Site, combine: Combine, partitioner: Partitioner, mapSideCombine: boolean): RDDNode {
  if (samePartitioner(at.node.partitioner, partitioner)) return combinedInPlace(at, combine);
  return shuffled(at, partitioner, { combine, mapSideCombine });
}

export function combinedInPlace(at: Site, combine: Combine): RDDNode {
  return narrow(at, true, (parent, builder) => ({
    kind: 'CombineInPlace',
    parent,
    combine: combinePlan(combine, builder),
  }));
}

export function shuffled(
  at: Site,
  partitioner: Partitioner,
  options: {
    readonly combine?: Combine | null;
    readonly mapSideCombine?: boolean;
    readonly ordering?: Ordering | null;
  } = {},
): RDDNode {
  const { jobs, callSite, node } = at;
  return new ShuffledRDD(jobs.newRddId(), callSite, node, jobs.newShuffleId(), { partitioner, ...options });
}

export function distinct(at: Site, numPartitions: number | undefined): RDDNode {
  const parts = numPartitions === undefined ? at.node.numPartitions : checkPartitionCount(at, numPartitions);
  const inPlace = at.node.partitioner !== null && parts === at.node.numPartitions;
  const pairs = narrowOp(at, { op: 'pairWithNull' }, inPlace);
  const combine: Combine = { kind: 'first' };
  const firsts = inPlace
    ? combinedInPlace(onto(at, pairs), combine)
    : shuffled(onto(at, pairs), new HashPartitioner(parts), { combine });
  return narrowOp(onto(at, firsts), { op: 'keys' }, inPlace);
}

/** @param group the user's way to group partitions; only asked when somebody wants to know the partitions. */
export function coalesce(at: Site, numPartitions: number, shuffle: boolean, group: Grouping | null = null): RDDNode {
  checkPartitionCount(at, numPartitions);
  if (!shuffle) return new CoalescedRDD(at.jobs.newRddId(), at.callSite, at.node, numPartitions, group);
  const dealt = narrow(at, false, (parent) => ({ kind: 'Deal', parent, numPartitions }), true);
  const even = shuffled(onto(at, dealt), new IdentityPartitioner(numPartitions));
  const grouped = group === null ? even : new CoalescedRDD(at.jobs.newRddId(), at.callSite, even, numPartitions, group);
  return narrowOp(onto(at, grouped), { op: 'values' });
}

/** @throws IllegalArgumentError unless it is a positive integer. */
export function checkPartitionCount(at: { readonly operator: string }, numPartitions: unknown): number {
  if (typeof numPartitions === 'number' && Number.isInteger(numPartitions) && numPartitions > 0) return numPartitions;
  throw new IllegalArgumentError(
    `Number of partitions (${describe(numPartitions)}) must be positive: ${at.operator}() needs an integer of at least 1`,
  );
}
