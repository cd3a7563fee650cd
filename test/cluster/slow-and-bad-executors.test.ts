import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SparkContext } from '../../src/driver/spark-context.ts';
import { TaskContext } from '../../src/rdd/task-context.ts';
import { executorPids } from '../kit/executors.ts';
import { StandaloneCluster } from '../kit/standalone-cluster.ts';

test('a task that never ends gets a copy on the other host: it counts once, one file is committed, and its slot serves on', async (t) => {
  const cluster = await StandaloneCluster.start({ workers: 0 });
  t.after(() => cluster.stop());
  await cluster.addWorker({ host: '127.0.0.1' });
  await cluster.addWorker({ host: '127.0.0.2' });
  const sc = await SparkContext.create({
    master: cluster.url,
    appName: 'slow',
    'spark.log.level': 'OFF',
    'spark.iskra.slot.killGrace': '0ms',
    'spark.speculation': 'true',
    'spark.speculation.interval': '20ms',
    'spark.speculation.minTaskRuntime': '50ms',
    'spark.speculation.multiplier': '1',
    'spark.speculation.quantile': '0.5',
    'spark.speculation.efficiency.enabled': 'false',
  });
  t.after(() => sc.stop());
  await executorPids(sc, 2);
  const hangs = (): boolean => {
    const { partitionId, attemptNumber } = TaskContext.get() as TaskContext;
    return partitionId === 3 && attemptNumber === 0;
  };
  const wait = (): unknown => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600_000);
  const added = sc.longAccumulator('added');
  await sc.range(0, 400, 1, 4).foreachPartition((records) => {
    for (const _ of records) added.add(1);
    if (hangs()) wait();
  });
  assert.equal(added.value, 400);
  const out = join(cluster.directory, 'out');
  const numbers = sc.range(0, 400, 1, 4).mapPartitions(function* (records) {
    yield* records;
    if (hangs()) wait();
  });
  await numbers.saveAsTextFile(out);
  const files = readdirSync(out).filter((name) => !name.startsWith('.'));
  assert.deepEqual(files.sort(), ['_SUCCESS', ...[0, 1, 2, 3].map((i) => `part-0000${i}`)]);
  assert.equal(await sc.textFile(out).count(), 400);
  assert.equal((await executorPids(sc, 2)).length, 2);
});

test('an executor on which all tasks fail is avoided: no task fails there twice', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'iskra-bad-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const excluded: string[] = [];
  const failed: number[] = [];
  const sc = await SparkContext.create({
    master: 'local-cluster[2,1,1024]',
    appName: 'bad',
    'spark.log.level': 'OFF',
    'spark.excludeOnFailure.enabled': 'true',
    'spark.task.maxFailures': '3',
  });
  sc.addSparkListener({
    onExecutorExcludedForStage: ({ executorId }) => void excluded.push(executorId),
    onTaskEnd: ({ reason, task }) => {
      if (reason.kind !== 'Success') failed.push(task.index);
    },
  });
  try {
    const [bad] = await executorPids(sc, 2);
    const sum = await sc
      .range(0, 8, 1, 8)
      .map((x) => {
        if (process.pid === bad) {
          writeFileSync(join(directory, String(x)), '');
          throw new Error('this machine is bad');
        }
        // The other one leaves it two tasks to fail with.
        while (readdirSync(directory).length < 2) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
        return x;
      })
      .sum();
    assert.equal(sum, 28);
  } finally {
    await sc.stop();
  }
  assert.equal(excluded.length, 1);
  assert.ok(failed.length >= 2);
  assert.equal(new Set(failed).size, failed.length, `tasks ${failed} failed`);
});
