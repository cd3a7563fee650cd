import { checkedCompare } from '../base/checked-compare.ts';
import { IllegalArgumentError, InvariantError } from '../base/errors.ts';
import { compareValues } from '../base/value-ordering.ts';
import type { AnyFunction, Ordering } from './dependency.ts';
import type { JobRunner } from './job-runner.ts';
import { MapPartitionsRDD } from './nodes/map-partitions-rdd.ts';
import type { Partitioner } from './partitioner.ts';
import { type Preparable, type PrepareOptions, prepareLineage } from './prepare-lineage.ts';
import { rangeBounds, sampleKeys } from './range-bounds.ts';
import type { RDDNode } from './rdd-node.ts';
import { SharedPreparation } from './shared-preparation.ts';
import { checkUserFunction, describe } from './user-function.ts';

/** Below this many bounds walking them beats a binary search. Spark: RangePartitioner.getPartition */
const LINEAR_SEARCH_LIMIT = 128;

/** Of any type that RDD<T> has, without knowing it. */
interface HasNode {
  readonly node: RDDNode;
}

/**
 * Partitions keys by ranges of about equal size, found by sampling `rdd`.
 *
 * The sampling jobs run before the first job that needs the bounds, not in the constructor: until then `getPartition` is an
 * error. `numPartitions` stays what was asked for, and is 1 for 0; with fewer distinct keys the partitions at the end are empty (Spark drops
 * them instead). The sample depends on the RDD alone, so the same program finds the same bounds.
 *
 * Spark: RangePartitioner
 */
export class RangePartitioner<K = unknown> implements Partitioner, Preparable {
  readonly numPartitions: number;
  /** @internal */
  ordering: Ordering;
  #callSite: string | null = null;
  /** Null when the bounds are known: a partitioner lives as long as RDDs that have nothing else to do with it. */
  #rdd: RDDNode | null;
  readonly #samplePoints: number;
  readonly #compare: (a: unknown, b: unknown) => number;
  #bounds: readonly unknown[] | null;
  readonly #sampling = new SharedPreparation();

  /**
   * @param rdd of pairs; only its keys are looked at.
   * @param compare order of keys; without it the natural one of numbers, bigints, strings, booleans, Dates and arrays of them.
   * @param samplePointsPerPartition how many sampled keys stand for one partition.
   * @throws IllegalArgumentError for a negative number of partitions.
   */
  constructor(
    numPartitions: number,
    rdd: HasNode,
    ascending = true,
    compare: ((a: K, b: K) => number) | null = null,
    samplePointsPerPartition = 20,
  ) {
    if (!Number.isInteger(numPartitions) || numPartitions < 0)
      throw new IllegalArgumentError(`Number of partitions cannot be negative but found ${describe(numPartitions)}.`);
    if (!(samplePointsPerPartition > 0))
      throw new IllegalArgumentError(
        `Sample points per partition must be greater than 0 but found ${describe(samplePointsPerPartition)}`,
      );
    if (compare !== null) checkUserFunction(compare, 'RangePartitioner', 'comparator');
    // Without a bound all keys are in one range. Spark: numPartitions, which is one more than there are bounds
    this.numPartitions = Math.max(1, numPartitions);
    this.ordering = { compare: compare as AnyFunction | null, ascending, operator: 'RangePartitioner' };
    this.#rdd = rdd.node;
    this.#samplePoints = samplePointsPerPartition;
    this.#compare = compare === null ? compareValues : checkedCompare(compare as (a: unknown, b: unknown) => number);
    this.#bounds = numPartitions <= 1 ? [] : null;
  }

  /** One whose bounds were found before, read back from a checkpoint. @internal */
  static withBounds(
    numPartitions: number,
    bounds: readonly unknown[],
    ascending: boolean,
    compare: ((a: unknown, b: unknown) => number) | null,
  ): RangePartitioner {
    // It never samples: the bounds are there.
    const partitioner = new RangePartitioner(numPartitions, { node: null as unknown as RDDNode }, ascending, compare);
    partitioner.#bounds = bounds;
    return partitioner;
  }

  /** Names the operator on whose behalf it samples, for errors and for the sampling jobs. @internal */
  madeBy(operator: string, callSite: string): this {
    this.ordering = { ...this.ordering, operator };
    this.#callSite = callSite;
    return this;
  }

  /** True when the bounds are known. */
  get isPrepared(): boolean {
    return this.#bounds !== null;
  }

  /** Upper bounds of all partitions but the last, ascending; may be fewer than numPartitions - 1. @internal */
  get bounds(): readonly unknown[] {
    if (this.#bounds === null)
      throw new InvariantError('the bounds of a RangePartitioner were asked for before any job sampled its RDD');
    return this.#bounds;
  }

  getPartition(key: unknown): number {
    const bounds = this.bounds;
    let low = 0;
    if (bounds.length <= LINEAR_SEARCH_LIMIT) {
      while (low < bounds.length && this.#compare(key, bounds[low]) > 0) low++;
    } else {
      let high = bounds.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (this.#compare(key, bounds[middle]) > 0) low = middle + 1;
        else high = middle;
      }
    }
    return this.ordering.ascending ? low : bounds.length - low;
  }

  /** The same bounds and direction. Of two that have not sampled yet nobody knows: only the same object is equal. */
  equals(other: Partitioner): boolean {
    if (other === this) return true;
    if (!(other instanceof RangePartitioner) || !this.isPrepared || !other.isPrepared) return false;
    const theirs = other.bounds;
    return (
      other.numPartitions === this.numPartitions &&
      other.ordering.ascending === this.ordering.ascending &&
      other.ordering.compare === this.ordering.compare &&
      theirs.length === this.bounds.length &&
      this.bounds.every((bound, i) => this.#compare(bound, theirs[i]) === 0)
    );
  }

  /**
   * Finds the bounds. Jobs that need them at the same time share one sampling; when it fails, or when nobody waits for it any
   * more, the next job starts another.
   *
   * @internal
   */
  prepare(jobs: JobRunner, options: PrepareOptions): Promise<void> {
    if (this.isPrepared) return Promise.resolve();
    return this.#sampling.join(options.signal, async (signal) => {
      this.#bounds = await this.#sample(jobs, { ...options, signal });
      this.#rdd = null;
    });
  }

  async #sample(jobs: JobRunner, options: PrepareOptions): Promise<readonly unknown[]> {
    const rdd = this.#rdd as RDDNode; // the bounds are not known
    await prepareLineage(rdd, jobs, options);
    const callSite = this.#callSite ?? options.callSite;
    const keys = new MapPartitionsRDD(jobs.newRddId(), callSite, rdd, false, (parent) => ({
      kind: 'Narrow',
      parent,
      op: { op: 'keys' },
    }));
    const wanted = Math.min(this.#samplePoints * this.numPartitions, 1e6);
    const sample = await sampleKeys(jobs, keys, wanted, rdd.id, { ...options, callSite });
    return rangeBounds(sample, Math.min(this.numPartitions, sample.length), this.#compare);
  }
}
