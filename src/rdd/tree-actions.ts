import { IllegalArgumentError } from '../base/errors.ts';
import * as actions from './actions.ts';
import type { Combine } from './dependency.ts';
import type { ActionOptions, FutureAction } from './future-action.ts';
import { IdentityPartitioner } from './partitioner.ts';
import type { RDDNode } from './rdd-node.ts';
import { onto, type Site } from './site.ts';
import { narrow, narrowOp, shuffled } from './transformations.ts';
import { checkUserFunction, describe, functionPassedTo } from './user-function.ts';

// reduce and aggregate whose partial results are merged on executors, level by level, before the driver gets the last few.

/** Spark: RDD.treeReduce */
export function treeReduce<T>(at: Site, f: (a: T, b: T) => T, depth: number, options?: ActionOptions): FutureAction<T> {
  checkDepth(depth);
  checkUserFunction(f, at.operator);
  const what = functionPassedTo(at.operator);
  const partial = narrow(at, false, (parent, builder) => ({
    kind: 'ReducePartition',
    parent,
    f: builder.ref(f, what),
  }));
  const last = merged(at, partial, depth, { kind: 'reduce', operator: at.operator, f });
  return actions.reduce(onto(at, last), f, options);
}

/** Spark: RDD.treeAggregate */
export function treeAggregate<T, U>(
  at: Site,
  zero: U,
  seqOp: (accumulated: U, record: T) => U,
  combOp: (a: U, b: U) => U,
  depth: number,
  finalAggregateOnExecutor: boolean,
  options?: ActionOptions,
): FutureAction<U> {
  checkDepth(depth);
  checkUserFunction(seqOp, at.operator, 'seqOp');
  checkUserFunction(combOp, at.operator, 'combOp');
  const partial = narrow(at, false, (parent, builder) => ({
    kind: 'FoldPartition',
    parent,
    zero: builder.ref(zero, functionPassedTo(at.operator, 'zero value')),
    op: builder.ref(seqOp, functionPassedTo(at.operator, 'seqOp')),
  }));
  const combine: Combine = { kind: 'aggregate', operator: at.operator, zero, seqOp: combOp, combOp };
  let last = merged(at, partial, depth, combine);
  if (finalAggregateOnExecutor && last.numPartitions > 1) last = regrouped(at, last, 1, combine);
  return actions.aggregate(onto(at, last), zero, combOp, combOp, options);
}

/** Levels of merging, each with fewer partitions, until another one would not make it faster. */
function merged(at: Site, partial: RDDNode, depth: number, combine: Combine): RDDNode {
  let node = partial;
  let parts = partial.numPartitions;
  const scale = Math.max(Math.ceil(parts ** (1 / depth)), 2);
  while (parts > scale + Math.ceil(parts / scale)) {
    parts = Math.floor(parts / scale);
    node = regrouped(at, node, parts, combine);
  }
  return node;
}

function regrouped(at: Site, node: RDDNode, parts: number, combine: Combine): RDDNode {
  const keyed = narrow(onto(at, node), false, (parent) => ({ kind: 'KeyByPartition', parent, modulus: parts }));
  const combined = shuffled(onto(at, keyed), new IdentityPartitioner(parts), { combine });
  return narrowOp(onto(at, combined), { op: 'values' });
}

function checkDepth(depth: unknown): void {
  if (typeof depth !== 'number' || !Number.isInteger(depth) || depth < 1)
    throw new IllegalArgumentError(`Depth must be greater than or equal to 1 but got ${describe(depth)}.`);
}
