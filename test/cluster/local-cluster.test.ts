import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SparkContext } from '../../src/driver/spark-context.ts';
import { StorageLevel } from '../../src/protocol/storage-level.ts';
import { TaskContext } from '../../src/rdd/task-context.ts';
import { executorPids } from '../kit/executors.ts';
import { isAlive } from '../kit/processes.ts';
import { until } from '../kit/until.ts';

/** Blocks the slot's thread, as work would. */
const work = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
};

describe('executors of a local cluster', () => {
  let sc: SparkContext;
  before(async () => {
    sc = await SparkContext.create({
      master: 'local-cluster[2,1,1024]',
      appName: 'executors that die',
      'spark.log.level': 'FATAL',
      'spark.shuffle.io.retryWait': '100ms',
    });
  });
  after(() => sc.stop());

  const two = async () => (await executorPids(sc)) as [number, number];

  test('are two processes beside the driver', async () => {
    const pids = await two();
    assert.ok(!pids.includes(process.pid));
    assert.ok(pids.every(isAlive));
  });

  test('can do in one job all that tasks need: shuffle, broadcast, cache, accumulators, and files that are committed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'iskra-all-in-one-'));
    try {
      const factor = sc.broadcast(3);
      const computed = sc.longAccumulator('computed');
      const cached = sc
        .range(0, 100, 1, 4)
        .map((x) => {
          computed.add(1);
          return [x % 5, x * factor.value] as [number, number];
        })
        .cache();
      const sums = cached.reduceByKey((a, b) => a + b, 2);
      const other = cached.groupByKey(2).map(([key, values]) => [key, values.length] as [number, number]);
      await sums
        .join(other)
        .map(([key, [sum, count]]) => `${key} ${sum} ${count}`)
        .saveAsTextFile(join(folder, 'out'));
      assert.deepEqual(
        readdirSync(join(folder, 'out'))
          .filter((name) => !name.startsWith('.'))
          .sort(),
        ['_SUCCESS', 'part-00000', 'part-00001'],
      );
      const lines = await sc.textFile(join(folder, 'out')).collect();
      assert.deepEqual(lines.sort(), ['0 2850 20', '1 2910 20', '2 2970 20', '3 3030 20', '4 3090 20']);
      assert.ok(computed.value >= 100); // the second map stage may begin before the first has cached all
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('one killed between two jobs on one shuffle has its map output computed again', async () => {
    const [victim] = await two();
    const counts = sc
      .parallelize([...Array(1000).keys()], 4)
      .map((x): [number, number] => [x % 10, x])
      .groupByKey(4);
    assert.equal(await counts.count(), 10);
    process.kill(victim, 'SIGKILL');
    await until(() => !isAlive(victim));
    assert.equal(await counts.count(), 10);
    assert.equal(
      await counts
        .mapValues((xs) => xs.length)
        .values()
        .sum(),
      1000,
    );
  });

  test('one killed with cached blocks has them computed again; a second copy saves that', async () => {
    await two();
    const computed = sc.longAccumulator('computed');
    const cached = (level: StorageLevel) =>
      sc
        .parallelize([...Array(100).keys()], 4)
        .map((x) => {
          computed.add(1);
          return x;
        })
        .persist(level);
    const once = cached(StorageLevel.MEMORY_ONLY);
    const twice = cached(StorageLevel.MEMORY_ONLY_2);
    assert.equal(await once.sum(), 4950);
    assert.equal(await twice.sum(), 4950);
    const before = computed.value;
    assert.equal(before, 200);
    assert.equal(await once.sum(), 4950);
    assert.equal(await twice.sum(), 4950);
    assert.equal(computed.value, before, 'nothing is computed while both live');
    const [victim] = await two();
    process.kill(victim, 'SIGKILL');
    await until(() => !isAlive(victim));
    await two();
    assert.equal(await twice.sum(), 4950);
    assert.equal(computed.value, before, 'each partition had a copy on the other executor');
    assert.equal(await once.sum(), 4950);
    assert.ok(computed.value > before && computed.value <= before + 100);
    once.unpersist();
    twice.unpersist();
  });

  test('a value broadcast in pieces is read by tasks of all of them', async () => {
    const numbers = Float64Array.from({ length: 1_500_000 }, (_, i) => i);
    const value = sc.broadcast(numbers);
    const sums = await sc
      .parallelize([...Array(8).keys()], 8)
      .map((x) => (value.value[x * 1000] as number) + value.value.length)
      .collect();
    assert.deepEqual(
      sums,
      [...Array(8).keys()].map((x) => x * 1000 + 1_500_000),
    );
    value.destroy();
  });

  test('results larger than a direct one arrive, and listeners hear that they are fetched', async () => {
    const fetched: number[] = [];
    const listener = {
      onTaskGettingResult: ({ task }: { task: { partition: number } }) => void fetched.push(task.partition),
    };
    sc.addSparkListener(listener);
    const texts = await sc
      .parallelize([1, 2, 3, 4], 4)
      .map((x) => String(x).repeat(3_000_000))
      .collect();
    assert.deepEqual(
      texts.map((t) => [t.length, t[0]]),
      [1, 2, 3, 4].map((x) => [3_000_000, String(x)]),
    );
    assert.deepEqual(fetched.sort(), [0, 1, 2, 3]);
    sc.removeSparkListener(listener);
  });

  test('a driver that computes for seconds loses none of them', async () => {
    const pids = await two();
    const job = sc
      .parallelize([1, 2, 3, 4], 4)
      .map((x) => {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
        return x;
      })
      .collect();
    work(1500);
    assert.deepEqual(await job, [1, 2, 3, 4]);
    assert.deepEqual((await two()).sort(), pids.sort());
  });
});

test('an executor that is silent for too long is given up, ended and replaced', async () => {
  await using sc = await SparkContext.create({
    master: 'local-cluster[2,1,1024]',
    appName: 'silent',
    'spark.log.level': 'OFF',
    'spark.network.timeout': '5s', // of a process that is stopped; one that is only slow is heard of in time
    'spark.network.timeoutInterval': '200ms',
    'spark.executor.heartbeatInterval': '500ms',
  });
  let pids: number[] = [];
  while (pids.length < 2) pids = await executorPids(sc);
  const victim = pids[0] as number;
  process.kill(victim, 'SIGSTOP');
  const all = await sc
    .parallelize([...Array(8).keys()], 8)
    .map((x) => x + 1)
    .collect();
  assert.deepEqual(all, [1, 2, 3, 4, 5, 6, 7, 8]);
  await until(() => !isAlive(victim));
});

test('results that are too much for the driver fail the job before they are fetched', async () => {
  await using sc = await SparkContext.create({
    master: 'local-cluster[1,1,1024]',
    appName: 'large results',
    'spark.log.level': 'OFF',
    'spark.driver.maxResultSize': '5m',
  });
  const texts = sc.parallelize([1, 2, 3], 3).map((x) => String(x).repeat(2_000_000));
  await assert.rejects(
    texts.collect(),
    /Total size of serialized results of 3 tasks \(5\.\d MiB\) is bigger than spark\.driver\.maxResultSize \(5\.0 MiB\)/,
  );
  assert.equal((await texts.first()).length, 2_000_000);
});

test('a task with more records than a message may have fails its job, and says what to do', async () => {
  await using sc = await SparkContext.create({
    master: 'local-cluster[1,1,1024]',
    appName: 'large task',
    'spark.log.level': 'OFF',
    'spark.rpc.message.maxSize': '1',
  });
  await assert.rejects(
    sc.parallelize(['x'.repeat(3_000_000)], 1).count(),
    /Serialized task 0:0 was \d+ bytes, which exceeds max allowed: spark\.rpc\.message\.maxSize/,
  );
  assert.equal(await sc.parallelize(['x'], 1).count(), 1);
});

test('when the context stops, no executor is left', async () => {
  const sc = await SparkContext.create({ master: 'local-cluster[2,1,1024]', appName: 'stops' });
  const pids = await executorPids(sc);
  await sc.stop();
  assert.deepEqual(pids.filter(isAlive), []);
});

test('executors that cannot start fail the job instead of letting it wait', async () => {
  await using sc = await SparkContext.create({
    master: 'local-cluster[1,1,1024]',
    appName: 'cannot start',
    'spark.log.level': 'OFF',
    'spark.deploy.maxExecutorRetries': '2',
    'spark.executorEnv.NODE_OPTIONS': '--no-such-option',
  });
  await assert.rejects(
    sc.range(10).count(),
    /the cluster gave the application up: 3 executors ended early.*exited with code 9; it wrote:\n.*--no-such-option is not allowed in NODE_OPTIONS/s,
  );
});

test('why executors cannot start stands in the error of the job', async () => {
  await using sc = await SparkContext.create({
    master: 'local-cluster[1,1,1024]',
    appName: 'cannot start',
    'spark.log.level': 'OFF',
    'spark.deploy.maxExecutorRetries': '1',
    'spark.executor.resource.gpu.amount': '1',
    'spark.executor.resource.gpu.discoveryScript': '/no/such/script',
  });
  await assert.rejects(
    sc.range(10).count(),
    /exited with code 1.*Executor \d said: Executor self-exiting due to : Resource script: \/no\/such\/script to discover gpu doesn't exist!/s,
  );
});

test('tasks get addresses of what their executor has found, none to two of them at a time', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'gpus-'));
  try {
    const script = join(directory, 'find.sh');
    writeFileSync(script, `#!/bin/sh\necho '{"name":"gpu","addresses":["a","b","c"]}'\n`, { mode: 0o755 });
    await using sc = await SparkContext.create({
      master: 'local-cluster[1,2,1024]',
      appName: 'gpus',
      'spark.executor.resource.gpu.amount': '3',
      'spark.executor.resource.gpu.discoveryScript': script,
      'spark.task.resource.gpu.amount': '2',
    });
    const seen = await sc
      .range(0, 4, 1, 4)
      .map(() => {
        const at = Date.now();
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 30);
        const addresses = TaskContext.get()?.resources().get('gpu')?.addresses ?? [];
        return { addresses: addresses.join(), from: at, to: Date.now() };
      })
      .collect();
    assert.deepEqual([...new Set(seen.map(({ addresses }) => addresses))], ['a,b']);
    // Three addresses are enough for one task at a time.
    seen.sort((a, b) => a.from - b.from);
    for (const [i, { from }] of seen.entries()) assert.ok(i === 0 || from >= (seen[i - 1]?.to ?? 0));
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('an executor larger than its worker is refused', async () => {
  await assert.rejects(
    SparkContext.create({ master: 'local-cluster[2,1,512]', appName: 'too large' }),
    /Asked to launch cluster with 512 MiB\/worker but requested 1024 MiB\/executor/,
  );
});

for (const proactive of [true, false])
  test(`a second copy that is lost with its executor is ${proactive ? '' : 'not '}made again from the first one, spark.storage.replication.proactive=${proactive}`, async () => {
    await using sc = await SparkContext.create({
      master: 'local-cluster[3,1,1024]',
      appName: 'replicas',
      'spark.log.level': 'OFF',
      'spark.storage.replication.proactive': String(proactive),
    });
    await executorPids(sc, 3);
    const computed = sc.longAccumulator();
    const cached = sc
      .parallelize([...Array(600).keys()], 6)
      .map((x) => {
        computed.add(1);
        return [x, process.pid];
      })
      .persist(StorageLevel.MEMORY_ONLY_2);
    assert.equal(await cached.keys().sum(), 179_700);
    const stored = (): number => sc.getRDDStorageInfo()[0]?.memSize ?? 0;
    const all = stored();
    let lost = false;
    sc.addSparkListener({
      onExecutorRemoved: () => {
        lost = true;
      },
    });
    // Who computed a partition has it.
    const [[, victim] = [0, 0]] = await cached.take(1);
    process.kill(victim, 'SIGKILL');
    await until(() => lost);
    if (proactive) while (stored() < all) await sleep(10);
    else assert.ok(stored() < all);
    assert.equal(await cached.keys().sum(), 179_700);
    assert.equal(computed.value, 600, 'nothing was computed again');
  });
