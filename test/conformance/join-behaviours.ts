import assert from 'node:assert/strict';
import { HashPartitioner } from '../../src/rdd/partitioner.ts';
import { type Behaviour, type ContextLike, sorted } from './behaviour.ts';

function sides(sc: ContextLike) {
  const left = sc.parallelize(
    [
      [1, 'a'],
      [2, 'b'],
      [2, 'c'],
      [3, 'd'],
    ],
    3,
  );
  const right = sc.parallelize(
    [
      [2, 20],
      [2, 21],
      [3, 30],
      [4, 40],
    ],
    2,
  );
  return { left, right };
}

/** Cogroup, the four joins, subtractByKey. */
export const joinBehaviours: readonly Behaviour[] = [
  [
    'join gives all pairs of values of a key',
    async (sc) => {
      const { left, right } = sides(sc);
      assert.deepEqual(sorted(await left.join(right).collect()), [
        [2, ['b', 20]],
        [2, ['b', 21]],
        [2, ['c', 20]],
        [2, ['c', 21]],
        [3, ['d', 30]],
      ]);
    },
  ],
  [
    'leftOuterJoin keeps keys of the left side, with undefined for what is missing',
    async (sc) => {
      const { left, right } = sides(sc);
      const got = await left.leftOuterJoin(right).collect();
      assert.equal(got.length, 6);
      assert.deepEqual(
        got.filter(([k]) => k === 1),
        [[1, ['a', undefined]]],
      );
    },
  ],
  [
    'rightOuterJoin keeps keys of the right side',
    async (sc) => {
      const { left, right } = sides(sc);
      const got = await left.rightOuterJoin(right).collect();
      assert.equal(got.length, 6);
      assert.deepEqual(
        got.filter(([k]) => k === 4),
        [[4, [undefined, 40]]],
      );
    },
  ],
  [
    'fullOuterJoin keeps all keys',
    async (sc) => {
      const { left, right } = sides(sc);
      const got = await left.fullOuterJoin(right, 4).collect();
      assert.equal(got.length, 7);
      assert.deepEqual(sorted(got.filter(([k]) => k === 1 || k === 4)), [
        [1, ['a', undefined]],
        [4, [undefined, 40]],
      ]);
    },
  ],
  [
    'null is a value like any other to a join',
    async (sc) => {
      const left = sc.parallelize([['k', null] as [string, null]], 1);
      const right = sc.parallelize([['k', null] as [string, null]], 1);
      assert.deepEqual(await left.join(right).collect(), [['k', [null, null]]]);
      assert.deepEqual(await left.fullOuterJoin(right).collect(), [['k', [null, null]]]);
    },
  ],
  [
    'joins with nothing',
    async (sc) => {
      const { left } = sides(sc);
      const nothing = sc.parallelize([] as [number, number][], 2);
      assert.deepEqual(await left.join(nothing).collect(), []);
      assert.equal(await left.leftOuterJoin(nothing).count(), 4);
      assert.deepEqual(await left.rightOuterJoin(nothing).collect(), []);
      assert.equal(await nothing.fullOuterJoin(left).count(), 4);
    },
  ],
  [
    'a join with itself',
    async (sc) => {
      const rdd = sc.parallelize(
        [
          ['a', 1],
          ['a', 2],
        ],
        2,
      );
      assert.deepEqual(sorted(await rdd.join(rdd).values().collect()), [
        [1, 1],
        [1, 2],
        [2, 1],
        [2, 2],
      ]);
    },
  ],
  [
    'keys that are objects are joined by value',
    async (sc) => {
      const left = sc.parallelize([[{ id: 1 }, 'a'] as [object, string]], 1);
      const right = sc.parallelize([[{ id: 1 }, 'b'] as [object, string]], 2);
      assert.deepEqual(await left.join(right).values().collect(), [['a', 'b']]);
    },
  ],
  [
    'cogroup has every key of any side once, with empty lists for missing sides',
    async (sc) => {
      const { left, right } = sides(sc);
      const got = await left.cogroup(right).collect();
      const plain = got.map(([k, [vs, ws]]): [number, [string[], number[]]] => [k, [sorted(vs), sorted(ws)]]);
      assert.deepEqual(sorted(plain), [
        [1, [['a'], []]],
        [
          2,
          [
            ['b', 'c'],
            [20, 21],
          ],
        ],
        [3, [['d'], [30]]],
        [4, [[], [40]]],
      ]);
    },
  ],
  [
    'cogroup of three and of four',
    async (sc) => {
      const { left, right } = sides(sc);
      const third = sc.parallelize([[2, true] as [number, boolean]], 1);
      const three = await left.cogroup(right, third, 2).collect();
      assert.deepEqual(three.find(([k]) => k === 2)?.[1][2], [true]);
      const four = left.cogroup(right, third, left, new HashPartitioner(5));
      assert.equal(four.getNumPartitions(), 5);
      assert.deepEqual((await four.collect()).find(([k]) => k === 1)?.[1], [['a'], [], [], ['a']]);
    },
  ],
  [
    'cogroup refuses what is no RDD and too many of them',
    async (sc) => {
      const { left, right } = sides(sc);
      const loose = left as unknown as { cogroup(...args: unknown[]): unknown };
      assert.throws(() => loose.cogroup(), /one to three other RDDs/);
      assert.throws(() => loose.cogroup([1]), /RDD/);
      assert.throws(() => loose.cogroup(right, right, right, right), /one to three other RDDs/);
      assert.throws(() => left.join([] as never), /needs another RDD, but was given an array/);
    },
  ],
  [
    'sides with the same partitioner are joined without a shuffle',
    async (sc) => {
      const { left, right } = sides(sc);
      const p = new HashPartitioner(3);
      const joined = left.partitionBy(p).join(right.partitionBy(p).mapValues((v) => v + 1));
      assert.equal(joined.partitioner, p);
      assert.equal(joined.toDebugString().match(/ShuffledRDD/g)?.length, 2);
      assert.doesNotMatch(joined.toDebugString().split('\n')[1] ?? '', /\+-/);
      assert.deepEqual(sorted(await joined.keys().collect()), [2, 2, 2, 2, 3]);
    },
  ],
  [
    'a partitioned side stays where it is and the other is shuffled to it',
    async (sc) => {
      const { left, right } = sides(sc);
      const joined = left.partitionBy(new HashPartitioner(3)).join(right);
      assert.equal(joined.getNumPartitions(), 3);
      assert.deepEqual(sorted(await joined.values().collect()), [
        ['b', 20],
        ['b', 21],
        ['c', 20],
        ['c', 21],
        ['d', 30],
      ]);
    },
  ],
  [
    'a join after reduceByKey, and a reduceByKey after the join',
    async (sc) => {
      const { left, right } = sides(sc);
      const sums = right.reduceByKey((a, b) => a + b);
      const joined = left
        .join(sums)
        .map(([, [letter, sum]]) => [letter, sum])
        .reduceByKey((a, b) => a + b);
      assert.deepEqual(sorted(await joined.collect()), [
        ['b', 41],
        ['c', 41],
        ['d', 30],
      ]);
    },
  ],
  [
    'groupWith is cogroup with the default partitioner',
    async (sc) => {
      const a = sc.parallelize([['k', 1]], 2);
      const b = sc.parallelize(
        [
          ['k', 'x'],
          ['l', 'y'],
        ],
        3,
      );
      const c = sc.parallelize([['l', true]], 1);
      assert.equal(a.groupWith(b).getNumPartitions(), 3);
      assert.deepEqual(sorted(await a.groupWith(b).collect()), [
        ['k', [[1], ['x']]],
        ['l', [[], ['y']]],
      ]);
      assert.deepEqual(sorted(await a.groupWith(b, c).collect()), [
        ['k', [[1], ['x'], []]],
        ['l', [[], ['y'], [true]]],
      ]);
      assert.deepEqual(sorted(await a.groupWith(b, c, a).collect()), [
        ['k', [[1], ['x'], [], [1]]],
        ['l', [[], ['y'], [true], []]],
      ]);
      const loose = a as unknown as { groupWith(...args: unknown[]): unknown };
      assert.throws(() => loose.groupWith(b, 3), /groupWith\(\) needs another RDD/);
      assert.throws(() => loose.groupWith(), /one to three other RDDs/);
    },
  ],
  [
    "subtractByKey keeps the receiver's partitioner, and its number of partitions without one",
    async (sc) => {
      const left = sc.parallelize(
        [
          ['a', 1],
          ['b', 2],
        ],
        2,
      );
      const right = sc.parallelize([['a', 'x']], 7);
      assert.equal(left.subtractByKey(right).getNumPartitions(), 2);
      const placed = left.partitionBy(new HashPartitioner(3));
      const rest = placed.subtractByKey(right);
      assert.equal(rest.partitioner, placed.partitioner);
      assert.deepEqual(await rest.collect(), [['b', 2]]);
      assert.equal(placed.subtractByKey(right, 5).getNumPartitions(), 5);
      assert.deepEqual(await sc.emptyRDD<[string, number]>().subtractByKey(right).collect(), []);
    },
  ],
  [
    'subtractByKey keeps the pairs whose key the other has not, duplicates too',
    async (sc) => {
      const rdd = sc.parallelize(
        [
          ['a', 1],
          ['a', 2],
          ['b', 3],
          ['c', 4],
        ],
        3,
      );
      const rest = rdd.subtractByKey(
        sc.parallelize(
          [
            ['b', 'x'],
            ['z', 'y'],
          ],
          2,
        ),
      );
      assert.equal(rest.getNumPartitions(), 3);
      assert.deepEqual(sorted(await rest.collect()), [
        ['a', 1],
        ['a', 2],
        ['c', 4],
      ]);
    },
  ],
  [
    'ten rounds of joins in a row',
    async (sc) => {
      const links = sc
        .parallelize(
          [
            [0, 1],
            [1, 2],
            [2, 0],
          ],
          2,
        )
        .partitionBy(new HashPartitioner(2));
      let ranks = links.mapValues(() => 1);
      for (let i = 0; i < 10; i++) {
        ranks = links
          .join(ranks)
          .map(([, [to, rank]]) => [to, rank / 2])
          .reduceByKey((a, b) => a + b, 2)
          .mapValues((r) => r + 0.5);
      }
      assert.deepEqual(sorted(await ranks.collect()), [
        [0, 1],
        [1, 1],
        [2, 1],
      ]);
    },
  ],
];
