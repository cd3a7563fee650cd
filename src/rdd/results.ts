import type { Action } from './future-action.ts';
import type { RDDNode } from './rdd-node.ts';
import { decodeResult } from './sink-results.ts';
import type { SinkSpec } from './sink-spec.ts';

/** 0, 1, … up to the last partition. */
export function everyPartition(node: RDDNode): readonly number[] {
  return Array.from({ length: node.numPartitions }, (_, p) => p);
}

/**
 * Runs one job and hands its results on in the order of `partitions`, each as soon as all before it are there. So a merge
 * gives the same answer in every run, and only what came too early is held back. (Spark merges in order of arrival.)
 */
export async function resultsInOrder<R>(
  action: Action,
  node: RDDNode,
  sink: SinkSpec,
  partitions: readonly number[],
  take: (result: R) => void,
): Promise<void> {
  const early = new Map<number, R>();
  let next = 0;
  await action.run(node, sink, partitions, (index, bytes) => {
    // Each sink's results are of the type that sink-results.ts says.
    early.set(index, decodeResult(sink, bytes) as R);
    while (early.has(next)) {
      const result = early.get(next) as R;
      early.delete(next);
      next++;
      take(result);
    }
  });
}

/** The results of one job in the order of `partitions`. */
export async function allResults<R>(
  action: Action,
  node: RDDNode,
  sink: SinkSpec,
  partitions: readonly number[],
): Promise<readonly R[]> {
  const results: R[] = new Array(partitions.length);
  await action.run(node, sink, partitions, (index, bytes) => {
    results[index] = decodeResult(sink, bytes) as R;
  });
  return results;
}

/** As many arrays as `concat` takes at once without filling the stack. */
const CONCAT_WIDTH = 8192;

/** One array of all records, in order; cheap also for many partitions. */
export function concatenated<T>(parts: readonly (readonly T[])[]): T[] {
  const out: T[] = [];
  if (parts.length <= CONCAT_WIDTH) return out.concat(...parts);
  const wide: T[][] = [];
  for (let i = 0; i < parts.length; i += CONCAT_WIDTH) wide.push(out.concat(...parts.slice(i, i + CONCAT_WIDTH)));
  return concatenated(wide);
}

/** An array that is nobody else's, of at most `limit` records of two sorted arrays, in order; equal ones of `a` first. */
export function mergeSorted<T>(
  a: readonly T[],
  b: readonly T[],
  limit: number,
  compare: (a: unknown, b: unknown) => number,
): T[] {
  const out: T[] = [];
  let i = 0;
  let j = 0;
  while (out.length < limit && (i < a.length || j < b.length)) {
    const fromA = j >= b.length || (i < a.length && compare(a[i], b[j]) <= 0);
    out.push((fromA ? a[i++] : b[j++]) as T); // the index was compared with the length
  }
  return out;
}
