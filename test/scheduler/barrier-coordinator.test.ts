import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BarrierSyncReply, BarrierSyncRequest } from '../../src/protocol/barrier-sync.ts';
import { BarrierCoordinator, type BarrierEffect } from '../../src/scheduler/barrier-coordinator.ts';
import { BarrierSyncs } from '../../src/scheduler/barrier-coordinator-loop.ts';
import { ManualClock } from '../kit/manual-clock.ts';

const request = (
  partition: number,
  epoch = 0,
  method: BarrierSyncRequest['method'] = 'BARRIER',
): BarrierSyncRequest => ({
  stageId: 1,
  stageAttemptId: 0,
  taskId: 10 + partition,
  partition,
  epoch,
  method,
  message: `from ${partition}`,
});

function coordinator(): BarrierCoordinator {
  const made = new BarrierCoordinator(2000);
  made.stageStarted(1, 0, 3);
  return made;
}

/** `0: Synced`, `1: Failed …` */
const replies = (effects: readonly BarrierEffect[]): string[] =>
  effects.flatMap((e) =>
    e.type === 'Reply' ? [`${e.requestId}: ${e.reply.kind === 'Failed' ? e.reply.message : e.reply.messages}`] : [],
  );

test('the last task that comes lets all go on, with the messages of all by partition, again and again', () => {
  const c = coordinator();
  for (const epoch of [0, 1]) {
    assert.deepEqual(c.sync(0, request(2, epoch, 'ALL_GATHER'), 0), [{ type: 'WakeAt', at: 2000 }]);
    assert.deepEqual(c.sync(1, request(0, epoch, 'ALL_GATHER'), 5), []);
    assert.deepEqual(replies(c.sync(2, request(1, epoch, 'ALL_GATHER'), 9)), [
      '0: from 0,from 1,from 2',
      '1: from 0,from 1,from 2',
      '2: from 0,from 1,from 2',
    ]);
  }
});

test('two methods in one sync fail all that wait, and the next sync is a new one', () => {
  const c = coordinator();
  c.sync(0, request(0), 0);
  const message =
    'Different barrier sync types found for the sync Stage 1 (Attempt 0): BARRIER, ALL_GATHER. Please use the same barrier sync type within a single sync.';
  assert.deepEqual(replies(c.sync(1, request(1, 0, 'ALL_GATHER'), 0)), [`0: ${message}`, `1: ${message}`]);
  assert.deepEqual(replies(c.tick(5000)), []);
  for (const partition of [0, 1]) c.sync(partition, request(partition), 0);
  assert.equal(replies(c.sync(2, request(2), 0)).length, 3);
});

test('who waits for a task that does not come is told when the time is up', () => {
  const c = coordinator();
  c.sync(0, request(0), 100);
  c.sync(1, request(1), 1000);
  assert.deepEqual(replies(c.tick(2099)), []);
  const message =
    "The coordinator didn't get all barrier sync requests for barrier epoch 0 from Stage 1 (Attempt 0) within 2 second(s).";
  assert.deepEqual(replies(c.tick(2100)), [`0: ${message}`, `1: ${message}`]);
});

test('a task of an attempt that is over, or that missed a sync, is refused', () => {
  const c = coordinator();
  for (const partition of [0, 1, 2]) c.sync(partition, request(partition), 0);
  const finished = (epoch: number): string =>
    `The request to sync of Stage 1 (Attempt 0) with barrier epoch ${epoch} has already finished. Maybe task 10 is not properly killed.`;
  assert.deepEqual(replies(c.sync(3, request(0, 0), 0)), [`3: ${finished(0)}`]);
  c.sync(4, request(1, 1), 0);
  assert.deepEqual(replies(c.stageEnded(1, 0)), [
    '4: Stage 1 (Attempt 0) is over, and not all of its tasks came to the sync.',
  ]);
  assert.deepEqual(replies(c.sync(5, request(0, 1), 0)), [`5: ${finished(1)}`]);
});

test('the loop answers by the clock, also when the time is longer than a timer can be', async () => {
  const clock = new ManualClock();
  const syncs = new BarrierSyncs(365 * 24 * 3600 * 1000, clock);
  const stage = { stageId: 1, attemptNumber: 0, name: '', numTasks: 2, rddIds: [], parentIds: [], kind: 'ResultStage' };
  syncs.onEvent({ type: 'SparkListenerStageSubmitted', at: 0, stage: stage as never });
  let reply: BarrierSyncReply | null = null;
  void syncs.sync(request(0)).then((r) => {
    reply = r;
  });
  const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
  clock.advance(364 * 24 * 3600 * 1000);
  await settle();
  assert.equal(reply, null);
  clock.advance(24 * 3600 * 1000);
  await settle();
  assert.match(JSON.stringify(reply), /within 31536000 second\(s\)/);
  syncs.close();
});
