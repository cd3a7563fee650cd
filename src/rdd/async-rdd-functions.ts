import { type AsyncCall, type AsyncOptions, asyncOperator } from './async-functions.ts';
import type { Element, Nullish } from './element.ts';
import type { RDD } from './rdd.ts';
import { RDDTransformations } from './rdd-transformations.ts';

/** Transformations that await their function. Not in Spark. */
export abstract class AsyncRDDFunctions<out T> extends RDDTransformations<T> {
  mapAsync<U extends Element<N>, N extends Nullish = Nullish>(
    f: (record: T, call: AsyncCall) => PromiseLike<U> | U,
    options?: AsyncOptions,
  ): RDD<U> {
    return this.to(asyncOperator(this.at('mapAsync'), 'mapAsync', f, options, false));
  }

  flatMapAsync<U extends Element<N>, N extends Nullish = Nullish>(
    f: (record: T, call: AsyncCall) => PromiseLike<Iterable<U>> | Iterable<U>,
    options?: AsyncOptions,
  ): RDD<U> {
    return this.to(asyncOperator(this.at('flatMapAsync'), 'flatMapAsync', f, options, false));
  }

  /** Keeps the partitioner. */
  filterAsync(f: (record: T, call: AsyncCall) => PromiseLike<unknown> | unknown, options?: AsyncOptions): RDD<T> {
    return this.to(asyncOperator(this.at('filterAsync'), 'filterAsync', f, options, true));
  }

  /** f is called once a partition, with an async iterator; the result is read as it comes. */
  mapPartitionsAsync<U extends Element<N>, N extends Nullish = Nullish>(
    f: (records: AsyncIterableIterator<T>) => PromiseLike<Iterable<U>> | AsyncIterable<U> | Iterable<U>,
    options?: AsyncOptions,
  ): RDD<U> {
    return this.to(asyncOperator(this.at('mapPartitionsAsync'), 'mapPartitionsAsync', f, options, false));
  }
}
