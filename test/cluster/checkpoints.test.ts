import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { SparkContext } from '../../src/driver/spark-context.ts';

const root = mkdtempSync(join(tmpdir(), 'iskra-cluster-checkpoint-'));
let sc: SparkContext;
before(async () => {
  const master = 'local-cluster[2,1,1024]';
  sc = await SparkContext.create({ master, appName: 'checkpoints', 'spark.log.level': 'OFF' });
});
after(async () => {
  await sc.stop();
  rmSync(root, { recursive: true, force: true });
});

/** The processes that hold the blocks of what was computed just now. */
const pidsOf = async (rdd: {
  mapPartitions(f: () => number[]): { collect(): Promise<number[]> };
}): Promise<number[]> => [...new Set(await rdd.mapPartitions(() => [process.pid]).collect())];

const kill = async (pids: readonly number[]): Promise<void> => {
  const lost = new Promise<void>((resolve) => {
    let left = pids.length;
    const listener = {
      onExecutorRemoved: () => {
        if (--left > 0) return;
        sc.removeSparkListener(listener);
        resolve();
      },
    };
    sc.addSparkListener(listener);
  });
  const awake = setInterval(() => {}, 1000); // idle executors do not hold the process
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await lost;
  clearInterval(awake);
};

test('an RDD whose local checkpoint was lost with its executor says what to do', async () => {
  const rdd = sc
    .range(0, 8, 1, 4)
    .map((x) => x * 2)
    .localCheckpoint();
  assert.equal(await rdd.sum(), 56);
  assert.equal(rdd.isCheckpointed, true);
  await kill(await pidsOf(rdd));
  await assert.rejects(
    rdd.sum().then(() => {}),
    new RegExp(
      `Checkpoint block rdd_${rdd.id}_\\d not found! Either the executor that originally checkpointed this partition is no longer alive, or the original RDD is unpersisted\\. If this problem persists, you may consider using \`rdd\\.checkpoint\\(\\)\` instead`,
    ),
  );
});

test('a reliable checkpoint outlives all executors, and nothing is computed again', async () => {
  sc.setCheckpointDir(root);
  const calls = sc.longAccumulator();
  const rdd = sc
    .range(0, 8, 1, 4)
    .map((x): [number, number] => {
      calls.add(1);
      return [x % 2, x];
    })
    .reduceByKey((a, b) => a + b, 2);
  rdd.checkpoint();
  assert.equal(await rdd.values().sum(), 28);
  const before = calls.value;
  await kill(await pidsOf(sc.range(0, 16, 1, 16)));
  assert.equal(await rdd.values().sum(), 28);
  assert.equal(calls.value, before);
});

test('an action counts each record once, though an executor is killed under it', async () => {
  const seen = sc.longAccumulator();
  const [victim = 0] = await pidsOf(sc.range(0, 2, 1, 2));
  const job = sc.range(0, 60, 1, 12).foreach(() => {
    seen.add(1);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  });
  await kill([victim]);
  await job;
  assert.equal(seen.value, 60);
});
