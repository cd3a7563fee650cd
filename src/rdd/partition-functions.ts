import { IllegalArgumentError } from '../base/errors.ts';
import type { NodeSource } from '../protocol/stage-program.ts';
import { checkShippable } from './closure-check.ts';
import type { AnyFunction } from './dependency.ts';
import { CartesianRDD } from './nodes/cartesian-rdd.ts';
import { MapPartitionsRDD, type NarrowPlan } from './nodes/map-partitions-rdd.ts';
import { type ZipPlan, ZippedPartitionsRDD } from './nodes/zipped-partitions-rdd.ts';
import { ZippedWithIndexRDD } from './nodes/zipped-with-index-rdd.ts';
import type { RDDNode } from './rdd-node.ts';
import type { Site } from './site.ts';
import { narrow } from './transformations.ts';
import { checkUserFunction, describe, functionPassedTo } from './user-function.ts';

// Operators that bring partitions of several RDDs together, or look at where a record stands in its partition.

/** Reads one partition. Spark: PartitionEvaluator */
export interface PartitionEvaluator<in T, out U> {
  eval(partitionIndex: number, ...inputs: IterableIterator<T>[]): Iterable<U>;
}

/** Travels to the executors and makes an evaluator for each partition there. Spark: PartitionEvaluatorFactory */
export interface PartitionEvaluatorFactory<in T, out U> {
  createEvaluator(): PartitionEvaluator<T, U>;
}

/** Spark: RDD.zip */
export function zip(at: Site, other: RDDNode): RDDNode {
  return zipped(at, [other], false, (parents) => ({ kind: 'Zip', parents }), true);
}

/** Spark: RDD.zipPartitions */
export function zipPartitions(at: Site, others: readonly RDDNode[], f: AnyFunction, preserves: boolean): RDDNode {
  checkUserFunction(f, at.operator);
  const what = functionPassedTo(at.operator);
  return zipped(at, others, preserves, (parents, builder) => ({
    kind: 'ZipPartitions',
    parents,
    f: builder.ref(f, what),
  }));
}

/**
 * Splits the arguments of zipPartitions: one to three other RDDs, the function, and perhaps preservesPartitioning.
 *
 * @throws IllegalArgumentError for anything else.
 */
export function zipPartitionsArguments<R extends object>(
  at: Site,
  args: readonly unknown[],
  isRDD: (value: unknown) => value is R,
): { readonly others: readonly R[]; readonly f: AnyFunction; readonly preserves: boolean } {
  const others: R[] = [];
  for (const arg of args) {
    if (!isRDD(arg)) break;
    others.push(arg);
  }
  if (others.length < 1 || others.length > 3)
    throw new IllegalArgumentError(`${at.operator}() needs one to three other RDDs, but was given ${others.length}`);
  const [f, preserves = false] = args.slice(others.length);
  if (typeof preserves !== 'boolean')
    throw new IllegalArgumentError(
      `preservesPartitioning of ${at.operator}() must be true or false, but is ${describe(preserves)}`,
    );
  return { others, f: f as AnyFunction, preserves }; // zipPartitions looks at f
}

export function mapPartitionsWithEvaluator(at: Site, factory: unknown): RDDNode {
  return narrow(at, false, evaluatorPlan(at, factory));
}

/** All partitions at the same time. Spark: RDDBarrier.mapPartitionsWithEvaluator */
export function mapPartitionsTogetherWithEvaluator(at: Site, factory: unknown): RDDNode {
  const { jobs, callSite, node } = at;
  return new MapPartitionsRDD(jobs.newRddId(), callSite, node, false, evaluatorPlan(at, factory), false, true);
}

function evaluatorPlan(at: Site, factory: unknown): NarrowPlan {
  const what = checkFactory(at, factory);
  return (parent, builder) => ({ kind: 'Evaluate', parent, factory: builder.ref(factory, what) });
}

export function zipPartitionsWithEvaluator(at: Site, other: RDDNode, factory: unknown): RDDNode {
  const what = checkFactory(at, factory);
  return zipped(at, [other], false, (parents, builder) => ({
    kind: 'ZipEvaluate',
    parents,
    factory: builder.ref(factory, what),
  }));
}

export function zipWithIndex(at: Site): RDDNode {
  return new ZippedWithIndexRDD(at.jobs.newRddId(), at.callSite, at.node);
}

/** Spark: RDD.zipWithUniqueId */
export function zipWithUniqueId(at: Site): RDDNode {
  const plan = (parent: number): NodeSource => ({ kind: 'ZipWithUniqueId', parent, step: at.node.numPartitions });
  return narrow(at, false, plan, true);
}

export function cartesian(at: Site, other: RDDNode): RDDNode {
  return new CartesianRDD(at.jobs.newRddId(), at.callSite, at.node, other);
}

function zipped(
  at: Site,
  others: readonly RDDNode[],
  preserves: boolean,
  plan: ZipPlan,
  isOrderSensitive = false,
): RDDNode {
  const { jobs, callSite, node } = at;
  return new ZippedPartitionsRDD(jobs.newRddId(), callSite, [node, ...others], preserves, plan, isOrderSensitive);
}

/** How errors call it. */
function checkFactory(at: Site, factory: unknown): string {
  const { createEvaluator } = (factory ?? {}) as Partial<PartitionEvaluatorFactory<never, unknown>>;
  if (typeof createEvaluator !== 'function')
    throw new IllegalArgumentError(
      `${at.operator}() needs a factory with a method createEvaluator(), but was given ${describe(factory)}`,
    );
  const what = functionPassedTo(at.operator, 'evaluator factory');
  checkShippable(factory, what);
  return what;
}
