import { checkedCompare } from '../base/checked-compare.ts';
import { type DistinctSketch, HyperLogLog } from '../base/hyper-log-log.ts';
import { type Fractions, sampleByFractions } from '../base/stratified-sampling.ts';
import { compareValues } from '../base/value-ordering.ts';
import type { BuiltInCall, Ref } from '../protocol/stage-program.ts';
import type { AnyFunction } from './dependency.ts';
import { bucketCounter } from './histogram-buckets.ts';
import { addToStats } from './stat-counter.ts';

/**
 * Functions of the engine's own that operators use where users pass theirs. They do not travel as closures: every executor has
 * them, so a program says their name and what they are made of.
 *
 * `data` is plain data. `captured` are values of the user's, which travel as what closures capture does. Those that `filter`,
 * `fold` and the like call keep nothing between two calls: a slot uses one for many tasks.
 */
const MAKERS = {
  /** For `fold`: adds a record to a sketch. */
  sketchAdd: (data: SketchSettings): AnyFunction => {
    const hll = new HyperLogLog(data.p, data.sparse);
    return (sketch: DistinctSketch, value: unknown) => hll.add(sketch, value);
  },
  sketchCreate: (data: SketchSettings): AnyFunction => {
    const hll = new HyperLogLog(data.p, data.sparse);
    return (value: unknown) => hll.add(hll.empty(), value);
  },
  sketchMerge: (data: SketchSettings): AnyFunction => {
    const hll = new HyperLogLog(data.p, data.sparse);
    return (sketch: DistinctSketch, other: DistinctSketch) => hll.merge(sketch, other);
  },
  sketchEstimate: (data: SketchSettings): AnyFunction => {
    const hll = new HyperLogLog(data.p, data.sparse);
    return (sketch: DistinctSketch) => hll.estimate(sketch);
  },
  /** For `fold`: Welford's step. */
  statsAdd: (_data: null): AnyFunction => addToStats,
  /** For `fold`: the least and the greatest. NaN makes both NaN. */
  rangeAdd:
    (_data: null): AnyFunction =>
    (range: [number, number], x: number) => {
      range[0] = Math.min(range[0], x);
      range[1] = Math.max(range[1], x);
      return range;
    },
  /** For `fold`: counts in buckets. */
  bucketAdd: (data: { readonly edges: readonly number[]; readonly even: boolean }): AnyFunction =>
    bucketCounter(data.edges, data.even),
  /** For `filter`, of pairs: keys from captured[0] to captured[1], in the order of captured[2] if that is a function. */
  keyInRange: (_data: null, [low, high, compare]: readonly unknown[]): AnyFunction => {
    const order = typeof compare === 'function' ? checkedCompare(compare as typeof compareValues) : compareValues;
    return ([key]: readonly [unknown, unknown]) => order(key, low) >= 0 && order(key, high) <= 0;
  },
  /** For `mapPartitionsWithIndex`, of pairs: captured[0] are the fractions, [key, fraction] each. */
  sampleByKey: (
    data: { readonly withReplacement: boolean; readonly seed: number },
    [fractions]: readonly unknown[],
  ): AnyFunction => sampleByFractions(fractions as Fractions, data.withReplacement, data.seed),
};

interface SketchSettings {
  readonly p: number;
  readonly sparse: number;
}

type Makers = typeof MAKERS;
export type BuiltInName = keyof Makers;

/** A value of the user's that a function needs, and what to call it in an error. */
type Captured = readonly [value: unknown, what: string];

interface BuiltIn {
  readonly name: BuiltInName;
  readonly data: unknown;
  readonly captured: readonly Captured[];
}

const known = new WeakMap<AnyFunction, BuiltIn>();

/** A function that the driver may call, and that programs ship by its name. */
export function builtIn<N extends BuiltInName>(
  name: N,
  data: Parameters<Makers[N]>[0],
  captured: readonly Captured[] = [],
): AnyFunction {
  const made = make(
    name,
    data,
    captured.map(([value]) => value),
  );
  // Two makers may give one function; each caller needs one of its own to tell them apart by.
  const own: AnyFunction = (...args: never[]) => made(...args);
  known.set(own, { name, data, captured });
  return own;
}

/** What a value stands for, when it is a function of `builtIn`. */
export function builtInOf(value: unknown): BuiltIn | undefined {
  return typeof value === 'function' ? known.get(value as AnyFunction) : undefined;
}

/** Fills in a program's own functions among those that came as closures. */
export function withBuiltIns(calls: readonly BuiltInCall[], functions: readonly unknown[]): readonly unknown[] {
  if (calls.length === 0) return functions;
  const all = functions.slice();
  for (const { ref, name, data, captured } of calls) {
    all[ref] = make(
      name as BuiltInName, // names come from builtIn() alone
      data,
      captured.map((r: Ref) => functions[r]),
    );
  }
  return all;
}

function make(name: BuiltInName, data: unknown, captured: readonly unknown[]): AnyFunction {
  return (MAKERS[name] as (data: unknown, captured: readonly unknown[]) => AnyFunction)(data, captured);
}
