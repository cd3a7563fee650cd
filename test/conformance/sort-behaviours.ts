import assert from 'node:assert/strict';
import { RangePartitioner } from '../../src/rdd/range-partitioner.ts';
import { type Behaviour, numbers, sorted } from './behaviour.ts';

/** A permutation without a random number: 7919 is prime to every power of ten. */
const shuffledNumbers = (n: number): number[] => numbers(n).map((i) => (i * 7919) % n);

/** sortByKey, sortBy, RangePartitioner. */
export const sortBehaviours: readonly Behaviour[] = [
  [
    'sortByKey sorts over all partitions',
    async (sc) => {
      const rdd = sc
        .parallelize(
          shuffledNumbers(1000).map((x): [number, string] => [x, `v${x}`]),
          5,
        )
        .sortByKey();
      assert.equal(rdd.getNumPartitions(), 5);
      assert.deepEqual(
        await rdd.collect(),
        numbers(1000).map((x) => [x, `v${x}`]),
      );
    },
  ],
  [
    'sortByKey descending',
    async (sc) => {
      const rdd = sc
        .parallelize(
          shuffledNumbers(100).map((x): [number, number] => [x, x]),
          4,
        )
        .sortByKey(false, 3);
      assert.equal(rdd.getNumPartitions(), 3);
      assert.deepEqual(await rdd.keys().collect(), numbers(100).reverse());
    },
  ],
  [
    'sortByKey spreads keys over partitions of about equal size',
    async (sc) => {
      const parts = await sc
        .range(0, 10_000, 1, 3)
        .map((x) => [(x * 7919) % 10_000, null] as [number, null])
        .sortByKey(true, 4)
        .glom()
        .collect();
      assert.equal(parts.length, 4);
      for (const part of parts) assert.ok(part.length > 1000 && part.length < 5000, `${part.length}`);
    },
  ],
  [
    'sortByKey of skewed input partitions is balanced as well',
    async (sc) => {
      const skewed = sc.range(0, 20_000, 1, 1).union(sc.range(20_000, 20_010, 1, 5));
      const parts = await skewed
        .map((x) => [x, 1])
        .sortByKey(true, 4)
        .keys()
        .glom()
        .collect();
      assert.deepEqual(parts.flat(), numbers(20_010));
      // 80 sampled keys cut them, by a seed that depends on the RDD's id: 5,000 with a standard deviation of 950.
      for (const part of parts) assert.ok(part.length > 1500, `${part.length}`);
    },
  ],
  [
    'strings are sorted by code unit, negative numbers and infinities by value',
    async (sc) => {
      const words = ['b', 'a', 'Z', 'ä', 'aa', '', '10', '9'];
      assert.deepEqual(
        await sc
          .parallelize(words, 3)
          .sortBy((s) => s)
          .collect(),
        [...words].sort(),
      );
      const values = [3, -1, Infinity, -Infinity, 0, 2.5, -0.5];
      assert.deepEqual(
        await sc
          .parallelize(values, 3)
          .sortBy((x) => x)
          .collect(),
        [...values].sort((a, b) => a - b),
      );
    },
  ],
  [
    'bigints, booleans, Dates and arrays have a natural order',
    async (sc) => {
      assert.deepEqual(
        await sc
          .parallelize([3n, -1n, 10n ** 30n], 2)
          .sortBy((x) => x)
          .collect(),
        [-1n, 3n, 10n ** 30n],
      );
      assert.deepEqual(
        await sc
          .parallelize([true, false, true], 2)
          .sortBy((x) => x)
          .collect(),
        [false, true, true],
      );
      const dates = [new Date(5), new Date(1), new Date(3)];
      assert.deepEqual(
        (
          await sc
            .parallelize(dates, 2)
            .sortBy((d) => d)
            .collect()
        ).map((d) => d.getTime()),
        [1, 3, 5],
      );
      assert.deepEqual(
        await sc
          .parallelize(
            [
              [2, 'a'],
              [1, 'b'],
              [1, 'a'],
            ],
            2,
          )
          .sortBy((x) => x)
          .collect(),
        [
          [1, 'a'],
          [1, 'b'],
          [2, 'a'],
        ],
      );
    },
  ],
  [
    'sortBy sorts by what its function says, both ways',
    async (sc) => {
      const words = ['ccc', 'a', 'dddd', 'bb'];
      assert.deepEqual(
        await sc
          .parallelize(words, 2)
          .sortBy((w) => w.length)
          .collect(),
        ['a', 'bb', 'ccc', 'dddd'],
      );
      assert.deepEqual(
        await sc
          .parallelize(words, 2)
          .sortBy((w) => w.length, false, 1)
          .collect(),
        ['dddd', 'ccc', 'bb', 'a'],
      );
    },
  ],
  [
    'a comparator decides where the natural order does not fit',
    async (sc) => {
      const people = [
        { n: 'b', age: 2 },
        { n: 'a', age: 1 },
        { n: 'c', age: 3 },
      ];
      const rdd = sc.parallelize(people, 3);
      const by = await rdd
        .sortBy(
          (p) => p,
          true,
          2,
          (a, b) => b.age - a.age,
        )
        .collect();
      assert.deepEqual(
        by.map((p) => p.n),
        ['c', 'b', 'a'],
      );
      const keyed = await rdd
        .keyBy((p) => p)
        .sortByKey(false, 2, (a, b) => b.age - a.age)
        .values()
        .collect();
      assert.deepEqual(
        keyed.map((p) => p.n),
        ['a', 'b', 'c'],
      );
    },
  ],
  [
    'records without a natural order are refused with an error that says so',
    async (sc) => {
      await assert.rejects(
        sc
          .parallelize([{ a: 1 }, { a: 2 }], 2)
          .sortBy((x) => x, true, 2)
          .collect(),
        /compar/i,
      );
    },
  ],
  [
    'equal keys all arrive, in neighbouring places',
    async (sc) => {
      const rdd = sc
        .parallelize(
          numbers(300).map((i): [number, number] => [i % 3, i]),
          4,
        )
        .sortByKey(true, 3);
      assert.deepEqual(
        await rdd.keys().collect(),
        numbers(300).map((i) => Math.floor(i / 100)),
      );
      assert.deepEqual(sorted(await rdd.values().collect()), sorted(numbers(300)));
    },
  ],
  [
    'sorting by one key only',
    async (sc) => {
      const rdd = sc
        .parallelize(
          numbers(50).map((i): [string, number] => ['k', i]),
          4,
        )
        .sortByKey(true, 4);
      assert.equal(await rdd.count(), 50);
      assert.equal(rdd.getNumPartitions(), 4);
    },
  ],
  [
    'sorting into one partition and into more than there are keys',
    async (sc) => {
      assert.deepEqual(
        await sc
          .parallelize([3, 1, 2], 2)
          .sortBy((x) => x, true, 1)
          .collect(),
        [1, 2, 3],
      );
      assert.deepEqual(
        await sc
          .parallelize([3, 1, 2], 2)
          .sortBy((x) => x, true, 10)
          .collect(),
        [1, 2, 3],
      );
    },
  ],
  [
    'operators after a sort keep the order',
    async (sc) => {
      const rdd = sc
        .parallelize(shuffledNumbers(100), 4)
        .sortBy((x) => x)
        .map((x) => x * 2)
        .filter((x) => x % 4 === 0);
      assert.deepEqual(await rdd.take(3), [0, 4, 8]);
      assert.deepEqual(
        await rdd.collect(),
        numbers(50).map((x) => x * 4),
      );
    },
  ],
  [
    'a sort of a sorted join',
    async (sc) => {
      const a = sc
        .parallelize(
          [
            [2, 'x'],
            [1, 'y'],
          ],
          2,
        )
        .sortByKey();
      const b = sc.parallelize(
        [
          [1, 10],
          [2, 20],
        ],
        2,
      );
      assert.deepEqual(await a.join(b).sortByKey(false).collect(), [
        [2, ['x', 20]],
        [1, ['y', 10]],
      ]);
    },
  ],
  [
    'sortByKey refuses senseless arguments at the call',
    async (sc) => {
      const rdd = sc.parallelize([[1, 1]], 1);
      assert.throws(() => rdd.sortByKey(true, -1), /Number of partitions cannot be negative but found -1\./);
      assert.throws(() => rdd.sortBy(([k]) => k, true, 1.5), /found 1\.5\./);
      assert.throws(() => rdd.sortByKey(true, 2, 'x' as never), /comparator/);
      assert.throws(() => rdd.sortBy(3 as never), /needs a function/);
    },
  ],
  [
    'a RangePartitioner puts ranges of keys into partitions in order',
    async (sc) => {
      const rdd = sc.parallelize(
        shuffledNumbers(1000).map((x): [number, number] => [x, x]),
        3,
      );
      const placed = rdd.partitionBy(new RangePartitioner(4, rdd));
      const parts = (await placed.keys().glom().collect()).map((p) => [Math.min(...p), Math.max(...p)]);
      assert.equal(parts.length, 4);
      for (let i = 1; i < parts.length; i++) assert.ok((parts[i - 1]?.[1] as number) < (parts[i]?.[0] as number));
    },
  ],
  [
    'a range of keys goes into one partition at least, also when none was asked for',
    async (sc) => {
      const rdd = sc.parallelize([[2, 'b'] as [number, string], [1, 'a'], [3, 'c']], 2);
      const none = new RangePartitioner(0, rdd);
      assert.equal(none.numPartitions, 1);
      assert.equal(await rdd.partitionBy(none).count(), 3);
      assert.deepEqual(await rdd.sortByKey(false, 0).keys().glom().collect(), [[3, 2, 1]]);
      const empty = sc.emptyRDD<number>();
      const nothing = empty.sortBy((x) => x, true, empty.getNumPartitions());
      assert.deepEqual([nothing.getNumPartitions(), await nothing.collect()], [1, []]);
    },
  ],
  [
    'a RangePartitioner refuses a negative number of partitions',
    async (sc) => {
      const rdd = sc.parallelize([[1, 1]], 1);
      assert.throws(() => new RangePartitioner(-1, rdd), /cannot be negative/);
      assert.throws(() => new RangePartitioner(2, rdd, true, null, 0), /greater than 0/);
    },
  ],
  [
    'lookup after a sort finds its key',
    async (sc) => {
      const rdd = sc
        .parallelize(
          shuffledNumbers(200).map((x): [number, string] => [x, `v${x}`]),
          3,
        )
        .sortByKey(false, 4);
      assert.deepEqual(await rdd.lookup(17), ['v17']);
      assert.deepEqual(await rdd.lookup(1000), []);
    },
  ],
];
