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
    'an async operator may be cached, and take() on it caches all',
    async (sc) => {
      const calls = sc.longAccumulator();
      const cached = sc
        .range(0, 100, 1, 2)
        .mapAsync(async (x) => {
          calls.add(1);
          return x + 1;
        })
        .cache();
      assert.deepEqual(await cached.take(2), [1, 2]);
      assert.equal(Number(calls.value), 50);
      assert.equal(await cached.count(), 100);
      assert.equal(await cached.sum(), 5050);
      assert.equal(Number(calls.value), 100);
      await cached.unpersist();
    },
  ],
  [
    'a call that fails is made again, and told which attempt it is',
    async (sc) => {
      const rdd = sc.range(0, 4, 1, 2).mapAsync(
        async (x, { attempt, signal }) => {
          if (attempt === 0) throw new Error('busy');
          return [x, attempt, signal.aborted];
        },
        { retries: 2, retryDelayMs: 1, retryIf: (error) => (error as Error).message === 'busy' },
      );
      assert.deepEqual(await rdd.map(([x, attempt]) => [x, attempt]).collect(), [
        [0, 1],
        [1, 1],
        [2, 1],
        [3, 1],
      ]);
    },
  ],
  [
    'a rate limit changes when, not what',
    async (sc) => {
      const limited = sc.range(0, 20, 1, 2).mapAsync(async (x) => x, { rateLimit: { perSecond: 1000, burst: 3 } });
      assert.deepEqual(await limited.collect(), numbers(20));
      const spent = sc.range(0, 6, 1, 2).mapPartitionsAsync(
        async function* (records, { permit }) {
          for await (const x of records) {
            await permit();
            yield x;
          }
        },
        { rateLimit: { perSecond: 1000 } },
      );
      assert.deepEqual(await spent.collect(), numbers(6));
    },
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
      assert.throws(() => sc.range(1).mapAsync(f, { timeoutMs: 2 ** 31 }), /timeoutMs/);
      assert.throws(() => sc.range(1).mapAsync(f, { concurrency: 2_000_000 }), /concurrency/);
      assert.throws(() => sc.range(1).mapAsync(f, { retries: 1, retryDelayMs: -1 }), /retryDelayMs/);
      assert.throws(() => sc.range(1).mapAsync(f, { retries: 1, maxRetryDelayMs: Number.NaN }), /maxRetryDelayMs/);
      assert.throws(() => sc.range(1).mapAsync(f, { retryIf: (async () => true) as never }), /async function/);
      assert.throws(() => sc.range(1).mapAsync(f, { retryIf: 5 as never }), /retryIf/);
      assert.throws(() => sc.range(1).mapAsync(f, { concurency: 5 } as never), /no option concurency/);
      assert.throws(() => sc.range(1).mapAsync(f, { rateLimit: { perSecond: 0 } }), /rateLimit\.perSecond/);
      assert.throws(() => sc.range(1).mapAsync(f, { rateLimit: { perSecond: 5, burst: 0.5 } }), /rateLimit\.burst/);
      assert.throws(() => sc.range(1).mapAsync(f, { rateLimit: { perSecond: 5, key: '' } }), /rateLimit\.key/);
      assert.throws(() => sc.range(1).mapAsync(f, { rateLimit: { perSec: 5 } as never }), /no option perSec/);
      assert.throws(
        () => sc.range(1).mapPartitionsAsync(async (it) => [it], { concurrency: 5 } as never),
        /mapPartitionsAsync\(\) has no option concurrency/,
      );
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
