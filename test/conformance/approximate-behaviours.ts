import assert from 'node:assert/strict';
import { HashPartitioner } from '../../src/rdd/partitioner.ts';
import type { RDD } from '../../src/rdd/rdd.ts';
import { type Behaviour, newGate, numbers, sorted } from './behaviour.ts';

/** Long enough for any job here, and not waited for. */
const LONG_MS = 60_000;

/** Actions that answer in time with what they know, and those that count with HyperLogLog++. */
export const approximateBehaviours: readonly Behaviour[] = [
  [
    'countApprox in time is exact',
    async (sc) => {
      const answer = await sc.range(0, 1000, 1, 4).countApprox(LONG_MS, 0.9);
      assert.equal(answer.isInitialValueFinal, true);
      const { mean, confidence, low, high } = answer.initialValue;
      assert.deepEqual([mean, confidence, low, high], [1000, 1, 1000, 1000]);
      assert.equal((await answer.getFinalValue()).mean, 1000);
    },
  ],
  [
    'countApprox answers at its timeout while the job goes on',
    async (sc) => {
      const gate = newGate();
      const answer = await gate.hold(sc.range(0, 4, 1, 4)).countApprox(0);
      assert.equal(answer.isInitialValueFinal, false);
      const { mean, confidence, low, high } = answer.initialValue;
      assert.deepEqual([mean, confidence, low, high], [0, 0, 0, Number.POSITIVE_INFINITY]);
      const heard = new Promise<number>((resolve) => answer.onComplete((count) => resolve(count.mean)));
      gate.open();
      assert.equal((await answer.getFinalValue()).mean, 4);
      assert.equal(await heard, 4);
      assert.match(String(answer), /^\(final: /);
    },
  ],
  [
    'countApprox of nothing is exact',
    async (sc) => {
      assert.equal((await sc.emptyRDD().countApprox(LONG_MS)).initialValue.high, 0);
      assert.equal((await sc.parallelize([], 2).countApprox(LONG_MS)).initialValue.high, 0);
    },
  ],
  [
    'approximate actions refuse a confidence that is none, and impossible times',
    async (sc) => {
      const rdd = sc.parallelize([1, 2], 1);
      const pairs = rdd.map((x) => [x, x]);
      for (const wrong of [-0.1, 1.1, Number.NaN]) {
        assert.throws(() => rdd.countApprox(10, wrong), /confidence \(.*\) must be in \[0,1\]/);
        assert.throws(() => rdd.sumApprox(10, wrong), /must be in \[0,1\]/);
        assert.throws(() => rdd.meanApprox(10, wrong), /must be in \[0,1\]/);
        assert.throws(() => rdd.countByValueApprox(10, wrong), /must be in \[0,1\]/);
        assert.throws(() => pairs.countByKeyApprox(10, wrong), /must be in \[0,1\]/);
      }
      for (const wrong of [-1, Number.NaN, Number.POSITIVE_INFINITY, '5' as never])
        assert.throws(() => rdd.countApprox(wrong), /timeout of countApprox\(\)/);
    },
  ],
  [
    'sumApprox and meanApprox in time are exact',
    async (sc) => {
      const rdd = sc.parallelize([1, 2, 3, 6], 3);
      const sum = (await rdd.sumApprox(LONG_MS)).initialValue;
      assert.deepEqual([sum.mean, sum.confidence, sum.low, sum.high], [12, 1, 12, 12]);
      const mean = (await rdd.meanApprox(LONG_MS)).initialValue;
      assert.deepEqual([mean.mean, mean.confidence, mean.low, mean.high], [3, 1, 3, 3]);
    },
  ],
  [
    'countByKeyApprox and countByValueApprox count keys that are equal by value',
    async (sc) => {
      const rdd = sc.parallelize(
        numbers(90).map((x) => [x % 3]),
        4,
      );
      const byValue = (await rdd.countByValueApprox(LONG_MS)).initialValue;
      assert.deepEqual(sorted([...byValue].map(([k, b]) => [k, b.mean, b.confidence])), [
        [[0], 30, 1],
        [[1], 30, 1],
        [[2], 30, 1],
      ]);
      const byKey = (await rdd.map(([x]) => [`k${x}`, x]).countByKeyApprox(LONG_MS)).initialValue;
      assert.deepEqual(sorted([...byKey].map(([k, b]) => [k, b.low, b.high])), [
        ['k0', 30, 30],
        ['k1', 30, 30],
        ['k2', 30, 30],
      ]);
    },
  ],
  [
    'an approximate action whose job fails rejects',
    async (sc) => {
      const failing = sc.range(0, 4, 1, 2).filter((x) => {
        if (x === 3) throw new Error('three is bad');
        return true;
      });
      await assert.rejects(failing.countApprox(LONG_MS), /three is bad/);
    },
  ],
  [
    'an approximate action can be cancelled, also after it has answered',
    async (sc) => {
      const endless = (rdd: RDD<number>): RDD<number> => rdd.mapAsync(() => new Promise<number>(() => {}));
      const stop = new AbortController();
      const waiting = endless(sc.range(0, 2, 1, 2)).countApprox(LONG_MS, 0.95, { signal: stop.signal });
      stop.abort(new Error('changed my mind'));
      await assert.rejects(waiting, /changed my mind/);
      const action = endless(sc.range(0, 2, 1, 2)).countApprox(0);
      const answer = await action;
      const failed = new Promise<unknown>((resolve) => answer.onFail(resolve));
      action.cancel('enough');
      assert.match(String(await failed), /enough/);
      await assert.rejects(answer.getFinalValue(), /enough/);
    },
  ],
  [
    'countApproxDistinct is about right, and almost exact for few records',
    async (sc) => {
      const rdd = sc.range(0, 20_000, 1, 4).map((x) => `v${x % 5000}`);
      for (const [relativeSD, size] of [
        [0.05, 5000],
        [0.01, 5000],
      ] as const) {
        const estimate = await rdd.countApproxDistinct(relativeSD);
        assert.ok(Math.abs(estimate / size - 1) < 4 * relativeSD, `${estimate} for ${relativeSD}`);
      }
      const few = sc.range(0, 1000, 1, 4).map((x) => x % 30);
      assert.equal(await few.countApproxDistinct(), 30);
      assert.equal(await few.countApproxDistinct(0.01), 30);
      assert.equal(await sc.emptyRDD<number>().countApproxDistinct(), 0);
    },
  ],
  [
    'countApproxDistinct takes the settings of HyperLogLog++, with and without lists for small sets',
    async (sc) => {
      const rdd = sc.range(0, 9000, 1, 3).map((x) => x % 3000);
      for (const [p, sp] of [
        [12, 0],
        [12, 12],
        [12, 20],
        [10, 32],
      ] as const) {
        const estimate = await rdd.countApproxDistinct(p, sp);
        assert.ok(Math.abs(estimate / 3000 - 1) < (4 * 1.04) / Math.sqrt(2 ** p), `${estimate} for ${p}, ${sp}`);
      }
    },
  ],
  [
    'countApproxDistinct counts by value',
    async (sc) => {
      const rdd = sc.parallelize([[1, 2], [1, 2], [2, 1], null, null, undefined, 1, 1n, '1', -0, 0], 3);
      assert.equal(await rdd.countApproxDistinct(14, 25), 8);
    },
  ],
  [
    "countApproxDistinct refuses what HyperLogLog++ cannot do, with Spark's texts",
    async (sc) => {
      const rdd = sc.parallelize([1], 1);
      assert.throws(() => rdd.countApproxDistinct(0), /accuracy \(0\) must be greater than 0.000017/);
      assert.throws(() => rdd.countApproxDistinct(0.000017), /must be greater than 0.000017/);
      assert.throws(() => rdd.countApproxDistinct(3, 0), /p \(3\) must be >= 4/);
      assert.throws(() => rdd.countApproxDistinct(12, 33), /sp \(33\) must be <= 32/);
      assert.throws(() => rdd.countApproxDistinct(12, 10), /p \(12\) cannot be greater than sp \(10\)/);
      assert.throws(() => rdd.countApproxDistinct(12, 20.5), /must be a whole number/);
      const pairs = rdd.map((x) => [x, x]);
      assert.throws(() => pairs.countApproxDistinctByKey(0), /must be greater than 0.000017/);
      assert.throws(() => pairs.countApproxDistinctByKey(3, 0, 2), /p \(3\) must be >= 4/);
      assert.throws(() => pairs.countApproxDistinctByKey(12, 10, 2), /cannot be greater than sp/);
      assert.throws(() => pairs.countApproxDistinctByKey(0.1, 0), /must be positive/);
    },
  ],
  [
    'countApproxDistinctByKey counts the different values of each key',
    async (sc) => {
      // Key k has the values 0 to 100k - 1, each several times.
      const pairs = sc.range(0, 12_000, 1, 5).map((x) => [x % 4, (x >> 2) % (100 * ((x % 4) + 1))]);
      for (const counts of [
        pairs.countApproxDistinctByKey(0.02, 3),
        pairs.countApproxDistinctByKey(12, 25, new HashPartitioner(3)),
      ]) {
        assert.equal(counts.getNumPartitions(), 3);
        const found = new Map(await counts.collect());
        assert.equal(found.size, 4);
        for (const [key, estimate] of found) {
          const exact = 100 * (key + 1);
          assert.ok(Math.abs(estimate / exact - 1) < 0.08, `${estimate} instead of ${exact}`);
        }
      }
      assert.equal(pairs.countApproxDistinctByKey().getNumPartitions(), 5);
    },
  ],
  [
    'countApproxDistinctByKey needs no shuffle where keys are together already, and keeps the partitioner',
    async (sc) => {
      const placed = sc
        .range(0, 100, 1, 3)
        .map((x) => [x % 2, x])
        .partitionBy(new HashPartitioner(2));
      const counts = placed.countApproxDistinctByKey(0.01);
      assert.equal(counts.partitioner, placed.partitioner);
      assert.equal(counts.toDebugString().match(/ShuffledRDD/g)?.length, 1);
      assert.deepEqual(sorted(await counts.collect()), [
        [0, 50],
        [1, 50],
      ]);
    },
  ],
];
