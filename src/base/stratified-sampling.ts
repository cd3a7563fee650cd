import { IskraError } from './errors.ts';
import { nextBinomial, nextHypergeometric, nextPoisson } from './random-variates.ts';
import { seededRandom } from './seeded-random.ts';
import { shortInspect } from './value-errors.ts';
import { hashValue } from './value-hash.ts';
import { ValueMap } from './value-map.ts';

// sampleByKey and sampleByKeyExact: a fraction of its own for each key.

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

/**
 * Shares out what is wanted of each key, over the partitions that have some of it: as if all were drawn from one urn.
 *
 * @param counts for each partition [key, how many pairs it has] of every key.
 * @param wanted of all pairs of a key.
 */
export function shareQuotas(
  counts: readonly (readonly (readonly [key: unknown, count: number])[])[],
  wanted: (key: unknown, total: number) => number,
  withReplacement: boolean,
  seed: number,
): Quotas[] {
  const byKey = new ValueMap<unknown, { readonly partition: number; readonly count: number }[]>();
  counts.forEach((ofPartition, partition) => {
    for (const [key, count] of ofPartition) {
      const known = byKey.get(key);
      if (known === undefined) byKey.set(key, [{ partition, count }]);
      else known.push({ partition, count });
    }
  });
  const quotas: [unknown, number, number][][] = counts.map(() => []);
  for (const [key, places] of byKey.entries()) {
    let available = places.reduce((sum, { count }) => sum + count, 0);
    let left = wanted(key, available);
    // A stream for each key: the order in which keys were met must not matter.
    const random = seededRandom(seed, hashValue(key));
    for (const { partition, count } of places) {
      const share = withReplacement
        ? nextBinomial(random, left, count / available)
        : nextHypergeometric(random, available, count, left);
      if (share > 0) quotas[partition]?.push([key, count, share]);
      available -= count;
      left -= share;
    }
  }
  return quotas;
}

/** Spark's map answers so, too. */
export function noFraction(key: unknown): never {
  throw new IskraError(
    'KEY_NOT_FOUND',
    `key not found: ${shortInspect(key)}; sampleByKey() needs a fraction for every key, 0 for those to leave out`,
  );
}
