import assert from 'node:assert/strict';
import { HashPartitioner } from '../../src/rdd/partitioner.ts';
import { RangePartitioner } from '../../src/rdd/range-partitioner.ts';
import { type Behaviour, numbers, sorted } from './behaviour.ts';

const shuffled = numbers(200).map((i): [number, string] => [(i * 67) % 200, `v${(i * 67) % 200}`]);
const between = (low: number, high: number): [number, string][] =>
  numbers(200)
    .filter((k) => k >= low && k <= high)
    .map((k): [number, string] => [k, `v${k}`]);

/** filterByRange, repartitionAndSortWithinPartitions. */
export const rangeBehaviours: readonly Behaviour[] = [
  [
    'filterByRange keeps the keys between its bounds, both included',
    async (sc) => {
      const rdd = sc.parallelize(shuffled, 4);
      assert.deepEqual(sorted(await rdd.filterByRange(20, 40).collect()), sorted(between(20, 40)));
      assert.deepEqual(await rdd.filterByRange(7, 7).collect(), [[7, 'v7']]);
      assert.deepEqual(await rdd.filterByRange(40, 20).collect(), []);
      assert.equal(await rdd.filterByRange(-5, 1000).count(), 200);
    },
  ],
  [
    'filterByRange after sortByKey gives the same, in order, whether it was sampled before or not',
    async (sc) => {
      for (const ascending of [true, false])
        for (const warm of [false, true]) {
          const byKey = sc.parallelize(shuffled, 4).sortByKey(ascending, 5);
          if (warm) await byKey.count();
          const expected = ascending ? between(55, 130) : between(55, 130).reverse();
          assert.deepEqual(await byKey.filterByRange(55, 130).collect(), expected);
          assert.deepEqual(await byKey.filterByRange(130, 55).collect(), []);
        }
    },
  ],
  [
    'filterByRange looks at no partition that the keys cannot be in',
    async (sc) => {
      const byKey = sc.parallelize(shuffled, 4).sortByKey(true, 8);
      const seen = sc.longAccumulator();
      const counted = byKey.mapPartitions((records) => {
        seen.add(1);
        return records;
      }, true);
      assert.deepEqual(await counted.filterByRange(90, 110).collect(), between(90, 110));
      assert.ok(Number(seen.value) >= 1 && Number(seen.value) <= 4, `${seen.value} partitions`);
      // Now that the bounds are known, there are no tasks for the others either.
      const few = counted.filterByRange(90, 110);
      assert.ok(few.getNumPartitions() <= 4);
      assert.deepEqual(await few.collect(), between(90, 110));
      assert.deepEqual(
        await few
          .map(([k]) => k)
          .glom()
          .map((p) => p.length > 0)
          .collect(),
        new Array(few.getNumPartitions()).fill(true),
      );
    },
  ],
  [
    'filterByRange goes by a comparator, its own or that of the partitioner',
    async (sc) => {
      const words = ['b', 'A', 'c', 'D', 'a', 'B'].map((w): [string, number] => [w, 1]);
      const noCase = (a: string, b: string): number => {
        const [x, y] = [a.toLowerCase(), b.toLowerCase()];
        return x < y ? -1 : x > y ? 1 : 0;
      };
      const rdd = sc.parallelize(words, 3);
      const expected = ['A', 'B', 'a', 'b'];
      assert.deepEqual((await rdd.filterByRange('a', 'b', noCase).keys().collect()).sort(), expected);
      const byKey = rdd.sortByKey(true, 2, noCase);
      assert.deepEqual((await byKey.filterByRange('a', 'b').keys().collect()).sort(), expected);
      // Another order than the partitions': all are looked at.
      const natural = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
      assert.deepEqual((await byKey.filterByRange('a', 'c', natural).keys().collect()).sort(), ['a', 'b', 'c']);
    },
  ],
  [
    'filterByRange of strings and of arrays',
    async (sc) => {
      const rdd = sc.parallelize(
        [
          ['x', 1],
          ['y', 2],
        ],
        2,
      );
      assert.deepEqual(await rdd.sortByKey().filterByRange('', 'xx').collect(), [['x', 1]]);
      const arrays = sc.parallelize([[[1, 2], 'a'] as [number[], string], [[1, 9], 'b'] as [number[], string]], 2);
      assert.deepEqual(await arrays.filterByRange([1], [1, 5]).values().collect(), ['a']);
    },
  ],
  [
    'filterByRange of an empty RDD is empty',
    async (sc) => {
      assert.deepEqual(await sc.emptyRDD<[number, number]>().filterByRange(1, 2).collect(), []);
      assert.deepEqual(await sc.parallelize<[number, number]>([], 2).sortByKey().filterByRange(1, 2).collect(), []);
    },
  ],
  [
    'filterByRange of a RangePartitioner of the user',
    async (sc) => {
      const rdd = sc.parallelize(shuffled, 4);
      const placed = rdd.partitionBy(new RangePartitioner(4, rdd));
      await placed.count();
      const found = placed.filterByRange(0, 3);
      assert.ok(found.getNumPartitions() < 4);
      assert.deepEqual(sorted(await found.collect()), sorted(between(0, 3)));
      assert.deepEqual(sorted(await found.reduceByKey((a) => a).collect()), sorted(between(0, 3)));
    },
  ],
  [
    'repartitionAndSortWithinPartitions places keys and sorts each partition',
    async (sc) => {
      const rdd = sc.parallelize(shuffled, 4).repartitionAndSortWithinPartitions(new HashPartitioner(3));
      assert.equal(rdd.getNumPartitions(), 3);
      const parts = await rdd.glom().collect();
      const partitioner = new HashPartitioner(3);
      parts.forEach((part, p) => {
        assert.ok(part.every(([k], i) => i === 0 || (part[i - 1]?.[0] as number) <= k));
        assert.ok(part.every(([k]) => partitioner.getPartition(k) === p));
      });
      assert.deepEqual(sorted(parts.flat()), sorted(shuffled));
    },
  ],
  [
    'repartitionAndSortWithinPartitions sorts where keys are in place already, without a shuffle',
    async (sc) => {
      const placed = sc.parallelize(shuffled, 4).partitionBy(new HashPartitioner(3));
      const rdd = placed.repartitionAndSortWithinPartitions(new HashPartitioner(3));
      assert.equal(rdd.toDebugString().match(/ShuffledRDD/g)?.length, 1);
      assert.equal(rdd.partitioner, placed.partitioner);
      const parts = await rdd.glom().collect();
      for (const part of parts) {
        assert.deepEqual(
          part.map(([k]) => k),
          part.map(([k]) => k).sort((a, b) => a - b),
        );
      }
      assert.deepEqual(sorted(parts.flat()), sorted(shuffled));
    },
  ],
  [
    'repartitionAndSortWithinPartitions goes by a comparator, and keeps equal keys',
    async (sc) => {
      const down = (a: number, b: number): number => b - a;
      const pairs = shuffled.map(([k]): [number, number] => [k % 10, k]);
      const once = sc.parallelize(pairs, 4);
      for (const rdd of [once, once.partitionBy(new HashPartitioner(2))]) {
        const parts = await rdd.repartitionAndSortWithinPartitions(new HashPartitioner(2), down).glom().collect();
        for (const part of parts) assert.ok(part.every(([k], i) => i === 0 || (part[i - 1]?.[0] as number) >= k));
        assert.deepEqual(sorted(parts.flat()), sorted(pairs));
      }
    },
  ],
  [
    'repartitionAndSortWithinPartitions needs a partitioner',
    async (sc) => {
      const rdd = sc.parallelize(shuffled, 2);
      assert.throws(() => rdd.repartitionAndSortWithinPartitions({} as never), /Partitioner/);
      assert.throws(() => rdd.repartitionAndSortWithinPartitions(new HashPartitioner(2), 5 as never), /comparator/);
    },
  ],
];
