import * as approximate from './approximate-actions.ts';
import type { ActionOptions, FutureAction } from './future-action.ts';
import * as pairActions from './pair-actions.ts';
import { PairRDDFunctions } from './pair-rdd-functions.ts';
import type { BoundedDouble, PartialResult } from './partial-result.ts';
import type { RDD } from './rdd.ts';

/** Actions on pairs; the type of `this` refuses others. Spark: PairRDDFunctions */
export abstract class PairRDDActions<out T> extends PairRDDFunctions<T> {
  countByKey<K, V>(this: RDD<[K, V]>, options?: ActionOptions): FutureAction<Map<K, number>> {
    return pairActions.countByKey(this.at('countByKey'), options);
  }

  /** How often each key is there, as far as that is known after `timeoutMs`, with bounds; see countApprox. */
  countByKeyApprox<K, V>(
    this: RDD<[K, V]>,
    timeoutMs: number,
    confidence = 0.95,
    options?: ActionOptions,
  ): FutureAction<PartialResult<Map<K, BoundedDouble>>> {
    return approximate.countByKeyApprox(this.at('countByKeyApprox'), timeoutMs, confidence, options);
  }

  /** As reduceByKey, to a Map on the driver: each partition's keys are reduced where they are, without a shuffle. */
  reduceByKeyLocally<K, V>(this: RDD<[K, V]>, f: (a: V, b: V) => V, options?: ActionOptions): FutureAction<Map<K, V>> {
    return pairActions.reduceByKeyLocally(this.at('reduceByKeyLocally'), f, options);
  }

  /** The last value of each key. */
  collectAsMap<K, V>(this: RDD<[K, V]>, options?: ActionOptions): FutureAction<Map<K, V>> {
    return pairActions.collectAsMap(this.at('collectAsMap'), options);
  }

  /** All values of one key. */
  lookup<K, V>(this: RDD<[K, V]>, key: K, options?: ActionOptions): FutureAction<V[]> {
    return pairActions.lookup(this.at('lookup'), key, options);
  }
}
