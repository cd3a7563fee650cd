import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SparkContext } from '../../src/driver/spark-context.ts';

const SETTINGS = {
  master: 'local-cluster[2,1,1024]',
  appName: 'progress of tasks',
  'spark.log.level': 'WARN',
  'spark.executor.heartbeatInterval': '60ms',
  'spark.speculation': 'true',
  'spark.speculation.interval': '20ms',
  'spark.speculation.minTaskRuntime': '600ms',
  'spark.speculation.quantile': '0.5',
  'spark.speculation.multiplier': '1.1',
  'spark.speculation.efficiency.longRunTaskFactor': '100',
  // Whatever else the machine does meanwhile: a task that nothing is known of has read 0 a second.
  'spark.speculation.efficiency.processRateMultiplier': '0.01',
};

/**
 * A file of 1,000 lines and three of 100, a millisecond a line: of the four tasks the first runs ten times as long, and not to its
 * end before what is waited for has come. The others end when its executor has told how far it is: nothing is speculated before.
 */
async function slowTasksOf(
  efficiency: boolean,
  waitsFor: (slow: readonly number[], seen: readonly number[]) => boolean,
): Promise<{ slow: number[]; records: number }> {
  const dir = mkdtempSync(join(tmpdir(), 'iskra-progress-'));
  const [go, known] = [`${dir}.go`, `${dir}.known`];
  [1000, 100, 100, 100].forEach((lines, i) => {
    writeFileSync(join(dir, `part-${i}`), `${'x\n'.repeat(lines - 1)}last of ${lines}\n`);
  });
  const sc = await SparkContext.create({ ...SETTINGS, 'spark.speculation.efficiency.enabled': String(efficiency) });
  // Executors that are just starting make tasks slow that should be quick.
  const wait = (x: number): number => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    return x * 0 + process.pid;
  };
  while (new Set(await sc.parallelize([1, 2, 3, 4], 4).map(wait).collect()).size < 2);
  const slow: number[] = [];
  const seen: number[] = [];
  const look = (): void => {
    if (seen.some((n) => n > 100)) writeFileSync(known, '');
    if (waitsFor(slow, seen)) writeFileSync(go, '');
  };
  sc.addSparkListener({
    onSpeculativeTaskSubmitted: ({ index }) => {
      slow.push(index);
      look();
    },
    onExecutorMetricsUpdate: ({ tasks }) => {
      for (const { metrics } of tasks) seen.push(metrics.inputRecordsRead);
      look();
    },
  });
  try {
    const records = await sc
      .textFile(dir, 1)
      .map((line) => {
        const pause = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
        pause();
        while (line === 'last of 1000' && !existsSync(go)) pause();
        while (line === 'last of 100' && !existsSync(known)) pause();
        return line;
      })
      .count();
    return { slow, records };
  } finally {
    await sc.stop();
    rmSync(dir, { recursive: true });
    for (const file of [go, known]) rmSync(file, { force: true });
  }
}

test('heartbeats tell how fast tasks read: a long task that reads as fast as others gets no second copy', async () => {
  const { slow, records } = await slowTasksOf(true, (_, seen) => seen.some((n) => n > 100));
  assert.equal(records, 1300);
  assert.ok(!slow.includes(0), `slow tasks: ${slow}`);
});

test('heartbeats tell what running tasks have added to accumulators, with their classes', async () => {
  const sc = await SparkContext.create({
    master: 'local-cluster[1,1,1024]',
    appName: 'accumulators of running tasks',
    'spark.log.level': 'WARN',
    'spark.executor.heartbeatInterval': '60ms',
  });
  try {
    const seen = sc.collectionAccumulator<Date>('seen');
    const job = sc
      .range(0, 2 ** 50, 1, 1)
      .map((x) => {
        if (x === 3) seen.add(new Date(x));
        return x;
      })
      .count();
    const heard: unknown[] = [];
    sc.addSparkListener({
      onExecutorMetricsUpdate: ({ tasks }) => {
        for (const { accumulables } of tasks) {
          if (accumulables.length === 0) continue;
          heard.push(accumulables);
          job.cancel('enough');
        }
      },
    });
    await assert.rejects(job, /enough/);
    assert.deepEqual(heard[0], [{ id: seen.id, name: 'seen', update: [new Date(3)], value: undefined }]);
  } finally {
    await sc.stop();
  }
});

test('without spark.speculation.efficiency.enabled the long task counts as slow', async () => {
  const { slow, records } = await slowTasksOf(false, (slow) => slow.includes(0));
  assert.equal(records, 1300);
  assert.ok(slow.includes(0), `slow tasks: ${slow}`);
});
