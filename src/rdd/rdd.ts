import { NOSHIP } from '../closure/closure.ts';
import { DoubleRDDFunctions } from './double-rdd-functions.ts';
import type { RDDNode } from './rdd-node.ts';

/**
 * A collection of records in partitions that nobody has computed yet, and how to compute it from others.
 *
 * Transformations (methods that return an RDD) do nothing but note what to do; actions (methods that return a FutureAction)
 * run a job. Wrong arguments are refused at the call, by an IllegalArgumentError. Functions travel to executors with the
 * values they capture; captured values are read when a job starts.
 *
 * This object is a handle; what it stands for is `node`. Its methods are inherited, a class for each kind of them:
 *
 *   RDDCore                what it is, how it is kept
 *   RDDTransformations     of records of any type
 *   AsyncRDDFunctions      that await
 *   RDDActions             on records of any type
 *   RDDFileActions         writing them to files
 *   PairRDDFunctions       transformations of pairs
 *   PairRDDActions         actions on pairs
 *   OrderedRDDFunctions    pairs in the order of their keys
 *   DoubleRDDFunctions     numbers
 *
 * Spark: RDD, PairRDDFunctions, OrderedRDDFunctions, DoubleRDDFunctions
 */
export class RDD<out T> extends DoubleRDDFunctions<T> {
  protected override to<U>(node: RDDNode): RDD<U> {
    return new RDD<U>(this.context, node);
  }
}

// Why functions must not capture it; closure/ looks for this on captured values and makes an error of it.
Object.defineProperty(RDD.prototype, NOSHIP, {
  value:
    'RDD transformations and actions can only be invoked by the driver, not inside of other transformations (SPARK-5063); ' +
    'use a join, or collect() the smaller side and capture or broadcast the result',
});
