import type { ShuffleId } from '../protocol/ids.ts';
import type { CombinePlan, OrderingPlan } from '../protocol/stage-program.ts';
import type { Partitioner } from './partitioner.ts';
import type { RDDNode } from './rdd-node.ts';

/**
 * How a node depends on a parent. Only the kind decides where stages are cut: a shuffle cuts, nothing else does.
 *
 * Spark: Dependency
 */
export type Dependency = NarrowDependency | ShuffleDependency;

export type NarrowDependency =
  /** Partition i of the child needs partition i of the parent. */
  | { readonly kind: 'OneToOne'; readonly rdd: RDDNode }
  /** Partitions [outStart, outStart + length) of the child are [inStart, …) of the parent. */
  | {
      readonly kind: 'Range';
      readonly rdd: RDDNode;
      readonly inStart: number;
      readonly outStart: number;
      readonly length: number;
    }
  /** Any other mapping that needs no shuffle. */
  | {
      readonly kind: 'Narrow';
      readonly rdd: RDDNode;
      readonly parentPartitions: (partition: number) => readonly number[];
    };

/** The parent's records go to partitions by key. The parent must be an RDD of pairs. */
export interface ShuffleDependency {
  readonly kind: 'Shuffle';
  readonly rdd: RDDNode;
  readonly shuffleId: ShuffleId;
  readonly partitioner: Partitioner;
  readonly combine: Combine | null;
  readonly mapSideCombine: boolean;
  readonly ordering: Ordering | null;
}

/** A CombinePlan whose references are still the functions and values themselves. `operator`: `reduceByKey`, for errors. */
export type Combine =
  | { readonly kind: 'reduce'; readonly operator: string; readonly f: AnyFunction }
  | {
      readonly kind: 'combine';
      readonly operator: string;
      readonly create: AnyFunction;
      readonly mergeValue: AnyFunction;
      readonly mergeCombiners: AnyFunction;
    }
  | {
      readonly kind: 'aggregate';
      readonly operator: string;
      readonly zero: unknown;
      readonly seqOp: AnyFunction;
      readonly combOp: AnyFunction;
    }
  | { readonly kind: Extract<CombinePlan['kind'], 'group' | 'first' | 'sum'> };

/** An OrderingPlan whose comparator is still a function; natural order when it is null. */
export interface Ordering {
  readonly compare: AnyFunction | null;
  readonly ascending: OrderingPlan['ascending'];
  /** `sortByKey`, for errors. */
  readonly operator: string;
}

/** A user function whose types were checked where it was passed in. */
export type AnyFunction = (...args: never[]) => unknown;

/** The parent partitions that partition `partition` of the child reads through a narrow dependency. */
export function parentPartitions(dependency: NarrowDependency, partition: number): readonly number[] {
  switch (dependency.kind) {
    case 'OneToOne':
      return [partition];
    case 'Range': {
      const i = partition - dependency.outStart;
      return i >= 0 && i < dependency.length ? [dependency.inStart + i] : [];
    }
    case 'Narrow':
      return dependency.parentPartitions(partition);
  }
}
