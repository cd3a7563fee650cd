import { callSite } from './call-site.ts';
import type { Element, Nullish } from './element.ts';
import { mapPartitionsTogetherWithEvaluator, type PartitionEvaluatorFactory } from './partition-functions.ts';
import type { RDD } from './rdd.ts';
import type { RDDNode } from './rdd-node.ts';
import type { Site } from './site.ts';
import { mapPartitionsTogether } from './transformations.ts';

/**
 * An RDD whose next step runs in all partitions at the same time, so that its tasks can wait for each other; see
 * BarrierTaskContext. If one of them fails, all run again.
 *
 * Spark: RDDBarrier
 */
export class RDDBarrier<T> {
  readonly #at: Omit<Site, 'operator' | 'callSite'>;
  readonly #to: <U>(node: RDDNode) => RDD<U>;

  /** @internal Users get it from rdd.barrier(). */
  constructor(at: Omit<Site, 'operator' | 'callSite'>, to: <U>(node: RDDNode) => RDD<U>) {
    this.#at = at;
    this.#to = to;
  }

  /** As RDD.mapPartitions. */
  mapPartitions<U extends Element<N>, N extends Nullish = Nullish>(
    f: (records: IterableIterator<T>) => Iterable<U>,
    preservesPartitioning = false,
  ): RDD<U> {
    return this.#to(mapPartitionsTogether(this.#site('mapPartitions'), f, false, preservesPartitioning));
  }

  /** As RDD.mapPartitionsWithIndex. */
  mapPartitionsWithIndex<U extends Element<N>, N extends Nullish = Nullish>(
    f: (index: number, records: IterableIterator<T>) => Iterable<U>,
    preservesPartitioning = false,
  ): RDD<U> {
    return this.#to(mapPartitionsTogether(this.#site('mapPartitionsWithIndex'), f, true, preservesPartitioning));
  }

  /** As RDD.mapPartitionsWithEvaluator. */
  mapPartitionsWithEvaluator<U extends Element<N>, N extends Nullish = Nullish>(
    factory: PartitionEvaluatorFactory<T, U>,
  ): RDD<U> {
    return this.#to(mapPartitionsTogetherWithEvaluator(this.#site('mapPartitionsWithEvaluator'), factory));
  }

  #site(operator: string): Site {
    this.#at.jobs.assertNotStopped();
    return { ...this.#at, operator, callSite: callSite(operator) };
  }
}
