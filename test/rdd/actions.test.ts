import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RangePartitioner } from '../../src/rdd/range-partitioner.ts';
import type { RDD } from '../../src/rdd/rdd.ts';
import { ArrayContext } from '../kit/array-context.ts';

function fresh(): ArrayContext {
  return new ArrayContext();
}

const partitionsOf = (sc: ArrayContext): number[] => sc.engine.jobs.map((j) => j.partitions.length);

test('take looks at one partition, then at four times as many as before while there is nothing', async () => {
  const sc = fresh();
  await sc
    .range(0, 100, 1, 100)
    .filter((x) => x === 99)
    .take(1);
  assert.deepEqual(partitionsOf(sc), [1, 4, 20, 75]);
});

test('take estimates from what it found, half as much again', async () => {
  const sc = fresh();
  await sc.range(0, 1000, 1, 100).take(25);
  assert.deepEqual(partitionsOf(sc), [1, 3]);
});

test('take follows the settings', async () => {
  const sc = fresh();
  sc.engine.settings = { ...sc.engine.settings, limitInitialNumPartitions: 5, limitScaleUpFactor: 2 };
  await sc
    .range(0, 100, 1, 100)
    .filter((x) => x === 30)
    .take(1);
  assert.deepEqual(partitionsOf(sc), [5, 10, 30]);
});

test('take(0), top(0) and actions on no partitions with nothing to merge run no job', async () => {
  const sc = fresh();
  await sc.range(3).take(0);
  await sc.range(3).top(0);
  await sc.emptyRDD<number>().takeOrdered(5);
  assert.equal(await sc.emptyRDD<number>().isEmpty(), true);
  assert.equal(sc.engine.jobs.length, 0);
});

test('lookup with a partitioner runs one task', async () => {
  const sc = fresh();
  const rdd = sc.parallelize([['a', 1]], 2).reduceByKey((a, b) => a + b, 5);
  assert.deepEqual(await rdd.lookup('a'), [1]);
  assert.deepEqual(partitionsOf(sc), [1]);
});

test('lookup refuses a partition that a partitioner invents', async () => {
  const sc = fresh();
  const wild = { numPartitions: 2, getPartition: () => 7, equals: () => false };
  await assert.rejects(
    sc
      .parallelize([['a', 1]], 2)
      .partitionBy(wild)
      .lookup('a'),
    /partition 7/,
  );
});

test('toLocalIterator runs one job a partition, each when it is needed', async () => {
  const sc = fresh();
  const records = sc.range(0, 6, 1, 3).toLocalIterator();
  assert.equal(sc.engine.jobs.length, 0);
  await records.next();
  await records.next();
  assert.equal(sc.engine.jobs.length, 1);
  await records.next();
  assert.equal(sc.engine.jobs.length, 2);
  await records.return();
  assert.equal(sc.engine.jobs.length, 2);
});

test('an action starts its job before it returns, and jobs show where the user called', async () => {
  const sc = fresh();
  const counting = sc.range(3).count();
  assert.deepEqual(counting.jobIds, [0]);
  assert.match(sc.engine.jobs[0]?.callSite ?? '', /^count at actions\.test\.[jt]s:\d+$/);
  await counting;
});

test('cancel stops the running job and no other is started', async () => {
  const sc = fresh();
  const taking = sc
    .range(0, 100, 1, 100)
    .filter((x) => x > 98)
    .take(1);
  taking.cancel('enough');
  await assert.rejects(taking, { code: 'ACTION_CANCELLED', message: /take at .* was cancelled: enough/ });
  assert.deepEqual(sc.engine.cancelled, ['enough']);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(sc.engine.jobs.length, 1);
});

test('a signal that was aborted before starts nothing', async () => {
  const sc = fresh();
  const reason = new Error('before');
  await assert.rejects(sc.range(3).collect({ signal: AbortSignal.abort(reason) }), reason);
  assert.equal(sc.engine.jobs.length, 0);
});

test('an action that is over no longer listens to its signal', async () => {
  const sc = fresh();
  const control = new AbortController();
  await sc.range(3).count({ signal: control.signal });
  control.abort();
  assert.deepEqual(sc.engine.cancelled, []);
});

test('a merge function that throws ends the job and reaches the caller', async () => {
  const sc = fresh();
  const merge = (a: number, b: number): number => {
    if (a !== b || a === b) throw new TypeError('cannot merge');
    return a;
  };
  const rdd = sc.range(0, 4, 1, 4);
  await assert.rejects(rdd.reduce(merge), { name: 'TypeError', message: 'cannot merge' });
  assert.equal(await rdd.count(), 4);
});

test('on a stopped context every call is an error at once', async () => {
  const sc = fresh();
  const rdd = sc.parallelize([['a', 1]], 1);
  await sc.stop();
  for (const call of [
    () => rdd.map((x) => x),
    () => rdd.count(),
    () => sc.range(3),
    () => rdd.cache(),
    () => rdd.join(rdd),
  ])
    assert.throws(call, /stopped SparkContext/);
});

test('a sort samples once, before the first job that needs it', async () => {
  const sc = fresh();
  const sorted = sc
    .range(0, 100, 1, 4)
    .map((x) => [(x * 37) % 100, x])
    .sortByKey();
  assert.equal(sc.engine.jobs.length, 0);
  await sorted.count();
  await sorted.collect();
  assert.deepEqual(
    sc.engine.jobs.map((j) => j.sink),
    ['reservoir', 'count', 'collect'],
  );
  assert.match(sc.engine.jobs[0]?.callSite ?? '', /^sortByKey at actions/);
});

