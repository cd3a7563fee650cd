import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failedWith } from '../kit/fake-backend.ts';
import { mapped, shuffled, source } from '../kit/fake-nodes.ts';
import { FakeCluster, settled } from '../kit/fake-scheduler.ts';

test('a job without a shuffle is one stage, one task per partition', async () => {
  const cluster = new FakeCluster();
  cluster.backend.addExecutor('1', 4);
  const job = cluster.run(mapped(source(3)));
  assert.equal(cluster.backend.running.size, 3);
  for (const p of [0, 1, 2]) cluster.backend.succeed(cluster.backend.task(0, p));
  await settled();
  assert.equal(job.outcome(), null);
  assert.deepEqual(
    [...job.results],
    [
      [0, 0],
      [1, 1],
      [2, 2],
    ],
  );
  assert.deepEqual(cluster.heard('JobStart', 'StageSubmitted', 'StageCompleted', 'JobEnd'), [
    'JobStart 0',
    'StageSubmitted 0.0',
    'StageCompleted 0.0',
    'JobEnd 0',
  ]);
  assert.ok(cluster.scheduler.isIdle);
});

test('a shuffle makes two stages, and the second starts when the first has all its outputs', async () => {
  const cluster = new FakeCluster();
  cluster.backend.addExecutor('1', 4);
  const job = cluster.run(shuffled(2, source(2)));
  assert.deepEqual(cluster.heard('StageSubmitted'), ['StageSubmitted 0.0']);
  cluster.backend.mapped(cluster.backend.task(0, 0));
  assert.deepEqual(cluster.heard('StageSubmitted'), ['StageSubmitted 0.0']);
  cluster.backend.mapped(cluster.backend.task(0, 1));
  cluster.backend.succeed(cluster.backend.task(1, 0));
  cluster.backend.succeed(cluster.backend.task(1, 1));
  await settled();
  assert.equal(job.outcome(), null);
  assert.ok(cluster.scheduler.isIdle);
});

test("a failed task is tried again, and the fourth failure fails the job with Spark's text", async () => {
  const cluster = new FakeCluster();
  cluster.backend.addExecutor('1', 1);
  const job = cluster.run(source(1));
  for (let i = 0; i < 4; i++) cluster.backend.end(cluster.backend.task(0, 0), failedWith('boom'));
  await settled();
  const error = job.outcome();
  assert.ok(error instanceof Error);
  assert.equal(
    error.message,
    'Job aborted due to stage failure: Task 0 in stage 0.0 failed 4 times, most recent failure: Lost task 0.3 in stage 0.0 (TID 3) (host-1 executor 1): Error: boom\n    at user.ts:1\nDriver stacktrace:',
  );
  assert.equal((error.cause as Error).message, 'boom');
  assert.ok(cluster.scheduler.isIdle);
});
