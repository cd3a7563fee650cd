import { randomBytes } from 'node:crypto';
import { IllegalArgumentError, IskraError } from '../base/errors.ts';
import type { SamplerPlan } from '../base/samplers.ts';
import { seededRandom } from '../base/seeded-random.ts';
import { type Action, type ActionOptions, type FutureAction, startAction } from './future-action.ts';
import type { RDDNode } from './rdd-node.ts';
import { allResults, concatenated, everyPartition } from './results.ts';
import type { Site } from './site.ts';
import { narrow } from './transformations.ts';
import { describe } from './user-function.ts';

// Random parts of an RDD. What is chosen depends on the seed, the partition and the position in it, on nothing else.

/** Spark: RDD.sample */
export function sample(at: Site, withReplacement: unknown, fraction: unknown, seed: number | undefined): RDDNode {
  checkWithReplacement(at, withReplacement);
  if (typeof fraction !== 'number' || !(fraction >= 0) || fraction === Infinity)
    throw new IllegalArgumentError(`Fraction must be nonnegative, but got ${describe(fraction)}`);
  if (!withReplacement && fraction > 1)
    throw new IllegalArgumentError(`Sampling fraction (${fraction}) must be on interval [0, 1]`);
  return sampled(at, samplerOf(withReplacement, fraction), checkSeed(at, seed));
}

/**
 * Disjoint parts that together are the whole, provided that partitions come out the same each time they are computed.
 *
 * Spark: RDD.randomSplit
 */
export function randomSplit(at: Site, weights: unknown, seed: number | undefined): readonly RDDNode[] {
  if (!Array.isArray(weights))
    throw new IllegalArgumentError(`${at.operator}() needs an array of numbers, but was given ${describe(weights)}`);
  for (const weight of weights as readonly unknown[]) {
    if (!Number.isFinite(weight))
      throw new IllegalArgumentError(`Weights must be finite numbers, but one is ${describe(weight)}`);
  }
  const list = `[${weights.join(',')}]`;
  if (!weights.every((w) => w >= 0)) throw new IllegalArgumentError(`Weights must be nonnegative, but got ${list}`);
  const sum = weights.reduce((a: number, b: number) => a + b, 0);
  if (!(sum > 0)) throw new IllegalArgumentError(`Sum of weights must be positive, but got ${list}`);
  const common = checkSeed(at, seed);
  let before = 0;
  return weights.map((weight, i) => {
    const lower = Math.min(1, before / sum);
    before += weight;
    // Rounding must not lose the records beyond the last bound.
    const upper = i === weights.length - 1 ? 1 : Math.min(1, before / sum);
    return sampled(at, { kind: 'cell', lower, upper }, common);
  });
}

/** Spark allows for so many standard deviations below Int.MaxValue. */
const STANDARD_DEVIATIONS = 10;
const INT_MAX = 2 ** 31 - 1;

/** The fraction makes a sample large enough 9,999 times of 10,000: so many in a row are no accident. */
const MAX_SAMPLES = 20;

/** Exactly `num` records, or all when there are fewer and none is taken twice; in random order. Spark: RDD.takeSample */
export function takeSample<T>(
  at: Site,
  withReplacement: unknown,
  num: number,
  seed: number | undefined,
  options?: ActionOptions,
): FutureAction<T[]> {
  checkWithReplacement(at, withReplacement);
  if (!Number.isInteger(num))
    throw new IllegalArgumentError(`${at.operator}() needs a whole number of elements, but was given ${describe(num)}`);
  if (num < 0) throw new IllegalArgumentError(`Negative number of elements requested: ${num}`);
  if (num > INT_MAX - Math.trunc(STANDARD_DEVIATIONS * Math.sqrt(INT_MAX)))
    throw new IllegalArgumentError(
      `Cannot support a sample size > Int.MaxValue - ${STANDARD_DEVIATIONS}.0 * math.sqrt(Int.MaxValue), but got ${num}`,
    );
  const random = seededRandom(checkSeed(at, seed));
  return startAction(at.jobs, at.callSite, options, async (action) => {
    if (num === 0) return [];
    let count = 0;
    for (const n of await allResults<number>(action, at.node, { kind: 'count' }, everyPartition(at.node))) count += n;
    if (count === 0) return [];
    if (!withReplacement && num >= count) return shuffle(await collected<T>(action, at.node), random);
    const sampler = samplerOf(withReplacement, fractionFor(num, count, withReplacement));
    for (let attempt = 0; attempt < MAX_SAMPLES; attempt++) {
      const found = await collected<T>(action, sampled(at, sampler, random.nextInt(2 ** 32)));
      if (found.length >= num) return shuffle(found, random).slice(0, num);
    }
    throw new IskraError(
      'SAMPLE_TOO_SMALL',
      `${at.callSite} counted ${count} records, but found fewer than ${num} in each of ${MAX_SAMPLES} samples: the RDD has ` +
        'other records each time it is computed; persist() it before',
    );
  });
}

async function collected<T>(action: Action, node: RDDNode): Promise<T[]> {
  return concatenated(await allResults<T[]>(action, node, { kind: 'collect' }, everyPartition(node)));
}

function sampled(at: Site, sampler: SamplerPlan, seed: number): RDDNode {
  return narrow(at, true, (parent) => ({ kind: 'Sample', parent, sampler, seed }), true);
}

function samplerOf(withReplacement: boolean, fraction: number): SamplerPlan {
  return withReplacement ? { kind: 'poisson', mean: fraction } : { kind: 'bernoulli', fraction };
}

/** A fraction with which a sample has at least `num` of `total` records, nearly always. Spark: SamplingUtils */
function fractionFor(num: number, total: number, withReplacement: boolean): number {
  if (withReplacement) {
    const deviations = num < 6 ? 12 : num < 16 ? 9 : 6;
    return (num + deviations * Math.sqrt(num)) / total;
  }
  const fraction = num / total;
  const gamma = -Math.log(1e-4) / total;
  return Math.min(1, fraction + gamma + Math.sqrt(gamma * gamma + 2 * gamma * fraction));
}

/** Fisher and Yates, in place. */
function shuffle<T>(records: T[], random: { nextInt(bound: number): number }): T[] {
  for (let i = records.length - 1; i > 0; i--) {
    const j = random.nextInt(i + 1);
    const record = records[i] as T; // i and j are below the length
    records[i] = records[j] as T;
    records[j] = record;
  }
  return records;
}

export function checkWithReplacement(at: Site, value: unknown): asserts value is boolean {
  if (typeof value !== 'boolean')
    throw new IllegalArgumentError(
      `withReplacement of ${at.operator}() must be true or false, but is ${describe(value)}`,
    );
}

/** Another one at each call, when none is given. */
export function checkSeed(at: Site, seed: unknown): number {
  if (seed === undefined) return randomBytes(4).readUInt32LE(0);
  if (typeof seed !== 'number' || !Number.isSafeInteger(seed))
    throw new IllegalArgumentError(`seed of ${at.operator}() must be a safe integer, but is ${describe(seed)}`);
  // Generators take 32 bits; those above must count, too.
  return (seed | 0) ^ Math.imul(Math.floor(seed / 2 ** 32), 0x9e3779b1);
}
