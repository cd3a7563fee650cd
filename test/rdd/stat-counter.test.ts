import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addToStats, NO_STATS, StatCounter } from '../../src/rdd/stat-counter.ts';

const value = fc.double({ min: -1e6, max: 1e6, noNaN: true });

function closeTo(actual: number, expected: number, scale: number, what: string): void {
  if (Number.isNaN(expected)) assert.ok(Number.isNaN(actual), `${what}: ${actual} instead of NaN`);
  else assert.ok(Math.abs(actual - expected) <= 1e-9 * Math.max(1, scale), `${what}: ${actual} instead of ${expected}`);
}

function checkAgainstDefinition(counter: StatCounter, values: readonly number[]): void {
  const n = values.length;
  const sum = values.reduce((a, b) => a + b, 0);
  const mean = n === 0 ? 0 : sum / n;
  const squares = values.reduce((a, x) => a + (x - mean) ** 2, 0);
  const largest = Math.max(1, ...values.map(Math.abs));
  assert.equal(counter.count, n);
  assert.equal(counter.min, Math.min(...values));
  assert.equal(counter.max, Math.max(...values));
  closeTo(counter.sum, sum, largest * n, 'sum');
  closeTo(counter.mean, mean, largest, 'mean');
  closeTo(counter.variance, n === 0 ? Number.NaN : squares / n, largest ** 2, 'variance');
  closeTo(counter.sampleVariance, n < 2 ? Number.NaN : squares / (n - 1), largest ** 2, 'sampleVariance');
  assert.equal(counter.popVariance, counter.variance);
  assert.equal(counter.stdev, Math.sqrt(counter.variance));
  assert.equal(counter.popStdev, counter.stdev);
  assert.equal(counter.sampleStdev, Math.sqrt(counter.sampleVariance));
}

test('added one by one, numbers have the statistics of the definition', () => {
  fc.assert(fc.property(fc.array(value, { maxLength: 200 }), (xs) => checkAgainstDefinition(new StatCounter(xs), xs)));
});

test('merged in any parts, numbers have the same statistics', () => {
  fc.assert(
    fc.property(fc.array(fc.array(value, { maxLength: 60 }), { maxLength: 8 }), (parts) => {
      const all = new StatCounter();
      for (const part of parts) all.merge(new StatCounter(part));
      checkAgainstDefinition(all, parts.flat());
    }),
  );
});

test('what a task adds up is what a counter does', () => {
  fc.assert(
    fc.property(fc.array(fc.double(), { maxLength: 50 }), (xs) => {
      const data = xs.reduce(addToStats, [...NO_STATS]);
      assert.deepEqual(data, [...new StatCounter(xs).toData()]);
    }),
  );
});

test('merging a counter with itself counts everything twice, and leaves a copy alone', () => {
  const counter = new StatCounter([1, 2, 4]);
  const copy = counter.copy();
  counter.merge(counter);
  checkAgainstDefinition(counter, [1, 2, 4, 1, 2, 4]);
  checkAgainstDefinition(copy, [1, 2, 4]);
});

test('digits are not lost to a large mean', () => {
  const counter = new StatCounter([1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16]);
  assert.equal(counter.sampleVariance, 30);
});

test('of nothing: 0, 0, NaN and the infinities', () => {
  const none = new StatCounter();
  assert.deepEqual([none.count, none.mean, none.sum], [0, 0, 0]);
  assert.deepEqual([none.min, none.max], [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
  assert.ok(Number.isNaN(none.variance) && Number.isNaN(none.sampleStdev));
  assert.ok(Number.isNaN(new StatCounter([5]).sampleVariance));
  assert.equal(new StatCounter([5]).variance, 0);
});

test("a counter is shown as Spark's", () => {
  assert.equal(
    String(new StatCounter([1, 2, 3])),
    '(count: 3, mean: 2.000000, stdev: 0.816497, max: 3.000000, min: 1.000000)',
  );
});
