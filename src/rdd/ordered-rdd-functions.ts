import * as ordered from './ordered-functions.ts';
import { PairRDDActions } from './pair-rdd-actions.ts';
import type { RDD } from './rdd.ts';

/** Below zero: a comes first. */
type Comparator<T> = (a: T, b: T) => number;

/** Pairs in the order of their keys. Spark: OrderedRDDFunctions */
export abstract class OrderedRDDFunctions<out T> extends PairRDDActions<T> {
  /** Keys in order over all partitions. Without `compare`: numbers, bigints, strings, booleans, Dates, arrays of them. */
  sortByKey<K, V>(this: RDD<[K, V]>, ascending = true, numPartitions?: number, compare?: Comparator<K>): RDD<[K, V]> {
    return this.to(ordered.sortByKey(this.at('sortByKey'), ascending, numPartitions, compare));
  }
}
