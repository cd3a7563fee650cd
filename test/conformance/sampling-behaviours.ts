import assert from 'node:assert/strict';
import { HashPartitioner } from '../../src/rdd/partitioner.ts';
import { type Behaviour, numbers, sorted } from './behaviour.ts';

/** Random parts. Expected sizes lie five standard deviations around the mean; seeds are fixed, so no run differs. */
export const samplingBehaviours: readonly Behaviour[] = [
  [
    'sample without replacement chooses each record at most once, about as many as the fraction says',
    async (sc) => {
      for (const fraction of [0.01, 0.1, 0.39, 0.41, 0.9]) {
        const got = await sc.range(0, 20_000, 1, 4).sample(false, fraction, 7).collect();
        assert.deepEqual(
          got,
          [...new Set(got)].sort((a, b) => a - b),
        );
        const spread = 5 * Math.sqrt(20_000 * fraction * (1 - fraction));
        assert.ok(Math.abs(got.length - 20_000 * fraction) < spread, `${got.length} of ${fraction}`);
      }
    },
  ],
  [
    'sample with replacement chooses records several times, also more often than there are any',
    async (sc) => {
      for (const fraction of [0.05, 0.4, 0.5, 2, 40]) {
        const got = await sc.range(0, 4_000, 1, 4).sample(true, fraction, 11).collect();
        const spread = 5 * Math.sqrt(4_000 * fraction);
        assert.ok(Math.abs(got.length - 4_000 * fraction) < spread, `${got.length} of ${fraction}`);
        assert.ok(new Set(got).size < got.length, 'none was chosen twice');
      }
    },
  ],
  [
    'sample of nothing is nothing, of everything everything',
    async (sc) => {
      assert.deepEqual(await sc.range(0, 50, 1, 3).sample(false, 0).collect(), []);
      assert.deepEqual(await sc.range(0, 50, 1, 3).sample(true, 0).collect(), []);
      assert.deepEqual(await sc.range(0, 50, 1, 3).sample(false, 1).collect(), numbers(50));
      assert.deepEqual(await sc.emptyRDD<number>().sample(true, 3).collect(), []);
    },
  ],
  [
    'the same seed gives the same sample, another seed and no seed another one',
    async (sc) => {
      const rdd = sc.range(0, 5_000, 1, 5);
      for (const again of [true, false]) {
        const one = await rdd.sample(again, 0.3, 5).collect();
        assert.deepEqual(await rdd.sample(again, 0.3, 5).collect(), one);
        assert.notDeepEqual(await rdd.sample(again, 0.3, 6).collect(), one);
        assert.notDeepEqual(await rdd.sample(again, 0.3, 5 + 2 ** 32).collect(), one);
        assert.notDeepEqual(await rdd.sample(again, 0.3).collect(), await rdd.sample(again, 0.3).collect());
      }
    },
  ],
  [
    'partitions are sampled differently, and a sample chooses positions, whatever stands there',
    async (sc) => {
      const positions = sc.range(0, 2_000, 1, 2).map((x) => x % 1_000);
      const [one, two] = await positions.sample(false, 0.5, 3).glom().collect();
      assert.notDeepEqual(one, two);
      const words = await sc
        .range(0, 2_000, 1, 2)
        .map((x) => `w${x % 1_000}`)
        .sample(false, 0.5, 3)
        .collect();
      assert.deepEqual(
        words,
        [...(one ?? []), ...(two ?? [])].map((x) => `w${x}`),
      );
    },
  ],
  [
    'sample keeps the partitioner and goes well with what stands before and behind it',
    async (sc) => {
      const pairs = sc
        .range(0, 1_000, 1, 4)
        .map((x) => [x % 10, x])
        .partitionBy(new HashPartitioner(3));
      assert.ok(pairs.sample(false, 0.5).partitioner?.equals(new HashPartitioner(3)));
      const rdd = sc.range(0, 10_000, 1, 2).filter((x) => x % 2 === 0);
      const sampled = rdd.sample(false, 0.2, 1).map((x) => x * 2);
      const got = await sampled.collect();
      assert.equal(await sampled.count(), got.length);
      assert.deepEqual(await sampled.take(3), got.slice(0, 3));
      assert.ok(got.every((x) => x % 4 === 0));
    },
  ],
  [
    'fractions, weights and seeds that make no sense are refused',
    async (sc) => {
      const rdd = sc.range(5);
      const refuses = (call: () => unknown, text: RegExp): void =>
        assert.throws(call, { name: 'IllegalArgumentError', message: text });
      refuses(() => rdd.sample(false, -0.1), /Fraction must be nonnegative, but got -0.1/);
      refuses(() => rdd.sample(true, Number.NaN), /Fraction must be nonnegative, but got NaN/);
      refuses(() => rdd.sample(false, 1.5), /Sampling fraction \(1.5\) must be on interval \[0, 1\]/);
      refuses(() => rdd.sample(false, 0.5, 1.5), /seed of sample\(\) must be a safe integer, but is 1.5/);
      refuses(() => rdd.sample(0.5 as never, 0.5), /withReplacement of sample\(\) must be true or false, but is 0.5/);
      refuses(() => rdd.randomSplit([1, -1]), /Weights must be nonnegative, but got \[1,-1\]/);
      refuses(() => rdd.randomSplit([0, 0]), /Sum of weights must be positive, but got \[0,0\]/);
      refuses(() => rdd.randomSplit([1, Infinity]), /^Weights must be finite numbers, but one is Infinity/);
      refuses(() => rdd.randomSplit([1, '2' as never]), /^Weights must be finite numbers, but one is "2"/);
      refuses(() => rdd.randomSplit(5 as never), /randomSplit\(\) needs an array of numbers, but was given 5/);
      refuses(() => rdd.randomSplit([]), /Sum of weights must be positive, but got \[\]/);
      refuses(() => rdd.takeSample(false, -1), /Negative number of elements requested/);
      refuses(() => rdd.takeSample(false, 2 ** 31 - 1), /Cannot support a sample size > Int.MaxValue/);
      refuses(() => rdd.takeSample(false, 1.5), /takeSample\(\) needs a whole number of elements, but was given 1.5/);
    },
  ],
  [
    'randomSplit gives disjoint parts that together are the whole',
    async (sc) => {
      const rdd = sc.range(0, 6_000, 1, 4);
      const parts = rdd.randomSplit([1, 2, 0, 3], 42);
      assert.equal(parts.length, 4);
      const got: number[][] = [];
      for (const part of parts) got.push(await part.collect());
      assert.deepEqual(
        got.flat().sort((a, b) => a - b),
        numbers(6_000),
      );
      const expected = [1_000, 2_000, 0, 3_000];
      got.forEach((part, i) => {
        assert.ok(Math.abs(part.length - (expected[i] ?? 0)) < 200, `part ${i} has ${part.length}`);
      });
      assert.deepEqual(await rdd.randomSplit([1, 2, 0, 3], 42)[1]?.collect(), got[1]);
    },
  ],
  [
    'takeSample gives exactly as many as asked for, no position twice without replacement',
    async (sc) => {
      const rdd = sc.range(0, 1_000, 1, 4);
      for (const n of [1, 5, 20, 500, 999]) {
        for (let seed = 0; seed < 3; seed++) {
          const got = await rdd.takeSample(false, n, seed);
          assert.equal(got.length, n);
          assert.equal(new Set(got).size, n);
          assert.equal((await rdd.takeSample(true, n, seed)).length, n);
        }
      }
      assert.equal((await rdd.takeSample(true, 3_000, 1)).length, 3_000);
    },
  ],
  [
    'takeSample gives everything, in random order, when there is no more',
    async (sc) => {
      const got = await sc.range(0, 100, 1, 4).takeSample(false, 200, 9);
      assert.notDeepEqual(got, numbers(100));
      assert.deepEqual(
        got.sort((a, b) => a - b),
        numbers(100),
      );
      assert.deepEqual(await sc.range(0, 100, 1, 4).takeSample(false, 0), []);
      assert.deepEqual(await sc.emptyRDD<number>().takeSample(true, 5), []);
      assert.deepEqual(await sc.parallelize<number>([], 3).takeSample(false, 5), []);
    },
  ],
  [
    'takeSample with the same seed gives the same, without one it does not',
    async (sc) => {
      const rdd = sc.range(0, 10_000, 1, 4);
      assert.deepEqual(await rdd.takeSample(false, 50, 3), await rdd.takeSample(false, 50, 3));
      assert.notDeepEqual(await rdd.takeSample(false, 50, 3), await rdd.takeSample(false, 50, 4));
      assert.notDeepEqual(await rdd.takeSample(false, 50), await rdd.takeSample(false, 50));
      assert.notDeepEqual(sorted(await rdd.takeSample(true, 50, 1)), sorted(await rdd.takeSample(false, 50, 1)));
    },
  ],
];
