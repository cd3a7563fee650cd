import assert from 'node:assert/strict';
import { HashPartitioner } from '../../src/rdd/partitioner.ts';
import type { RDD } from '../../src/rdd/rdd.ts';
import { type Behaviour, numbers, sorted } from './behaviour.ts';

/** Everything that runs a job and brings a result. */
export const actionBehaviours: readonly Behaviour[] = [
  [
    'collect gives records in the order of partitions',
    async (sc) => assert.deepEqual(await sc.range(0, 5000, 1, 13).collect(), numbers(5000)),
  ],
  ['collect of 200 partitions', async (sc) => assert.deepEqual(await sc.range(0, 300, 1, 200).collect(), numbers(300))],
  [
    'count counts records',
    async (sc) => {
      assert.equal(await sc.range(0, 1001, 1, 4).count(), 1001);
      assert.equal(
        await sc
          .range(0, 100, 1, 3)
          .filter((x) => x > 90)
          .count(),
        9,
      );
      assert.equal(await sc.parallelize([], 3).count(), 0);
    },
  ],
  [
    'first gives the first record, past empty partitions',
    async (sc) => {
      assert.equal(await sc.parallelize(['a', 'b'], 2).first(), 'a');
      assert.equal(
        await sc
          .range(0, 100, 1, 10)
          .filter((x) => x >= 55)
          .first(),
        55,
      );
      assert.equal(await sc.parallelize([undefined, 1], 1).first(), undefined);
      await assert.rejects(sc.parallelize([], 3).first(), /empty collection/);
    },
  ],
  [
    'take gives the first n in order, across partitions',
    async (sc) => {
      const rdd = sc.range(0, 100, 1, 10);
      for (const n of [1, 9, 10, 11, 35, 99, 100, 101, 2 ** 31 - 1, Number.MAX_SAFE_INTEGER, Infinity])
        assert.deepEqual(await rdd.take(n), numbers(Math.min(n, 100)));
    },
  ],
  [
    'take of nothing and of less than nothing is empty',
    async (sc) => {
      assert.deepEqual(await sc.range(10).take(0), []);
      assert.deepEqual(await sc.range(10).take(-5), []);
      assert.deepEqual(await sc.parallelize([], 5).take(2), []);
      assert.throws(() => sc.range(10).take(1.5), /whole number/);
      assert.throws(() => sc.range(10).take('2' as never), /whole number/);
      assert.throws(
        () => sc.range(10).take(2, { signal: 'stop' as never }),
        /signal of take\(\).* must be an AbortSignal/,
      );
    },
  ],
  [
    'take passes by empty partitions',
    async (sc) => {
      const rdd = sc.range(0, 100, 1, 50).filter((x) => x >= 90);
      assert.deepEqual(await rdd.take(3), [90, 91, 92]);
      assert.deepEqual(await rdd.take(50), numbers(100).slice(90));
    },
  ],
  [
    'top is descending, takeOrdered ascending',
    async (sc) => {
      const rdd = sc.parallelize([5, 3, 9, 1, 7, 9], 3);
      assert.deepEqual(await rdd.top(3), [9, 9, 7]);
      assert.deepEqual(await rdd.takeOrdered(3), [1, 3, 5]);
      assert.deepEqual(await rdd.top(100), [9, 9, 7, 5, 3, 1]);
      assert.deepEqual(await rdd.takeOrdered(0), []);
      assert.deepEqual(await rdd.top(0), []);
    },
  ],
  [
    'top and takeOrdered with a comparator',
    async (sc) => {
      const rdd = sc.parallelize(
        [
          ['a', 3],
          ['b', 1],
          ['c', 2],
        ],
        2,
      );
      assert.deepEqual(await rdd.top(2, (a, b) => a[1] - b[1]), [
        ['a', 3],
        ['c', 2],
      ]);
      assert.deepEqual(await rdd.takeOrdered(1, (a, b) => a[1] - b[1]), [['b', 1]]);
    },
  ],
  [
    'top and takeOrdered of many records',
    async (sc) => {
      const rdd = sc.range(0, 20_000, 1, 4).map((x) => (x * 7919) % 20_000);
      assert.deepEqual(await rdd.top(5), [19_999, 19_998, 19_997, 19_996, 19_995]);
      assert.deepEqual(await rdd.takeOrdered(100), numbers(100));
    },
  ],
  [
    'top refuses senseless arguments at the call',
    async (sc) => {
      assert.throws(() => sc.range(3).top(-1), /at least 0/);
      assert.throws(() => sc.range(3).takeOrdered(Number.NaN), /whole number/);
      assert.throws(() => sc.range(3).top(1, 5 as never), /comparator/);
    },
  ],
  [
    'max and min by natural order and by comparator',
    async (sc) => {
      const rdd = sc.parallelize(['bb', 'a', 'ccc'], 2);
      assert.equal(await rdd.max(), 'ccc');
      assert.equal(await rdd.min(), 'a');
      assert.equal(await rdd.max((a, b) => b.length - a.length), 'a');
      assert.equal(await sc.parallelize([3n, 10n], 2).max(), 10n);
      await assert.rejects(sc.parallelize([], 2).max(), /empty collection/);
      await assert.rejects(sc.parallelize([], 2).min(), /empty collection/);
    },
  ],
  [
    'sum adds numbers up',
    async (sc) => {
      assert.equal(await sc.range(0, 101, 1, 7).sum(), 5050);
      assert.equal(await sc.parallelize([] as number[], 2).sum(), 0);
      assert.equal(await sc.parallelize([0.5, 0.25], 2).sum(), 0.75);
      assert.equal(await sc.parallelize([-3, -0.5], 4).sum(), -3.5);
      const texts = sc.parallelize(['1', '2'], 2) as unknown as RDD<number>;
      await assert.rejects(texts.sum(), {
        name: 'IllegalArgumentError',
        message: /^sum\(\) needs an RDD of numbers, but the records of a partition add up to "01"; map\(\) them/,
      });
    },
  ],
  [
    'reduce',
    async (sc) => {
      assert.equal(await sc.range(1, 101, 1, 6).reduce((a, b) => a + b), 5050);
      assert.equal(await sc.parallelize([7], 4).reduce(() => -1), 7);
      await assert.rejects(
        sc.parallelize([] as number[], 4).reduce((a, b) => a + b),
        /empty collection/,
      );
    },
  ],
  [
    'reduce merges partitions in their order',
    async (sc) => {
      assert.equal(await sc.parallelize([...'abcdefghij'], 5).reduce((a, b) => a + b), 'abcdefghij');
    },
  ],
  [
    'fold uses its zero once for each partition and once at the end',
    async (sc) => {
      for (const p of [1, 2, 5]) assert.equal(await sc.range(0, 10, 1, p).fold(1, (a, b) => a + b), 45 + p + 1);
      assert.equal(await sc.parallelize([] as number[], 3).fold(1, (a, b) => a + b), 4);
    },
  ],
  [
    'a zero that functions change is a copy each time',
    async (sc) => {
      const zero: number[] = [];
      const all = await sc.range(0, 10, 1, 3).aggregate(
        zero,
        (list, x) => {
          list.push(x);
          return list;
        },
        (a, b) => {
          a.push(...b);
          return a;
        },
      );
      assert.deepEqual(all, numbers(10));
      assert.deepEqual(zero, []);
    },
  ],
  [
    'aggregate changes the type',
    async (sc) => {
      const mean = await sc.parallelize(['a', 'bbb'], 2).aggregate(
        { n: 0, length: 0 },
        (a, s) => ({ n: a.n + 1, length: a.length + s.length }),
        (a, b) => ({ n: a.n + b.n, length: a.length + b.length }),
      );
      assert.deepEqual(mean, { n: 2, length: 4 });
    },
  ],
  [
    'foreach runs for every record',
    async (sc) => {
      const sum = sc.longAccumulator();
      assert.equal(await sc.range(0, 11, 1, 3).foreach((x) => sum.add(x)), undefined);
      assert.equal(Number(sum.value), 55);
    },
  ],
  [
    'foreachPartition runs once for every partition, and drops what its function returns',
    async (sc) => {
      const parts = sc.longAccumulator();
      const records = sc.longAccumulator();
      const f = (it: Iterable<number>): unknown => {
        parts.add(1);
        for (const _ of it) records.add(1);
        return () => 'not a record';
      };
      assert.equal(await sc.range(0, 7, 1, 3).foreachPartition(f), undefined);
      assert.equal(Number(parts.value), 3);
      assert.equal(Number(records.value), 7);
    },
  ],
  [
    'countByKey and countByValue',
    async (sc) => {
      const byKey = await sc
        .parallelize(
          [
            ['a', 1],
            ['b', 1],
            ['a', 5],
          ],
          3,
        )
        .countByKey();
      assert.deepEqual(sorted(byKey), [
        ['a', 2],
        ['b', 1],
      ]);
      const byValue = await sc.parallelize([1, 2, 1, 1], 2).countByValue();
      assert.deepEqual(sorted(byValue), [
        [1, 3],
        [2, 1],
      ]);
      assert.equal((await sc.parallelize([], 2).countByValue()).size, 0);
    },
  ],
  [
    'countByKey of a partitioned RDD needs no shuffle',
    async (sc) => {
      const placed = sc
        .parallelize(
          [
            ['a', 1],
            ['b', 1],
            ['a', 2],
          ],
          3,
        )
        .partitionBy(new HashPartitioner(2));
      assert.equal((await placed.countByKey()).get('a'), 2);
    },
  ],
  [
    'collectAsMap keeps the last value of a key, compared by value',
    async (sc) => {
      const map = await sc
        .parallelize(
          [
            ['a', 1],
            ['b', 2],
            ['a', 3],
          ],
          2,
        )
        .collectAsMap();
      assert.deepEqual(
        [...map],
        [
          ['a', 3],
          ['b', 2],
        ],
      );
      const points = await sc
        .parallelize([[[1, 2], 'x'] as [number[], string], [[1, 2], 'y'] as [number[], string]], 2)
        .collectAsMap();
      assert.deepEqual([...points.values()], ['y']);
    },
  ],
  [
    'lookup gives all values of a key in order',
    async (sc) => {
      const rdd = sc.parallelize(
        [
          ['a', 1],
          ['b', 2],
          ['a', 3],
        ],
        2,
      );
      assert.deepEqual(await rdd.lookup('a'), [1, 3]);
      assert.deepEqual(await rdd.lookup('zz'), []);
      const placed = rdd.partitionBy(new HashPartitioner(5));
      assert.deepEqual(sorted(await placed.lookup('a')), [1, 3]);
      assert.deepEqual(await placed.lookup('zz'), []);
      const byDate = sc.parallelize([[new Date(5), 'x'] as [Date, string]], 1);
      assert.deepEqual(await byDate.lookup(new Date(5)), ['x']);
    },
  ],
  [
    'isEmpty',
    async (sc) => {
      assert.equal(await sc.range(0).isEmpty(), true);
      assert.equal(await sc.range(1).isEmpty(), false);
      assert.equal(
        await sc
          .range(0, 100, 1, 20)
          .filter((x) => x === 99)
          .isEmpty(),
        false,
      );
      assert.equal(await sc.parallelize([undefined], 3).isEmpty(), false);
    },
  ],
  [
    'toLocalIterator gives everything in order and may stop early',
    async (sc) => {
      const seen: number[] = [];
      for await (const x of sc.range(0, 20, 1, 4).toLocalIterator()) seen.push(x);
      assert.deepEqual(seen, numbers(20));
      for await (const x of sc.range(0, 20, 1, 4).toLocalIterator()) {
        assert.equal(x, 0);
        break;
      }
    },
  ],
  [
    'an action is a promise with jobIds and cancel()',
    async (sc) => {
      const counting = sc.range(10).count();
      assert.ok(counting instanceof Promise);
      assert.equal(counting.jobIds.length, 1);
      assert.equal(await counting, 10);
      counting.cancel(); // over: harmless
      const taking = sc
        .range(0, 100, 1, 50)
        .filter((x) => x > 80)
        .take(3);
      await taking;
      assert.ok(taking.jobIds.length > 1);
    },
  ],
  [
    'an action shows whether and how it has ended',
    async (sc) => {
      const counting = sc.range(10).count();
      assert.deepEqual([counting.isCompleted, counting.isCancelled, counting.value], [false, false, null]);
      await counting;
      const ten = { status: 'fulfilled', value: 10 };
      assert.deepEqual([counting.isCompleted, counting.isCancelled, counting.value], [true, false, ten]);
      const heard: unknown[] = [];
      // Also by who comes late.
      await new Promise<void>((resolve) => {
        counting.onComplete((result) => {
          heard.push(result);
          resolve();
        });
      });
      assert.deepEqual(heard, [ten]);
      const failing = sc.range(10).foreach(() => {
        throw new Error('no');
      });
      const failed = await new Promise<PromiseSettledResult<void>>((resolve) => failing.onComplete(resolve));
      assert.match(String(failed.status === 'rejected' && failed.reason), /no/);
      assert.deepEqual([failing.isCompleted, failing.isCancelled], [true, false]);
      const cancelled = sc.range(10).collect();
      cancelled.cancel('not wanted');
      assert.deepEqual([cancelled.isCompleted, cancelled.isCancelled], [true, true]);
      await assert.rejects(cancelled, /not wanted/);
    },
  ],
  [
    "Spark's async actions are the same under other names",
    async (sc) => {
      const rdd = sc.range(0, 10, 1, 4);
      assert.equal(await rdd.countAsync(), 10);
      assert.deepEqual(await rdd.collectAsync(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      assert.deepEqual(await rdd.takeAsync(5), [0, 1, 2, 3, 4]);
      assert.deepEqual(await rdd.takeAsync(0), []);
      assert.deepEqual(await rdd.takeAsync(2 ** 31 - 1), await rdd.collect());
      await rdd.foreachAsync((x) => {
        if (x > 9) throw new Error('no such record');
      });
      await assert.rejects(
        rdd.foreachPartitionAsync((records) => {
          throw new Error(`the first is ${[...records][0]}`);
        }),
        /the first is \d/,
      );
      const counting = rdd.countAsync();
      counting.cancel('enough');
      await assert.rejects(counting, /enough/);
      const none = sc.emptyRDD<number>();
      assert.deepEqual([await none.countAsync(), await none.collectAsync(), await none.takeAsync(3)], [0, [], []]);
    },
  ],
  [
    'a cancelled action rejects with the reason',
    async (sc) => {
      const counting = sc
        .range(0, 1000, 1, 2)
        .map((x) => x + 1)
        .count();
      counting.cancel('no longer wanted');
      await assert.rejects(counting, /no longer wanted/);
      assert.equal(await sc.range(3).count(), 3);
    },
  ],
  [
    'an aborted signal cancels the action',
    async (sc) => {
      const before = AbortSignal.abort(new Error('too late'));
      await assert.rejects(sc.range(3).collect({ signal: before }), /too late/);
      const control = new AbortController();
      const counting = sc.range(0, 1000, 1, 2).count({ signal: control.signal });
      control.abort(new Error('stopped by me'));
      await assert.rejects(counting, /stopped by me/);
    },
  ],
  [
    'actions may run at the same time',
    async (sc) => {
      const rdd = sc.parallelize(numbers(100), 4).map((x) => [x % 5, x]);
      const results = await Promise.all([
        rdd.count(),
        rdd.reduceByKey((a, b) => a + b).count(),
        rdd.sortByKey().keys().first(),
        rdd.values().sum(),
      ]);
      assert.deepEqual(results, [100, 5, 0, 4950]);
    },
  ],
  [
    'an RDD can be computed again and again',
    async (sc) => {
      const rdd = sc.range(10).map((x) => x + 1);
      for (let i = 0; i < 3; i++) assert.equal(await rdd.sum(), 55);
    },
  ],
];
