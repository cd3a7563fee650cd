import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../src/base/logger.ts';
import { SparkConf } from '../../src/config/spark-conf.ts';
import { LiveEvents } from '../../src/driver/live-events.ts';
import type { SparkListenerEvent, StageInfo, TaskInfo } from '../../src/protocol/spark-listener-event.ts';
import { until } from '../kit/until.ts';

const stage: StageInfo = {
  stageId: 0,
  attemptNumber: 0,
  name: 'count at app.ts:1',
  numTasks: 100_000,
  rddIds: [0],
  rdds: () => [],
  parentIds: [],
  kind: 'ResultStage',
  shuffleDepId: null,
  resourceProfileId: 0,
};

function* tasks(count: number): Iterable<SparkListenerEvent> {
  for (let i = 0; i < count; i++) {
    const task: TaskInfo = {
      ...{ taskId: i, index: i, partition: i, attemptNumber: 0, executorId: 'driver', host: 'here' },
      ...{ locality: 'ANY', speculative: false, launchedAt: 1 },
    };
    const ids = { at: 2, stageId: 0, stageAttemptId: 0, task };
    yield { type: 'SparkListenerTaskStart', ...ids };
    yield { type: 'SparkListenerTaskEnd', ...ids, reason: { kind: 'Success' }, metrics: null, accumulables: [] };
  }
}

test('events wait until somebody looks, and then are all there', async () => {
  const events = new LiveEvents(new SparkConf(), silentLogger);
  events.hear({ type: 'SparkListenerJobStart', at: 1, jobId: 0, stages: [stage], properties: {} });
  events.hear({ type: 'SparkListenerStageSubmitted', at: 1, stage });
  for (const event of tasks(5000)) events.hear(event);
  assert.equal(events.numWaiting, 10_002);
  const store = await events.store();
  assert.equal(events.numWaiting, 0);
  assert.deepEqual([store.job(0)?.completedTasks, store.stage(0, 0)?.tasks.size], [5000, 5000]);
});

test('as many wait as may, and no more', async () => {
  const events = new LiveEvents(new SparkConf({ 'spark.ui.retainedTasks': '1000' }), silentLogger);
  events.hear({ type: 'SparkListenerJobStart', at: 1, jobId: 0, stages: [stage], properties: {} });
  events.hear({ type: 'SparkListenerStageSubmitted', at: 1, stage });
  for (const event of tasks(30_000)) events.hear(event);
  await until(() => events.numWaiting <= 40_000);
  const store = await events.store();
  assert.equal(store.job(0)?.completedTasks, 30_000);
  assert.ok((store.stage(0, 0)?.tasks.size ?? 0) <= 1000);
});

test('an event that cannot be shown is logged, and the others are shown', async () => {
  const errors: string[] = [];
  const log = { ...silentLogger, error: (text: string) => errors.push(text) };
  const events = new LiveEvents(new SparkConf(), log);
  events.hear({ type: 'SparkListenerUnheardOf' } as unknown as SparkListenerEvent);
  events.hear({ type: 'SparkListenerApplicationStart', at: 1, appId: 'a', appName: 'n', user: 'u' });
  assert.equal((await events.store()).app.name, 'n');
  assert.equal(errors.length, 1);
  assert.match(errors[0] ?? '', /SparkListenerUnheardOf/);
});
