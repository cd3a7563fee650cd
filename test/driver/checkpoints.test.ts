import assert from 'node:assert/strict';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { ConfValues } from '../../src/config/spark-conf.ts';
import { SparkContext } from '../../src/driver/spark-context.ts';
import { TaskContext } from '../../src/rdd/task-context.ts';
import { BLOCK_HEADER_BYTES, readBlockHeader } from '../../src/serializer/serializer.ts';
import { until } from '../kit/until.ts';

const root = mkdtempSync(join(tmpdir(), 'iskra-checkpoints-'));
after(() => rmSync(root, { recursive: true, force: true }));

async function withContext<R>(conf: ConfValues, body: (sc: SparkContext) => Promise<R>): Promise<R> {
  const sc = await SparkContext.create({
    master: 'local[2,4]',
    appName: 'checkpoints',
    'spark.log.level': 'OFF',
    ...conf,
  });
  try {
    return await body(sc);
  } finally {
    await sc.stop();
  }
}

const sizeOf = (dir: string): number => readdirSync(dir).reduce((sum, name) => sum + statSync(join(dir, name)).size, 0);

test('files are smaller with spark.checkpoint.compress, and hold the same', async () => {
  const text = (x: number): string => `line ${x % 7} of a text that repeats itself, repeats itself, repeats itself`;
  const write = (conf: ConfValues) =>
    withContext({ 'spark.checkpoint.dir': root, ...conf }, async (sc) => {
      const rdd = sc.range(0, 5000, 1, 2).map(text);
      rdd.checkpoint();
      await rdd.count();
      assert.deepEqual((await rdd.collect()).slice(0, 3), [0, 1, 2].map(text));
      return sizeOf(rdd.getCheckpointFile() ?? '');
    });
  const [plain, packed] = [await write({}), await write({ 'spark.checkpoint.compress': true })];
  assert.ok(packed < plain / 2, `${packed} of ${plain}`);
});

test('a checkpoint is read by another application', async () => {
  const dir = await withContext({ 'spark.checkpoint.dir': root }, async (sc) => {
    const rdd = sc.parallelize(['a', 'b', 'c'], 2);
    rdd.checkpoint();
    await rdd.count();
    return rdd.getCheckpointFile() ?? '';
  });
  await withContext({}, async (sc) => assert.deepEqual(await sc.checkpointFile(dir).collect(), ['a', 'b', 'c']));
});

test('a directory that cannot be made is refused with the reason', () =>
  withContext({}, async (sc) => {
    writeFileSync(join(root, 'file'), '');
    assert.throws(() => sc.setCheckpointDir(join(root, 'file')), {
      code: 'CHECKPOINT_DIR_UNUSABLE',
      message:
        /^Failed to create checkpoint path file:\S+\/file\/[0-9a-f-]{36}: a part of the path is not a directory \(ENOTDIR\)$/,
    });
    assert.throws(() => sc.setCheckpointDir('hdfs://host/dir'), /No FileSystem for scheme "hdfs"/);
    assert.equal(sc.getCheckpointDir(), null);
    sc.setCheckpointDir(join(root, 'new/deep'));
    const first = sc.getCheckpointDir() ?? '';
    assert.ok(existsSync(first));
    sc.setCheckpointDir(join(root, 'new/deep'));
    assert.notEqual(sc.getCheckpointDir(), first);
  }));

test('a directory that cannot be written any more fails the actions that write there; when it can, the next one does', () =>
  withContext({}, async (sc) => {
    sc.setCheckpointDir(join(root, 'goes'));
    const dir = sc.getCheckpointDir() ?? '';
    rmSync(dir, { recursive: true });
    writeFileSync(dir, '');
    const rdd = sc.range(10).map((x) => x + 1);
    rdd.checkpoint();
    const unusable = {
      code: 'CHECKPOINT_DIR_UNUSABLE',
      message: `Failed to create checkpoint path file:${dir}/rdd-${rdd.id}: a part of the path is not a directory (ENOTDIR)`,
    };
    await assert.rejects(rdd.count(), unusable);
    await assert.rejects(rdd.count(), unusable);
    assert.equal(rdd.isCheckpointed, false);
    assert.equal(await sc.range(3).count(), 3);
    rmSync(dir);
    assert.equal(await rdd.count(), 10);
    assert.equal(rdd.isCheckpointed, true);
  }));

test('tasks that fail while they write leave whole files only', () =>
  withContext({ 'spark.checkpoint.dir': root }, async (sc) => {
    const rdd = sc.range(0, 20_000, 1, 2).map((x) => {
      const task = TaskContext.get();
      if (x % 10_000 === 9_000 && (task?.stageId ?? 0) > 0 && (task?.attemptNumber ?? 3) < 2) throw new Error('again');
      return x;
    });
    rdd.checkpoint();
    assert.equal(await rdd.count(), 20_000);
    assert.deepEqual(readdirSync(rdd.getCheckpointFile() ?? '').sort(), ['part-00000', 'part-00001']);
    assert.equal(await rdd.sum(), 199_990_000);
  }));

