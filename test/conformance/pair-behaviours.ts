import assert from 'node:assert/strict';
import { HashPartitioner, type Partitioner } from '../../src/rdd/partitioner.ts';
import { type Behaviour, numbers, sorted, sortedGroups } from './behaviour.ts';

const WORDS = 'the quick brown fox jumps over the lazy dog the end'.split(' ');
const pairs: [string, number][] = WORDS.map((w, i) => [w, i]);

function countsOf<K>(keys: readonly K[]): [K, number][] {
  const counts = new Map<K, number>();
  for (const k of keys) counts.set(k, (counts.get(k) ?? 0) + 1);
  return [...counts];
}

/** reduceByKey and its family, partitioners. */
export const pairBehaviours: readonly Behaviour[] = [
  [
    'reduceByKey counts words',
    async (sc) => {
      const counts = sc
        .parallelize(WORDS, 3)
        .map((w) => [w, 1])
        .reduceByKey((a, b) => a + b);
      assert.deepEqual(sorted(await counts.collect()), sorted(countsOf(WORDS)));
    },
  ],
  [
    'reduceByKey never calls its function for a key that is there once',
    async (sc) => {
      const got = await sc
        .parallelize(pairs.slice(1, 4), 2)
        .reduceByKey(() => -1)
        .collect();
      assert.deepEqual(sorted(got), sorted(pairs.slice(1, 4)));
    },
  ],
  [
    'reduceByKey takes a number of partitions or a partitioner',
    async (sc) => {
      const rdd = sc.parallelize(pairs, 3);
      assert.equal(rdd.reduceByKey((a) => a, 5).getNumPartitions(), 5);
      assert.equal(rdd.reduceByKey((a) => a, new HashPartitioner(4)).getNumPartitions(), 4);
      assert.throws(() => rdd.reduceByKey((a) => a, 0), /must be positive/);
      assert.throws(() => rdd.reduceByKey((a) => a, -1), /must be positive/);
      assert.throws(() => rdd.reduceByKey((a) => a, 'x' as never), /number of partitions or a Partitioner/);
    },
  ],
  [
    'equal keys meet in one partition, whatever partition they came from',
    async (sc) => {
      const parts = await sc.parallelize(pairs, 5).partitionBy(new HashPartitioner(4)).keys().glom().collect();
      for (const word of new Set(WORDS)) assert.equal(parts.filter((p) => p.includes(word)).length, 1);
      assert.equal(parts.flat().length, WORDS.length);
    },
  ],
  [
    'keys are equal by value: numbers, arrays, objects, Dates, bytes',
    async (sc) => {
      const keys = (): unknown[] => [1, [1, 'a'], { a: 1, b: [2] }, new Date(7), Buffer.from('ab'), 3n, true];
      const all = sc.parallelize(
        [...keys(), ...keys()].map((k) => [k, 1] as [unknown, number]),
        4,
      );
      const counts = await all.reduceByKey((a, b) => a + b).collect();
      assert.equal(counts.length, keys().length);
      assert.ok(counts.every(([, n]) => n === 2));
    },
  ],
  [
    "the order of an object key's properties does not matter",
    async (sc) => {
      const rdd = sc.parallelize([[{ a: 1, b: 2 }, 1] as [object, number], [{ b: 2, a: 1 }, 1] as [object, number]], 2);
      assert.equal(await rdd.reduceByKey((a, b) => a + b).count(), 1);
    },
  ],
  [
    '1, 1n, "1" and true are different keys; NaN is equal to itself and -0 to 0',
    async (sc) => {
      const keys = [1, 1n, '1', true, Number.NaN, Number.NaN, 0, -0];
      const rdd = sc
        .parallelize(
          keys.map((k): [unknown, number] => [k, 1]),
          3,
        )
        .reduceByKey((a, b) => a + b);
      const got = (await rdd.collect()).map(([k, n]): string => `${typeof k} ${k} ${n}`);
      assert.deepEqual(got.sort(), [
        'bigint 1 1',
        'boolean true 1',
        'number 0 2',
        'number 1 1',
        'number NaN 2',
        'string 1 1',
      ]);
    },
  ],
  [
    'null and undefined are keys',
    async (sc) => {
      const keys = [null, undefined, null, undefined, null];
      const counts = await sc
        .parallelize(
          keys.map((k): [unknown, number] => [k, 1]),
          2,
        )
        .reduceByKey((a, b) => a + b)
        .collect();
      assert.deepEqual(counts.map(([k, n]) => `${k} ${n}`).sort(), ['null 3', 'undefined 2']);
    },
  ],
  [
    'many keys',
    async (sc) => {
      const rdd = sc
        .range(0, 60_000, 1, 4)
        .map((x) => [x % 20_000, 1])
        .reduceByKey((a, b) => a + b, 3);
      assert.equal(await rdd.count(), 20_000);
      assert.ok((await rdd.values().distinct().collect()).every((n) => n === 3));
    },
  ],
  [
    'groupByKey brings all values together',
    async (sc) => {
      const rdd = sc
        .parallelize(
          [
            ['a', 1],
            ['b', 2],
            ['a', 3],
            ['a', 1],
          ],
          3,
        )
        .groupByKey(2);
      assert.deepEqual(sortedGroups(await rdd.collect()), [
        ['a', [1, 1, 3]],
        ['b', [2]],
      ]);
    },
  ],
  [
    'combineByKey with and without map-side combining gives the same',
    async (sc) => {
      const rdd = sc.parallelize(
        [
          ['a', 1],
          ['b', 2],
          ['a', 3],
        ],
        3,
      );
      for (const mapSide of [true, false]) {
        const sums = rdd.combineByKey(
          (v) => ({ sum: v, n: 1 }),
          (c, v) => ({ sum: c.sum + v, n: c.n + 1 }),
          (a, b) => ({ sum: a.sum + b.sum, n: a.n + b.n }),
          2,
          mapSide,
        );
        assert.deepEqual(sorted(await sums.collect()), [
          ['a', { sum: 4, n: 2 }],
          ['b', { sum: 2, n: 1 }],
        ]);
      }
    },
  ],
  [
    'aggregateByKey begins each key with a zero of its own',
    async (sc) => {
      const rdd = sc.parallelize(
        [
          ['a', 1],
          ['b', 2],
          ['a', 3],
          ['b', 4],
        ],
        1,
      );
      const lists = rdd.aggregateByKey(
        [] as number[],
        (list, v) => {
          list.push(v);
          return list;
        },
        (a, b) => a.concat(b),
        2,
      );
      assert.deepEqual(sortedGroups(await lists.collect()), [
        ['a', [1, 3]],
        ['b', [2, 4]],
      ]);
    },
  ],
  [
    'aggregateByKey uses its zero once for each key and map partition',
    async (sc) => {
      const rdd = sc.parallelize(
        [
          ['a', 1],
          ['a', 1],
          ['a', 1],
          ['a', 1],
        ],
        2,
      );
      const sums = rdd.aggregateByKey(
        100,
        (a, v) => a + v,
        (a, b) => a + b,
        1,
      );
      assert.deepEqual(await sums.collect(), [['a', 204]]);
    },
  ],
  [
    'foldByKey',
    async (sc) => {
      const rdd = sc.parallelize(
        [
          ['a', 2],
          ['b', 3],
          ['a', 4],
        ],
        1,
      );
      assert.deepEqual(sorted(await rdd.foldByKey(1, (a, b) => a * b).collect()), [
        ['a', 8],
        ['b', 3],
      ]);
    },
  ],
  [
    'foldByKey cannot change the source through its zero',
    async (sc) => {
      const zero: number[] = [];
      const rdd = sc.parallelize([['a', [1]] as [string, number[]], ['a', [2]] as [string, number[]]], 1);
      const got = await rdd
        .foldByKey(zero, (a, b) => {
          a.push(...b);
          return a;
        })
        .collect();
      assert.deepEqual(got, [['a', [1, 2]]]);
      assert.deepEqual(zero, []);
    },
  ],
  [
    'operators by key need no second shuffle when the partitioner is there already',
    async (sc) => {
      const once = sc
        .parallelize(
          [
            ['a', 1],
            ['b', 2],
            ['a', 3],
          ],
          3,
        )
        .reduceByKey((a, b) => a + b, 2);
      const again = once.mapValues((v) => v * 2).reduceByKey((a, b) => a + b, 2);
      assert.equal(again.toDebugString().match(/ShuffledRDD/g)?.length, 1);
      assert.deepEqual(sorted(await again.collect()), [
        ['a', 8],
        ['b', 4],
      ]);
      const grouped = once.groupByKey();
      assert.equal(grouped.toDebugString().match(/ShuffledRDD/g)?.length, 1);
      assert.deepEqual(sortedGroups(await grouped.collect()), [
        ['a', [4]],
        ['b', [2]],
      ]);
    },
  ],
  [
    'an in-place aggregateByKey begins with zeros too',
    async (sc) => {
      const placed = sc
        .parallelize(
          [
            ['a', 1],
            ['b', 2],
            ['a', 3],
          ],
          3,
        )
        .partitionBy(new HashPartitioner(2));
      const lists = placed.aggregateByKey(
        [] as number[],
        (l, v) => [...l, v],
        (a, b) => [...a, ...b],
      );
      assert.equal(lists.partitioner, placed.partitioner);
      assert.deepEqual(sortedGroups(await lists.collect()), [
        ['a', [1, 3]],
        ['b', [2]],
      ]);
    },
  ],
  [
    'partitionBy with an equal partitioner is the same RDD',
    async (sc) => {
      const placed = sc.parallelize(pairs, 2).partitionBy(new HashPartitioner(3));
      assert.equal(placed.partitionBy(new HashPartitioner(3)), placed);
      assert.notEqual(placed.partitionBy(new HashPartitioner(4)), placed);
    },
  ],
  [
    'partitionBy keeps duplicates',
    async (sc) => {
      const rdd = sc
        .parallelize(
          [
            ['a', 1],
            ['a', 1],
            ['b', 1],
          ],
          2,
        )
        .partitionBy(new HashPartitioner(2));
      assert.equal(await rdd.count(), 3);
    },
  ],
  [
    "a partitioner of the user's own decides where keys go",
    async (sc) => {
      class ByParity implements Partitioner {
        readonly numPartitions = 2;
        getPartition(key: unknown): number {
          return (key as number) % 2;
        }
        equals(other: Partitioner): boolean {
          return other instanceof ByParity;
        }
      }
      const parts = await sc
        .range(0, 6, 1, 3)
        .map((x) => [x, x])
        .partitionBy(new ByParity())
        .keys()
        .glom()
        .collect();
      assert.deepEqual(
        parts.map((p) => p.sort()),
        [
          [0, 2, 4],
          [1, 3, 5],
        ],
      );
    },
  ],
  [
    'a HashPartitioner sends null to 0, every key to a partition that is there, and equals one with as many',
    async (sc) => {
      const seven = new HashPartitioner(7);
      assert.deepEqual([seven.getPartition(null), seven.getPartition(undefined)], [0, 0]);
      const keys = [
        -1,
        -5,
        2 ** 40,
        -(2 ** 40),
        0.5,
        -0.5,
        NaN,
        'x',
        'ä€😀',
        3n,
        -3n,
        true,
        [-1],
        { a: -1 },
        new Date(-5),
      ];
      for (const key of keys) {
        const partition = seven.getPartition(key);
        assert.ok(Number.isInteger(partition) && partition >= 0 && partition < 7, `${String(key)} in ${partition}`);
      }
      assert.ok(seven.equals(new HashPartitioner(7)));
      assert.ok(!seven.equals(new HashPartitioner(8)));
      // Tasks see it as the driver does.
      const placed = sc
        .parallelize(
          keys.map((key): [unknown, number] => [key, 1]),
          3,
        )
        .partitionBy(seven);
      const parts = await placed.keys().glom().collect();
      for (const [i, part] of parts.entries()) for (const key of part) assert.equal(seven.getPartition(key), i);
    },
  ],
  [
    'partitionBy refuses what is no partitioner',
    async (sc) => {
      const rdd = sc.parallelize(pairs, 2);
      assert.throws(() => rdd.partitionBy({} as never), /Partitioner/);
      assert.throws(() => rdd.partitionBy(null as never), /Partitioner/);
      assert.throws(() => rdd.partitionBy({ numPartitions: 2, getPartition: () => 0 } as never), /equals/);
      assert.throws(() => new HashPartitioner(-1), /cannot be negative/);
    },
  ],
  [
    'without a number, operators by key take the partitions of their input',
    async (sc) => {
      assert.equal(sc.parallelize(pairs, 7).groupByKey().getNumPartitions(), 7);
    },
  ],
  [
    'a shuffle of a shuffle of a shuffle',
    async (sc) => {
      const lengths = sc
        .parallelize(WORDS, 3)
        .map((w) => [w, 1])
        .reduceByKey((a, b) => a + b)
        .map(([w, n]) => [w.length, n])
        .reduceByKey((a, b) => a + b)
        .map(([, n]) => [n, 1])
        .groupByKey();
      const byLength = new Map(countsOf(WORDS.map((w) => w.length)));
      const expected = new Map<number, number[]>();
      for (const n of byLength.values()) expected.set(n, [...(expected.get(n) ?? []), 1]);
      assert.deepEqual(sortedGroups(await lengths.collect()), sortedGroups(expected));
    },
  ],
  [
    'one shuffle feeds two results',
    async (sc) => {
      const counts = sc
        .parallelize(WORDS, 3)
        .map((w) => [w, 1])
        .reduceByKey((a, b) => a + b);
      const both = counts.map(([, n]) => n).union(counts.map(([, n]) => -n));
      assert.equal(await both.sum(), 0);
      assert.equal(await counts.count(), new Set(WORDS).size);
    },
  ],
  [
    'more partitions than keys',
    async (sc) => {
      const rdd = sc
        .parallelize(
          [
            ['a', 1],
            ['b', 1],
          ],
          2,
        )
        .reduceByKey((a, b) => a + b, 50);
      assert.equal(rdd.getNumPartitions(), 50);
      assert.equal(await rdd.count(), 2);
    },
  ],
  [
    'values of any shape travel through a shuffle',
    async (sc) => {
      const values = [
        null,
        undefined,
        { a: [1, { b: 'ä' }] },
        [1, [2]],
        new Date(9),
        5n,
        'x'.repeat(5000),
        Number.NaN,
        -0,
      ];
      const rdd = sc
        .parallelize(
          values.map((v, i): [number, unknown] => [i, v]),
          3,
        )
        .partitionBy(new HashPartitioner(2));
      const back = new Map(await rdd.collect());
      assert.deepEqual(
        numbers(values.length).map((i) => back.get(i)),
        values,
      );
    },
  ],
];
