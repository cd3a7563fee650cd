import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../src/base/seeded-random.ts';
import { CountEvaluator, GroupedCountEvaluator, MeanEvaluator, SumEvaluator } from '../../src/rdd/evaluators.ts';
import { BoundedDouble, PartialResult } from '../../src/rdd/partial-result.ts';
import { StatCounter } from '../../src/rdd/stat-counter.ts';

const { POSITIVE_INFINITY: UP, NEGATIVE_INFINITY: DOWN } = Number;
const statsOf = (values: readonly number[]): ReturnType<StatCounter['toData']> => new StatCounter(values).toData();

test('after the last task every evaluator is exact', () => {
  const count = new CountEvaluator(2, 0.95);
  count.merge(1, 3);
  count.merge(0, 4);
  assert.deepEqual(count.currentResult(), new BoundedDouble(7, 1, 7, 7));
  const mean = new MeanEvaluator(2, 0.95);
  const sum = new SumEvaluator(2, 0.95);
  for (const e of [mean, sum]) {
    e.merge(0, statsOf([1, 2, 3]));
    e.merge(1, statsOf([6]));
  }
  assert.deepEqual(mean.currentResult(), new BoundedDouble(3, 1, 3, 3));
  assert.deepEqual(sum.currentResult(), new BoundedDouble(12, 1, 12, 12));
  const grouped = new GroupedCountEvaluator<string>(1, 0.95);
  grouped.merge(0, [['a', 2]]);
  assert.deepEqual(grouped.currentResult(), new Map([['a', new BoundedDouble(2, 1, 2, 2)]]));
});

test('before the first task nothing is known', () => {
  assert.deepEqual(new CountEvaluator(3, 0.9).currentResult(), new BoundedDouble(0, 0, 0, UP));
  assert.deepEqual(new MeanEvaluator(3, 0.9).currentResult(), new BoundedDouble(0, 0, DOWN, UP));
  assert.deepEqual(new SumEvaluator(3, 0.9).currentResult(), new BoundedDouble(0, 0, DOWN, UP));
  assert.deepEqual(new GroupedCountEvaluator(3, 0.9).currentResult(), new Map());
});

test('tasks without records tell nothing', () => {
  const [count, mean, sum] = [new CountEvaluator(3, 0.9), new MeanEvaluator(3, 0.9), new SumEvaluator(3, 0.9)];
  count.merge(0, 0);
  mean.merge(0, statsOf([]));
  sum.merge(0, statsOf([]));
  assert.deepEqual(count.currentResult(), new BoundedDouble(0, 0, 0, UP));
  assert.deepEqual(mean.currentResult(), new BoundedDouble(0, 0, DOWN, UP));
  assert.deepEqual(sum.currentResult(), new BoundedDouble(0, 0, DOWN, UP));
});

test('one record has no variance: its bounds are infinite, never NaN', () => {
  const [mean, sum] = [new MeanEvaluator(4, 0.9), new SumEvaluator(4, 0.9)];
  mean.merge(2, statsOf([5]));
  sum.merge(2, statsOf([5]));
  assert.deepEqual(mean.currentResult(), new BoundedDouble(5, 0.9, DOWN, UP));
  assert.deepEqual(sum.currentResult(), new BoundedDouble(20, 0.9, DOWN, UP));
});

test('a count goes on at the rate of the tasks that are done', () => {
  const half = new CountEvaluator(10, 0.95);
  for (let i = 0; i < 5; i++) half.merge(i, 100);
  const bound = half.currentResult();
  assert.equal(bound.mean, 1000);
  assert.equal(bound.confidence, 0.95);
  // 500 are there; of the others Poisson(500) says 457 to 544.
  assert.deepEqual([bound.low, bound.high], [957, 1044]);
});

test("a mean's bounds are Student's for few records and the normal ones for many", () => {
  const few = new MeanEvaluator(2, 0.95);
  few.merge(0, statsOf([1, 2, 3, 4, 5]));
  const bound = few.currentResult();
  assert.equal(bound.mean, 3);
  // 2.776445 standard errors with four degrees of freedom, each of sqrt(2.5 / 5).
  assert.ok(Math.abs(bound.high - (3 + 2.7764451 * Math.sqrt(0.5))) < 1e-6);
  assert.ok(Math.abs(bound.low + bound.high - 6) < 1e-12);
  const many = new MeanEvaluator(2, 0.95);
  many.merge(0, statsOf(Array.from({ length: 400 }, (_, i) => (i % 2 === 0 ? 0 : 2))));
  assert.ok(Math.abs(many.currentResult().high - (1 + 1.959964 * Math.sqrt(400 / 399 / 400))) < 1e-6);
});

