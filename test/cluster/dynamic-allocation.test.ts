import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SparkContext } from '../../src/driver/spark-context.ts';
import { until } from '../kit/until.ts';

test('executors come while tasks wait, stay while they hold map outputs of a job, and go when they are idle', async () => {
  await using sc = await SparkContext.create({
    master: 'local-cluster[3,1,1024]',
    appName: 'dynamic allocation',
    'spark.log.level': 'WARN',
    'spark.dynamicAllocation.enabled': 'true',
    'spark.dynamicAllocation.minExecutors': '1',
    'spark.dynamicAllocation.schedulerBacklogTimeout': '100ms',
    'spark.dynamicAllocation.executorIdleTimeout': '1500ms',
    'spark.dynamicAllocation.shuffleTracking.timeout': '2s',
  });
  const executors = () => sc.statusTracker.getExecutorInfos().length;
  await until(() => executors() === 1);
  await assert.rejects(sc.killExecutor('0'), {
    message: 'killExecutors() unsupported with Dynamic Allocation turned on',
  });
  const folder = mkdtempSync(join(tmpdir(), 'iskra-allocation-'));
  const go = join(folder, 'go');
  const adding = sc
    .parallelize([...Array(60).keys()], 60)
    .map((x): [number, number] => {
      while (!existsSync(go)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      return [x % 3, x];
    })
    .reduceByKey((a, b) => a + b, 3)
    .collect();
  await until(() => executors() === 3);
  writeFileSync(go, '');
  const sums = await adding;
  rmSync(folder, { recursive: true });
  assert.deepEqual(
    sums.sort(([a], [b]) => a - b),
    [
      [0, 570],
      [1, 590],
      [2, 610],
    ],
  );
  await until(() => executors() === 1);
  assert.equal(await sc.range(10).count(), 10);
});

test('with a shuffle service idle executors go at once, though they wrote map outputs that are read again', async () => {
  await using sc = await SparkContext.create({
    master: 'local-cluster[2,1,1024]',
    appName: 'dynamic allocation with a shuffle service',
    'spark.log.level': 'WARN',
    'spark.shuffle.service.enabled': 'true',
    'spark.dynamicAllocation.enabled': 'true',
    'spark.dynamicAllocation.shuffleTracking.enabled': 'false',
    'spark.dynamicAllocation.initialExecutors': '2',
    'spark.dynamicAllocation.schedulerBacklogTimeout': '100ms',
    'spark.dynamicAllocation.executorIdleTimeout': '300ms',
  });
  const mapped = sc.longAccumulator('mapped');
  const counts = sc
    .parallelize([...Array(100).keys()], 4)
    .map((x): [number, number] => {
      mapped.add(1);
      return [x % 10, 1];
    })
    .reduceByKey((a, b) => a + b, 2);
  assert.equal(await counts.count(), 10);
  const executors = () => sc.statusTracker.getExecutorInfos().length;
  await until(() => executors() === 0);
  assert.deepEqual(await counts.values().collect(), Array(10).fill(10));
  assert.equal(mapped.value, 100);
});

test('settings of dynamic allocation that do not fit together stop the start', async () => {
  const create = (conf: Record<string, string>) =>
    SparkContext.create({
      master: 'local-cluster[2,1,1024]',
      appName: 'bad',
      'spark.log.level': 'OFF',
      'spark.dynamicAllocation.enabled': 'true',
      ...conf,
    });
  await assert.rejects(
    create({ 'spark.dynamicAllocation.minExecutors': '3', 'spark.dynamicAllocation.maxExecutors': '2' }),
    /minExecutors \(3\) must be less than or equal to spark\.dynamicAllocation\.maxExecutors \(2\)!/,
  );
  await assert.rejects(
    create({ 'spark.dynamicAllocation.shuffleTracking.enabled': 'false' }),
    /Dynamic allocation of executors requires one of the following conditions/,
  );
});
