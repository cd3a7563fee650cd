import type { Element, Nullish } from './element.ts';
import * as ordered from './ordered-functions.ts';
import { groupingOf, type PartitionCoalescer } from './partition-coalescer.ts';
import * as partitions from './partition-functions.ts';
import type { Partitioner } from './partitioner.ts';
import { type PipeOptions, pipe } from './pipe.ts';
import type { RDD } from './rdd.ts';
import { RDDBarrier } from './rdd-barrier.ts';
import { isRDD, nodeOf, RDDCore } from './rdd-core.ts';
import type { RDDNode } from './rdd-node.ts';
import * as sampling from './sampling.ts';
import * as sets from './set-functions.ts';
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

  /**
   * The next step runs in all partitions at the same time: as many slots as partitions are needed. The stage's job fails
   * when it waits for them too long.
   */
  barrier(): RDDBarrier<T> {
    this.context.assertNotStopped();
    return new RDDBarrier({ jobs: this.context, node: this.node }, <U>(node: RDDNode): RDD<U> => this.to(node));
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

  /**
   * Fewer partitions; without `shuffle` never more, and each reads whole ones of this RDD.
   *
   * @param coalescer which partitions come together; by default neighbours, or those that prefer the same host.
   */
  coalesce(numPartitions: number, shuffle = false, coalescer?: PartitionCoalescer): RDD<T> {
    const at = this.at('coalesce');
    const group = coalescer === undefined ? null : groupingOf(coalescer, (node) => this.to(node));
    return this.to(transform.coalesce(at, numPartitions, shuffle, group));
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

  // ---- Random parts

  /**
   * A random part. The same seed chooses the same records; the size is about, not exactly, what `fraction` says.
   *
   * @param withReplacement records may be chosen several times.
   * @param fraction probability of each record, or how often it is chosen on average when it may be chosen several times.
   */
  sample(withReplacement: boolean, fraction: number, seed?: number): RDD<T> {
    return this.to(sampling.sample(this.at('sample'), withReplacement, fraction, seed));
  }

  /** Disjoint parts whose sizes are about in proportion to the weights. */
  randomSplit(weights: readonly number[], seed?: number): RDD<T>[] {
    return sampling.randomSplit(this.at('randomSplit'), weights, seed).map((node) => this.to(node));
  }

  // ---- Records as keys

  /** All records of a group are in memory at once. */
  groupBy<K extends Element<N>, N extends Nullish = Nullish>(
    f: (record: T) => K,
    partitioning?: number | Partitioner,
  ): RDD<[K, T[]]> {
    return this.to(sets.groupBy(this.at('groupBy'), f, partitioning));
  }

  /** The records that are in both, each once, compared by value. */
  intersection(other: RDD<T>, partitioning?: number | Partitioner): RDD<T> {
    const at = this.at('intersection');
    return this.to(sets.intersection(at, nodeOf(at, other), partitioning));
  }

  /** The records that are not in `other`, as often as they are here; partitioned as this RDD unless told. */
  subtract(other: RDD<T>, partitioning?: number | Partitioner): RDD<T> {
    const at = this.at('subtract');
    return this.to(sets.subtract(at, nodeOf(at, other), partitioning));
  }

  // ---- Partitions side by side

  /** Every record of this RDD with every one of `other`. */
  cartesian<U>(other: RDD<U>): RDD<[T, U]> {
    const at = this.at('cartesian');
    return this.to(partitions.cartesian(at, nodeOf(at, other)));
  }

  /** Record by record. Both need as many partitions, and as many records in each. */
  zip<U>(other: RDD<U>): RDD<[T, U]> {
    const at = this.at('zip');
    return this.to(partitions.zip(at, nodeOf(at, other)));
  }

  /**
   * f is called once for each index, with the records that each RDD has in that partition. All need as many partitions.
   *
   * @param preservesPartitioning this RDD's partitioner stays.
   */
  zipPartitions<U, V extends Element<N>, N extends Nullish = Nullish>(
    other: RDD<U>,
    f: (records: IterableIterator<T>, others: IterableIterator<U>) => Iterable<V>,
    preservesPartitioning?: boolean,
  ): RDD<V>;
  zipPartitions<U, W, V extends Element<N>, N extends Nullish = Nullish>(
    other1: RDD<U>,
    other2: RDD<W>,
    f: (records: IterableIterator<T>, others1: IterableIterator<U>, others2: IterableIterator<W>) => Iterable<V>,
    preservesPartitioning?: boolean,
  ): RDD<V>;
  zipPartitions<U, W, X, V extends Element<N>, N extends Nullish = Nullish>(
    other1: RDD<U>,
    other2: RDD<W>,
    other3: RDD<X>,
    f: (
      records: IterableIterator<T>,
      others1: IterableIterator<U>,
      others2: IterableIterator<W>,
      others3: IterableIterator<X>,
    ) => Iterable<V>,
    preservesPartitioning?: boolean,
  ): RDD<V>;
  zipPartitions(...args: readonly unknown[]): RDD<never> {
    const at = this.at('zipPartitions');
    const { others, f, preserves } = partitions.zipPartitionsArguments(at, args, isRDD);
    const nodes = others.map((other) => other.node);
    return this.to(partitions.zipPartitions(at, nodes, f, preserves));
  }

  /** [record, its position in the RDD]. With more than one partition a job counts first, when an action needs it. */
  zipWithIndex(): RDD<[T, number]> {
    return this.to(partitions.zipWithIndex(this.at('zipWithIndex')));
  }

  /** [record, a number of its own]: the k-th record of partition i of n gets i + k * n. Runs no job. */
  zipWithUniqueId(): RDD<[T, number]> {
    return this.to(partitions.zipWithUniqueId(this.at('zipWithUniqueId')));
  }

  /** As mapPartitions, by an evaluator that the factory makes for each partition where that is computed. */
  mapPartitionsWithEvaluator<U extends Element<N>, N extends Nullish = Nullish>(
    factory: partitions.PartitionEvaluatorFactory<T, U>,
  ): RDD<U> {
    return this.to(partitions.mapPartitionsWithEvaluator(this.at('mapPartitionsWithEvaluator'), factory));
  }

  /** As zipPartitions with one other, by an evaluator. */
  zipPartitionsWithEvaluator<U extends Element<N>, N extends Nullish = Nullish>(
    other: RDD<T>,
    factory: partitions.PartitionEvaluatorFactory<T, U>,
  ): RDD<U> {
    const at = this.at('zipPartitionsWithEvaluator');
    return this.to(partitions.zipPartitionsWithEvaluator(at, nodeOf(at, other), factory));
  }

  /**
   * The lines that a process writes which reads the records as lines, one process for each partition.
   *
   * A process that ends with another status than 0 fails its task. What it writes to stderr goes to the log.
   *
   * @param command the program with its arguments; text is split at blanks.
   */
  pipe(command: string | readonly string[], options?: PipeOptions<T>): RDD<string> {
    return this.to(pipe(this.at('pipe'), command, options));
  }
}
