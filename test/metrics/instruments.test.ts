import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { seededRandom } from '../../src/base/seeded-random.ts';
import { Counter, gauge, Histogram, Meter, Timer } from '../../src/metrics/instruments.ts';
import { takeSnapshot } from '../../src/metrics/metrics-snapshot.ts';
import { SampleValues } from '../../src/metrics/sample-values.ts';
import { ManualClock } from '../kit/manual-clock.ts';

function dice(seed: number): () => number {
  const random = seededRandom(seed, 0);
  return () => random.next();
}

describe('a sample', () => {
  test('tells quantiles by weight', () => {
    const even = new SampleValues([5, 1, 2, 3, 4], [1, 1, 1, 1, 1]);
    assert.deepEqual(even.values, [1, 2, 3, 4, 5]);
    assert.equal(even.quantile(0.5), 3);
    assert.equal(even.quantile(0), 1);
    assert.equal(even.quantile(0.999), 5);
    assert.equal(even.mean, 3);
    assert.ok(Math.abs(even.stddev - Math.SQRT2) < 1e-12);
    const heavy = new SampleValues([1, 2, 3], [1, 1, 8]);
    assert.equal(heavy.quantile(0.5), 3);
    assert.ok(Math.abs(heavy.mean - 2.7) < 1e-12);
  });

  test('of nothing is all zeros', () => {
    const { min, max, mean, stddev } = new SampleValues([], []);
    assert.deepEqual([min, max, mean, stddev, new SampleValues([], []).quantile(0.5)], [0, 0, 0, 0, 0]);
    assert.equal(new SampleValues([7], [3]).stddev, 0);
  });
});

describe('a histogram', () => {
  test('has all values while they are few, and a bounded sample of many', () => {
    const histogram = new Histogram(new ManualClock(), dice(1));
    for (let i = 1; i <= 100; i++) histogram.update(i);
    assert.deepEqual(
      histogram.values().values,
      Array.from({ length: 100 }, (_, i) => i + 1),
    );
    for (let i = 101; i <= 10_000; i++) histogram.update(i);
    assert.equal(histogram.count, 10_000);
    const sample = histogram.values();
    assert.equal(sample.values.length, 1028);
    // The dice are seeded: a spread of 3 % is far from what they give.
    assert.ok(Math.abs(sample.quantile(0.5) - 5000) < 500, String(sample.quantile(0.5)));
  });

  test('forgets what is long ago', () => {
    const clock = new ManualClock();
    const histogram = new Histogram(clock, dice(2));
    for (let i = 0; i < 2000; i++) histogram.update(1);
    clock.advance(30 * 60_000);
    for (let i = 0; i < 2000; i++) histogram.update(2);
    assert.equal(histogram.values().quantile(0.01), 2);
  });

  test('goes on over hours without numbers that grow out of bounds', () => {
    const clock = new ManualClock();
    const histogram = new Histogram(clock, dice(3));
    for (let hour = 0; hour < 200; hour++) {
      for (let i = 0; i < 20; i++) histogram.update(hour);
      clock.advance(3_600_000);
    }
    const sample = histogram.values();
    assert.ok(Number.isFinite(sample.mean));
    assert.equal(sample.quantile(0.5), 199);
  });
});

describe('a meter', () => {
  test('has rates of one, five and fifteen minutes, which fade', () => {
    const clock = new ManualClock();
    const meter = new Meter(clock);
    for (let second = 0; second < 5; second++) {
      meter.mark(10);
      clock.advance(1000);
    }
    const first = meter.rates();
    assert.deepEqual([first.m1, first.m5, first.m15, first.mean], [10, 10, 10, 10]);
    clock.advance(60_000);
    const { m1, m5, m15, mean } = meter.rates();
    assert.ok(Math.abs(m1 - 10 * Math.exp(-1)) < 1e-9, String(m1));
    assert.ok(Math.abs(m5 - 10 * Math.exp(-1 / 5)) < 1e-9);
    assert.ok(Math.abs(m15 - 10 * Math.exp(-1 / 15)) < 1e-9);
    assert.ok(Math.abs(mean - 50 / 65) < 1e-9);
  });

  test('makes up for ticks at which nobody looked, as if somebody had', () => {
    const watched = new ManualClock();
    const alone = new ManualClock();
    const [a, b] = [new Meter(watched), new Meter(alone)];
    a.mark(100);
    b.mark(100);
    for (let i = 0; i < 24; i++) {
      watched.advance(5000);
      a.rates();
    }
    alone.advance(24 * 5000);
    assert.ok(Math.abs(a.rates().m1 - b.rates().m1) < 1e-9);
  });

  test('that nobody has marked has rates of 0', () => {
    const clock = new ManualClock();
    const meter = new Meter(clock);
    assert.deepEqual(meter.rates(), { m1: 0, m5: 0, m15: 0, mean: 0 });
    clock.advance(7000);
    assert.deepEqual(meter.rates(), { m1: 0, m5: 0, m15: 0, mean: 0 });
  });
});

test('a snapshot has all metrics by full name, in the order of names, without gauges that fail', () => {
  const clock = new ManualClock(10_000);
  const counter = new Counter();
  counter.inc(2);
  const timer = new Timer(clock, dice(4));
  timer.update(1.5);
  const snapshot = takeSnapshot(
    [
      {
        name: 'b',
        metrics: {
          z: gauge(() => 1),
          broken: gauge(() => {
            throw new Error('no');
          }),
          infinite: gauge(() => Number.POSITIVE_INFINITY),
          text: gauge(() => 'x'),
        },
      },
      { name: 'a', metrics: { z: gauge(() => 2), n: counter, t: timer } },
    ],
    'app-1.driver.',
    clock.now(),
  );
  assert.deepEqual(Object.entries(snapshot.gauges), [
    ['app-1.driver.a.z', 2],
    ['app-1.driver.b.text', 'x'],
    ['app-1.driver.b.z', 1],
  ]);
  assert.deepEqual(snapshot.counters, { 'app-1.driver.a.n': 2 });
  assert.equal(snapshot.at, 10_000);
  assert.equal(snapshot.timers['app-1.driver.a.t']?.p50, 1.5);
  assert.equal(snapshot.timers['app-1.driver.a.t']?.count, 1);
});
