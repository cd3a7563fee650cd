import * as actions from './actions.ts';
import type { ActionOptions, FutureAction } from './future-action.ts';
import { OrderedRDDFunctions } from './ordered-rdd-functions.ts';
import type { RDD } from './rdd.ts';

/** Numbers. Spark: DoubleRDDFunctions */
export abstract class DoubleRDDFunctions<out T> extends OrderedRDDFunctions<T> {
  /** 0 when there is nothing. */
  sum(this: RDD<number>, options?: ActionOptions): FutureAction<number> {
    return actions.sum(this.at('sum'), options);
  }
}
