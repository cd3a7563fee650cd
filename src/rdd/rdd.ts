import { IskraError } from '../base/errors.ts';
import { NOSHIP } from '../closure/closure.ts';
import type { RddId } from '../protocol/ids.ts';
import { StorageLevel, sameLevel } from '../protocol/storage-level.ts';
import * as actions from './actions.ts';
import { type AsyncCall, type AsyncOptions, asyncOperator } from './async-functions.ts';
import { callSite } from './call-site.ts';
import { debugString, nodeTitle } from './debug-string.ts';
import type { Element, Nullish } from './element.ts';
import type { ActionOptions, FutureAction } from './future-action.ts';
import type { JobRunner } from './job-runner.ts';
import * as ordered from './ordered-functions.ts';
import * as pairActions from './pair-actions.ts';
import * as pairs from './pair-functions.ts';
import type { Partitioner } from './partitioner.ts';
import type { RDDNode } from './rdd-node.ts';
import { type SaveTextOptions, saveAsTextFile } from './save-as-text-file.ts';
import type { Site } from './site.ts';
import type { TaskContext } from './task-context.ts';
import * as transform from './transformations.ts';

/** A number of partitions, or the partitioner itself. */
type Partitioning = number | Partitioner;
/** Below zero: a comes first. */
type Comparator<T> = (a: T, b: T) => number;

/**
 * A collection of records in partitions that nobody has computed yet, and how to compute it from others.
 *
 * Transformations (methods that return an RDD) do nothing but note what to do; actions (methods that return a FutureAction)
 * run a job. Wrong arguments are refused at the call, by an IllegalArgumentError. Functions travel to executors with the
 * values they capture; captured values are read when a job starts.
 *
 * This object is a handle; what it stands for is `node`.
 *
 * Spark: RDD, PairRDDFunctions, OrderedRDDFunctions, DoubleRDDFunctions
 */
export class RDD<out T> {
  /** What tasks must know of it; holds no context. */
  readonly node: RDDNode;
  /** Where it belongs. */
  readonly context: JobRunner;

  /** @internal Users get RDDs from a SparkContext. */
  constructor(context: JobRunner, node: RDDNode) {
    this.context = context;
    this.node = node;
  }

  // ---- What it is

  get id(): RddId {
    return this.node.id;
  }

  get name(): string | null {
    return this.node.name;
  }

  setName(name: string): this {
    this.node.name = name;
    return this;
  }

  get partitioner(): Partitioner | null {
    return this.node.partitioner;
  }

  /** @throws IskraError when it is made from files that do not exist or cannot be read. */
  getNumPartitions(): number {
    return this.node.numPartitions;
  }

  getStorageLevel(): StorageLevel {
    return this.node.storageLevel;
  }

  toString(): string {
    return nodeTitle(this.node);
  }

  /** Its lineage, one line an RDD, shuffles indented. */
  toDebugString(): string {
    return debugString(this.node, this.context);
  }

  // ---- Keeping it

  /**
   * Keeps its partitions where they were first computed.
   *
   * @throws IskraError when it is kept already, but in another way.
   */
  persist(level: StorageLevel = StorageLevel.MEMORY_ONLY): this {
    this.context.assertNotStopped();
    const now = this.node.storageLevel;
    if (!sameLevel(now, StorageLevel.NONE) && !sameLevel(now, level)) {
      throw new IskraError(
        'UNSUPPORTED_OPERATION',
        `Cannot change storage level of an RDD after it was already assigned a level: ${this} must be unpersisted before`,
      );
    }
    this.node.storageLevel = level;
    if (!sameLevel(level, StorageLevel.NONE)) this.context.persistRDD(this.node);
    return this;
  }

  /** persist(MEMORY_ONLY) */
  cache(): this {
    return this.persist();
  }

  /** Drops what is kept, without waiting for it. */
  unpersist(): this {
    this.context.assertNotStopped();
    if (!sameLevel(this.node.storageLevel, StorageLevel.NONE)) {
      this.node.storageLevel = StorageLevel.NONE;
      // Nobody waits: a block that could not be removed is logged by whoever tried, and is gone with its executor.
      this.context.unpersistRDD(this.node).catch(() => {});
    }
    return this;
  }

