import assert from 'node:assert/strict';
import { HashPartitioner } from '../../src/rdd/partitioner.ts';
import type { Behaviour, ContextLike } from './behaviour.ts';

/** 3000 pairs: 1500 of a, 1000 of b, 500 of c, each value once. */
const strata = (sc: ContextLike, parts = 5) => {
  const keys = ['a', 'b', 'a', 'b', 'a', 'c'];
  return sc.range(0, 3000, 1, parts).map((x) => [keys[x % 6] ?? '', x]);
};
const FRACTIONS = new Map([
  ['a', 0.1],
  ['b', 0.333],
  ['c', 1],
]);

function sizes(pairs: readonly (readonly [string, number])[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [key] of pairs) counts[key] = (counts[key] ?? 0) + 1;
  return counts;
}

/** sampleByKey, sampleByKeyExact. */
export const keySamplingBehaviours: readonly Behaviour[] = [
  [
    "sampleByKey takes about each key's fraction, and nothing twice",
    async (sc) => {
      const got = await strata(sc).sampleByKey(false, FRACTIONS, 7).collect();
      const { a = 0, b = 0, c = 0 } = sizes(got);
      assert.equal(c, 500);
      assert.ok(Math.abs(a - 150) < 5 * Math.sqrt(135), `${a} of a`);
      assert.ok(Math.abs(b - 333) < 5 * Math.sqrt(222), `${b} of b`);
      assert.equal(new Set(got.map(([, x]) => x)).size, got.length);
    },
  ],
  [
    'sampleByKey with replacement takes some pairs several times, fractions above 1 too',
    async (sc) => {
      const fractions = new Map([
        ['a', 0.5],
        ['b', 2.5],
        ['c', 0],
      ]);
      const got = await strata(sc).sampleByKey(true, fractions, 7).collect();
      const { a = 0, b = 0, c = 0 } = sizes(got);
      assert.equal(c, 0);
      assert.ok(Math.abs(a - 750) < 5 * Math.sqrt(750), `${a} of a`);
      assert.ok(Math.abs(b - 2500) < 5 * Math.sqrt(2500), `${b} of b`);
      assert.ok(new Set(got.map(([, x]) => x)).size < got.length);
    },
  ],
  [
    'the same seed samples the same by key, other seeds something else',
    async (sc) => {
      for (const exact of [false, true])
        for (const withReplacement of [false, true]) {
          const sample = (seed?: number) =>
            exact
              ? strata(sc).sampleByKeyExact(withReplacement, FRACTIONS, seed).collect()
              : strata(sc).sampleByKey(withReplacement, FRACTIONS, seed).collect();
          assert.deepEqual(await sample(3), await sample(3));
          assert.notDeepEqual(await sample(3), await sample(4));
          assert.notDeepEqual(await sample(), await sample());
        }
    },
  ],
  [
    'sampling by key keeps the partitioner, the order, and knows keys by value',
    async (sc) => {
      const placed = strata(sc).partitionBy(new HashPartitioner(3));
      assert.equal(placed.sampleByKey(false, FRACTIONS, 1).partitioner, placed.partitioner);
      assert.equal(placed.sampleByKeyExact(false, FRACTIONS, 1).partitioner, placed.partitioner);
      const values = await strata(sc).sampleByKeyExact(false, FRACTIONS, 1).values().collect();
      assert.deepEqual(
        values,
        values.slice().sort((x, y) => x - y),
      );
      const arrays = sc.range(0, 100, 1, 3).map((x): [number[], number] => [[x % 2], x]);
      const fractions = new Map([
        [[0], 0],
        [[1], 1],
      ]);
      assert.equal(await arrays.sampleByKey(false, fractions).count(), 50);
      assert.equal(await arrays.sampleByKeyExact(true, fractions).count(), 50);
    },
  ],
  [
    'sampleByKeyExact takes exactly the fraction of each key, rounded up',
    async (sc) => {
      for (const seed of [1, 2, 3]) {
        const got = await strata(sc).sampleByKeyExact(false, FRACTIONS, seed).collect();
        assert.deepEqual(sizes(got), { a: 150, b: 333, c: 500 });
        assert.equal(new Set(got.map(([, x]) => x)).size, got.length);
      }
      const few = new Map([
        ['a', 0.0001],
        ['b', 0],
        ['c', 0.5],
      ]);
      assert.deepEqual(sizes(await strata(sc, 7).sampleByKeyExact(false, few, 1).collect()), { a: 1, c: 250 });
    },
  ],
  [
    'sampleByKeyExact with replacement takes exactly as many, some of them several times',
    async (sc) => {
      const fractions = new Map([
        ['a', 0.5],
        ['b', 3],
        ['c', 0.001],
      ]);
      const got = await strata(sc).sampleByKeyExact(true, fractions, 5).collect();
      assert.deepEqual(sizes(got), { a: 750, b: 3000, c: 1 });
      const different = new Set(got.filter(([k]) => k === 'b').map(([, x]) => x)).size;
      // Of 1000 pairs drawn 3000 times, e^-3 are never met.
      assert.ok(different > 900 && different < 990, `${different}`);
    },
  ],
  [
    'an exact sample is spread over all partitions and positions',
    async (sc) => {
      const fractions = new Map([['k', 0.2]]);
      const hits = new Array(10).fill(0);
      for (let seed = 0; seed < 20; seed++) {
        const rdd = sc.range(0, 1000, 1, 4).map((x) => ['k', x]);
        for (const x of await rdd.sampleByKeyExact(false, fractions, seed).values().collect())
          hits[Math.floor(x / 100)]++;
      }
      assert.equal(
        hits.reduce((a, b) => a + b, 0),
        4000,
      );
      for (const n of hits) assert.ok(Math.abs(n - 400) < 100, hits.join(' '));
    },
  ],
  [
    'an exact sample goes on through other operators, and is the same each time',
    async (sc) => {
      const sample = strata(sc).sampleByKeyExact(false, FRACTIONS, 9);
      const counts = sample.mapValues(() => 1).reduceByKey((a, b) => a + b);
      assert.deepEqual(await counts.collectAsMap().then((m) => [m.get('a'), m.get('b'), m.get('c')]), [150, 333, 500]);
      assert.equal((await sample.join(sample).count()) >= 983, true);
      assert.deepEqual(await sample.collect(), await sample.collect());
    },
  ],
  [
    'sampling nothing by key gives nothing',
    async (sc) => {
      for (const nothing of [sc.emptyRDD<[string, number]>(), sc.parallelize<[string, number]>([], 3)]) {
        assert.deepEqual(await nothing.sampleByKey(false, FRACTIONS).collect(), []);
        assert.deepEqual(await nothing.sampleByKeyExact(true, FRACTIONS).collect(), []);
      }
    },
  ],
  [
    'a key without a fraction fails the job',
    async (sc) => {
      const onlyA = new Map([['a', 0.5]]);
      await assert.rejects(strata(sc).sampleByKey(false, onlyA).collect(), /key not found: '[bc]'/);
      await assert.rejects(strata(sc).sampleByKeyExact(false, onlyA).collect(), /key not found: '[bc]'/);
    },
  ],
  [
    'sampling by key refuses negative rates and what is no Map of fractions, at the call',
    async (sc) => {
      const rdd = strata(sc);
      for (const method of ['sampleByKey', 'sampleByKeyExact'] as const) {
        assert.throws(() => rdd[method](false, new Map([['a', -0.1]])), /Negative sampling rates/);
        assert.throws(() => rdd[method](false, new Map([['a', Number.NaN]])), /not a number/);
        assert.throws(() => rdd[method](false, { a: 1 } as never), /needs a Map/);
        assert.throws(() => rdd[method]('no' as never, FRACTIONS), /withReplacement/);
        assert.throws(() => rdd[method](true, FRACTIONS, 0.5), /seed/);
      }
    },
  ],
];