test('a job that began before the cut ends well after it', () =>
  withContext({ 'spark.checkpoint.dir': root }, async (sc) => {
    const rdd = sc
      .range(0, 40, 1, 40)
      .map((x): [number, number] => [x % 4, x])
      .reduceByKey((a, b) => a + b, 20)
      .map((pair) => {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
        return pair;
      });
    rdd.checkpoint();
    const slow = rdd
      .mapValues((x) => x)
      .filter(() => true)
      .union(rdd)
      .coalesce(30)
      .values()
      .sum();
    const jobs = Array.from({ length: 6 }, () => rdd.values().sum());
    assert.equal(await slow, 1560);
    assert.deepEqual(await Promise.all(jobs), Array(6).fill(780));
    assert.equal(rdd.isCheckpointed, true);
    assert.equal(await rdd.values().sum(), 780);
  }));

test('an action that is cancelled while it writes leaves the mark for the next', () =>
  withContext({ 'spark.checkpoint.dir': root }, async (sc) => {
    const rdd = sc.range(0, 2, 1, 2).map((x) => {
      const task = TaskContext.get();
      while ((task?.stageId ?? 0) === 1 && task?.isInterrupted() === false);
      return x;
    });
    rdd.checkpoint();
    const action = rdd.count();
    await until(() => sc.statusTracker.getActiveStageIds().includes(1));
    action.cancel('enough');
    await assert.rejects(
      action.then(() => {}),
      /enough/,
    );
    await new Promise((go) => setImmediate(go));
    assert.equal(rdd.isCheckpointed, false);
    assert.equal(await rdd.count(), 2);
    assert.equal(rdd.isCheckpointed, true);
  }));

test('a checkpoint whose files were removed says which', () =>
  withContext({ 'spark.checkpoint.dir': root }, async (sc) => {
    const rdd = sc.range(0, 4, 1, 2);
    rdd.checkpoint();
    await rdd.count();
    rmSync(join(rdd.getCheckpointFile() ?? '', 'part-00001'));
    await assert.rejects(
      rdd.count().then(() => {}),
      /cannot read the checkpoint file file:\S+part-00001: no such file or directory \(ENOENT\); .* put the file back, or make the RDD anew from its source/,
    );
  }));

test('a checkpoint file that was cut short or damaged, wherever, fails the jobs that read it and no other', () =>
  withContext({ 'spark.checkpoint.dir': root }, async (sc) => {
    const rdd = sc.range(0, 20_000, 1, 2).map((x) => `value ${x}`);
    rdd.checkpoint();
    await rdd.count();
    const part = join(rdd.getCheckpointFile() ?? '', 'part-00000');
    const whole = readFileSync(part);
    const firstBlock = BLOCK_HEADER_BYTES + readBlockHeader(whole, 0).payloadBytes;
    for (const length of [0, 1, firstBlock, firstBlock + 1, whole.length - 17, whole.length - 16, whole.length - 1]) {
      writeFileSync(part, whole.subarray(0, length));
      await assert.rejects(rdd.count(), (e: Error) => {
        assert.match(
          e.message,
          new RegExp(`the checkpoint file file:\\S+part-00000 has ${length} bytes and is not whole`),
        );
        assert.match(e.message, /a checkpointed RDD is not computed again: make it anew from its source/);
        return true;
      });
    }
    for (const at of [0, firstBlock - 1, firstBlock, whole.length - 17, whole.length - 16, whole.length - 6]) {
      const flipped = Buffer.from(whole);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      writeFileSync(part, flipped);
      await assert.rejects(rdd.count(), /is not computed again: make it anew from its source/, `byte ${at}`);
    }
    assert.equal(await sc.range(10).count(), 10);
    writeFileSync(part, whole);
    assert.equal(await rdd.count(), 20_000);
  }));

test('a checkpoint directory that vanishes between two jobs is named, with what to do; what does not read it goes on', () =>
  withContext({ 'spark.checkpoint.dir': root }, async (sc) => {
    const rdd = sc.range(0, 100, 1, 3).map((x) => x + 1);
    rdd.checkpoint();
    const doubled = rdd.map((x) => x * 2);
    const sum = await doubled.sum();
    const dir = rdd.getCheckpointFile() ?? '';
    renameSync(dir, `${dir}-away`);
    for (const action of [() => rdd.count(), () => doubled.sum(), () => rdd.map((x) => [x % 2, x]).count()])
      await assert.rejects(
        action().then(() => {}),
        (error: Error) => {
          assert.ok(
            error.message.includes(`the checkpoint directory file:${dir} does not exist any more`),
            error.message,
          );
          assert.match(error.message, /put the directory back, or make the RDD anew from its source/);
          return true;
        },
      );
    assert.equal(await sc.range(10).count(), 10);
    renameSync(`${dir}-away`, dir);
    assert.equal(await doubled.sum(), sum, 'as soon as it is back');
  }));
