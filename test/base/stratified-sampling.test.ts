import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sampleByQuotas, shareQuotas } from '../../src/base/stratified-sampling.ts';

type Pair = [key: string, value: number];

const partitions = fc.array(
  fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 0, max: 9 })), { maxLength: 30 }),
  { maxLength: 6 },
);

function countsOf(parts: readonly (readonly Pair[])[]): [string, number][][] {
  return parts.map((part) => {
    const counts = new Map<string, number>();
    for (const [key] of part) counts.set(key, (counts.get(key) ?? 0) + 1);
    return [...counts];
  });
}

test('quotas add up to what is wanted, none above what a partition has unless with replacement, and are met exactly', () => {
  fc.assert(
    fc.property(
      partitions,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.boolean(),
      fc.integer(),
      (parts, fraction, withReplacement, seed) => {
        const totals = new Map<string, number>();
        for (const [key] of parts.flat()) totals.set(key, (totals.get(key) ?? 0) + 1);
        const counts = countsOf(parts);
        const quotas = shareQuotas(counts, (_, total) => Math.ceil(total * fraction), withReplacement, seed);
        assert.equal(quotas.length, parts.length);
        const taken = parts.flatMap((part, p) => {
          for (const [key, available, wanted] of quotas[p] ?? []) {
            assert.equal(available, new Map(counts[p]).get(key as string));
            assert.ok(wanted > 0 && (withReplacement || wanted <= available));
          }
          return [...sampleByQuotas(quotas[p] ?? [], withReplacement, seed, p, part)];
        });
        for (const [key, total] of totals)
          assert.equal(taken.filter(([k]) => k === key).length, Math.ceil(total * fraction), `of ${key}`);
      },
    ),
  );
});

test('every set of pairs is as likely as any other', () => {
  const parts: Pair[][] = [
    [
      ['k', 0],
      ['k', 1],
    ],
    [['k', 2]],
    [
      ['k', 3],
      ['k', 4],
    ],
  ];
  const seen = new Map<string, number>();
  const runs = 4000;
  for (let seed = 0; seed < runs; seed++) {
    const quotas = shareQuotas(countsOf(parts), () => 2, false, seed);
    const taken = parts.flatMap((part, p) => [...sampleByQuotas(quotas[p] ?? [], false, seed, p, part)]);
    const set = taken.map(([, x]) => x).join();
    seen.set(set, (seen.get(set) ?? 0) + 1);
  }
  assert.equal(seen.size, 10);
  // 400 each; five standard deviations are 95.
  for (const [set, n] of seen) assert.ok(Math.abs(n - runs / 10) < 95, `${set}: ${n}`);
});

test('a partition that came out smaller than it was counted gives what it has', () => {
  const taken = [
    ...sampleByQuotas([['k', 10, 5]], false, 1, 0, [
      ['k', 1],
      ['l', 2],
    ]),
  ];
  assert.ok(taken.length <= 1);
});
