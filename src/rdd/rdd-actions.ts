import * as actions from './actions.ts';
import * as approximate from './approximate-actions.ts';
import { countApproxDistinct, precisionFor, precisionOf } from './approximate-distinct.ts';
import type { AsyncCall, AsyncOptions } from './async-functions.ts';
import { AsyncRDDFunctions } from './async-rdd-functions.ts';
import type { Element, Nullish } from './element.ts';
import type { ActionOptions, FutureAction } from './future-action.ts';
import * as pairActions from './pair-actions.ts';
import type { BoundedDouble, PartialResult } from './partial-result.ts';
import { takeSample } from './sampling.ts';
import type { TaskContext } from './task-context.ts';
import * as trees from './tree-actions.ts';

/** Below zero: a comes first. */
type Comparator<T> = (a: T, b: T) => number;

/** Actions on records of any type. Spark: RDD */
export abstract class RDDActions<out T> extends AsyncRDDFunctions<T> {
  /** All records, in order. */
  collect(options?: ActionOptions): FutureAction<T[]> {
    return actions.collect(this.at('collect'), options);
  }

  count(options?: ActionOptions): FutureAction<number> {
    return actions.count(this.at('count'), options);
  }

  /** Rejects with "empty collection" when there is none. */
  first(options?: ActionOptions): FutureAction<T> {
    return actions.first(this.at('first'), options);
  }

  /** The first n records; looks at no more partitions than it needs. */
  take(n: number, options?: ActionOptions): FutureAction<T[]> {
    return actions.take(this.at('take'), n, options);
  }

  /** The n largest, largest first. */
  top(n: number, compare?: Comparator<T>, options?: ActionOptions): FutureAction<T[]> {
    return actions.takeOrdered(this.at('top'), n, compare, false, options);
  }

  /** The n smallest, smallest first. */
  takeOrdered(n: number, compare?: Comparator<T>, options?: ActionOptions): FutureAction<T[]> {
    return actions.takeOrdered(this.at('takeOrdered'), n, compare, true, options);
  }

  max(compare?: Comparator<T>, options?: ActionOptions): FutureAction<T> {
    return actions.extreme(this.at('max'), compare, false, options);
  }

  min(compare?: Comparator<T>, options?: ActionOptions): FutureAction<T> {
    return actions.extreme(this.at('min'), compare, true, options);
  }

  /** f must be associative. Rejects with "empty collection" when there is nothing. */
  reduce(f: (a: T, b: T) => T, options?: ActionOptions): FutureAction<T> {
    return actions.reduce(this.at('reduce'), f, options);
  }

  /** `zero` begins each partition and the merge of their results: it is used once more than there are partitions. */
  fold(zero: T, f: (a: T, b: T) => T, options?: ActionOptions): FutureAction<T> {
    return actions.aggregate(this.at('fold'), zero, f, f, options);
  }

  /** As fold, to another type. The functions may change and return their first argument. */
  aggregate<U extends Element<N>, N extends Nullish = Nullish>(
    zero: U,
    seqOp: (accumulated: U, record: T) => U,
    combOp: (a: U, b: U) => U,
    options?: ActionOptions,
  ): FutureAction<U> {
    return actions.aggregate(this.at('aggregate'), zero, seqOp, combOp, options);
  }

  /** As reduce, but partial results are merged on executors first, in `depth` levels: for many partitions or large results. */
  treeReduce(f: (a: T, b: T) => T, depth = 2, options?: ActionOptions): FutureAction<T> {
    return trees.treeReduce(this.at('treeReduce'), f, depth, options);
  }

  /**
   * As aggregate, but partial results are merged on executors first, in `depth` levels. `zero` begins each partition and each
   * merge.
   *
   * @param finalAggregateOnExecutor the last merge happens on an executor, too; the driver gets one value.
   */
  treeAggregate<U extends Element<N>, N extends Nullish = Nullish>(
    zero: U,
    seqOp: (accumulated: U, record: T) => U,
    combOp: (a: U, b: U) => U,
    depth = 2,
    finalAggregateOnExecutor = false,
    options?: ActionOptions,
  ): FutureAction<U> {
    const at = this.at('treeAggregate');
    return trees.treeAggregate(at, zero, seqOp, combOp, depth, finalAggregateOnExecutor, options);
  }

  /** Exactly `num` random records, or all when there are fewer and `withReplacement` is false; in random order. */
  takeSample(withReplacement: boolean, num: number, seed?: number, options?: ActionOptions): FutureAction<T[]> {
    return takeSample(this.at('takeSample'), withReplacement, num, seed, options);
  }

  /** Runs f on the executors. */
  foreach(f: (record: T) => void, options?: ActionOptions): FutureAction<void> {
    return actions.foreach(this.at('foreach'), f, options);
  }

  foreachPartition(
    f: (records: IterableIterator<T>, context: TaskContext) => void,
    options?: ActionOptions,
  ): FutureAction<void> {
    return actions.foreachPartition(this.at('foreachPartition'), f, options);
  }

  foreachConcurrent(
    f: (record: T, call: AsyncCall) => PromiseLike<unknown> | unknown,
    options?: AsyncOptions & ActionOptions,
  ): FutureAction<void> {
    return actions.foreachConcurrent(this.at('foreachConcurrent'), f, options);
  }

  isEmpty(options?: ActionOptions): FutureAction<boolean> {
    return actions.isEmpty(this.at('isEmpty'), options);
  }

  countByValue(options?: ActionOptions): FutureAction<Map<T, number>> {
    return pairActions.countByValue(this.at('countByValue'), options);
  }

  /**
   * How many records there are, as far as that is known after `timeoutMs`: an answer with bounds, or the exact one when the job
   * is done by then. The job goes on; the answer's getFinalValue() has its result.
   *
   * @param confidence 0 to 1: how sure it shall be that the number lies between the bounds.
   */
  countApprox(
    timeoutMs: number,
    confidence = 0.95,
    options?: ActionOptions,
  ): FutureAction<PartialResult<BoundedDouble>> {
    return approximate.countApprox(this.at('countApprox'), timeoutMs, confidence, options);
  }

  /** How often each record is there; see countApprox. */
  countByValueApprox(
    timeoutMs: number,
    confidence = 0.95,
    options?: ActionOptions,
  ): FutureAction<PartialResult<Map<T, BoundedDouble>>> {
    return approximate.countByValueApprox(this.at('countByValueApprox'), timeoutMs, confidence, options);
  }

  /**
   * About how many different records there are, by HyperLogLog++.
   *
   * @param relativeSD how far off the answer is on average, relative to it; smaller takes more memory. Above 0.000017.
   */
  countApproxDistinct(relativeSD?: number, options?: ActionOptions): FutureAction<number>;
  /**
   * The same by HyperLogLog++'s own settings: 2^p registers, and `sp`, the precision at which small sets are kept as lists; 0:
   * they are not.
   */
  countApproxDistinct(p: number, sp: number, options?: ActionOptions): FutureAction<number>;
  countApproxDistinct(first = 0.05, second?: number | ActionOptions, third?: ActionOptions): FutureAction<number> {
    const at = this.at('countApproxDistinct');
    if (typeof second === 'number') return countApproxDistinct(at, precisionOf(first, second), third);
    return countApproxDistinct(at, precisionFor(first), second ?? third);
  }

  /** All records in order, one job a partition, when it is needed. The driver holds one partition at a time, or two. */
  toLocalIterator(options?: actions.LocalIteratorOptions): AsyncGenerator<T, void, undefined> {
    return actions.toLocalIterator(this.at('toLocalIterator'), options);
  }
}