test('heavy partitions are sampled again, alone', async () => {
  const sc = fresh();
  const skewed = sc.range(0, 20_000, 1, 1).union(sc.range(0, 4, 1, 4));
  await skewed
    .map((x) => [x, 1])
    .sortByKey(true, 4)
    .count();
  assert.deepEqual(
    sc.engine.jobs.map((j) => [j.sink, j.partitions.length]),
    [
      ['reservoir', 5],
      ['bernoulli', 1],
      ['count', 4],
    ],
  );
  assert.deepEqual(sc.engine.jobs[1]?.partitions, [0]);
});

test('jobs that need the same bounds at the same time share one sampling', async () => {
  const sc = fresh();
  const sorted = sc
    .range(0, 50, 1, 2)
    .map((x) => [x, x])
    .sortByKey();
  await Promise.all([sorted.count(), sorted.keys().collect(), sorted.values().sum()]);
  assert.equal(sc.engine.jobs.filter((j) => j.sink === 'reservoir').length, 1);
});

test('sorting into one partition needs no sampling', async () => {
  const sc = fresh();
  await sc
    .range(0, 50, 1, 2)
    .map((x) => [x, x])
    .sortByKey(true, 1)
    .count();
  assert.deepEqual(
    sc.engine.jobs.map((j) => j.sink),
    ['count'],
  );
});

test('when sampling fails the action fails, and the next one samples again', async () => {
  const sc = fresh();
  const broken = { now: true };
  // Read by the engine of this test in this thread, so that it can be repaired.
  const rdd = sc
    .range(0, 10, 1, 2)
    .map((x) => [x, x])
    .sortByKey(true, 2, (a, b) => {
      if (broken.now) throw new Error('no order today');
      return a - b;
    });
  await assert.rejects(rdd.count(), /no order today/);
  broken.now = false;
  assert.deepEqual(await rdd.keys().take(2), [0, 1]);
});

test('cancelling the only action that waits for a sampling cancels the sampling, which can be done again', async () => {
  const sc = fresh();
  let open = (): void => {};
  sc.engine.gate = new Promise((resolve) => {
    open = resolve;
  });
  const sorted = sc
    .range(0, 50, 1, 2)
    .map((x) => [x, x])
    .sortByKey();
  const first = sorted.count();
  const second = sorted.count();
  first.cancel();
  await assert.rejects(first);
  assert.equal(sc.engine.cancelled.length, 0);
  second.cancel();
  await assert.rejects(second);
  assert.equal(sc.engine.cancelled.length, 1);
  open();
  assert.equal(await sorted.count(), 50);
});

test('sorts of sorts are prepared from the sources on', async () => {
  const sc = fresh();
  let rdd: RDD<[number, number]> = sc.range(0, 40, 1, 4).map((x) => [x, x]);
  for (let i = 0; i < 4; i++) rdd = rdd.sortByKey(i % 2 === 1).map(([k, v]) => [-k, v]);
  assert.deepEqual(
    (await rdd.take(2)).map(([, v]) => v),
    [39, 38],
  );
  assert.equal(sc.engine.jobs.filter((j) => j.sink === 'reservoir').length, 4);
});

test('the same data gives the same bounds, and range partitioners with the same bounds are equal', async () => {
  const sc = fresh();
  const rdd = sc.range(0, 1000, 1, 3).map((x) => [x, x]);
  const [a, b] = [new RangePartitioner(4, rdd), new RangePartitioner(4, rdd)];
  assert.equal(a.equals(b), false); // nobody knows yet
  assert.equal(a.equals(a), true);
  await rdd.partitionBy(a).count();
  await rdd.partitionBy(b).count();
  assert.equal(a.equals(b), true);
  assert.deepEqual(a.bounds, b.bounds);
  assert.equal(a.bounds.length, 3);
  assert.equal(a.equals(new RangePartitioner(4, rdd, false)), false);
});

test('a RangePartitioner sends keys to the right side of many bounds, descending too', async () => {
  const sc = fresh();
  const rdd = sc.range(0, 5000, 1, 3).map((x) => [x, x]);
  for (const ascending of [true, false]) {
    const p = new RangePartitioner(300, rdd, ascending);
    await rdd.partitionBy(p).count();
    assert.ok(p.bounds.length > 128);
    const places = Array.from({ length: 5000 }, (_, key) => p.getPartition(key));
    for (let i = 1; i < places.length; i++) {
      const step = (places[i] as number) - (places[i - 1] as number);
      assert.ok(ascending ? step >= 0 : step <= 0);
    }
    assert.ok(Math.min(...places) >= 0 && Math.max(...places) < 300);
  }
});

test('unpersist tells the context', async () => {
  const sc = fresh();
  const rdd = sc.range(3).cache();
  await rdd.count();
  assert.match(
    rdd.toDebugString(),
    /\[Memory Deserialized 1x Replicated\]\n \| {7}CachedPartitions: 2; MemorySize: 100\.0 B; DiskSize: 0\.0 B/,
  );
  rdd.unpersist();
  assert.deepEqual(sc.engine.unpersisted, [rdd.id]);
});
