import assert from 'node:assert/strict';
import { HashPartitioner } from '../../src/rdd/partitioner.ts';
import { type Behaviour, numbers } from './behaviour.ts';

/** Partitions side by side: zip, cartesian, numbers for records, evaluators. */
export const zipBehaviours: readonly Behaviour[] = [
  [
    'zip pairs records by their place',
    async (sc) => {
      const a = sc.range(0, 5000, 1, 3);
      const got = await a.zip(a.map((x) => `${x}`)).collect();
      assert.deepEqual(
        got,
        numbers(5000).map((x) => [x, `${x}`]),
      );
      assert.equal(a.zip(a).getNumPartitions(), 3);
      assert.equal(await a.zip(a).count(), 5000);
    },
  ],
  [
    'zip of an RDD with itself reads it twice, also when it is persisted',
    async (sc) => {
      const rdd = sc
        .range(0, 3000, 1, 2)
        .flatMap((x) => [x, -x])
        .cache();
      const sums = rdd.zip(rdd).map(([a, b]) => a + b);
      assert.equal(await sums.sum(), 0);
      assert.equal(await sums.filter((x) => x > 0).count(), 2999);
      rdd.unpersist();
    },
  ],
  [
    'zip of an async operator with itself calls its function and loses nothing',
    async (sc) => {
      const rdd = sc.range(0, 20, 1, 2).mapAsync(async (x) => x * 2);
      assert.deepEqual(
        await rdd.zip(rdd).collect(),
        numbers(20).map((x) => [x * 2, x * 2]),
      );
      assert.equal(await rdd.cartesian(rdd).count(), 400);
    },
  ],
  [
    'zip refuses other numbers of partitions at once, and other numbers of records in the task',
    async (sc) => {
      const four = sc.range(0, 4, 1, 2);
      assert.throws(() => four.zip(sc.range(0, 4, 1, 4)), {
        name: 'IllegalArgumentError',
        message: /Can't zip RDDs with unequal numbers of partitions: List\(2, 4\)/,
      });
      assert.throws(() => four.zip([1] as never), /zip\(\) needs another RDD, but was given an array of 1/);
      const text = /Can only zip RDDs with same number of elements in each partition/;
      await assert.rejects(four.zip(sc.range(0, 5, 1, 2)).count(), text);
      await assert.rejects(sc.range(0, 5, 1, 2).zip(four).collect(), text);
      await assert.rejects(four.zip(sc.parallelize([], 2)).collect(), text);
    },
  ],
  [
    'zip of empty partitions is empty',
    async (sc) => {
      assert.deepEqual(await sc.parallelize([], 3).zip(sc.parallelize([], 3)).collect(), []);
      assert.deepEqual(await sc.emptyRDD().zip(sc.emptyRDD()).collect(), []);
      const odd = sc.parallelize([1], 3);
      assert.deepEqual(await odd.zip(odd).collect(), [[1, 1]]);
    },
  ],
  [
    'zipPartitions calls its function once for each index with the records of all',
    async (sc) => {
      const a = sc.range(0, 6, 1, 2);
      const b = sc.parallelize(['x', 'y', 'z'], 2);
      const c = sc.parallelize([true], 2);
      const d = sc.parallelize([[1], [2]], 2);
      assert.deepEqual(await a.zipPartitions(b, (xs, ys) => [[...xs], [...ys]]).collect(), [
        [0, 1, 2],
        ['x'],
        [3, 4, 5],
        ['y', 'z'],
      ]);
      assert.deepEqual(await a.zipPartitions(b, c, (xs, ys, zs) => [`${[...xs]} ${[...ys]} ${[...zs]}`]).collect(), [
        '0,1,2 x ',
        '3,4,5 y,z true',
      ]);
      const all = a.zipPartitions(b, c, d, (xs, ys, zs, ws) => [[...xs].length + [...ys].length, [...zs, ...ws]]);
      assert.deepEqual(await all.collect(), [4, [[1]], 5, [true, [2]]]);
    },
  ],
  [
    'zipPartitions may read as little as it likes, and streams',
    async (sc) => {
      const a = sc.range(0, 100_000, 1, 2);
      const merged = a.zipPartitions(a, function* (xs, ys) {
        for (const x of xs) {
          const y = ys.next();
          if (y.done) return;
          yield x + y.value;
        }
      });
      assert.deepEqual(await merged.take(3), [0, 2, 4]);
      assert.equal(await merged.count(), 100_000);
      assert.equal(await a.zipPartitions(a, () => [1]).count(), 2);
    },
  ],
  [
    'zipPartitions keeps the partitioner of the first only when told',
    async (sc) => {
      const pairs = sc
        .range(0, 10, 1, 4)
        .map((x) => [x, x])
        .partitionBy(new HashPartitioner(4));
      const other = sc.range(0, 10, 1, 4);
      assert.equal(pairs.zipPartitions(other, (xs) => xs).partitioner, null);
      assert.ok(pairs.zipPartitions(other, (xs) => xs, true).partitioner?.equals(new HashPartitioner(4)));
    },
  ],
  [
    'zipPartitions refuses what it cannot use',
    async (sc) => {
      const a = sc.range(0, 4, 1, 2);
      assert.throws(
        () => a.zipPartitions(sc.range(0, 4, 1, 3), () => []),
        /unequal numbers of partitions: List\(2, 3\)/,
      );
      const call = (...args: unknown[]): unknown => Reflect.apply(a.zipPartitions, a, args);
      assert.throws(() => call(() => []), /zipPartitions\(\) needs one to three other RDDs, but was given 0/);
      assert.throws(() => call(a, a, a, a, () => []), /but was given 4/);
      assert.throws(() => call(a, 5), /zipPartitions\(\) needs a function, but was given 5/);
      assert.throws(() => call(a, () => [], 'yes'), /preservesPartitioning of zipPartitions\(\)/);
      await assert.rejects(a.zipPartitions(a, () => 5 as never).count(), /iterable/);
    },
  ],
  [
    'zipWithIndex numbers records over all partitions in order',
    async (sc) => {
      const words = sc.parallelize(['a', 'b', 'c', 'd', 'e'], 4).filter((w) => w !== 'b');
      assert.deepEqual(await words.zipWithIndex().collect(), [
        ['a', 0],
        ['c', 1],
        ['d', 2],
        ['e', 3],
      ]);
      assert.deepEqual(await sc.parallelize(['x', 'y'], 1).zipWithIndex().collect(), [
        ['x', 0],
        ['y', 1],
      ]);
      assert.deepEqual(await sc.emptyRDD().zipWithIndex().collect(), []);
      const many = sc.range(0, 10_000, 1, 5).zipWithIndex();
      assert.equal(await many.filter(([x, i]) => x !== i).count(), 0);
    },
  ],
  [
    'zipWithIndex counts what lies behind a shuffle, a sort and another zipWithIndex',
    async (sc) => {
      const sortedWords = sc.parallelize(['d', 'a', 'c', 'b'], 3).sortBy((w) => w, true, 3);
      const twice = sortedWords.zipWithIndex().zipWithIndex();
      assert.deepEqual(await twice.collect(), [
        [['a', 0], 0],
        [['b', 1], 1],
        [['c', 2], 2],
        [['d', 3], 3],
      ]);
      const joined = await sortedWords
        .zipWithIndex()
        .map(([w, i]) => [i, w])
        .join(sortedWords.zipWithIndex().map(([w, i]) => [i, w]))
        .sortByKey()
        .values()
        .collect();
      assert.deepEqual(joined, [
        ['a', 'a'],
        ['b', 'b'],
        ['c', 'c'],
        ['d', 'd'],
      ]);
    },
  ],
  [
    'actions that start together share the counting of zipWithIndex',
    async (sc) => {
      const rdd = sc.range(0, 100, 1, 4).zipWithIndex();
      const [one, two] = [rdd.collect(), rdd.count()];
      assert.equal((await one).length, 100);
      assert.equal(await two, 100);
      assert.deepEqual(await rdd.lookup(42), [42]);
    },
  ],
  [
    'zipWithUniqueId gives the k-th record of partition i of n the number i + k n',
    async (sc) => {
      assert.deepEqual(await sc.parallelize(['a', 'b', 'c', 'd', 'e'], 3).zipWithUniqueId().collect(), [
        ['a', 0],
        ['b', 1],
        ['c', 4],
        ['d', 2],
        ['e', 5],
      ]);
      const union = sc.union([sc.range(0, 3000, 1, 2), sc.range(0, 5, 1, 1)]).map((x) => x);
      const ids = await union.zipWithUniqueId().values().collect();
      assert.equal(new Set(ids).size, 3005);
      assert.equal(ids[3000], 2);
    },
  ],
  [
    'cartesian pairs every record with every other, left side first',
    async (sc) => {
      const a = sc.parallelize(['a', 'b', 'c'], 2);
      const b = sc.parallelize([1, 2, 3], 2);
      assert.deepEqual(await a.cartesian(b).collect(), [
        ['a', 1],
        ['a', 2],
        ['a', 3],
        ['b', 1],
        ['c', 1],
        ['b', 2],
        ['b', 3],
        ['c', 2],
        ['c', 3],
      ]);
      assert.equal(a.cartesian(b).getNumPartitions(), 4);
    },
  ],
  [
    'cartesian with nothing is nothing',
    async (sc) => {
      const a = sc.range(0, 10, 1, 2);
      assert.deepEqual(await a.cartesian(sc.emptyRDD()).collect(), []);
      assert.deepEqual(await sc.emptyRDD().cartesian(a).collect(), []);
      assert.deepEqual(await a.cartesian(sc.parallelize([], 3)).collect(), []);
      assert.deepEqual(await sc.parallelize([], 3).cartesian(a).collect(), []);
    },
  ],
  [
    'cartesian of more partitions than there can be is refused at the call',
    async (sc) => {
      const wide = sc.range(0, 1, 1, 65_536);
      assert.equal(wide.cartesian(sc.range(0, 1, 1, 32_767)).getNumPartitions(), 65_536 * 32_767);
      assert.throws(() => wide.cartesian(sc.range(0, 1, 1, 32_768)), {
        name: 'IllegalArgumentError',
        message: /^the cartesian product of 65536 and 32768 partitions would have more than 2147483647/,
      });
    },
  ],
  [
    'cartesian of larger sides, of an RDD with itself, and behind a shuffle',
    async (sc) => {
      const a = sc.range(0, 300, 1, 2);
      assert.equal(
        await a
          .cartesian(a)
          .map(([x, y]) => x * y)
          .sum(),
        44850 ** 2,
      );
      const tall = sc.range(0, 5000, 1, 1).cartesian(sc.range(0, 30, 1, 1));
      assert.equal(await tall.count(), 150_000);
      assert.deepEqual((await tall.take(31)).at(-1), [1, 0]);
      const wide = sc.range(0, 3, 1, 1).cartesian(sc.range(0, 7000, 1, 2));
      assert.equal(
        await wide
          .map(([, y]) => y)
          .filter((y) => y >= 0)
          .count(),
        21_000,
      );
      const shuffled = a.map((x) => [x % 3, 1]).reduceByKey((p, q) => p + q, 2);
      assert.equal(await shuffled.cartesian(shuffled).count(), 9);
    },
  ],
  [
    'an evaluator is made for each partition, where that is computed',
    async (sc) => {
      class Adder {
        readonly by: number;
        constructor(by: number) {
          this.by = by;
        }
        createEvaluator(): { eval(index: number, ...inputs: IterableIterator<number>[]): Iterable<string> } {
          const { by } = this;
          let made = 0;
          return {
            *eval(index, ...inputs) {
              for (const input of inputs) for (const x of input) yield `${index}:${x + by}:${made++}`;
            },
          };
        }
      }
      const rdd = sc.range(0, 4, 1, 2);
      assert.deepEqual(await rdd.mapPartitionsWithEvaluator(new Adder(10)).collect(), [
        '0:10:0',
        '0:11:1',
        '1:12:0',
        '1:13:1',
      ]);
      const zipped = rdd.zipPartitionsWithEvaluator(
        rdd.map((x) => x * 2),
        new Adder(0),
      );
      assert.deepEqual(await zipped.collect(), [
        '0:0:0',
        '0:1:1',
        '0:0:2',
        '0:2:3',
        '1:2:0',
        '1:3:1',
        '1:4:2',
        '1:6:3',
      ]);
      assert.throws(() => rdd.mapPartitionsWithEvaluator({} as never), /needs a factory with a method createEvaluator/);
    },
  ],
];