  // ---- Transformations of anything

  map<U extends Element<N>, N extends Nullish = Nullish>(f: (record: T) => U): RDD<U> {
    return this.#to(transform.withFunction(this.#at('map'), 'map', f));
  }

  /** Keeps the partitioner. */
  filter<U extends T>(f: (record: T) => record is U): RDD<U>;
  filter(f: (record: T) => unknown): RDD<T>;
  filter(f: (record: T) => unknown): RDD<T> {
    return this.#to(transform.withFunction(this.#at('filter'), 'filter', f, true));
  }

  flatMap<U extends Element<N>, N extends Nullish = Nullish>(f: (record: T) => Iterable<U>): RDD<U> {
    return this.#to(transform.withFunction(this.#at('flatMap'), 'flatMap', f));
  }

  /** f is called once a partition; the iterator can be read once, and is read as the result is. */
  mapPartitions<U extends Element<N>, N extends Nullish = Nullish>(
    f: (records: IterableIterator<T>) => Iterable<U>,
    preservesPartitioning = false,
  ): RDD<U> {
    return this.#to(transform.mapPartitions(this.#at('mapPartitions'), f, false, preservesPartitioning));
  }

  mapPartitionsWithIndex<U extends Element<N>, N extends Nullish = Nullish>(
    f: (index: number, records: IterableIterator<T>) => Iterable<U>,
    preservesPartitioning = false,
  ): RDD<U> {
    return this.#to(transform.mapPartitions(this.#at('mapPartitionsWithIndex'), f, true, preservesPartitioning));
  }

  /** Each partition as one array. */
  glom(): RDD<T[]> {
    return this.#to(transform.glom(this.#at('glom')));
  }

  keyBy<K extends Element<N>, N extends Nullish = Nullish>(f: (record: T) => K): RDD<[K, T]> {
    return this.#to(transform.withFunction(this.#at('keyBy'), 'keyBy', f));
  }

  /** All records of both; duplicates stay. */
  union<U>(other: RDD<U>): RDD<T | U> {
    const at = this.#at('union');
    return this.#to(transform.union(at, [this.node, nodeOf(at, other)]));
  }

  /** Each record once, compared by value. */
  distinct(numPartitions?: number): RDD<T> {
    return this.#to(transform.distinct(this.#at('distinct'), numPartitions));
  }

  /** Fewer partitions; without `shuffle` never more, and each reads whole ones of this RDD. */
  coalesce(numPartitions: number, shuffle = false): RDD<T> {
    return this.#to(transform.coalesce(this.#at('coalesce'), numPartitions, shuffle));
  }

  /** Partitions of even size, by a shuffle. */
  repartition(numPartitions: number): RDD<T> {
    return this.#to(transform.coalesce(this.#at('repartition'), numPartitions, true));
  }

  sortBy<K extends Element<N>, N extends Nullish = Nullish>(
    f: (record: T) => K,
    ascending = true,
    numPartitions?: number,
    compare?: Comparator<K>,
  ): RDD<T> {
    return this.#to(ordered.sortBy(this.#at('sortBy'), f, ascending, numPartitions, compare));
  }

  // ---- Transformations that await

  mapAsync<U extends Element<N>, N extends Nullish = Nullish>(
    f: (record: T, call: AsyncCall) => PromiseLike<U> | U,
    options?: AsyncOptions,
  ): RDD<U> {
    return this.#to(asyncOperator(this.#at('mapAsync'), 'mapAsync', f, options, false));
  }

  flatMapAsync<U extends Element<N>, N extends Nullish = Nullish>(
    f: (record: T, call: AsyncCall) => PromiseLike<Iterable<U>> | Iterable<U>,
    options?: AsyncOptions,
  ): RDD<U> {
    return this.#to(asyncOperator(this.#at('flatMapAsync'), 'flatMapAsync', f, options, false));
  }

