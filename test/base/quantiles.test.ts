import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalQuantile, poissonQuantile, studentTQuantile } from '../../src/base/quantiles.ts';

const near = (actual: number, expected: number, error: number): void =>
  assert.ok(Math.abs(actual - expected) <= error, `${actual} instead of ${expected}`);

test('quantiles of the normal distribution are those of the tables', () => {
  near(normalQuantile(0.975), 1.959963984540054, 1e-12);
  near(normalQuantile(0.95), 1.6448536269514722, 1e-12);
  near(normalQuantile(0.995), 2.5758293035489004, 1e-12);
  near(normalQuantile(0.9999), 3.719016485455709, 1e-10);
  near(normalQuantile(0.8413447460685429), 1, 1e-12);
  near(normalQuantile(0.025), -1.959963984540054, 1e-12);
  assert.equal(normalQuantile(0.5), 0);
  assert.equal(normalQuantile(1), Number.POSITIVE_INFINITY);
  assert.equal(normalQuantile(0), Number.NEGATIVE_INFINITY);
  assert.ok(normalQuantile(1 - 2 ** -53) > 8);
});

test("quantiles of Student's distribution are those of the tables", () => {
  const table: [degrees: number, p: number, t: number][] = [
    [1, 0.975, 12.706204736432095],
    [1, 0.75, 1],
    [2, 0.975, 4.302652729911275],
    [3, 0.95, 2.3533634348018264],
    [4, 0.995, 4.604094871415897],
    [5, 0.9, 1.4758840488244818],
    [10, 0.975, 2.2281388519649385],
    [30, 0.975, 2.0422724563012373],
    [60, 0.995, 2.660283028855037],
    [99, 0.975, 1.9842169515086827],
  ];
  for (const [degrees, p, t] of table) near(studentTQuantile(p, degrees), t, 1e-8);
  near(studentTQuantile(0.025, 10), -2.2281388519649385, 1e-8);
  assert.equal(studentTQuantile(1, 5), Number.POSITIVE_INFINITY);
});

/** The definition, in plain sums. */
function poissonByDefinition(p: number, mean: number): number {
  let term = Math.exp(-mean);
  let sum = term;
  let k = 0;
  while (sum < p) {
    k++;
    term *= mean / k;
    sum += term;
  }
  return k;
}

test('a quantile of a Poisson distribution is the least count that is likely enough', () => {
  for (const mean of [0.01, 0.5, 1, 3.7, 10, 99.5, 400, 700])
    for (const p of [1e-6, 0.025, 0.05, 0.3, 0.5, 0.7, 0.95, 0.975, 0.999999])
      assert.equal(poissonQuantile(p, mean), poissonByDefinition(p, mean), `p ${p}, mean ${mean}`);
});

test('quantiles of large Poisson distributions go over into the normal ones without a step', () => {
  for (const p of [0.025, 0.5, 0.975]) {
    const exact = poissonQuantile(p, 1e8);
    const approximate = poissonQuantile(p, 1e8 + 1);
    near(exact, approximate, 5);
  }
  near(poissonQuantile(0.975, 1e12), 1e12 + 1.96e6, 1e3);
});

test('the ends of a Poisson distribution', () => {
  assert.equal(poissonQuantile(0, 5), 0);
  assert.equal(poissonQuantile(1, 5), Number.POSITIVE_INFINITY);
  assert.equal(poissonQuantile(0.9, 0), 0);
});
