import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SparkContext } from '../../src/driver/spark-context.ts';
import { TaskContext } from '../../src/rdd/task-context.ts';
import { until } from '../kit/until.ts';

async function withContext<R>(master: string, body: (sc: SparkContext) => Promise<R>): Promise<R> {
  const sc = await SparkContext.create({ master, appName: 'slots', 'spark.log.level': 'OFF' });
  try {
    return await body(sc);
  } finally {
    await sc.stop();
  }
}

const busy = (ms: number): void => {
  const end = Date.now() + ms;
  while (Date.now() < end);
};

test('a task that was sent ahead to a busy slot is taken by the slot that gets free first', () =>
  withContext('local[2]', async (sc) => {
    await sc.parallelize([1], 2).count(); // both slots are warm
    const folder = mkdtempSync(join(tmpdir(), 'iskra-ahead-'));
    const ended = await sc
      .range(0, 7, 1, 7)
      .map((i) => {
        writeFileSync(join(folder, String(i)), '');
        // The first one ends when all others have: one of them would wait for it in vain, were it not taken from its slot.
        while (i === 0 && readdirSync(folder).length < 7) busy(5);
        return readdirSync(folder).length;
      })
      .collect();
    rmSync(folder, { recursive: true });
    assert.equal(ended[0], 7, 'the first task has seen the others begin');
  }));

test('a long task among many short ones keeps none of those that were sent ahead behind it', () =>
  withContext('local[2]', async (sc) => {
    const folder = mkdtempSync(join(tmpdir(), 'iskra-behind-'));
    const n = 300;
    const long = 150;
    const seen = await sc
      .range(0, n, 1, n)
      .map((i) => {
        writeFileSync(join(folder, String(i)), '');
        while (i === long && readdirSync(folder).length < n) busy(5);
        return i === long ? readdirSync(folder).length : 0;
      })
      .collect();
    rmSync(folder, { recursive: true });
    assert.equal(seen[long], n, 'it has seen all others begin');
  }));

test('tasks that were sent ahead to a slot that dies run all the same, and one of them is tried again', () =>
  withContext('local[2]', async (sc) => {
    const n = 300;
    const attempts = await sc
      .range(0, n, 1, n)
      .map((i) => {
        const attempt = TaskContext.get()?.attemptNumber ?? -1;
        if (i % 100 === 50 && attempt === 0) process.exit(7);
        return attempt;
      })
      .collect();
    assert.deepEqual(
      attempts.flatMap((attempt, i) => (attempt > 0 ? [`${i}: ${attempt}`] : [])),
      ['50: 1', '150: 1', '250: 1'],
    );
  }));

test('every task of ten thousand runs once, whatever slot takes it', () =>
  withContext('local[3]', async (sc) => {
    const runs = sc.longAccumulator();
    const sum = await sc
      .range(0, 10_000, 1, 2_000)
      .map((i) => {
        runs.add(1);
        return i;
      })
      .sum();
    assert.equal(sum, 49_995_000);
    assert.equal(runs.value, 10_000);
  }));

test('no task is lost when jobs run side by side and others are cancelled between them', () =>
  withContext('local[2]', async (sc) => {
    const records = Array.from({ length: 100 }, (_, i) => i);
    for (let round = 0; round < 60; round++) {
      const control = new AbortController();
      const cancelled = sc.range(0, 1000, 1, 2).count({ signal: control.signal });
      control.abort(new Error('enough'));
      await assert.rejects(
        cancelled.then(() => {}),
        /enough/,
      );
      const pairs = sc.parallelize(records, 4).map((x) => [x % 5, x]);
      const results = await Promise.all([
        pairs.count(),
        pairs.reduceByKey((a, b) => a + b).count(),
        pairs.values().sum(),
      ]);
      assert.deepEqual(results, [100, 5, 4950]);
    }
  }));

test('a slot that dies loses its task only, and that one is tried again on another', () =>
  withContext('local[2]', async (sc) => {
    const attempts = await sc
      .range(0, 6, 1, 6)
      .map((i) => {
        const attempt = TaskContext.get()?.attemptNumber ?? -1;
        if (i === 2 && attempt < 2) process.exit(7);
        return attempt;
      })
      .collect();
    assert.deepEqual(attempts, [0, 0, 2, 0, 0, 0]);
  }));

test('a slot that always dies fails the job after four times, and the context goes on', () =>
  withContext('local[2]', async (sc) => {
    const job = sc.range(0, 2, 1, 2).map((i): number => (i === 1 ? process.exit(3) : i));
    await assert.rejects(
      job.collect().then(() => {}),
      /Task 1 in stage 0\.0 failed 4 times, most recent failure: .*SlotLost: .*process\.exit\(3\)/,
    );
    assert.equal(await sc.range(0, 10).count(), 10);
  }));

test('a cancelled job whose task spins gives its slot back after the grace time', async () => {
  const sc = await SparkContext.create({
    master: 'local[1]',
    appName: 'spin',
    'spark.log.level': 'OFF',
    'spark.iskra.slot.killGrace': '50ms',
  });
  const folder = mkdtempSync(join(tmpdir(), 'iskra-spins-'));
  const job = sc.range(0, 1, 1, 1).map(() => {
    writeFileSync(join(folder, 'spins'), '');
    for (;;);
  });
  const action = job.collect();
  await until(() => readdirSync(folder).length > 0);
  rmSync(folder, { recursive: true });
  action.cancel('enough');
  await assert.rejects(
    action.then(() => {}),
    /enough/,
  );
  assert.equal(await sc.range(0, 10).count(), 10);
  await sc.stop();
});

test('a context cannot be made in a task', () =>
  withContext('local[1]', async (sc) => {
    const { SparkContext: Captured } = await import('../../src/driver/spark-context.ts');
    const failing = sc.range(0, 1, 1, 1).mapAsync(async () => {
      await Captured.create({ master: 'local[1]', appName: 'inner' });
      return 1;
    });
    await assert.rejects(
      failing.collect().then(() => {}),
      /SparkContext should only be created and accessed on the driver/,
    );
  }));
