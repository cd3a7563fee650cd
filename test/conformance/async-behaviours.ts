import assert from 'node:assert/strict';
import { HashPartitioner } from '../../src/rdd/partitioner.ts';
import { type Behaviour, numbers, sorted } from './behaviour.ts';

/** Operators whose functions return promises. */
export const asyncBehaviours: readonly Behaviour[] = [
  [
    'mapAsync awaits and keeps the order',
    async (sc) => {
      const got = await sc
        .range(0, 40, 1, 2)
        .mapAsync(async (x) => {
          await new Promise((resolve) => setTimeout(resolve, (x * 7) % 5));
          return x * 2;
        })
        .collect();
      assert.deepEqual(
        got,
        numbers(40).map((x) => x * 2),
      );
    },
  ],
  [
    'mapAsync without order gives the same records',
    async (sc) => {
      const rdd = sc.range(0, 20, 1, 2).mapAsync(async (x) => `${x}`, { ordered: false, concurrency: 4 });
      assert.deepEqual(sorted(await rdd.collect()), sorted(numbers(20).map((x) => `${x}`)));
    },
  ],
  [
    'mapAsync takes functions that return plain values too',
    async (sc) =>
      assert.deepEqual(
        await sc
          .range(3)
          .mapAsync((x) => x + 1)
          .collect(),
        [1, 2, 3],
      ),
  ],
  [
    'flatMapAsync and filterAsync',
    async (sc) => {
      assert.deepEqual(
        await sc
          .range(3)
          .flatMapAsync(async (x) => Array(x).fill(x))
          .collect(),
        [1, 2, 2],
      );
      assert.deepEqual(
        await sc
          .range(6)
          .filterAsync(async (x) => x % 2 === 0)
          .collect(),
        [0, 2, 4],
      );
    },
  ],
  [
    'filterAsync keeps the partitioner, mapAsync drops it',
    async (sc) => {
      const placed = sc.parallelize([['a', 1]], 1).partitionBy(new HashPartitioner(2));
      assert.equal(placed.filterAsync(async () => true).partitioner, placed.partitioner);
      assert.equal(placed.mapAsync(async (x) => x).partitioner, null);
    },
  ],
  [
    'mapPartitionsAsync takes async generators and async functions',
    async (sc) => {
      const generated = sc.range(0, 4, 1, 2).mapPartitionsAsync(async function* (it) {
        for await (const x of it) yield x * 10;
      });
      assert.deepEqual(await generated.collect(), [0, 10, 20, 30]);
      const sums = sc.range(0, 4, 1, 2).mapPartitionsAsync(async (it) => {
        let sum = 0;
        for await (const x of it) sum += x;
        return [sum];
      });
      assert.deepEqual(await sums.collect(), [1, 5]);
    },
  ],
  [
    'async operators stand between others',
    async (sc) => {
      const rdd = sc
        .range(0, 10, 1, 2)
        .map((x) => x + 1)
        .mapAsync(async (x) => x * 2)
        .filter((x) => x > 10)
        .mapAsync(async (x) => [x % 4, x])
        .groupByKey(2)
        .mapValues((vs) => vs.length);
      assert.deepEqual(sorted(await rdd.collect()), [
        [0, 3],
        [2, 2],
      ]);
    },
  ],
  [
    'take after mapAsync',
    async (sc) =>
      assert.deepEqual(
        await sc
          .range(0, 100, 1, 4)
          .mapAsync(async (x) => x + 1)
          .take(3),
        [1, 2, 3],
      ),
  ],
  [
    'foreachConcurrent awaits every record',
    async (sc) => {
      const done = sc.longAccumulator();
      await sc.range(0, 30, 1, 2).foreachConcurrent(
        async (x) => {
          await null;
          done.add(x);
        },
        { concurrency: 5 },
      );
      assert.equal(Number(done.value), 435);
    },
  ],
  [
    'options that make no sense are refused at the call',
    async (sc) => {
      const f = async (x: number) => x;
      assert.throws(() => sc.range(1).mapAsync(f, { concurrency: 0 }), /concurrency of mapAsync\(\)/);
      assert.throws(() => sc.range(1).mapAsync(f, { concurrency: 1.5 }), /concurrency/);
      assert.throws(() => sc.range(1).mapAsync(f, { retries: -1 }), /retries/);
      assert.throws(() => sc.range(1).mapAsync(f, { timeoutMs: 0 }), /timeoutMs/);
      assert.throws(() => sc.range(1).mapAsync(f, { ordered: 'no' as never }), /ordered/);
      assert.throws(() => sc.range(1).mapAsync(null as never), /needs a function/);
    },
  ],
  [
    'async functions are refused by operators that do not await, with the name of one that does',
    async (sc) => {
      const rdd = sc.range(3);
      const pairs = rdd.map((x) => [x, x]);
      const f = async (x: number) => x;
      assert.throws(() => rdd.map(f), /map\(\) was given an async function.*use mapAsync\(f, \{ concurrency \}\)/);
      assert.throws(() => rdd.filter(f), /filterAsync/);
      assert.throws(() => rdd.flatMap(f as never), /flatMapAsync/);
      assert.throws(() => rdd.mapPartitions(f as never), /mapPartitionsAsync/);
      assert.throws(() => rdd.mapPartitions(async function* () {} as never), /mapPartitionsAsync/);
      assert.throws(() => rdd.foreach(f as never), /foreachConcurrent/);
      assert.throws(() => rdd.keyBy(f), /mapAsync/);
      assert.throws(() => pairs.mapValues(f), /mapAsync/);
      assert.throws(() => pairs.reduceByKey(f as never), /before reduceByKey\(\)/);
      assert.throws(() => rdd.reduce(f as never), /before reduce\(\)/);
      assert.throws(() => rdd.map(f.bind(null) as never), /async function/);
    },
  ],
];
