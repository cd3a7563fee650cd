import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OutputCommitCoordinator } from '../../src/scheduler/output-commit-coordinator.ts';

const attempt = (attemptNumber: number, stageAttemptId = 0) => ({
  stageId: 1,
  stageAttemptId,
  partition: 0,
  attemptNumber,
});

function started(): OutputCommitCoordinator {
  const coordinator = new OutputCommitCoordinator();
  coordinator.stageStarted(1);
  return coordinator;
}

test('the first attempt that asks may commit, and may ask again; others may not', () => {
  const c = started();
  assert.equal(c.canCommit(attempt(0)), true);
  assert.equal(c.canCommit(attempt(1)), false);
  assert.equal(c.canCommit(attempt(0)), true);
});

test('when the authorised attempt fails the next that asks gets the right', () => {
  const c = started();
  c.canCommit(attempt(0));
  c.attemptFailed(attempt(0));
  assert.equal(c.canCommit(attempt(1)), true);
});

test('an attempt that failed before it asked is refused', () => {
  const c = started();
  c.attemptFailed(attempt(0));
  assert.equal(c.canCommit(attempt(0)), false);
  assert.equal(c.canCommit(attempt(1)), true);
});

test('attempts of another stage attempt are others, also with the same number', () => {
  const c = started();
  c.canCommit(attempt(0, 0));
  assert.equal(c.canCommit(attempt(0, 1)), false);
});

test('a stage that is unknown or over commits nothing', () => {
  const c = started();
  assert.equal(c.canCommit({ stageId: 9, stageAttemptId: 0, partition: 0, attemptNumber: 0 }), false);
  c.stageEnded(1);
  assert.equal(c.canCommit(attempt(0)), false);
});

test('a second attempt of the stage keeps what the first one authorised', () => {
  const c = started();
  c.canCommit(attempt(0));
  c.stageStarted(1);
  assert.equal(c.canCommit(attempt(0, 1)), false);
});
