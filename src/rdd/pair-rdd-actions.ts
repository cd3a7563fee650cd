import type { ActionOptions, FutureAction } from './future-action.ts';
import * as pairActions from './pair-actions.ts';
import { PairRDDFunctions } from './pair-rdd-functions.ts';
import type { RDD } from './rdd.ts';

/** Actions on pairs; the type of `this` refuses others. Spark: PairRDDFunctions */
export abstract class PairRDDActions<out T> extends PairRDDFunctions<T> {
  countByKey<K, V>(this: RDD<[K, V]>, options?: ActionOptions): FutureAction<Map<K, number>> {
    return pairActions.countByKey(this.at('countByKey'), options);
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
