import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { SparkContext } from '../../src/driver/spark-context.ts';
import { TaskContext } from '../../src/rdd/task-context.ts';

test('a job that is cancelled while it fills the cache leaves whole partitions only', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'cancelled-'));
  const sc = await SparkContext.create({ master: 'local[2]', appName: 'cancelled', 'spark.log.level': 'OFF' });
  t.after(async () => {
    await sc.stop();
    rmSync(folder, { recursive: true });
  });
  const go = join(folder, 'go');
  const rdd = sc
    .range(0, 40, 1, 2)
    .mapPartitionsWithIndex((partition, records) =>
      (function* () {
        let left = existsSync(go) ? 20 : 10;
        for (const record of records) if (left-- > 0) yield record;
        if (existsSync(go)) return;
        // Half of the partition, and then it waits to be killed and ends as if that were all.
        writeFileSync(join(folder, `half-${partition}`), '');
        while (TaskContext.get()?.isInterrupted() === false);
      })(),
    )
    .cache();
  const job = rdd.count();
  while (readdirSync(folder).length < 2) await pause(5);
  job.cancel('that is enough');
  await assert.rejects(job, /was cancelled: that is enough/);
  writeFileSync(go, '');
  assert.equal(await rdd.count(), 40);
  assert.equal(await rdd.count(), 40);
  assert.equal(sc.getRDDStorageInfo()[0]?.numCachedPartitions, 2);
});
