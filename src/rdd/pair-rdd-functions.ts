import { countApproxDistinctByKey, precisionFor, precisionOf } from './approximate-distinct.ts';
import type { Element, Nullish } from './element.ts';
import * as sampling from './key-sampling.ts';
import * as pairs from './pair-functions.ts';
import type { Partitioner } from './partitioner.ts';
import type { RDD } from './rdd.ts';
import { isRDD, nodeOf } from './rdd-core.ts';
import { RDDFileActions } from './rdd-file-actions.ts';
import * as transform from './transformations.ts';

/** A number of partitions, or the partitioner itself. */
type Partitioning = number | Partitioner;

/** Transformations of pairs; the type of `this` refuses others. Spark: PairRDDFunctions */
export abstract class PairRDDFunctions<out T> extends RDDFileActions<T> {
  keys<K, V>(this: RDD<[K, V]>): RDD<K> {
    return this.to(transform.narrowOp(this.at('keys'), { op: 'keys' }));
  }

  values<K, V>(this: RDD<[K, V]>): RDD<V> {
    return this.to(transform.narrowOp(this.at('values'), { op: 'values' }));
  }

  /** Keeps the partitioner. */
  mapValues<K, V, W extends Element<N>, N extends Nullish = Nullish>(
    this: RDD<[K, V]>,
    f: (value: V) => W,
  ): RDD<[K, W]> {
    return this.to(transform.withFunction(this.at('mapValues'), 'mapValues', f, true));
  }

  /** Keeps the partitioner. */
  flatMapValues<K, V, W extends Element<N>, N extends Nullish = Nullish>(
    this: RDD<[K, V]>,
    f: (value: V) => Iterable<W>,
  ): RDD<[K, W]> {
    return this.to(transform.withFunction(this.at('flatMapValues'), 'flatMapValues', f, true));
  }

  partitionBy<K, V>(this: RDD<[K, V]>, partitioner: Partitioner): RDD<[K, V]> {
    const node = pairs.partitionBy(this.at('partitionBy'), partitioner);
    return node === null ? this : this.to(node);
  }

  reduceByKey<K, V>(this: RDD<[K, V]>, f: (a: V, b: V) => V, partitioning?: Partitioning): RDD<[K, V]> {
    return this.to(pairs.reduceByKey(this.at('reduceByKey'), f, partitioning));
  }

  /** All values of a key are in memory at once; where they are only to be combined, reduceByKey moves far less. */
  groupByKey<K, V>(this: RDD<[K, V]>, partitioning?: Partitioning): RDD<[K, V[]]> {
    return this.to(pairs.groupByKey(this.at('groupByKey'), partitioning));
  }

  combineByKey<K, V, C extends Element<N>, N extends Nullish = Nullish>(
    this: RDD<[K, V]>,
    createCombiner: (value: V) => C,
    mergeValue: (combined: C, value: V) => C,
    mergeCombiners: (a: C, b: C) => C,
    partitioning?: Partitioning,
    mapSideCombine = true,
  ): RDD<[K, C]> {
    const at = this.at('combineByKey');
    return this.to(pairs.combineByKey(at, createCombiner, mergeValue, mergeCombiners, partitioning, mapSideCombine));
  }

  /** Each key begins with a copy of `zero`, which the functions may change. */
  aggregateByKey<K, V, U extends Element<N>, N extends Nullish = Nullish>(
    this: RDD<[K, V]>,
    zero: U,
    seqOp: (accumulated: U, value: V) => U,
    combOp: (a: U, b: U) => U,
    partitioning?: Partitioning,
  ): RDD<[K, U]> {
    return this.to(pairs.aggregateByKey(this.at('aggregateByKey'), zero, seqOp, combOp, partitioning));
  }

  foldByKey<K, V>(this: RDD<[K, V]>, zero: V, f: (a: V, b: V) => V, partitioning?: Partitioning): RDD<[K, V]> {
    return this.to(pairs.foldByKey(this.at('foldByKey'), zero, f, partitioning));
  }

  join<K, V, W>(this: RDD<[K, V]>, other: RDD<[K, W]>, partitioning?: Partitioning): RDD<[K, [V, W]]> {
    const at = this.at('join');
    return this.to(pairs.join(at, nodeOf(at, other), 'inner', partitioning));
  }

  leftOuterJoin<K, V, W>(
    this: RDD<[K, V]>,
    other: RDD<[K, W]>,
    partitioning?: Partitioning,
  ): RDD<[K, [V, W | undefined]]> {
    const at = this.at('leftOuterJoin');
    return this.to(pairs.join(at, nodeOf(at, other), 'left', partitioning));
  }

  rightOuterJoin<K, V, W>(
    this: RDD<[K, V]>,
    other: RDD<[K, W]>,
    partitioning?: Partitioning,
  ): RDD<[K, [V | undefined, W]]> {
    const at = this.at('rightOuterJoin');
    return this.to(pairs.join(at, nodeOf(at, other), 'right', partitioning));
  }

