import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OutputCommits } from '../../src/driver/output-commits.ts';
import type { SparkListenerEvent } from '../../src/protocol/spark-listener-event.ts';

const event = (type: SparkListenerEvent['type'], more: object): SparkListenerEvent =>
  ({ type, at: 0, ...more }) as unknown as SparkListenerEvent;
const start = (jobId: number, ...stageIds: number[]) =>
  event('SparkListenerJobStart', { jobId, stages: stageIds.map((stageId) => ({ stageId })) });
const submitted = (stageId: number) => event('SparkListenerStageSubmitted', { stage: { stageId } });
const attempt = (stageId: number, attemptNumber = 0, stageAttemptId = 0) => ({
  stageId,
  stageAttemptId,
  partition: 1,
  attemptNumber,
});
const ended = (stageId: number, attemptNumber: number, kind: string) =>
  event('SparkListenerTaskEnd', {
    stageId,
    stageAttemptId: 0,
    task: { partition: 1, attemptNumber },
    reason: { kind },
  });

test('the first attempt that asks may commit, and another one after it has failed', () => {
  const commits = new OutputCommits();
  commits.onEvent(start(0, 3));
  commits.onEvent(submitted(3));
  assert.equal(commits.canCommit(attempt(3, 0)), true);
  assert.equal(commits.canCommit(attempt(3, 1)), false);
  commits.onEvent(ended(3, 1, 'TaskCommitDenied'));
  commits.onEvent(ended(3, 0, 'ExecutorLostFailure'));
  assert.deepEqual(
    [0, 1, 2].map((n) => commits.canCommit(attempt(3, n))),
    [false, false, true],
  );
});

test('a task of a stage that is over, that nobody began, or whose job was cancelled is refused', () => {
  const commits = new OutputCommits();
  assert.equal(commits.canCommit(attempt(9)), false);
  commits.onEvent(start(0, 1, 2));
  commits.onEvent(submitted(2));
  commits.onEvent(event('SparkListenerStageCompleted', { stage: { stageId: 2 }, failureReason: null }));
  assert.equal(commits.canCommit(attempt(2)), false);
  commits.onEvent(start(1, 4));
  commits.onEvent(submitted(4));
  commits.onEvent(event('SparkListenerStageCompleted', { stage: { stageId: 4 }, failureReason: 'cancelled' }));
  assert.equal(commits.canCommit(attempt(4)), true); // its next attempt may come
  commits.onEvent(event('SparkListenerJobEnd', { jobId: 1, error: 'cancelled' }));
  assert.equal(commits.canCommit(attempt(4)), false);
});

test('a stage that another job needs too goes on', () => {
  const commits = new OutputCommits();
  commits.onEvent(start(0, 5));
  commits.onEvent(start(1, 5));
  commits.onEvent(submitted(5));
  commits.onEvent(event('SparkListenerJobEnd', { jobId: 0, error: null }));
  assert.equal(commits.canCommit(attempt(5)), true);
});
