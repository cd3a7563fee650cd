import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
  'spark.speculation.minTaskRuntime': '600ms', // some heartbeats have come by then
  'spark.speculation.quantile': '0.5',
  'spark.speculation.multiplier': '1.1',
  'spark.speculation.efficiency.longRunTaskFactor': '100',
  'spark.speculation.efficiency.processRateMultiplier': '0.25', // whatever else the machine does meanwhile
};

/** Three files of 100 lines and one of 1,000, a millisecond a line: of the four tasks one runs ten times as long. */
async function slowTasksOf(efficiency: boolean): Promise<{ slow: number[]; seen: number[]; records: number }> {
  const dir = mkdtempSync(join(tmpdir(), 'iskra-progress-'));
  const sizes = [100, 100, 100, 1000];
  sizes.forEach((lines, i) => {
    writeFileSync(join(dir, `part-${i}`), 'x\n'.repeat(lines));
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
  sc.addSparkListener({
    onSpeculativeTaskSubmitted: ({ index }) => void slow.push(index),
    onExecutorMetricsUpdate: ({ tasks }) => {
      for (const { metrics } of tasks) seen.push(metrics.inputRecordsRead);
    },
  });
  try {
    const records = await sc
      .textFile(dir, 1)
      .map((line) => {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
        return line;
      })
      .count();
    return { slow, seen, records };
  } finally {
    await sc.stop();
    rmSync(dir, { recursive: true });
  }
}

test('heartbeats tell how fast tasks read: a long task that reads as fast as others gets no second copy', async () => {
  const { slow, seen, records } = await slowTasksOf(true);
  assert.equal(records, 1300);
  assert.ok(!slow.includes(3), `slow tasks: ${slow}`);
  assert.ok(
    seen.some((n) => n > 0 && n < 1000),
    `records read as heartbeats told: ${seen}`,
  );
});

test('without spark.speculation.efficiency.enabled the long task counts as slow', async () => {
  const { slow, records } = await slowTasksOf(false);
  assert.equal(records, 1300);
  assert.ok(slow.includes(3), `slow tasks: ${slow}`);
});