  /** Keeps the partitioner. */
  filterAsync(f: (record: T, call: AsyncCall) => PromiseLike<unknown> | unknown, options?: AsyncOptions): RDD<T> {
    return this.#to(asyncOperator(this.#at('filterAsync'), 'filterAsync', f, options, true));
  }

  /** f is called once a partition, with an async iterator; the result is read as it comes. */
  mapPartitionsAsync<U extends Element<N>, N extends Nullish = Nullish>(
    f: (records: AsyncIterableIterator<T>) => PromiseLike<Iterable<U>> | AsyncIterable<U> | Iterable<U>,
    options?: AsyncOptions,
  ): RDD<U> {
    return this.#to(asyncOperator(this.#at('mapPartitionsAsync'), 'mapPartitionsAsync', f, options, false));
  }

  // ---- Transformations of pairs

  keys<K, V>(this: RDD<[K, V]>): RDD<K> {
    return this.#to(transform.narrowOp(this.#at('keys'), { op: 'keys' }));
  }

  values<K, V>(this: RDD<[K, V]>): RDD<V> {
    return this.#to(transform.narrowOp(this.#at('values'), { op: 'values' }));
  }

  /** Keeps the partitioner. */
  mapValues<K, V, W extends Element<N>, N extends Nullish = Nullish>(
    this: RDD<[K, V]>,
    f: (value: V) => W,
  ): RDD<[K, W]> {
    return this.#to(transform.withFunction(this.#at('mapValues'), 'mapValues', f, true));
  }

  /** Keeps the partitioner. */
  flatMapValues<K, V, W extends Element<N>, N extends Nullish = Nullish>(
    this: RDD<[K, V]>,
    f: (value: V) => Iterable<W>,
  ): RDD<[K, W]> {
    return this.#to(transform.withFunction(this.#at('flatMapValues'), 'flatMapValues', f, true));
  }

  partitionBy<K, V>(this: RDD<[K, V]>, partitioner: Partitioner): RDD<[K, V]> {
    const node = pairs.partitionBy(this.#at('partitionBy'), partitioner);
    return node === null ? this : this.#to(node);
  }

  reduceByKey<K, V>(this: RDD<[K, V]>, f: (a: V, b: V) => V, partitioning?: Partitioning): RDD<[K, V]> {
    return this.#to(pairs.reduceByKey(this.#at('reduceByKey'), f, partitioning));
  }

  /** All values of a key are in memory at once; where they are only to be combined, reduceByKey moves far less. */
  groupByKey<K, V>(this: RDD<[K, V]>, partitioning?: Partitioning): RDD<[K, V[]]> {
    return this.#to(pairs.groupByKey(this.#at('groupByKey'), partitioning));
  }

  combineByKey<K, V, C extends Element<N>, N extends Nullish = Nullish>(
    this: RDD<[K, V]>,
    createCombiner: (value: V) => C,
    mergeValue: (combined: C, value: V) => C,
    mergeCombiners: (a: C, b: C) => C,
    partitioning?: Partitioning,
    mapSideCombine = true,
  ): RDD<[K, C]> {
    const at = this.#at('combineByKey');
    return this.#to(pairs.combineByKey(at, createCombiner, mergeValue, mergeCombiners, partitioning, mapSideCombine));
  }

  /** Each key begins with a copy of `zero`, which the functions may change. */
  aggregateByKey<K, V, U extends Element<N>, N extends Nullish = Nullish>(
    this: RDD<[K, V]>,
    zero: U,
    seqOp: (accumulated: U, value: V) => U,
    combOp: (a: U, b: U) => U,
    partitioning?: Partitioning,
  ): RDD<[K, U]> {
    return this.#to(pairs.aggregateByKey(this.#at('aggregateByKey'), zero, seqOp, combOp, partitioning));
  }

  foldByKey<K, V>(this: RDD<[K, V]>, zero: V, f: (a: V, b: V) => V, partitioning?: Partitioning): RDD<[K, V]> {
    return this.#to(pairs.foldByKey(this.#at('foldByKey'), zero, f, partitioning));
  }

  join<K, V, W>(this: RDD<[K, V]>, other: RDD<[K, W]>, partitioning?: Partitioning): RDD<[K, [V, W]]> {
    const at = this.#at('join');
    return this.#to(pairs.join(at, nodeOf(at, other), 'inner', partitioning));
  }

  leftOuterJoin<K, V, W>(
    this: RDD<[K, V]>,
    other: RDD<[K, W]>,
    partitioning?: Partitioning,
  ): RDD<[K, [V, W | undefined]]> {
    const at = this.#at('leftOuterJoin');
    return this.#to(pairs.join(at, nodeOf(at, other), 'left', partitioning));
  }

  rightOuterJoin<K, V, W>(
    this: RDD<[K, V]>,
    other: RDD<[K, W]>,
    partitioning?: Partitioning,
  ): RDD<[K, [V | undefined, W]]> {
    const at = this.#at('rightOuterJoin');
    return this.#to(pairs.join(at, nodeOf(at, other), 'right', partitioning));
  }

  fullOuterJoin<K, V, W>(
    this: RDD<[K, V]>,
    other: RDD<[K, W]>,
    partitioning?: Partitioning,
  ): RDD<[K, [V | undefined, W | undefined]]> {
    const at = this.#at('fullOuterJoin');
    return this.#to(pairs.join(at, nodeOf(at, other), 'full', partitioning));
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
    const at = this.#at('cogroup');
    const { others, given } = pairs.cogroupArguments(at, args, isRdd);
    return this.#to(
      pairs.cogroup(
        at,
        others.map((o) => o.node),
        given,
      ),
    );
  }

