import assert from 'node:assert/strict';
import { type Behaviour, numbers } from './behaviour.ts';

const sizes = (parts: readonly (readonly unknown[])[]): number[] => parts.map((p) => p.length);

/** parallelize, makeRDD, range, emptyRDD, union. */
export const sourceBehaviours: readonly Behaviour[] = [
  [
    'parallelize keeps every record and its order',
    async (sc) => assert.deepEqual(await sc.parallelize(numbers(100), 7).collect(), numbers(100)),
  ],
  [
    'parallelize cuts slice i at i*len/n',
    async (sc) => {
      const parts = await sc.parallelize(numbers(10), 4).glom().collect();
      assert.deepEqual(parts, [
        [0, 1],
        [2, 3, 4],
        [5, 6],
        [7, 8, 9],
      ]);
    },
  ],
  [
    'parallelize of fewer records than slices makes empty partitions',
    async (sc) => assert.deepEqual(sizes(await sc.parallelize([1, 2], 5).glom().collect()), [0, 0, 1, 0, 1]),
  ],
  [
    'parallelize of nothing makes empty partitions',
    async (sc) => {
      const rdd = sc.parallelize([] as number[], 3);
      assert.equal(rdd.getNumPartitions(), 3);
      assert.deepEqual(await rdd.collect(), []);
    },
  ],
  [
    'parallelize without a number of slices takes the default parallelism',
    async (sc) => assert.ok(sc.parallelize([1, 2, 3]).getNumPartitions() >= 1),
  ],
  [
    'parallelize does not copy: changes before the first action are seen',
    async (sc) => {
      const list = [1, 2, 3, 4];
      const rdd = sc.parallelize(list, 2);
      list[3] = 40;
      assert.deepEqual(await rdd.collect(), [1, 2, 3, 40]);
    },
  ],
  [
    'parallelize refuses zero, negative and fractional numbers of slices at the call',
    async (sc) => {
      for (const n of [0, -1, 1.5, Number.NaN]) assert.throws(() => sc.parallelize([1], n), /numSlices/);
    },
  ],
  [
    'parallelize carries null, undefined, bigint, Date, NaN, -0 and nested data unharmed',
    async (sc) => {
      const odd = [null, undefined, 1n, new Date(5), Number.NaN, -0, { a: [1, { b: 'x' }] }, new Map([[1, 2]]), 'ä€😀'];
      assert.deepEqual(await sc.parallelize(odd, 3).collect(), odd);
    },
  ],
  [
    'parallelize carries more records than a block holds',
    async (sc) => {
      const many = numbers(10_000);
      assert.deepEqual(await sc.parallelize(many, 2).collect(), many);
    },
  ],
  [
    'makeRDD is parallelize',
    async (sc) => assert.deepEqual(await sc.makeRDD(['a', 'b', 'c'], 2).collect(), ['a', 'b', 'c']),
  ],
  ['range counts from 0', async (sc) => assert.deepEqual(await sc.range(5).collect(), [0, 1, 2, 3, 4])],
  ['range excludes its end', async (sc) => assert.deepEqual(await sc.range(3, 12, 4, 2).collect(), [3, 7, 11])],
  [
    'range with a negative step counts down',
    async (sc) => assert.deepEqual(await sc.range(5, 0, -2, 3).collect(), [5, 3, 1]),
  ],
  [
    'range in the wrong direction is empty',
    async (sc) => {
      assert.deepEqual(await sc.range(5, 0, 1, 2).collect(), []);
      assert.deepEqual(await sc.range(0, 5, -1, 2).collect(), []);
      assert.deepEqual(await sc.range(3, 3, 1, 2).collect(), []);
    },
  ],
  [
    'range splits unevenly as parallelize does',
    async (sc) => assert.deepEqual(sizes(await sc.range(0, 10, 1, 4).glom().collect()), [2, 3, 2, 3]),
  ],
  [
    'range with more partitions than numbers has empty ones',
    async (sc) => assert.deepEqual(sizes(await sc.range(0, 2, 1, 4).glom().collect()), [0, 1, 0, 1]),
  ],
  [
    'range is exact at the edge of the safe integers',
    async (sc) => {
      const top = Number.MAX_SAFE_INTEGER;
      assert.deepEqual(await sc.range(top - 3, top, 1, 2).collect(), [top - 3, top - 2, top - 1]);
      assert.deepEqual(await sc.range(-top, top, top, 3).collect(), [-top, 0]);
      assert.equal(await sc.range(-top, top, top - 1, 2).count(), 3);
    },
  ],
  [
    'range counts far more numbers than fit in memory',
    async (sc) => assert.equal(await sc.range(0, 3_000_000, 1, 4).count(), 3_000_000),
  ],
  [
    'range refuses step 0 and unsafe numbers at the call',
    async (sc) => {
      assert.throws(() => sc.range(0, 10, 0), /step cannot be 0/);
      assert.throws(() => sc.range(0, 2 ** 53), /safe integer/);
      assert.throws(() => sc.range(0.5, 2), /safe integer/);
      assert.throws(() => sc.range(0, 10, 1, 0), /numSlices/);
    },
  ],
  [
    'emptyRDD has no partitions, and every action knows',
    async (sc) => {
      const empty = sc.emptyRDD<number>();
      assert.equal(empty.getNumPartitions(), 0);
      assert.deepEqual(await empty.collect(), []);
      assert.equal(await empty.count(), 0);
      assert.deepEqual(await empty.take(3), []);
      assert.deepEqual(await empty.top(3), []);
      assert.equal(await empty.sum(), 0);
      assert.equal(await empty.isEmpty(), true);
      await assert.rejects(empty.first(), /empty collection/);
      await assert.rejects(
        empty.reduce((a, b) => a + b),
        /empty collection/,
      );
      assert.equal(await empty.fold(7, (a, b) => a + b), 7);
    },
  ],
  [
    'operators on an empty RDD give empty RDDs',
    async (sc) => {
      const empty = sc.emptyRDD<[string, number]>();
      assert.deepEqual(await empty.map(([k]) => k).collect(), []);
      assert.deepEqual(await empty.reduceByKey((a, b) => a + b).collect(), []);
      assert.deepEqual(await empty.groupByKey().collect(), []);
      assert.deepEqual(await empty.join(sc.parallelize([['a', 1]], 2)).collect(), []);
      assert.deepEqual(await empty.distinct(2).collect(), []);
      assert.deepEqual(await empty.coalesce(3).collect(), []);
      assert.deepEqual(await empty.repartition(3).collect(), []);
    },
  ],
  [
    'sorting nothing gives nothing',
    async (sc) => {
      assert.deepEqual(
        await sc
          .parallelize([] as number[], 3)
          .sortBy((x) => x)
          .collect(),
        [],
      );
      assert.deepEqual(
        await sc
          .parallelize([] as [number, string][], 3)
          .sortByKey()
          .collect(),
        [],
      );
    },
  ],
  [
    'union keeps duplicates, adds partitions and keeps the order of its parts',
    async (sc) => {
      const both = sc.parallelize([1, 2, 3], 2).union(sc.parallelize([3, 4], 3));
      assert.equal(both.getNumPartitions(), 5);
      assert.deepEqual(await both.collect(), [1, 2, 3, 3, 4]);
    },
  ],
  [
    'union with itself doubles',
    async (sc) => {
      const rdd = sc.parallelize([1, 2], 2);
      assert.deepEqual(await rdd.union(rdd).collect(), [1, 2, 1, 2]);
    },
  ],
  [
    'union of unions reads the right partitions',
    async (sc) => {
      let all = sc.parallelize([0], 1);
      for (let i = 1; i < 30; i++) all = all.union(sc.parallelize([i], 1 + (i % 3)));
      assert.deepEqual(await all.collect(), numbers(30));
    },
  ],
  [
    'union leaves out RDDs without partitions',
    async (sc) => {
      const all = sc
        .emptyRDD<number>()
        .union(sc.parallelize([1, 2], 2))
        .union(sc.emptyRDD<number>());
      assert.equal(all.getNumPartitions(), 2);
      assert.deepEqual(await all.collect(), [1, 2]);
    },
  ],
  [
    'SparkContext.union takes a list, also an empty one',
    async (sc) => {
      assert.deepEqual(await sc.union([sc.range(2), sc.range(3)]).collect(), [0, 1, 0, 1, 2]);
      assert.deepEqual(await sc.union([]).collect(), []);
      for (const wrong of [null, sc.range(2), 5])
        assert.throws(() => sc.union(wrong as never), {
          name: 'IllegalArgumentError',
          message: /^union\(\) needs a list of RDDs, but was given /,
        });
      assert.throws(() => sc.union([sc.range(2), 5 as never]), /union\(\) needs another RDD, but was given 5/);
    },
  ],
  [
    'union of RDDs with one partitioner keeps it and their number of partitions',
    async (sc) => {
      const sum = (a: number, b: number) => a + b;
      const a = sc.parallelize([['x', 1]], 2).reduceByKey(sum, 3);
      const b = sc.parallelize([['y', 2]], 2).reduceByKey(sum, 3);
      const both = a.union(b);
      assert.equal(both.getNumPartitions(), 3);
      assert.notEqual(both.partitioner, null);
      assert.deepEqual((await both.collect()).sort(), [
        ['x', 1],
        ['y', 2],
      ]);
    },
  ],
  [
    'a broadcast value is there in tasks',
    async (sc) => {
      const table = sc.broadcast(new Map([[1, 'one']]));
      assert.deepEqual(
        await sc
          .parallelize([1, 2], 2)
          .map((x) => table.value.get(x) ?? '?')
          .collect(),
        ['one', '?'],
      );
    },
  ],
  [
    'an accumulator counts once for each record',
    async (sc) => {
      const seen = sc.longAccumulator('seen');
      await sc.range(0, 100, 1, 4).foreach((x) => seen.add(x % 2));
      assert.equal(Number(seen.value), 50);
    },
  ],
];
