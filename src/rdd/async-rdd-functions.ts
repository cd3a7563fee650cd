import {
  type AsyncCall,
  type AsyncOptions,
  type AsyncPartitionCall,
  type AsyncPartitionOptions,
  asyncOperator,
  asyncPartitions,
} from './async-functions.ts';
import type { Element, Nullish } from './element.ts';
import type { RDD } from './rdd.ts';
import { RDDTransformations } from './rdd-transformations.ts';

/** Transformations that await their function. Not in Spark. */
export abstract class AsyncRDDFunctions<out T> extends RDDTransformations<T> {
  /** Awaits f for each record, up to `concurrency` (16) at a time in each task; results keep the records' order. */
  mapAsync<U extends Element<N>, N extends Nullish = Nullish>(
    f: (record: T, call: AsyncCall) => PromiseLike<U> | U,
    options?: AsyncOptions,
  ): RDD<U> {
    return this.to(asyncOperator(this.at('mapAsync'), 'mapAsync', f, options, false));
  }

  /** The same with any number of results a record: f resolves to an array or another iterable. */
  flatMapAsync<U extends Element<N>, N extends Nullish = Nullish>(
    f: (record: T, call: AsyncCall) => PromiseLike<Iterable<U>> | Iterable<U>,
    options?: AsyncOptions,
  ): RDD<U> {
    return this.to(asyncOperator(this.at('flatMapAsync'), 'flatMapAsync', f, options, false));
  }

  /** Keeps the records for which f resolves to something true, and the partitioner. */
  filterAsync(f: (record: T, call: AsyncCall) => PromiseLike<unknown> | unknown, options?: AsyncOptions): RDD<T> {
    return this.to(asyncOperator(this.at('filterAsync'), 'filterAsync', f, options, true));
  }

  /**
   * f is called once a partition, with an async iterator over its records; what it gives is read as it comes, and no faster
   * than it is used. Several readers may pull from the iterator at the same time.
   */
  mapPartitionsAsync<U extends Element<N>, N extends Nullish = Nullish>(
    f: (
      records: AsyncIterableIterator<T>,
      call: AsyncPartitionCall,
    ) => PromiseLike<Iterable<U> | AsyncIterable<U>> | AsyncIterable<U> | Iterable<U>,
    options?: AsyncPartitionOptions,
  ): RDD<U> {
    return this.to(asyncPartitions(this.at('mapPartitionsAsync'), f, options));
  }
}
