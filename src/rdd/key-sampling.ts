import { IllegalArgumentError } from '../base/errors.ts';
import { shortInspect } from '../base/value-errors.ts';
import { builtIn } from './built-in-functions.ts';
import { StratifiedSampleRDD } from './nodes/stratified-sample-rdd.ts';
import type { RDDNode } from './rdd-node.ts';
import { checkSeed, checkWithReplacement } from './sampling.ts';
import { onto, type Site } from './site.ts';
import { combinedInPlace, narrow, narrowOp } from './transformations.ts';
import { describe } from './user-function.ts';

// Samples in which each key has a fraction of its own. Spark: PairRDDFunctions.sampleByKey, sampleByKeyExact

type Fractions = readonly (readonly [key: unknown, fraction: number])[];

/** About the fraction of each key's pairs; no pass over the data but the sampling itself. */
export function sampleByKey(at: Site, withReplacement: unknown, given: unknown, seed: number | undefined): RDDNode {
  checkWithReplacement(at, withReplacement);
  const fractions = checkFractions(at, given);
  const f = builtIn('sampleByKey', { withReplacement, seed: checkSeed(at, seed) }, [
    [fractions, `the fractions passed to ${at.operator}()`],
  ]);
  const plan = (parent: number, builder: { ref(value: unknown, what: string): number }) =>
    ({
      kind: 'MapPartitions',
      parent,
      f: builder.ref(f, `the function of ${at.operator}()`),
      withIndex: true,
    }) as const;
  return narrow(at, true, plan, true);
}

/** Exactly the fraction of each key's pairs, rounded up; a job counts keys first. */
export function sampleByKeyExact(
  at: Site,
  withReplacement: unknown,
  given: unknown,
  seed: number | undefined,
): RDDNode {
  checkWithReplacement(at, withReplacement);
  const ones = narrowOp(at, { op: 'pairKeyWithOne' });
  const counting = combinedInPlace(onto(at, ones), { kind: 'sum' });
  return new StratifiedSampleRDD(at.jobs.newRddId(), at.callSite, at.node, {
    withReplacement,
    fractions: checkFractions(at, given),
    seed: checkSeed(at, seed),
    counting,
  });
}

function checkFractions(at: Site, given: unknown): Fractions {
  if (!(given instanceof Map))
    throw new IllegalArgumentError(
      `${at.operator}() needs a Map of keys to fractions, but was given ${describe(given)}`,
    );
  const fractions = [...given] as (readonly [unknown, unknown])[];
  for (const [key, fraction] of fractions) {
    if (typeof fraction !== 'number' || !Number.isFinite(fraction))
      throw new IllegalArgumentError(
        `the fraction that ${at.operator}() was given for ${shortInspect(key)} is ${describe(fraction)}, not a number`,
      );
    if (fraction < 0)
      throw new IllegalArgumentError(
        `Negative sampling rates: the fraction that ${at.operator}() was given for ${shortInspect(key)} is ${fraction}`,
      );
  }
  return fractions as Fractions; // each was looked at
}
