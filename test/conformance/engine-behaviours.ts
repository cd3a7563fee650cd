import assert from 'node:assert/strict';
import type { RDD } from '../../src/rdd/rdd.ts';
import type { Behaviour } from './behaviour.ts';

/** What only a real engine does: tasks that fail, checks of closures, records that nobody asks for. */
export const engineBehaviours: readonly Behaviour[] = [
  [
    'an error in a function fails the job with its text',
    async (sc) => {
      const rdd = sc.range(0, 10, 1, 2).map((x) => {
        if (x === 7) throw new Error('seven is bad');
        return x;
      });
      await assert.rejects(rdd.collect(), (e: Error) => {
        assert.match(
          e.message,
          /Job aborted due to stage failure: Task 1 in stage \d+\.0 failed \d+ times?, most recent failure/,
        );
        assert.match(e.message, /seven is bad/);
        return true;
      });
      assert.equal(await sc.range(3).count(), 3);
    },
  ],
  [
    'an error in record 1,000,000 fails the job',
    async (sc) => {
      const rdd = sc.range(0, 1_000_001, 1, 1).map((x) => {
        if (x === 1_000_000) throw new RangeError(`record ${x}`);
        return x;
      });
      await assert.rejects(rdd.count(), /record 1000000/);
    },
  ],
  [
    'an error in the function of a shuffle fails the job',
    async (sc) => {
      const rdd = sc
        .parallelize(
          [
            ['a', 1],
            ['a', 2],
          ],
          1,
        )
        .reduceByKey(() => {
          throw new Error('cannot add');
        });
      await assert.rejects(rdd.collect(), /cannot add/);
    },
  ],
  [
    'an error of a function on the driver rejects the action',
    async (sc) => {
      const rdd = sc.range(0, 4, 1, 4);
      const merge = (a: number, b: number): number => {
        if (a + b >= 0) throw new Error('merging failed');
        return a;
      };
      await assert.rejects(rdd.reduce(merge), /merging failed/);
    },
  ],
  [
    'something thrown that is no Error is shown',
    async (sc) => {
      const rdd = sc.range(1).map(() => {
        throw 'just text';
      });
      await assert.rejects(rdd.collect(), /just text/);
    },
  ],
  [
    'a function that returns a promise is refused when it runs',
    async (sc) => {
      const rdd = sc.range(0, 2, 1, 1).map((x) => Promise.resolve(x));
      await assert.rejects(rdd.collect(), /mapAsync/);
      const kept = sc.range(0, 2, 1, 1).filter((x) => Promise.resolve(x > 5));
      await assert.rejects(kept.collect(), /filterAsync/);
    },
  ],
  [
    'flatMap and mapPartitions need something iterable',
    async (sc) => {
      await assert.rejects(
        sc
          .range(2)
          .flatMap((x) => x as never)
          .collect(),
        /iterable/,
      );
      await assert.rejects(
        sc
          .range(2)
          .mapPartitions(() => 5 as never)
          .collect(),
        /iterable/,
      );
    },
  ],
  [
    'operators by key need pairs',
    async (sc) => {
      const notPairs = sc.parallelize([1, 2], 1) as unknown as RDD<[number, number]>;
      await assert.rejects(notPairs.reduceByKey((a, b) => a + b).collect(), /pair|\[key, value\]/i);
    },
  ],
  [
    'keys that cannot be compared by value are refused',
    async (sc) => {
      const rdd = sc.parallelize([1, 2], 1).map((x) => [new Map([[x, x]]), x]);
      await assert.rejects(rdd.reduceByKey((a, b) => a + b).collect(), /key/i);
    },
  ],
  [
    'a rejected promise of mapAsync fails the job, after its retries',
    async (sc) => {
      const calls = sc.longAccumulator();
      const rdd = sc.range(0, 1, 1, 1).mapAsync(
        async () => {
          calls.add(1);
          throw new Error('service is down');
        },
        { retries: 2 },
      );
      await assert.rejects(rdd.collect(), /service is down/);
    },
  ],
  [
    'a call of mapAsync that takes too long fails',
    async (sc) => {
      const rdd = sc.range(0, 1, 1, 1).mapAsync(() => new Promise<number>(() => {}), { timeoutMs: 20 });
      await assert.rejects(rdd.collect(), /20 ms/);
    },
  ],
  [
    'an RDD inside a function is refused at the call, with SPARK-5063',
    async (sc) => {
      const other = sc.range(3);
      assert.throws(() => sc.range(3).map(() => other.id), /SPARK-5063/);
    },
  ],
  [
    'the context inside a function is refused at the call',
    async (sc) => {
      assert.throws(() => sc.range(3).map(() => typeof sc.range), /SPARK-5063|SparkContext/);
    },
  ],
  [
    'a value that cannot travel is refused at the call, with its name',
    async (sc) => {
      const pending = Promise.resolve(1);
      assert.throws(() => sc.range(3).map((x) => [x, pending]), /^ClosureError: Task not serializable: (.|\n)*pending/);
    },
  ],
  [
    'a custom partitioner that answers nonsense fails the job',
    async (sc) => {
      const partitioner = { numPartitions: 2, getPartition: () => 5, equals: () => false };
      await assert.rejects(
        sc
          .parallelize([['a', 1]], 1)
          .partitionBy(partitioner)
          .collect(),
        /getPartition/,
      );
    },
  ],
  [
    'take(1) computes no more records than it needs',
    async (sc) => {
      const calls = sc.longAccumulator();
      const rdd = sc.range(0, 100_000, 1, 1).map((x) => {
        calls.add(1);
        return x;
      });
      assert.deepEqual(await rdd.take(1), [0]);
      assert.ok(Number(calls.value) < 100_000, `${calls.value} calls`);
    },
  ],
];
