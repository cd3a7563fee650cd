import assert from 'node:assert/strict';
import { HashPartitioner } from '../../src/rdd/partitioner.ts';
import { type Behaviour, numbers, sorted, sortedGroups } from './behaviour.ts';

/** groupBy, intersection, subtract, and merging in trees. */
export const setBehaviours: readonly Behaviour[] = [
  [
    'groupBy brings together the records that its function gives the same key',
    async (sc) => {
      const got = await sc
        .range(0, 7, 1, 3)
        .groupBy((x) => x % 3)
        .collect();
      assert.deepEqual(sortedGroups(got), [
        [0, [0, 3, 6]],
        [1, [1, 4]],
        [2, [2, 5]],
      ]);
    },
  ],
  [
    'groupBy takes a number of partitions or a partitioner',
    async (sc) => {
      const rdd = sc.range(0, 9, 1, 3);
      assert.equal(rdd.groupBy((x) => x % 2).getNumPartitions(), 3);
      assert.equal(rdd.groupBy((x) => x % 2, 5).getNumPartitions(), 5);
      const placed = rdd.groupBy((x) => x % 2, new HashPartitioner(4));
      assert.ok(placed.partitioner?.equals(new HashPartitioner(4)));
      assert.deepEqual(
        await sc
          .emptyRDD<number>()
          .groupBy((x) => x)
          .collect(),
        [],
      );
      assert.throws(() => rdd.groupBy((x) => x, 0), /must be positive/);
    },
  ],
  [
    'groupBy of what a range partitioner placed groups by the new keys',
    async (sc) => {
      const pairs = sc.parallelize(
        [
          ['b', 1],
          ['a', 2],
          ['c', 1],
        ],
        2,
      );
      const got = await pairs
        .sortByKey()
        .groupBy(([, v]) => v)
        .collect();
      assert.deepEqual(sorted(got.map(([k, list]) => [k, list.map(([w]) => w).sort()])), [
        [1, ['b', 'c']],
        [2, ['a']],
      ]);
    },
  ],
  [
    'intersection has what is in both, each record once',
    async (sc) => {
      const a = sc.parallelize([1, 2, 2, 3, 4, 5], 3);
      const b = sc.parallelize([2, 2, 5, 7, 4, 4], 2);
      assert.deepEqual(sorted(await a.intersection(b).collect()), [2, 4, 5]);
      assert.equal(a.intersection(b).getNumPartitions(), 3);
      assert.equal(a.intersection(b, 6).getNumPartitions(), 6);
      assert.equal(a.intersection(b, new HashPartitioner(4)).partitioner, null);
      assert.deepEqual(await a.intersection(sc.emptyRDD()).collect(), []);
      assert.deepEqual(await sc.emptyRDD<number>().intersection(sc.emptyRDD()).collect(), []);
      assert.deepEqual(sorted(await a.intersection(a).collect()), [1, 2, 3, 4, 5]);
      assert.deepEqual(await sc.emptyRDD<number>().intersection(a).collect(), []);
    },
  ],
  [
    'records are compared by value',
    async (sc) => {
      const a = sc.parallelize<unknown>([{ x: 1, y: [2] }, null, Number.NaN, 'q', undefined], 2);
      const b = sc.parallelize<unknown>([{ y: [2], x: 1 }, Number.NaN, null], 2);
      assert.equal(await a.intersection(b).count(), 3);
      const left = await a.subtract(b).collect();
      assert.deepEqual(new Set(left), new Set(['q', undefined]));
    },
  ],
  [
    'subtract leaves out every occurrence of what is in the other, and keeps duplicates of the rest',
    async (sc) => {
      const a = sc.parallelize([1, 1, 2, 2, 3, 4], 3);
      const b = sc.parallelize([2, 4, 9], 5);
      assert.deepEqual(sorted(await a.subtract(b).collect()), [1, 1, 3]);
      assert.equal(a.subtract(b).getNumPartitions(), 3);
      assert.equal(a.subtract(b, 2).getNumPartitions(), 2);
      assert.deepEqual(sorted(await a.subtract(b, 2).collect()), [1, 1, 3]);
      assert.deepEqual(sorted(await a.subtract(sc.emptyRDD()).collect()), [1, 1, 2, 2, 3, 4]);
      assert.deepEqual(await a.subtract(a).collect(), []);
      assert.deepEqual(await sc.emptyRDD<number>().subtract(a).collect(), []);
    },
  ],
  [
    'subtract from pairs that have a partitioner leaves them where they are',
    async (sc) => {
      const pairs = sc.range(0, 40, 1, 4).map((x) => [x % 10, x]);
      const gone = sc.parallelize([5, 17, 100], 2).map((x) => [x % 10, x]);
      const expected = sorted(
        numbers(40)
          .filter((x) => x !== 5 && x !== 17)
          .map((x) => [x % 10, x]),
      );
      for (const placed of [pairs.partitionBy(new HashPartitioner(3)), pairs.sortByKey(true, 3)]) {
        const rest = placed.subtract(gone);
        assert.equal(rest.getNumPartitions(), 3);
        const parts = await rest.glom().collect();
        assert.deepEqual(sorted(parts.flat()), expected);
        const before = await placed.glom().collect();
        parts.forEach((part, i) => {
          const own = new Set(before[i]?.map(([, v]) => v));
          assert.ok(part.every(([, v]) => own.has(v)));
        });
        assert.deepEqual(sorted(await placed.subtract(gone, 2).collect()), expected);
      }
    },
  ],
  [
    'treeReduce gives what reduce gives, at any depth',
    async (sc) => {
      const rdd = sc.range(-1000, 1000, 1, 17);
      const expected = await rdd.reduce((a, b) => a + b);
      for (const depth of [1, 2, 3, 10]) assert.equal(await rdd.treeReduce((a, b) => a + b, depth), expected);
      const sparse = rdd.filter((x) => x % 900 === 0);
      assert.equal(await sparse.treeReduce((a, b) => Math.max(a, b), 3), 900);
    },
  ],
  [
    'treeReduce of nothing fails, and a depth below 1 is refused',
    async (sc) => {
      await assert.rejects(
        sc
          .range(0, 40, 1, 20)
          .filter(() => false)
          .treeReduce((a, b) => a + b),
        /empty collection/,
      );
      await assert.rejects(
        sc.emptyRDD<number>().treeReduce((a, b) => a + b),
        /empty collection/,
      );
      assert.throws(
        () => sc.range(3).treeReduce((a, b) => a + b, 0),
        /Depth must be greater than or equal to 1 but got 0\./,
      );
      assert.throws(
        () =>
          sc.range(3).treeAggregate(
            0,
            (a, b) => a + b,
            (a, b) => a + b,
            -1,
          ),
        /Depth must be greater than or equal to 1 but got -1\./,
      );
    },
  ],
  [
    'treeAggregate gives what aggregate gives, at any depth, also when an executor merges last',
    async (sc) => {
      const rdd = sc.range(0, 1000, 1, 20).map((x) => `${x}`);
      for (const depth of [1, 2, 3, 4])
        for (const last of [false, true])
          assert.equal(
            await rdd.treeAggregate(
              0,
              (n, s) => n + s.length,
              (a, b) => a + b,
              depth,
              last,
            ),
            2890,
          );
    },
  ],
  [
    'functions of treeAggregate may change their first argument; the zero value stays what it was',
    async (sc) => {
      const zero: number[] = [];
      const push = (list: number[], x: number): number[] => {
        list.push(x);
        return list;
      };
      const concat = (a: number[], b: number[]): number[] => {
        for (const x of b) a.push(x);
        return a;
      };
      const rdd = sc.range(0, 60, 1, 15);
      for (const depth of [1, 2, 3]) {
        const got = await rdd.treeAggregate(zero, push, concat, depth);
        assert.deepEqual(
          got.sort((a, b) => a - b),
          numbers(60),
        );
      }
      assert.deepEqual(zero, []);
      const empty = await sc.emptyRDD<number>().treeAggregate(zero, push, concat);
      assert.deepEqual(empty, []);
      assert.notEqual(empty, zero);
    },
  ],
];
