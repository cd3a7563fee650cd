import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { SparkContext } from '../../src/driver/spark-context.ts';
import { filesBelow } from '../kit/files-below.ts';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

const scratch = mkdtempSync(join(tmpdir(), 'iskra-cleaner-'));
let sc: SparkContext;
before(async () => {
  sc = await SparkContext.create({
    master: 'local[2]',
    appName: 'cleaner',
    'spark.log.level': 'OFF',
    'spark.local.dir': scratch,
    'spark.cleaner.referenceTracking.cleanCheckpoints': true,
  });
});
after(async () => {
  await sc.stop();
  rmSync(scratch, { recursive: true, force: true });
});

/** Collects garbage until `holds`; what is held by mistake makes it fail in the end. */
async function becomes(holds: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    // What was looked at in this turn is kept until its end.
    await new Promise((go) => setImmediate(go));
    gc();
    // Files go in other threads, which a busy machine lets wait.
    await new Promise((go) => setTimeout(go, i < 20 ? 0 : 20));
    if (holds()) return;
  }
  assert.fail(`${what} was not cleaned`);
}

const shuffleFiles = (): string[] => filesBelow(scratch, /shuffle_/);

test('a cached RDD that nothing can reach loses its blocks', async () => {
  const unpersisted: number[] = [];
  sc.addSparkListener({ onUnpersistRDD: ({ rddId }) => void unpersisted.push(rddId) });
  const id = await (async () => {
    const rdd = sc.range(0, 100, 1, 2).cache();
    await rdd.count();
    return rdd.id;
  })();
  assert.equal(sc.getRDDStorageInfo().length, 1);
  await becomes(() => sc.getRDDStorageInfo().length === 0, 'the RDD');
  await becomes(() => unpersisted.length > 0, 'what listeners hear of'); // in a turn of its own
  assert.deepEqual(unpersisted, [id]);
  assert.equal(sc.getPersistentRDDs().size, 0);
});

test('a cached RDD is kept as long as one made of it is there', async () => {
  let child: { count(): Promise<number> } | null = await (async () => {
    const rdd = sc.range(0, 100, 1, 2).cache();
    const mapped = rdd.map((x) => x + 1);
    await mapped.count();
    return mapped;
  })();
  for (let i = 0; i < 5; i++) {
    gc();
    await new Promise((go) => setImmediate(go));
  }
  assert.equal(sc.getRDDStorageInfo().length, 1);
  assert.equal(await child.count(), 100);
  child = null;
  await becomes(() => sc.getRDDStorageInfo().length === 0, 'the parent');
});

test('the files of a shuffle go when nothing can read it', async () => {
  const run = async (): Promise<void> => {
    const counts = sc.range(0, 10, 1, 2).map((x): [number, number] => [x % 2, 1]);
    await counts.reduceByKey((a, b) => a + b).count();
  };
  await run();
  assert.ok(shuffleFiles().length > 0);
  await becomes(() => shuffleFiles().length === 0, 'the shuffle');
});

test('what was before a checkpoint goes, and the checkpoint with its RDD', async () => {
  const root = join(scratch, 'checkpoints');
  sc.setCheckpointDir(root);
  let rdd: ReturnType<typeof make> | null = null;
  const make = () =>
    sc
      .range(0, 10, 1, 2)
      .map((x): [number, number] => [x % 2, 1])
      .reduceByKey((a, b) => a + b);
  rdd = make();
  rdd.checkpoint();
  assert.equal(await rdd.count(), 2);
  const dir = rdd.getCheckpointFile() ?? '';
  await becomes(() => shuffleFiles().length === 0, 'the shuffle before the checkpoint');
  assert.equal(await rdd.count(), 2);
  assert.ok(existsSync(dir));
  rdd = null;
  await becomes(() => !existsSync(dir), 'the checkpoint');
});

test('a broadcast variable that is dropped while a job reads it stays until the job is over', async () => {
  let shared: { readonly value: number } | null = sc.broadcast(7);
  const job = sc
    .range(0, 40, 1, 40)
    .map(() => {
      const end = Date.now() + 5;
      while (Date.now() < end);
      return shared?.value ?? 0;
    })
    .sum();
  shared = null;
  for (let i = 0; i < 20; i++) {
    gc();
    await new Promise((go) => setImmediate(go));
  }
  assert.equal(await job, 280);
});

test('an accumulator that is dropped is forgotten, and jobs go on', async () => {
  await (async () => {
    const dropped = sc.longAccumulator('dropped');
    await sc.range(3).foreach(() => dropped.add(1));
  })();
  gc();
  await new Promise((go) => setImmediate(go));
  assert.equal(await sc.range(3).count(), 3);
});
