import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SparkContext } from '../../src/driver/spark-context.ts';
import { executorPids } from '../kit/executors.ts';
import { gone } from '../kit/processes.ts';
import { until } from '../kit/until.ts';

/** As the setting says; PWR when it is not set. */
const SIGNAL = 'SIGUSR2';
let sc: SparkContext;
before(async () => {
  sc = await SparkContext.create({
    master: 'local-cluster[2,1,1024]',
    appName: 'drained executors',
    'spark.log.level': 'WARN',
    'spark.decommission.enabled': 'true',
    'spark.executor.decommission.signal': 'USR2',
    'spark.storage.decommission.enabled': 'true',
    'spark.storage.decommission.replicationReattemptInterval': '200ms',
  });
});
after(() => sc.stop());

test('an executor that is drained hands on its map outputs and cached partitions: nothing is computed again', async () => {
  const computed = sc.longAccumulator('computed');
  const numbers = sc.parallelize([...Array(1000).keys()], 4).map((x) => {
    computed.add(1);
    return x;
  });
  const cached = numbers.cache();
  assert.equal(await cached.sum(), 499_500);
  const counts = cached.map((x): [number, number] => [x % 10, 1]).reduceByKey((a, b) => a + b, 4);
  const mapped = sc.longAccumulator('mapped');
  const shuffled = sc
    .parallelize([...Array(1000).keys()], 4)
    .map((x): [number, number] => {
      mapped.add(1);
      return [x % 10, 1];
    })
    .reduceByKey((a, b) => a + b, 4);
  assert.equal(await counts.count(), 10);
  assert.equal(await shuffled.count(), 10);
  assert.deepEqual([computed.value, mapped.value], [1000, 1000]);
  for (const victim of await executorPids(sc, 2)) {
    process.kill(victim, SIGNAL);
    await gone([victim]);
    assert.deepEqual(
      (await shuffled.values().collect()).sort(),
      [...Array(10)].map(() => 100),
    );
    assert.equal(await cached.sum(), 499_500);
    assert.deepEqual([computed.value, mapped.value], [1000, 1000]);
    await executorPids(sc, 2);
  }
});

test('map tasks that a drained executor has finished are not done again while their stage still runs', async () => {
  const [victim, stays] = await executorPids(sc, 2);
  const mapped = sc.longAccumulator('map tasks of a running stage');
  const counts = sc
    .parallelize([...Array(6).keys()], 6)
    .map((x): [number, number] => {
      mapped.add(1);
      // The executor that stays is held up until the other one is gone, and all other tasks are done by then.
      if (process.pid === stays)
        for (let gone = false; !gone; ) {
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
          try {
            process.kill(victim as number, 0);
          } catch {
            gone = true;
          }
        }
      return [x % 2, 1];
    })
    .reduceByKey((a, b) => a + b, 2)
    .collect();
  const completed = (id: number): number => sc.statusTracker.getStageInfo(id)?.numCompletedTasks ?? 0;
  await until(() => sc.statusTracker.getActiveStageIds().some((id) => completed(id) >= 5));
  process.kill(victim as number, SIGNAL);
  await gone([victim as number]);
  assert.deepEqual((await counts).sort(), [
    [0, 3],
    [1, 3],
  ]);
  assert.equal(mapped.value, 6);
});

test('a task that runs when its executor is drained ends well', async () => {
  const [victim] = await executorPids(sc, 2);
  const begun = mkdtempSync(join(tmpdir(), 'iskra-drained-'));
  const job = sc
    .parallelize([1, 2, 3, 4], 2)
    .map((x) => {
      writeFileSync(join(begun, String(x)), '');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
      return [x, process.pid] as const;
    })
    .collect();
  await until(() => readdirSync(begun).length >= 2);
  process.kill(victim as number, SIGNAL);
  const result = await job;
  rmSync(begun, { recursive: true });
  assert.deepEqual(
    result.map(([x]) => x),
    [1, 2, 3, 4],
  );
  await gone([victim as number]);
});

test('executors are killed and asked for by the program', async () => {
  await executorPids(sc, 2);
  const ids = sc.statusTracker.getExecutorInfos().map((info) => info.executorId);
  assert.equal(ids.length, 2);
  assert.equal(await sc.killExecutors([ids[0] as string]), true);
  const [left] = await executorPids(sc, 1);
  await sleep(300);
  assert.deepEqual(await executorPids(sc, 1), [left], 'no other takes its place');
  assert.equal(await sc.requestTotalExecutors(2), true);
  await executorPids(sc, 2);
});
