import { IllegalArgumentError } from '../base/errors.ts';
import { statsSink } from './approximate-actions.ts';
import { builtIn } from './built-in-functions.ts';
import { type Action, type ActionOptions, type FutureAction, startAction } from './future-action.ts';
import { checkEdges, evenEdges } from './histogram-buckets.ts';
import { everyPartition, resultsInOrder } from './results.ts';
import type { SinkSpec } from './sink-spec.ts';
import type { Site } from './site.ts';
import { StatCounter, type StatData } from './stat-counter.ts';
import { describe } from './user-function.ts';

// Actions of RDDs of numbers. Spark: DoubleRDDFunctions

/** @param of what of the statistics the caller wants. */
export function stats<R>(at: Site, of: (stats: StatCounter) => R, options?: ActionOptions): FutureAction<R> {
  return startAction(at.jobs, at.callSite, options, async (action) => {
    const all = new StatCounter();
    await resultsInOrder<StatData>(action, at.node, statsSink(at), everyPartition(at.node), (part) => {
      all.merge(StatCounter.fromData(part));
    });
    return of(all);
  });
}

/** Each task has a counter for each of them, and the driver some copies: with more its memory ends. */
const MAX_BUCKETS = 2 ** 22;

/** Buckets of equal width between the least and the greatest number, which a job finds first. */
export function histogramOf(
  at: Site,
  buckets: unknown,
  options?: ActionOptions,
): FutureAction<[edges: number[], counts: number[]]> {
  if (typeof buckets !== 'number' || !Number.isInteger(buckets) || buckets < 1) {
    throw new IllegalArgumentError(
      `buckets array must have at least two elements: histogram() needs at least one bucket, but was given ${describe(buckets)}`,
    );
  }
  if (buckets > MAX_BUCKETS)
    throw new IllegalArgumentError(
      `histogram() counts in at most ${MAX_BUCKETS} buckets, but was given ${buckets}; count by a key instead`,
    );
  return startAction(at.jobs, at.callSite, options, async (action) => {
    let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    const zero = [min, max];
    const sink: SinkSpec = { kind: 'fold', operator: at.operator, zero, op: builtIn('rangeAdd', null) };
    await resultsInOrder<[number, number]>(action, at.node, sink, everyPartition(at.node), (part) => {
      min = Math.min(min, part[0]);
      max = Math.max(max, part[1]);
    });
    const edges = evenEdges(min, max, buckets);
    return [edges, await bucketCounts(action, at, edges, true)];
  });
}

export function histogramBetween(
  at: Site,
  given: unknown,
  even: boolean,
  options?: ActionOptions,
): FutureAction<number[]> {
  const edges = checkEdges(given);
  return startAction(at.jobs, at.callSite, options, (action) => bucketCounts(action, at, edges, even));
}

async function bucketCounts(action: Action, at: Site, edges: readonly number[], even: boolean): Promise<number[]> {
  const counts: number[] = new Array(edges.length - 1).fill(0);
  const op = builtIn('bucketAdd', { edges, even });
  const sink: SinkSpec = { kind: 'fold', operator: at.operator, zero: counts.slice(), op };
  await resultsInOrder<number[]>(action, at.node, sink, everyPartition(at.node), (part) => {
    for (let i = 0; i < part.length; i++) counts[i] = (counts[i] as number) + (part[i] as number);
  });
  return counts;
}
