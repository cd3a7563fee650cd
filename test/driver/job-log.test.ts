import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JobLog } from '../../src/driver/job-log.ts';
import { failedWith } from '../kit/fake-backend.ts';
import { shuffled, source } from '../kit/fake-nodes.ts';
import { FakeCluster } from '../kit/fake-scheduler.ts';
import { levelLogger } from '../kit/rpc.ts';

/** What is logged of what listeners of the cluster have heard. */
function storyOf(cluster: FakeCluster): string[] {
  const lines: string[] = [];
  const log = new JobLog(levelLogger(lines));
  for (const event of cluster.events) log.hear(event);
  return lines;
}

test('a job tells its story: what it needs, which stages run and end, and how long it took', () => {
  const cluster = new FakeCluster();
  cluster.backend.addExecutor('1', 4);
  cluster.run(shuffled(2, source(3)));
  cluster.clock.advance(30);
  for (const partition of [0, 1, 2]) cluster.backend.mapped(cluster.backend.task(0, partition));
  cluster.clock.advance(12);
  for (const partition of [0, 1]) cluster.backend.succeed(cluster.backend.task(1, partition));
  assert.deepEqual(storyOf(cluster), [
    'info Got job 0 (count at test.ts:1) with 2 output partitions',
    'info Final stage: ResultStage 1 (count at test.ts:1)',
    'info Parents of final stage: List(ShuffleMapStage 0 (fake at test.ts:0))',
    'info Submitting 3 missing tasks from ShuffleMapStage 0 (fake at test.ts:0)',
    'info ShuffleMapStage 0 (fake at test.ts:0) finished in 30 ms',
    'info Submitting 2 missing tasks from ResultStage 1 (count at test.ts:1)',
    'info ResultStage 1 (count at test.ts:1) finished in 12 ms',
    'info Job 0 finished: count at test.ts:1, took 42 ms',
  ]);
});

test('a job that fails says so, with the reason in one line', () => {
  const cluster = new FakeCluster({ maxFailures: 1 });
  cluster.backend.addExecutor('1', 1);
  cluster.run(source(1));
  cluster.clock.advance(7);
  cluster.backend.end(cluster.backend.task(0, 0), failedWith('boom'));
  const why =
    'Job aborted due to stage failure: Task 0 in stage 0.0 failed 1 times, most recent failure: Lost task 0.0 in stage 0.0 (TID 0)';
  const [got, final, submitting, stage, job] = storyOf(cluster);
  assert.deepEqual(
    [got, final, submitting],
    [
      'info Got job 0 (count at test.ts:1) with 1 output partitions',
      'info Final stage: ResultStage 0 (count at test.ts:1)',
      'info Submitting 1 missing tasks from ResultStage 0 (count at test.ts:1)',
    ],
  );
  assert.ok(stage?.startsWith(`info ResultStage 0 (count at test.ts:1) failed in 7 ms due to ${why}`), stage);
  assert.ok(job?.startsWith(`info Job 0 failed: count at test.ts:1, took 7 ms: ${why}`), job);
  assert.ok(!storyOf(cluster).join('').includes('\n'));
});