test('equal numbers leave a mean no room, also with full confidence', () => {
  const mean = new MeanEvaluator(2, 1);
  mean.merge(0, statsOf([4, 4, 4]));
  assert.deepEqual(mean.currentResult(), new BoundedDouble(4, 1, 4, 4));
});

test('bounds hold about as often as they say', () => {
  const random = seededRandom(42);
  const [tasks, done, trials] = [20, 8, 300];
  let [counts, sums, means] = [0, 0, 0];
  for (let t = 0; t < trials; t++) {
    const [count, sum, mean] = [
      new CountEvaluator(tasks, 0.9),
      new SumEvaluator(tasks, 0.9),
      new MeanEvaluator(tasks, 0.9),
    ];
    let [allCount, allSum] = [0, 0];
    // Every record lands in a task by chance, as the evaluators take it.
    const parts: number[][] = Array.from({ length: tasks }, () => []);
    const total = 400 + random.nextInt(100);
    for (let i = 0; i < total; i++) (parts[random.nextInt(tasks)] as number[]).push(random.next() * 10);
    parts.forEach((values, task) => {
      allCount += values.length;
      allSum += values.reduce((a, b) => a + b, 0);
      if (task >= done) return;
      count.merge(task, values.length);
      sum.merge(task, statsOf(values));
      mean.merge(task, statsOf(values));
    });
    const within = (b: BoundedDouble, x: number): number => Number(b.low <= x && x <= b.high);
    counts += within(count.currentResult(), allCount);
    sums += within(sum.currentResult(), allSum);
    means += within(mean.currentResult(), allSum / allCount);
  }
  // A count's bounds take the rate that was seen for the true one, as Spark's do, and so hold less often than they say.
  assert.ok(counts / trials > 0.7, `counts: ${counts} of ${trials}`);
  assert.ok(sums / trials > 0.85, `sums: ${sums} of ${trials}`);
  assert.ok(means / trials > 0.85, `means: ${means} of ${trials}`);
});

test('grouped counts join keys that are equal by value', () => {
  const grouped = new GroupedCountEvaluator<readonly number[]>(4, 0.95);
  grouped.merge(0, [[[1], 10]]);
  grouped.merge(1, [
    [[1], 10],
    [[2], 1],
  ]);
  const bounds = [...grouped.currentResult()];
  assert.deepEqual(
    bounds.map(([key, b]) => [key, b.mean]),
    [
      [[1], 40],
      [[2], 2],
    ],
  );
});

test('a final partial result answers at once', async () => {
  const result = new PartialResult(5, null);
  assert.equal(result.initialValue, 5);
  assert.equal(result.isInitialValueFinal, true);
  assert.equal(await result.getFinalValue(), 5);
  assert.equal(String(result), '(final: 5)');
  const heard = await new Promise((resolve) => result.onComplete(resolve));
  assert.equal(heard, 5);
  assert.throws(() => result.onComplete(() => {}), /onComplete cannot be called twice/);
});

test('a partial result becomes final, and tells its handler', async () => {
  const { promise, resolve } = withResolvers<number>();
  const result = new PartialResult(5, promise);
  const doubled = result.map((x) => x * 2);
  assert.equal(result.isInitialValueFinal, false);
  assert.equal(String(result), '(partial: 5)');
  assert.equal(doubled.initialValue, 10);
  const heard = new Promise((done) => result.onComplete(done));
  resolve(8);
  assert.equal(await heard, 8);
  assert.equal(await doubled.getFinalValue(), 16);
  assert.equal(String(result), '(final: 8)');
});

test('a partial result whose job fails tells its failure handler; nobody else has to listen', async () => {
  const { promise, reject } = withResolvers<number>();
  const result = new PartialResult(5, promise);
  let completed = false;
  result.onComplete(() => {
    completed = true;
  });
  const heard = new Promise<unknown>((done) => result.onFail(done));
  assert.throws(() => result.onFail(() => {}), /onFail cannot be called twice/);
  reject(new Error('lost'));
  assert.match(String(await heard), /lost/);
  await assert.rejects(result.getFinalValue(), /lost/);
  assert.equal(completed, false);
  assert.equal(String(result), '(partial: 5)');
});

test('a bounded number is shown as its bounds', () => {
  assert.equal(String(new BoundedDouble(2, 0.9, 1.5, 2.25)), '[1.500, 2.250]');
  assert.equal(String(new BoundedDouble(2, 0.9, DOWN, UP)), '[-Infinity, Infinity]');
});

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
