import assert from 'node:assert/strict';
import { HashPartitioner } from '../../src/rdd/partitioner.ts';
import type { RDD } from '../../src/rdd/rdd.ts';
import { type Behaviour, numbers, sorted } from './behaviour.ts';

/** Record-wise operators, partitions, coalesce and repartition, distinct. */
export const narrowBehaviours: readonly Behaviour[] = [
  [
    'map applies its function',
    async (sc) =>
      assert.deepEqual(
        await sc
          .range(4)
          .map((x) => x * x)
          .collect(),
        [0, 1, 4, 9],
      ),
  ],
  [
    'map sees captured values as they are when the job starts',
    async (sc) => {
      let factor = 1;
      const rdd = sc.range(3).map((x) => x * factor);
      factor = 10;
      assert.deepEqual(await rdd.collect(), [0, 10, 20]);
    },
  ],
  [
    'map may return undefined, null and arrays as records',
    async (sc) => {
      const got = await sc
        .range(0, 3, 1, 1)
        .map((x): unknown => [undefined, null, [x]][x])
        .collect();
      assert.deepEqual(got, [undefined, null, [2]]);
    },
  ],
  [
    'map calls class methods and helpers it captures',
    async (sc) => {
      class Scale {
        readonly by: number;
        constructor(by: number) {
          this.by = by;
        }
        apply(x: number): number {
          return x * this.by;
        }
      }
      const scale = new Scale(3);
      assert.deepEqual(
        await sc
          .range(3)
          .map((x) => scale.apply(x))
          .collect(),
        [0, 3, 6],
      );
    },
  ],
  [
    'filter keeps what is true or truthy',
    async (sc) => {
      assert.deepEqual(
        await sc
          .range(6)
          .filter((x) => x % 2 === 1)
          .collect(),
        [1, 3, 5],
      );
      assert.deepEqual(
        await sc
          .range(3)
          .filter((x) => x)
          .collect(),
        [1, 2],
      );
      assert.deepEqual(
        await sc
          .range(3)
          .filter(() => false)
          .collect(),
        [],
      );
    },
  ],
  [
    'flatMap takes arrays, strings, sets and generators',
    async (sc) => {
      assert.deepEqual(
        await sc
          .range(3)
          .flatMap((x) => Array(x).fill(x))
          .collect(),
        [1, 2, 2],
      );
      assert.deepEqual(
        await sc
          .parallelize(['ab', '', 'c'], 2)
          .flatMap((s) => s.trim())
          .collect(),
        ['a', 'b', 'c'],
      );
      assert.deepEqual(
        await sc
          .range(2)
          .flatMap((x) => new Set([x, x]))
          .collect(),
        [0, 1],
      );
      const generated = sc.range(3).flatMap(function* (x) {
        for (let i = 0; i < x; i++) yield `${x}${i}`;
      });
      assert.deepEqual(await generated.collect(), ['10', '20', '21']);
    },
  ],
  [
    'chains of narrow operators apply in order',
    async (sc) => {
      const got = await sc
        .range(0, 1000, 1, 3)
        .map((x) => x + 1)
        .filter((x) => x % 3 === 0)
        .flatMap((x) => [x, -x])
        .map((x) => `${x}`)
        .filter((s) => s.length === 2)
        .collect();
      const plain = numbers(1000)
        .map((x) => x + 1)
        .filter((x) => x % 3 === 0)
        .flatMap((x) => [x, -x])
        .map((x) => `${x}`)
        .filter((s) => s.length === 2);
      assert.deepEqual(got, plain);
    },
  ],
  [
    'a chain of 300 maps works',
    async (sc) => {
      let rdd = sc.range(3);
      for (let i = 0; i < 300; i++) rdd = rdd.map((x) => x + 1);
      assert.deepEqual(await rdd.collect(), [300, 301, 302]);
    },
  ],
  [
    'mapPartitions is called once a partition, also for empty ones',
    async (sc) => {
      const sums = await sc
        .parallelize([1, 2, 3], 5)
        .mapPartitions((it) => [[...it].length])
        .collect();
      assert.deepEqual(sums, [0, 1, 0, 1, 1]);
    },
  ],
  [
    'mapPartitions streams: a generator may stop before the end',
    async (sc) => {
      const firsts = sc.range(0, 2_000_000, 1, 2).mapPartitions(function* (it) {
        let n = 0;
        for (const x of it) {
          yield x;
          if (++n === 3) return;
        }
      });
      assert.deepEqual(await firsts.collect(), [0, 1, 2, 1_000_000, 1_000_001, 1_000_002]);
    },
  ],
  [
    'the iterator of mapPartitions can be read once',
    async (sc) => {
      const twice = sc.range(0, 4, 1, 1).mapPartitions((it) => [[...it].length, [...it].length]);
      assert.deepEqual(await twice.collect(), [4, 0]);
    },
  ],
  [
    'the iterator of mapPartitions answers next() as iterators do',
    async (sc) => {
      const got = await sc
        .range(0, 2, 1, 1)
        .mapPartitions((it) => [it.next().value as number, it.next().value as number, it.next().done ? -1 : -2])
        .collect();
      assert.deepEqual(got, [0, 1, -1]);
    },
  ],
  [
    'mapPartitionsWithIndex knows the partition',
    async (sc) => {
      const got = await sc
        .parallelize(['a', 'b', 'c'], 3)
        .mapPartitionsWithIndex((i, it) => [...it].map((x) => `${i}${x}`))
        .collect();
      assert.deepEqual(got, ['0a', '1b', '2c']);
    },
  ],
  [
    'mapPartitionsWithIndex after a union counts the partitions of the union',
    async (sc) => {
      const all = sc.parallelize([1], 1).union(sc.parallelize([2, 3], 2));
      assert.deepEqual(await all.mapPartitionsWithIndex((i, it) => [...it].map((x) => [i, x])).collect(), [
        [0, 1],
        [1, 2],
        [2, 3],
      ]);
    },
  ],
  [
    'mapPartitions of mapPartitions composes',
    async (sc) => {
      const got = await sc
        .range(0, 6, 1, 2)
        .mapPartitions((it) => [...it].map((x) => x * 2))
        .map((x) => x + 1)
        .mapPartitions((it) => [[...it].reduce((a, b) => a + b, 0)])
        .collect();
      assert.deepEqual(got, [9, 27]);
    },
  ],
  [
    'glom gives one array a partition',
    async (sc) => assert.deepEqual(await sc.range(0, 3, 1, 2).glom().collect(), [[0], [1, 2]]),
  ],
  [
    'keyBy, keys and values',
    async (sc) => {
      const keyed = sc.parallelize(['a', 'bb', 'ccc'], 2).keyBy((s) => s.length);
      assert.deepEqual(await keyed.collect(), [
        [1, 'a'],
        [2, 'bb'],
        [3, 'ccc'],
      ]);
      assert.deepEqual(await keyed.keys().collect(), [1, 2, 3]);
      assert.deepEqual(await keyed.values().collect(), ['a', 'bb', 'ccc']);
    },
  ],
  [
    'mapValues and flatMapValues leave keys alone',
    async (sc) => {
      const pairs = sc.parallelize([['a', 1] as [string, number], ['b', 2] as [string, number]], 2);
      assert.deepEqual(await pairs.mapValues((v) => v * 10).collect(), [
        ['a', 10],
        ['b', 20],
      ]);
      assert.deepEqual(await pairs.flatMapValues((v) => Array(v).fill(v)).collect(), [
        ['a', 1],
        ['b', 2],
        ['b', 2],
      ]);
    },
  ],
  [
    'the partitioner is kept by filter, mapValues and flatMapValues and dropped by map, flatMap, keys, values and keyBy',
    async (sc) => {
      const placed = sc
        .parallelize(
          [
            ['a', 1],
            ['b', 2],
          ],
          2,
        )
        .partitionBy(new HashPartitioner(3));
      const { partitioner } = placed;
      assert.notEqual(partitioner, null);
      assert.equal(placed.filter(() => true).partitioner, partitioner);
      assert.equal(placed.mapValues((v) => v).partitioner, partitioner);
      assert.equal(placed.flatMapValues((v) => [v]).partitioner, partitioner);
      assert.equal(placed.mapPartitions((it) => it, true).partitioner, partitioner);
      assert.equal(placed.mapPartitions((it) => it).partitioner, null);
      assert.equal(placed.map((x) => x).partitioner, null);
      assert.equal(placed.flatMap((x) => [x]).partitioner, null);
      assert.equal(placed.keys().partitioner, null);
      assert.equal(placed.values().partitioner, null);
      assert.equal(placed.keyBy((x) => x).partitioner, null);
    },
  ],
  [
    'the partitioner is kept by mapPartitionsWithIndex when told, and dropped by what joins, numbers or moves partitions',
    async (sc) => {
      const placed = sc.parallelize([['a', 1] as [string, number], ['b', 2]], 2).partitionBy(new HashPartitioner(3));
      const { partitioner } = placed;
      assert.equal(placed.mapPartitionsWithIndex((_, it) => it, true).partitioner, partitioner);
      assert.equal(placed.sample(false, 0.5, 1).partitioner, partitioner);
      assert.equal(placed.subtractByKey(sc.parallelize([['a', 1]], 5)).partitioner, partitioner);
      assert.equal(placed.union(placed).partitioner, partitioner);
      assert.equal(placed.repartitionAndSortWithinPartitions(new HashPartitioner(3)).partitioner, partitioner);
      for (const dropped of [
        placed.mapPartitionsWithIndex((_, it) => it),
        placed.zip(placed),
        placed.zipWithIndex(),
        placed.zipWithUniqueId(),
        placed.glom(),
        placed.coalesce(2),
        placed.repartition(3),
        placed.cartesian(placed),
        placed.union(sc.parallelize([['a', 1]], 3)),
        placed.pipe('cat'),
      ])
        assert.equal(dropped.partitioner, null, String(dropped));
    },
  ],
  [
    'distinct compares by value',
    async (sc) => {
      const got = await sc.parallelize([1, 2, 2, 3, 1], 3).distinct().collect();
      assert.deepEqual(sorted(got), [1, 2, 3]);
      const points = await sc
        .parallelize([{ x: 1 }, { x: 1 }, { x: 2 }], 2)
        .distinct()
        .collect();
      assert.deepEqual(sorted(points), [{ x: 1 }, { x: 2 }]);
      const odd = await sc
        .parallelize([Number.NaN, Number.NaN, 0, -0, null, null, undefined, undefined, '1', 1, 1n], 3)
        .distinct(2)
        .count();
      assert.equal(odd, 7);
    },
  ],
  [
    'distinct has the number of partitions asked for, or its own',
    async (sc) => {
      assert.equal(sc.range(0, 10, 1, 3).distinct().getNumPartitions(), 3);
      assert.equal(sc.range(0, 10, 1, 3).distinct(5).getNumPartitions(), 5);
    },
  ],
  [
    'distinct of a partitioned RDD needs no shuffle and keeps the partitioner',
    async (sc) => {
      const placed = sc
        .parallelize(
          [
            ['a', 1],
            ['a', 1],
            ['a', 2],
            ['b', 1],
          ],
          3,
        )
        .partitionBy(new HashPartitioner(2));
      const unique = placed.distinct();
      assert.equal(unique.partitioner, placed.partitioner);
      assert.equal(placed.distinct(2).partitioner, placed.partitioner);
      const shuffles = (rdd: RDD<unknown>): number => rdd.toDebugString().match(/ShuffledRDD/g)?.length ?? 0;
      assert.deepEqual([unique, placed.distinct(2), placed.distinct(3)].map(shuffles), [1, 1, 2]);
      assert.equal(await placed.distinct(3).count(), 3);
      assert.deepEqual(sorted(await unique.collect()), [
        ['a', 1],
        ['a', 2],
        ['b', 1],
      ]);
    },
  ],
  [
    'coalesce joins neighbours in order',
    async (sc) => {
      const five = sc.range(0, 10, 1, 10).coalesce(3);
      assert.equal(five.getNumPartitions(), 3);
      assert.deepEqual(await five.glom().collect(), [
        [0, 1, 2],
        [3, 4, 5],
        [6, 7, 8, 9],
      ]);
    },
  ],
  [
    'coalesce never makes more partitions, with shuffle it does',
    async (sc) => {
      const rdd = sc.range(0, 20, 1, 4);
      assert.equal(rdd.coalesce(10).getNumPartitions(), 4);
      assert.equal(rdd.coalesce(10, true).getNumPartitions(), 10);
      assert.deepEqual(sorted(await rdd.coalesce(10, true).collect()), sorted(numbers(20)));
    },
  ],
  [
    'coalesce reads parents behind narrow operators and unions',
    async (sc) => {
      const rdd = sc
        .range(0, 4, 1, 4)
        .map((x) => x + 1)
        .union(sc.range(0, 2, 1, 2))
        .coalesce(2)
        .map((x) => x * 10);
      assert.deepEqual(await rdd.glom().collect(), [
        [10, 20, 30],
        [40, 0, 10],
      ]);
    },
  ],
  [
    'repartition gives partitions of even size',
    async (sc) => {
      const parts = await sc.range(0, 1000, 1, 2).repartition(8).glom().collect();
      assert.equal(parts.length, 8);
      for (const part of parts) assert.ok(Math.abs(part.length - 125) <= 2, `${part.length}`);
      assert.deepEqual(sorted(parts.flat()), sorted(numbers(1000)));
    },
  ],
  [
    'repartition begins to deal at another partition for each input partition',
    async (sc) => {
      const of = (records: number): Promise<number[]> =>
        sc
          .range(0, 40 * records, 1, 40)
          .repartition(8)
          .glom()
          .map((part) => part.length)
          .collect();
      // If all began at the same one, it would have all the records.
      const single = await of(1);
      assert.ok(Math.max(...single) <= 20, String(single));
      assert.deepEqual(await of(1), single);
      assert.deepEqual(await of(8), new Array(8).fill(40));
    },
  ],
  [
    'repartition also makes fewer partitions, and one',
    async (sc) => {
      const one = sc.range(0, 50, 1, 5).repartition(1);
      assert.deepEqual(sorted(await one.collect()), sorted(numbers(50)));
      assert.equal(one.getNumPartitions(), 1);
    },
  ],
  [
    'partition counts that make no sense are refused at the call',
    async (sc) => {
      const rdd = sc.range(10);
      for (const n of [0, -3, 1.5]) {
        assert.throws(() => rdd.coalesce(n), /must be positive/);
        assert.throws(() => rdd.repartition(n), /must be positive/);
        assert.throws(() => rdd.distinct(n), /must be positive/);
      }
    },
  ],
];