  fullOuterJoin<K, V, W>(
    this: RDD<[K, V]>,
    other: RDD<[K, W]>,
    partitioning?: Partitioning,
  ): RDD<[K, [V | undefined, W | undefined]]> {
    const at = this.at('fullOuterJoin');
    return this.to(pairs.join(at, nodeOf(at, other), 'full', partitioning));
  }

  /** For each key of any of them the lists of its values; one to three others. */
  cogroup<K, V, W>(this: RDD<[K, V]>, other: RDD<[K, W]>, partitioning?: Partitioning): RDD<[K, [V[], W[]]]>;
  cogroup<K, V, W, X>(
    this: RDD<[K, V]>,
    other1: RDD<[K, W]>,
    other2: RDD<[K, X]>,
    partitioning?: Partitioning,
  ): RDD<[K, [V[], W[], X[]]]>;
  cogroup<K, V, W, X, Y>(
    this: RDD<[K, V]>,
    other1: RDD<[K, W]>,
    other2: RDD<[K, X]>,
    other3: RDD<[K, Y]>,
    partitioning?: Partitioning,
  ): RDD<[K, [V[], W[], X[], Y[]]]>;
  cogroup(...args: readonly unknown[]): RDD<never> {
    const at = this.at('cogroup');
    const { others, given } = pairs.cogroupArguments(at, args, isRDD);
    return this.to(
      pairs.cogroup(
        at,
        others.map((o) => o.node),
        given,
      ),
    );
  }

  /** cogroup by its other name, partitioned by default. */
  groupWith<K, V, W>(this: RDD<[K, V]>, other: RDD<[K, W]>): RDD<[K, [V[], W[]]]>;
  groupWith<K, V, W, X>(this: RDD<[K, V]>, other1: RDD<[K, W]>, other2: RDD<[K, X]>): RDD<[K, [V[], W[], X[]]]>;
  groupWith<K, V, W, X, Y>(
    this: RDD<[K, V]>,
    other1: RDD<[K, W]>,
    other2: RDD<[K, X]>,
    other3: RDD<[K, Y]>,
  ): RDD<[K, [V[], W[], X[], Y[]]]>;
  groupWith(...others: readonly RDD<[unknown, unknown]>[]): RDD<never> {
    const at = this.at('groupWith');
    return this.to(pairs.groupWith(at, others, isRDD));
  }

  /**
   * A sample in which each key has its own probability.
   *
   * @param fractions of every key: without replacement the probability that a pair is taken, with replacement how often on
   *   average. A key that has none fails the job.
   * @param seed the same seed gives the same sample; another one at each call when none is given.
   */
  sampleByKey<K, V>(
    this: RDD<[K, V]>,
    withReplacement: boolean,
    fractions: ReadonlyMap<K, number>,
    seed?: number,
  ): RDD<[K, V]> {
    return this.to(sampling.sampleByKey(this.at('sampleByKey'), withReplacement, fractions, seed));
  }

  /** As sampleByKey, with exactly ceil(fraction × count) pairs of each key; a job counts the keys before the first action. */
  sampleByKeyExact<K, V>(
    this: RDD<[K, V]>,
    withReplacement: boolean,
    fractions: ReadonlyMap<K, number>,
    seed?: number,
  ): RDD<[K, V]> {
    return this.to(sampling.sampleByKeyExact(this.at('sampleByKeyExact'), withReplacement, fractions, seed));
  }

  /**
   * About how many different values each key has, by HyperLogLog++; see countApproxDistinct.
   *
   * @param relativeSD how far off the counts are on average, relative to them. Above 0.000017.
   */
  countApproxDistinctByKey<K, V>(this: RDD<[K, V]>, relativeSD?: number, partitioning?: Partitioning): RDD<[K, number]>;
  /** The same by HyperLogLog++'s own settings; see countApproxDistinct. */
  countApproxDistinctByKey<K, V>(
    this: RDD<[K, V]>,
    p: number,
    sp: number,
    partitioning: Partitioning,
  ): RDD<[K, number]>;
  countApproxDistinctByKey<K>(first = 0.05, second?: Partitioning, third?: Partitioning): RDD<[K, number]> {
    const at = this.at('countApproxDistinctByKey');
    // Two numbers alone are an accuracy and a number of partitions, as in Spark.
    const [precision, partitioning] =
      third === undefined ? [precisionFor(first), second] : [precisionOf(first, second), third];
    return this.to(countApproxDistinctByKey(at, precision, partitioning));
  }

  /** The pairs whose key is not in `other`; partitioned as this RDD unless told. */
  subtractByKey<K, V>(this: RDD<[K, V]>, other: RDD<[K, unknown]>, partitioning?: Partitioning): RDD<[K, V]> {
    const at = this.at('subtractByKey');
    return this.to(pairs.subtractByKey(at, nodeOf(at, other), partitioning));
  }
}
