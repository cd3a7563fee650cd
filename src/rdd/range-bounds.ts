import type { JobRunner } from './job-runner.ts';
import type { PrepareOptions } from './prepare-lineage.ts';
import type { RDDNode } from './rdd-node.ts';
import { runPreparingJob } from './shared-preparation.ts';

/** Partitions are seldom of one size, so each gives this many times its share. Spark: RangePartitioner */
const OVERSAMPLING = 3;

/** A sampled key and how many keys it stands for. */
export interface WeightedKey {
  readonly key: unknown;
  readonly weight: number;
}

/**
 * Samples an RDD of keys in one job, and again those partitions that turned out to hold far more than the others.
 *
 * @param wanted about how many keys to have in the end, over all partitions.
 *
 * Spark: RangePartitioner.rangeBounds
 */
export async function sampleKeys(
  jobs: JobRunner,
  keys: RDDNode,
  wanted: number,
  seed: number,
  options: PrepareOptions,
): Promise<readonly WeightedKey[]> {
  const { numPartitions } = keys;
  if (numPartitions === 0) return [];
  const perPartition = Math.ceil((OVERSAMPLING * wanted) / numPartitions);
  const all = Array.from({ length: numPartitions }, (_, p) => p);
  const sketches = (await runPreparingJob(
    jobs,
    keys,
    { kind: 'reservoir', limit: perPartition, seed },
    all,
    options,
  )) as readonly [count: number, sample: readonly unknown[]][];

  let total = 0;
  for (const [count] of sketches) total += count;
  const fraction = Math.min(wanted / Math.max(total, 1), 1);
  const sampled: WeightedKey[] = [];
  const heavy: number[] = [];
  sketches.forEach(([count, sample], partition) => {
    if (fraction * count > perPartition) {
      heavy.push(partition);
      return;
    }
    for (const key of sample) sampled.push({ key, weight: count / sample.length });
  });
  if (heavy.length > 0) {
    const again = (await runPreparingJob(
      jobs,
      keys,
      { kind: 'bernoulli', fraction, seed: ~seed },
      heavy,
      options,
    )) as unknown[][];
    for (const part of again) for (const key of part) sampled.push({ key, weight: 1 / fraction });
  }
  return sampled;
}

/**
 * Chooses at most `parts - 1` keys that cut the sample into parts of about equal weight. Equal keys never straddle a bound.
 *
 * Spark: RangePartitioner.determineBounds
 */
export function rangeBounds(
  sample: readonly WeightedKey[],
  parts: number,
  compare: (a: unknown, b: unknown) => number,
): readonly unknown[] {
  const ordered = [...sample].sort((a, b) => compare(a.key, b.key));
  let total = 0;
  for (const { weight } of ordered) total += weight;
  const step = total / parts;
  const bounds: unknown[] = [];
  let before = 0;
  let target = step;
  for (const { key, weight } of ordered) {
    if (bounds.length >= parts - 1) break;
    before += weight;
    if (before < target) continue;
    if (bounds.length > 0 && compare(key, bounds.at(-1)) <= 0) continue;
    bounds.push(key);
    target += step;
  }
  return bounds;
}
