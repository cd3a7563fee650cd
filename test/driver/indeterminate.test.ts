import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { SparkContext } from '../../src/driver/spark-context.ts';
import type { RDD } from '../../src/rdd/rdd.ts';

async function withContext(
  t: TestContext,
  master: string,
  body: (sc: SparkContext, dir: string) => Promise<void>,
): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'iskra-test-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const conf = { master, appName: 'indeterminate', 'spark.local.dir': dir, 'spark.log.level': 'OFF' };
  const sc = await SparkContext.create(conf);
  try {
    await body(sc, dir);
  } finally {
    await sc.stop();
  }
}

/** Shuffle 0 by key, whose output comes in any order; shuffle 1 deals that out. */
function dealt(sc: SparkContext): RDD<[number, number]> {
  return sc
    .range(0, 300, 1, 4)
    .map((v): [number, number] => [v, v])
    .reduceByKey((a, b) => a + b)
    .repartition(3);
}

test('one file lost of a repartition after a shuffle: all of that stage runs again, and no record is twice or missing', (t) =>
  withContext(t, 'local[2]', async (sc, dir) => {
    const attempts: string[] = [];
    sc.addSparkListener({
      onStageSubmitted: ({ stage }) => attempts.push(`${stage.stageId}.${stage.attemptNumber}: ${stage.numTasks}`),
    });
    const rdd = dealt(sc);
    assert.equal(await rdd.count(), 300);
    const lost = readdirSync(dir, { recursive: true, encoding: 'utf8' }).find((f) => /shuffle_1_\d+_0\.data$/.test(f));
    assert.ok(lost);
    rmSync(join(dir, lost));
    const values = await rdd.values().collect();
    assert.deepEqual(
      values.sort((a, b) => a - b),
      Array.from({ length: 300 }, (_, i) => i),
    );
    // Stages 3 and 4 would have been skipped. A failed fetch forgets all outputs of the executor, and here is but one.
    assert.deepEqual(attempts, ['0.0: 4', '1.0: 4', '2.0: 3', '5.0: 3', '3.0: 4', '4.0: 4', '5.1: 3']);
  }));

test('lost when a result was delivered already: the job fails with advice, and the next one is right', (t) =>
  withContext(t, 'local[1]', async (sc, dir) => {
    const rdd = dealt(sc);
    assert.equal(await rdd.count(), 300);
    const deleting = rdd.mapPartitionsWithIndex((partition, records) => {
      const count = [...records].length;
      if (partition === 0)
        for (const file of readdirSync(dir, { recursive: true, encoding: 'utf8' }))
          if (/shuffle_1_\d+_0\.data$/.test(file)) rmSync(join(dir, file));
      return [count];
    });
    await assert.rejects(
      deleting.collect(),
      /^JobFailedError: Job aborted due to stage failure: A shuffle map stage with indeterminate output was failed and retried\. However, Spark cannot rollback the ResultStage \d+ \(collect at .*\) to re-process the input data, and has to fail this job\. Please eliminate the indeterminacy by checkpointing the RDD before repartition and try again\.$/,
    );
    assert.equal(await rdd.count(), 300);
  }));
