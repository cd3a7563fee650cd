import type { Element, Nullish } from './element.ts';
import * as ordered from './ordered-functions.ts';
import type { RDD } from './rdd.ts';
import { nodeOf, RDDCore } from './rdd-core.ts';
import * as transform from './transformations.ts';

/** Transformations of records of any type. Spark: RDD */
export abstract class RDDTransformations<out T> extends RDDCore {
  map<U extends Element<N>, N extends Nullish = Nullish>(f: (record: T) => U): RDD<U> {
    return this.to(transform.withFunction(this.at('map'), 'map', f));
  }

  /** Keeps the partitioner. */
  filter<U extends T>(f: (record: T) => record is U): RDD<U>;
  filter(f: (record: T) => unknown): RDD<T>;
  filter(f: (record: T) => unknown): RDD<T> {
    return this.to(transform.withFunction(this.at('filter'), 'filter', f, true));
  }

  flatMap<U extends Element<N>, N extends Nullish = Nullish>(f: (record: T) => Iterable<U>): RDD<U> {
    return this.to(transform.withFunction(this.at('flatMap'), 'flatMap', f));
  }

  /** f is called once a partition; the iterator can be read once, and is read as the result is. */
  mapPartitions<U extends Element<N>, N extends Nullish = Nullish>(
    f: (records: IterableIterator<T>) => Iterable<U>,
    preservesPartitioning = false,
  ): RDD<U> {
    return this.to(transform.mapPartitions(this.at('mapPartitions'), f, false, preservesPartitioning));
  }

  mapPartitionsWithIndex<U extends Element<N>, N extends Nullish = Nullish>(
    f: (index: number, records: IterableIterator<T>) => Iterable<U>,
    preservesPartitioning = false,
  ): RDD<U> {
    return this.to(transform.mapPartitions(this.at('mapPartitionsWithIndex'), f, true, preservesPartitioning));
  }

  /** Each partition as one array. */
  glom(): RDD<T[]> {
    return this.to(transform.glom(this.at('glom')));
  }

  keyBy<K extends Element<N>, N extends Nullish = Nullish>(f: (record: T) => K): RDD<[K, T]> {
    return this.to(transform.withFunction(this.at('keyBy'), 'keyBy', f));
  }

  /** All records of both; duplicates stay. */
  union<U>(other: RDD<U>): RDD<T | U> {
    const at = this.at('union');
    return this.to(transform.union(at, [this.node, nodeOf(at, other)]));
  }

  /** Each record once, compared by value. */
  distinct(numPartitions?: number): RDD<T> {
    return this.to(transform.distinct(this.at('distinct'), numPartitions));
  }

  /** Fewer partitions; without `shuffle` never more, and each reads whole ones of this RDD. */
  coalesce(numPartitions: number, shuffle = false): RDD<T> {
    return this.to(transform.coalesce(this.at('coalesce'), numPartitions, shuffle));
  }

  /** Partitions of even size, by a shuffle. */
  repartition(numPartitions: number): RDD<T> {
    return this.to(transform.coalesce(this.at('repartition'), numPartitions, true));
  }

  sortBy<K extends Element<N>, N extends Nullish = Nullish>(
    f: (record: T) => K,
    ascending = true,
    numPartitions?: number,
    compare?: (a: K, b: K) => number,
  ): RDD<T> {
    return this.to(ordered.sortBy(this.at('sortBy'), f, ascending, numPartitions, compare));
  }
}
