import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shuffled, source } from '../kit/fake-nodes.ts';
import { FakeCluster } from '../kit/fake-scheduler.ts';

test('a job tells its story: what it needs, which stages run and end, and how long it took', () => {
  const cluster = new FakeCluster();
  cluster.backend.addExecutor('1', 4);
  cluster.run(shuffled(2, source(3)));
  cluster.clock.advance(30);
  for (const partition of [0, 1, 2]) cluster.backend.mapped(cluster.backend.task(0, partition));
  cluster.clock.advance(12);
  for (const partition of [0, 1]) cluster.backend.succeed(cluster.backend.task(1, partition));
  assert.deepEqual(cluster.logs, [
    'Got job 0 (count at test.ts:1) with 2 output partitions',
    'Final stage: ResultStage 1 (count at test.ts:1)',
    'Parents of final stage: List(ShuffleMapStage 0 (fake at test.ts:0))',
    'Submitting 3 missing tasks from ShuffleMapStage 0 (fake at test.ts:0)',
    'ShuffleMapStage 0 (fake at test.ts:0) finished in 30 ms',
    'Submitting 2 missing tasks from ResultStage 1 (count at test.ts:1)',
    'ResultStage 1 (count at test.ts:1) finished in 12 ms',
    'Job 0 finished: count at test.ts:1, took 42 ms',
  ]);
});

test('a job that fails says so, with the reason of its stage', () => {
  const cluster = new FakeCluster({ maxFailures: 1 });
  cluster.backend.addExecutor('1', 1);
  cluster.run(source(1));
  cluster.clock.advance(7);
  cluster.scheduler.cancelAll('for lunch');
  assert.deepEqual(cluster.logs, [
    'Got job 0 (count at test.ts:1) with 1 output partitions',
    'Final stage: ResultStage 0 (count at test.ts:1)',
    'Submitting 1 missing tasks from ResultStage 0 (count at test.ts:1)',
    'ResultStage 0 (count at test.ts:1) failed in 7 ms due to Job 0 cancelled for lunch',
    'Job 0 failed: count at test.ts:1, took 7 ms',
  ]);
});
