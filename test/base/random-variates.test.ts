import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextBinomial, nextHypergeometric, nextPoisson } from '../../src/base/random-variates.ts';
import { seededRandom } from '../../src/base/seeded-random.ts';

const DRAWS = 20_000;

/** Mean and variance of many draws are within five standard errors of what they should be. */
function check(name: string, draw: () => number, mean: number, variance: number): void {
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < DRAWS; i++) {
    const x = draw();
    assert.ok(Number.isInteger(x) && x >= 0, `${name}: ${x}`);
    sum += x - mean;
    squares += (x - mean) ** 2;
  }
  const off = sum / DRAWS / Math.sqrt(variance / DRAWS);
  assert.ok(Math.abs(off) < 5, `${name}: the mean is ${off} standard errors off`);
  const ratio = squares / DRAWS / variance;
  assert.ok(ratio > 0.85 && ratio < 1.15, `${name}: the variance is ${ratio} of what it should be`);
}

test('Poisson counts have the mean and the variance of their distribution', () => {
  const random = seededRandom(1);
  for (const mean of [0.3, 1, 7.5, 60, 1000, 1e6])
    check(`Poisson(${mean})`, () => nextPoisson(random, mean), mean, mean);
  assert.equal(nextPoisson(random, 0), 0);
});

test('binomial counts have the mean and the variance of their distribution', () => {
  const random = seededRandom(2);
  const cases: [trials: number, p: number][] = [
    [1, 0.5],
    [10, 0.1],
    [10, 0.95],
    [1000, 0.3],
    [1e9, 1e-6],
    [1e6, 0.999],
  ];
  for (const [n, p] of cases) check(`Binomial(${n}, ${p})`, () => nextBinomial(random, n, p), n * p, n * p * (1 - p));
  assert.equal(nextBinomial(random, 7, 1), 7);
  assert.equal(nextBinomial(random, 7, 0), 0);
  assert.equal(nextBinomial(random, 0, 0.5), 0);
});

test('hypergeometric counts have the mean and the variance of their distribution', () => {
  const random = seededRandom(3);
  const cases: [all: number, marked: number, drawn: number][] = [
    [10, 4, 5],
    [100, 90, 30],
    [1000, 10, 500],
    [1e6, 3e5, 2e5],
    [1e8, 5e7, 1e6],
  ];
  for (const [all, marked, drawn] of cases) {
    const share = marked / all;
    const variance = drawn * share * (1 - share) * ((all - drawn) / (all - 1));
    const draw = (): number => nextHypergeometric(random, all, marked, drawn);
    check(`Hypergeometric(${all}, ${marked}, ${drawn})`, draw, drawn * share, variance);
  }
});

test('hypergeometric counts leave no room for others where there is none', () => {
  const random = seededRandom(4);
  assert.equal(nextHypergeometric(random, 10, 10, 3), 3);
  assert.equal(nextHypergeometric(random, 10, 0, 3), 0);
  assert.equal(nextHypergeometric(random, 10, 4, 10), 4);
  for (let i = 0; i < 1000; i++) {
    const k = nextHypergeometric(random, 10, 7, 6);
    assert.ok(k >= 3 && k <= 6);
  }
});

test('the same seed draws the same counts', () => {
  const draw = (): number[] => {
    const random = seededRandom(9, 1);
    return Array.from({ length: 50 }, () => nextBinomial(random, 50, 0.4));
  };
  assert.deepEqual(draw(), draw());
});
