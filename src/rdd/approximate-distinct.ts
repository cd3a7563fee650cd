import { IllegalArgumentError } from '../base/errors.ts';
import { type DistinctSketch, HyperLogLog } from '../base/hyper-log-log.ts';
import { builtIn } from './built-in-functions.ts';
import { choosePartitioner, type PartitionerArgument } from './default-partitioner.ts';
import type { Combine } from './dependency.ts';
import { type ActionOptions, type FutureAction, startAction } from './future-action.ts';
import type { RDDNode } from './rdd-node.ts';
import { everyPartition, resultsInOrder } from './results.ts';
import type { SinkSpec } from './sink-spec.ts';
import { onto, type Site } from './site.ts';
import { combined, withBuiltIn } from './transformations.ts';
import { describe } from './user-function.ts';

// Counting different values with HyperLogLog++ (base/hyper-log-log.ts).

/** How exact a count is to be; `sparse` is what Spark calls sp. */
export interface SketchPrecision {
  readonly p: number;
  readonly sparse: number;
}

/** Registers take a byte each: more would not fit into what a task may allocate at once. */
const MOST_P = 30;
/** Small sets take no more room for being counted at this precision, where nothing was said about it. */
const USUAL_SPARSE = 25;
const LEAST_P = 4;

/**
 * The precision with about this relative standard deviation.
 *
 * Spark: RDD.countApproxDistinct
 */
export function precisionFor(relativeSD: unknown): SketchPrecision {
  if (typeof relativeSD !== 'number' || !(relativeSD > 0.000017))
    throw new IllegalArgumentError(`accuracy (${describe(relativeSD)}) must be greater than 0.000017`);
  const p = Math.max(LEAST_P, Math.ceil(2 * Math.log2(1.054 / relativeSD)));
  checkRoom(p);
  return { p, sparse: Math.max(p, USUAL_SPARSE) };
}

/** @throws IllegalArgumentError with Spark's texts. */
export function precisionOf(p: unknown, sp: unknown): SketchPrecision {
  for (const [name, value] of Object.entries({ p, sp })) {
    if (!Number.isInteger(value)) throw new IllegalArgumentError(`${name} (${describe(value)}) must be a whole number`);
  }
  const [precision, sparse] = [p as number, sp as number]; // both were looked at
  if (precision < LEAST_P) throw new IllegalArgumentError(`p (${precision}) must be >= 4`);
  if (sparse > 32) throw new IllegalArgumentError(`sp (${sparse}) must be <= 32`);
  if (sparse !== 0 && precision > sparse)
    throw new IllegalArgumentError(`p (${precision}) cannot be greater than sp (${sparse})`);
  checkRoom(precision);
  return { p: precision, sparse };
}

function checkRoom(p: number): void {
  if (p <= MOST_P) return;
  throw new IllegalArgumentError(
    `p (${p}) must be <= ${MOST_P}: such a count takes 2^${p} bytes in every task; allow a larger relative error`,
  );
}

export function countApproxDistinct(
  at: Site,
  precision: SketchPrecision,
  options?: ActionOptions,
): FutureAction<number> {
  const hll = new HyperLogLog(precision.p, precision.sparse);
  const sink: SinkSpec = {
    kind: 'fold',
    operator: at.operator,
    zero: hll.empty(),
    op: builtIn('sketchAdd', precision),
  };
  return startAction(at.jobs, at.callSite, options, async (action) => {
    let all = hll.empty();
    await resultsInOrder<DistinctSketch>(action, at.node, sink, everyPartition(at.node), (part) => {
      all = hll.merge(all, part);
    });
    return hll.estimate(all);
  });
}

/** [key, how many different values it has]. */
export function countApproxDistinctByKey(at: Site, precision: SketchPrecision, given: PartitionerArgument): RDDNode {
  const combine: Combine = {
    kind: 'combine',
    operator: at.operator,
    create: builtIn('sketchCreate', precision),
    mergeValue: builtIn('sketchAdd', precision),
    mergeCombiners: builtIn('sketchMerge', precision),
  };
  const sketches = combined(at, combine, choosePartitioner(at, given), true);
  return withBuiltIn(onto(at, sketches), 'mapValues', builtIn('sketchEstimate', precision), true);
}
