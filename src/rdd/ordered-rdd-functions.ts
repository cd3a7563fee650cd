import * as ordered from './ordered-functions.ts';
import { PairRDDActions } from './pair-rdd-actions.ts';
import type { Partitioner } from './partitioner.ts';
import type { RDD } from './rdd.ts';

/** Below zero: a comes first. */
type Comparator<T> = (a: T, b: T) => number;

/** Pairs in the order of their keys. Spark: OrderedRDDFunctions */
export abstract class OrderedRDDFunctions<out T> extends PairRDDActions<T> {
  /** Keys in order over all partitions. Without `compare`: numbers, bigints, strings, booleans, Dates, arrays of them. */
  sortByKey<K, V>(this: RDD<[K, V]>, ascending = true, numPartitions?: number, compare?: Comparator<K>): RDD<[K, V]> {
    return this.to(ordered.sortByKey(this.at('sortByKey'), ascending, numPartitions, compare));
  }

  /** Places keys by the partitioner and sorts each partition by key, in one shuffle; in none when the keys are there already. */
  repartitionAndSortWithinPartitions<K, V>(
    this: RDD<[K, V]>,
    partitioner: Partitioner,
    compare?: Comparator<K>,
  ): RDD<[K, V]> {
    const at = this.at('repartitionAndSortWithinPartitions');
    return this.to(ordered.repartitionAndSortWithinPartitions(at, partitioner, compare));
  }

  /**
   * The pairs whose keys are from `lower` to `upper`, both included. Where a RangePartitioner placed them (sortByKey), only the
   * partitions that such keys can be in are looked at.
   *
   * @param compare the order of keys; without it that of the RangePartitioner, else the natural one.
   */
  filterByRange<K, V>(this: RDD<[K, V]>, lower: K, upper: K, compare?: Comparator<K>): RDD<[K, V]> {
    return this.to(ordered.filterByRange(this.at('filterByRange'), lower, upper, compare));
  }
}
