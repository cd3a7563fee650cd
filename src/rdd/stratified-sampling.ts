import { IskraError } from '../base/errors.ts';
import { nextBinomial, nextPoisson } from '../base/random-variates.ts';
import { seededRandom } from '../base/seeded-random.ts';
import { shortInspect } from '../base/value-errors.ts';
import { ValueMap } from '../base/value-map.ts';

// What tasks do for sampleByKey and sampleByKeyExact.

type Pair = readonly [key: unknown, value: unknown];

/** [key, fraction] each. */
export type Fractions = readonly (readonly [key: unknown, fraction: number])[];

/** What a partition has of a key, and how many of those to take: [key, available, wanted] each. */
export type Quotas = readonly (readonly [key: unknown, available: number, wanted: number])[];

/** Takes each pair with its key's fraction as probability, or as the expected number of times. */
export function sampleByFractions(
  fractions: Fractions,
  withReplacement: boolean,
  seed: number,
): (partition: number, pairs: Iterable<Pair>) => Generator<Pair> {
  const byKey = new ValueMap(fractions);
  return function* (partition, pairs) {
    const random = seededRandom(seed, partition);
    for (const pair of pairs) {
      const fraction = byKey.get(pair[0]) ?? noFraction(pair[0]);
      if (!withReplacement) {
        if (random.next() < fraction) yield pair;
      } else for (let n = nextPoisson(random, fraction); n > 0; n--) yield pair;
    }
  };
}

/**
 * Takes exactly as many pairs of each key as its quota says, each choice as likely as any other: a pair is taken with the
 * probability that what is still wanted leaves for it.
 *
 * Source: Knuth, The Art of Computer Programming, 3.4.2, algorithm S; with replacement by the binomial shares of a multinomial.
 */
export function* sampleByQuotas(
  quotas: Quotas,
  withReplacement: boolean,
  seed: number,
  partition: number,
  pairs: Iterable<Pair>,
): Generator<Pair> {
  const left = new ValueMap(quotas.map(([key, available, wanted]) => [key, { available, wanted }]));
  const random = seededRandom(seed, partition);
  for (const pair of pairs) {
    const quota = left.get(pair[0]);
    if (quota === undefined) continue; // it was not there when the records were counted
    const { available, wanted } = quota;
    quota.available = Math.max(1, available - 1);
    if (wanted === 0) continue;
    let times: number;
    if (withReplacement) times = nextBinomial(random, wanted, 1 / available);
    else times = random.next() * available < wanted ? 1 : 0;
    quota.wanted -= times;
    for (; times > 0; times--) yield pair;
  }
}

/** Spark's map answers so, too. */
export function noFraction(key: unknown): never {
  throw new IskraError(
    'KEY_NOT_FOUND',
    `key not found: ${shortInspect(key)}; sampleByKey() needs a fraction for every key, 0 for those to leave out`,
  );
}
