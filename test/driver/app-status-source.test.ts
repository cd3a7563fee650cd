import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppStatusSource } from '../../src/driver/app-status-source.ts';
import { takeSnapshot } from '../../src/metrics/metrics-snapshot.ts';
import type { SparkListenerEvent } from '../../src/protocol/spark-listener-event.ts';
import type { TaskEndReason } from '../../src/protocol/task-end-reason.ts';
import { everyEvent } from '../kit/every-event.ts';

function eventOf<T extends SparkListenerEvent['type']>(type: T): Extract<SparkListenerEvent, { type: T }> {
  const found = everyEvent('app-1').find((event) => event.type === type);
  assert.ok(found !== undefined);
  return found as Extract<SparkListenerEvent, { type: T }>; // it is of this type
}

test('a driver counts how jobs, stages and tasks end', () => {
  const source = new AppStatusSource();
  const start = eventOf('SparkListenerJobStart');
  const submitted = eventOf('SparkListenerStageSubmitted');
  const completed = eventOf('SparkListenerStageCompleted');
  const taskEnd = eventOf('SparkListenerTaskEnd');
  const stages = [1, 2, 3].map((stageId) => ({ ...submitted.stage, stageId, numTasks: stageId * 10 }));
  source.onEvent({ ...start, jobId: 0, at: 1000, stages });
  source.onEvent({ ...submitted, stage: { ...submitted.stage, stageId: 3 } });
  const reasons: TaskEndReason[] = [
    { kind: 'Success' },
    { kind: 'Success' },
    { kind: 'TaskKilled', reason: 'another attempt succeeded' },
    { kind: 'TaskResultLost' },
  ];
  for (const reason of reasons) source.onEvent({ ...taskEnd, reason });
  source.onEvent({ ...completed, failureReason: null });
  source.onEvent({ ...completed, failureReason: 'no' });
  source.onEvent({ type: 'SparkListenerJobEnd', jobId: 0, at: 1250, error: null });
  source.onEvent({ type: 'SparkListenerJobEnd', jobId: 1, at: 1300, error: 'no' });
  const { gauges, counters } = takeSnapshot([source], '', 0);
  assert.deepEqual(gauges, { 'appStatus.jobDuration': 250 });
  assert.deepEqual(counters, {
    'appStatus.jobs.failedJobs': 1,
    'appStatus.jobs.succeededJobs': 1,
    'appStatus.stages.completedStages': 1,
    'appStatus.stages.failedStages': 1,
    'appStatus.stages.skippedStages': 2,
    'appStatus.tasks.completedTasks': 2,
    'appStatus.tasks.failedTasks': 1,
    'appStatus.tasks.killedTasks': 1,
    'appStatus.tasks.skippedTasks': 30,
  });
});