  /** The pairs whose key is not in `other`; partitioned as this RDD unless told. */
  subtractByKey<K, V>(this: RDD<[K, V]>, other: RDD<[K, unknown]>, partitioning?: Partitioning): RDD<[K, V]> {
    const at = this.#at('subtractByKey');
    return this.#to(pairs.subtractByKey(at, nodeOf(at, other), partitioning));
  }

  /** Keys in order over all partitions. Without `compare`: numbers, bigints, strings, booleans, Dates, arrays of them. */
  sortByKey<K, V>(this: RDD<[K, V]>, ascending = true, numPartitions?: number, compare?: Comparator<K>): RDD<[K, V]> {
    return this.#to(ordered.sortByKey(this.#at('sortByKey'), ascending, numPartitions, compare));
  }

  // ---- Actions

  /** All records, in order. */
  collect(options?: ActionOptions): FutureAction<T[]> {
    return actions.collect(this.#at('collect'), options);
  }

  count(options?: ActionOptions): FutureAction<number> {
    return actions.count(this.#at('count'), options);
  }

  /** Rejects with "empty collection" when there is none. */
  first(options?: ActionOptions): FutureAction<T> {
    return actions.first(this.#at('first'), options);
  }

  /** The first n records; looks at no more partitions than it needs. */
  take(n: number, options?: ActionOptions): FutureAction<T[]> {
    return actions.take(this.#at('take'), n, options);
  }

  /** The n largest, largest first. */
  top(n: number, compare?: Comparator<T>, options?: ActionOptions): FutureAction<T[]> {
    return actions.takeOrdered(this.#at('top'), n, compare, false, options);
  }

  /** The n smallest, smallest first. */
  takeOrdered(n: number, compare?: Comparator<T>, options?: ActionOptions): FutureAction<T[]> {
    return actions.takeOrdered(this.#at('takeOrdered'), n, compare, true, options);
  }

  max(compare?: Comparator<T>, options?: ActionOptions): FutureAction<T> {
    return actions.extreme(this.#at('max'), compare, false, options);
  }

  min(compare?: Comparator<T>, options?: ActionOptions): FutureAction<T> {
    return actions.extreme(this.#at('min'), compare, true, options);
  }

  /** 0 when there is nothing. */
  sum(this: RDD<number>, options?: ActionOptions): FutureAction<number> {
    return actions.sum(this.#at('sum'), options);
  }

  /** f must be associative. Rejects with "empty collection" when there is nothing. */
  reduce(f: (a: T, b: T) => T, options?: ActionOptions): FutureAction<T> {
    return actions.reduce(this.#at('reduce'), f, options);
  }

  /** `zero` begins each partition and the merge of their results: it is used once more than there are partitions. */
  fold(zero: T, f: (a: T, b: T) => T, options?: ActionOptions): FutureAction<T> {
    return actions.aggregate(this.#at('fold'), zero, f, f, options);
  }

  /** As fold, to another type. The functions may change and return their first argument. */
  aggregate<U extends Element<N>, N extends Nullish = Nullish>(
    zero: U,
    seqOp: (accumulated: U, record: T) => U,
    combOp: (a: U, b: U) => U,
    options?: ActionOptions,
  ): FutureAction<U> {
    return actions.aggregate(this.#at('aggregate'), zero, seqOp, combOp, options);
  }

  /** Runs f on the executors. */
  foreach(f: (record: T) => void, options?: ActionOptions): FutureAction<void> {
    return actions.foreach(this.#at('foreach'), f, options);
  }

  foreachPartition(
    f: (records: IterableIterator<T>, context: TaskContext) => void,
    options?: ActionOptions,
  ): FutureAction<void> {
    return actions.foreachPartition(this.#at('foreachPartition'), f, options);
  }

  foreachConcurrent(
    f: (record: T, call: AsyncCall) => PromiseLike<unknown> | unknown,
    options?: AsyncOptions & ActionOptions,
  ): FutureAction<void> {
    return actions.foreachConcurrent(this.#at('foreachConcurrent'), f, options);
  }

  isEmpty(options?: ActionOptions): FutureAction<boolean> {
    return actions.isEmpty(this.#at('isEmpty'), options);
  }

  countByValue(options?: ActionOptions): FutureAction<Map<T, number>> {
    return pairActions.countByValue(this.#at('countByValue'), options);
  }

  countByKey<K, V>(this: RDD<[K, V]>, options?: ActionOptions): FutureAction<Map<K, number>> {
    return pairActions.countByKey(this.#at('countByKey'), options);
  }

  /** The last value of each key. */
  collectAsMap<K, V>(this: RDD<[K, V]>, options?: ActionOptions): FutureAction<Map<K, V>> {
    return pairActions.collectAsMap(this.#at('collectAsMap'), options);
  }

  /** All values of one key. */
  lookup<K, V>(this: RDD<[K, V]>, key: K, options?: ActionOptions): FutureAction<V[]> {
    return pairActions.lookup(this.#at('lookup'), key, options);
  }

  /** Lines part-00000, … in a new directory, and _SUCCESS at the end. */
  saveAsTextFile(path: string, options?: SaveTextOptions): FutureAction<void> {
    return saveAsTextFile(this.#at('saveAsTextFile'), path, options);
  }

  /** All records in order, one job a partition, when it is needed. */
  toLocalIterator(options?: ActionOptions): AsyncGenerator<T, void, undefined> {
    return actions.toLocalIterator(this.#at('toLocalIterator'), options);
  }

  // ---- Ours

  #at(operator: string): Site {
    this.context.assertNotStopped();
    return { jobs: this.context, node: this.node, operator, callSite: callSite(operator) };
  }

  /** The method's signature says what records are. */
  #to<U>(node: RDDNode): RDD<U> {
    return new RDD<U>(this.context, node);
  }
}

// Why functions must not capture it; closure/ looks for this on captured values and makes an error of it.
Object.defineProperty(RDD.prototype, NOSHIP, {
  value:
    'RDD transformations and actions can only be invoked by the driver, not inside of other transformations (SPARK-5063); ' +
    'use a join, or collect() the smaller side and capture or broadcast the result',
});

function isRdd(value: unknown): value is RDD<unknown> {
  return value instanceof RDD;
}

function nodeOf(at: Site, other: unknown): RDDNode {
  if (!isRdd(other)) throw pairs.notAnRdd(at, other);
  return other.node;
}
