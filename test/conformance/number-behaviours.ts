import assert from 'node:assert/strict';
import { type Behaviour, numbers } from './behaviour.ts';

const { NaN: NAN, POSITIVE_INFINITY: UP, NEGATIVE_INFINITY: DOWN } = Number;

/** Statistics and histograms. */
export const numberBehaviours: readonly Behaviour[] = [
  [
    'stats has count, mean, sum, least, greatest, variance and deviation',
    async (sc) => {
      const stats = await sc.parallelize([1, 2, 3, 4, 10], 3).stats();
      assert.equal(stats.count, 5);
      assert.equal(stats.sum, 20);
      assert.equal(stats.mean, 4);
      assert.equal(stats.min, 1);
      assert.equal(stats.max, 10);
      assert.ok(Math.abs(stats.variance - 10) < 1e-12);
      assert.ok(Math.abs(stats.sampleVariance - 12.5) < 1e-12);
      assert.equal(stats.stdev, Math.sqrt(stats.variance));
      assert.equal(stats.sampleStdev, Math.sqrt(stats.sampleVariance));
    },
  ],
  [
    'stats of many numbers in many partitions, some of them empty',
    async (sc) => {
      const stats = await sc
        .range(0, 100_000, 1, 7)
        .filter((x) => x >= 50_000)
        .stats();
      assert.equal(stats.count, 50_000);
      assert.ok(Math.abs(stats.mean - 74_999.5) < 1e-6);
      assert.ok(Math.abs(stats.variance / ((50_000 ** 2 - 1) / 12) - 1) < 1e-9);
    },
  ],
  [
    'stats of nothing',
    async (sc) => {
      for (const nothing of [sc.parallelize<number>([], 3), sc.emptyRDD<number>()]) {
        const stats = await nothing.stats();
        assert.deepEqual([stats.count, stats.mean, stats.sum, stats.min, stats.max], [0, 0, 0, UP, DOWN]);
        assert.ok(Number.isNaN(stats.variance) && Number.isNaN(stats.sampleVariance));
        assert.equal(await nothing.mean(), 0);
        assert.ok(Number.isNaN(await nothing.variance()));
      }
    },
  ],
  [
    'mean, variance and stdev are of the whole population; the sample ones divide by one less',
    async (sc) => {
      const rdd = sc.parallelize([2, 4, 4, 4, 5, 5, 7, 9], 3);
      assert.equal(await rdd.mean(), 5);
      assert.equal(await rdd.variance(), 4);
      assert.equal(await rdd.popVariance(), 4);
      assert.equal(await rdd.stdev(), 2);
      assert.equal(await rdd.popStdev(), 2);
      assert.ok(Math.abs((await rdd.sampleVariance()) - 32 / 7) < 1e-12);
      assert.ok(Math.abs((await rdd.sampleStdev()) - Math.sqrt(32 / 7)) < 1e-12);
      const one = sc.parallelize([3], 1);
      assert.equal(await one.variance(), 0);
      assert.ok(Number.isNaN(await one.sampleVariance()));
      assert.ok(Number.isNaN(await one.sampleStdev()));
    },
  ],
  [
    'histogram of a number of buckets has even edges from the least to the greatest',
    async (sc) => {
      const [edges, counts] = await sc.range(0, 101, 1, 4).histogram(4);
      assert.deepEqual(edges, [0, 25, 50, 75, 100]);
      assert.deepEqual(counts, [25, 25, 25, 26]);
      assert.deepEqual(await sc.parallelize([1, 2, 3, 4], 2).histogram(1), [[1, 4], [4]]);
    },
  ],
  [
    'histogram of equal numbers has one bucket',
    async (sc) => {
      assert.deepEqual(await sc.parallelize([3, 3, 3], 2).histogram(5), [[3, 3], [3]]);
    },
  ],
  [
    'histogram of numbers that are close together or far apart ends at the greatest',
    async (sc) => {
      for (const values of [
        [1e9, 1e9 + 1, 1e9 + 2],
        [-1e300, 0, 1e300],
        [0.1, 0.2, 0.30000000000000004],
      ]) {
        const [edges, counts] = await sc.parallelize(values, 2).histogram(3);
        assert.equal(edges[0], values[0]);
        assert.equal(edges.at(-1), values[2]);
        assert.equal(
          counts.reduce((a, b) => a + b, 0),
          3,
        );
      }
    },
  ],
  [
    'histogram needs numbers with a range',
    async (sc) => {
      const text = /Histogram on either an empty RDD or RDD containing \+\/-infinity or NaN/;
      await assert.rejects(sc.parallelize<number>([], 2).histogram(2), text);
      await assert.rejects(sc.emptyRDD<number>().histogram(2), text);
      await assert.rejects(sc.parallelize([1, NAN], 2).histogram(2), text);
      await assert.rejects(sc.parallelize([NAN, 1], 1).histogram(2), text);
      await assert.rejects(sc.parallelize([1, UP], 2).histogram(2), text);
      await assert.rejects(sc.parallelize([DOWN, 1], 2).histogram(2), text);
    },
  ],
  [
    'histogram between edges: open above, but for the last; what lies outside is not counted',
    async (sc) => {
      const rdd = sc.parallelize([-1, 0, 4.99, 5, 5.01, 10, 19.9, 20, 20.1, NAN, UP, DOWN], 3);
      assert.deepEqual(await rdd.histogram([0, 5, 20]), [2, 5]);
      assert.deepEqual(await rdd.histogram([0, 5, 20], false), [2, 5]);
      assert.deepEqual(await rdd.histogram([5, 10]), [3]);
      assert.deepEqual(await rdd.histogram([100, 200]), [0]);
      assert.deepEqual(await sc.parallelize([1, 2, 3], 2).histogram(Float64Array.of(1, 2, 3)), [1, 2]);
    },
  ],
  [
    'histogram between infinite edges counts everything but NaN',
    async (sc) => {
      const rdd = sc.parallelize([-1e300, 0, 1, UP, DOWN, NAN], 2);
      assert.deepEqual(await rdd.histogram([DOWN, 0, UP]), [2, 3]);
    },
  ],
  [
    'histogram counts NaN when it is the last edge',
    async (sc) => {
      assert.deepEqual(await sc.parallelize([1, 2, NAN, 50], 2).histogram([0, 2, NAN]), [1, 3]);
    },
  ],
  [
    'histogram between even edges counts the same, by computing',
    async (sc) => {
      const values = [-0.1, 0, 0.9999, 1, 2.5, 3, 3.999, 4, 4.001, NAN, UP];
      const rdd = sc.parallelize(values, 3);
      assert.deepEqual(await rdd.histogram([0, 1, 2, 3, 4], true), await rdd.histogram([0, 1, 2, 3, 4]));
      assert.deepEqual(await rdd.histogram([0, 1, 2, 3, 4], true), [2, 1, 1, 3]);
    },
  ],
  [
    'histogram of an empty RDD between edges has zeros',
    async (sc) => {
      assert.deepEqual(await sc.emptyRDD<number>().histogram([0, 1, 2]), [0, 0]);
      assert.deepEqual(await sc.parallelize<number>([], 3).histogram([0, 1, 2], true), [0, 0]);
    },
  ],
  [
    'histogram agrees with a sorted search over random numbers and edges',
    async (sc) => {
      const values = numbers(2000).map((i) => ((i * 7919) % 1009) / 10);
      const edges = [0, 3.3, 10, 10.1, 50, 77, 100.8];
      const expected = new Array(edges.length - 1).fill(0);
      for (const x of values) {
        const at = edges.findLastIndex((e) => e <= x);
        if (x <= 100.8) expected[Math.min(at, expected.length - 1)]++;
      }
      assert.deepEqual(await sc.parallelize(values, 4).histogram(edges), expected);
    },
  ],
  [
    'histogram refuses too few buckets, and edges that do not ascend',
    async (sc) => {
      // So many would take all memory of the driver.
      assert.throws(() => sc.range(3).histogram(2 ** 22 + 1), /at most 4194304 buckets, but was given 4194305/);
      assert.throws(() => sc.range(3).histogram(1e12), /at most 4194304 buckets/);
      const rdd = sc.parallelize([1, 2], 1);
      const text = /buckets array must have at least two elements/;
      for (const wrong of [0, -1, 1.5, NAN]) assert.throws(() => rdd.histogram(wrong), text);
      for (const wrong of [[], [1]]) assert.throws(() => rdd.histogram(wrong), text);
      assert.throws(() => rdd.histogram('x' as never), text);
      assert.throws(() => rdd.histogram([1, 3, 2]), /must ascend/);
      assert.throws(() => rdd.histogram([1, NAN, 2]), /must be numbers/);
      assert.throws(() => rdd.histogram([1, '2' as never]), /must be numbers/);
    },
  ],
];
