import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextHeartbeat } from '../../src/executor/heartbeat-timer.ts';
import { ManualClock } from '../kit/manual-clock.ts';

function beating(afterMs: number): { clock: ManualClock; did: string[]; cancel: () => void } {
  const clock = new ManualClock();
  const did: string[] = [];
  const executor = {
    askForAccumulators: () => void did.push(`asked at ${clock.now()}`),
    runningTasks: () => [{ taskId: 7, metrics: null, accumulators: [] }],
  };
  const cancel = nextHeartbeat(executor, clock, afterMs, ([task]) => {
    did.push(`beat at ${clock.now()} with task ${task?.taskId}`);
  });
  return { clock, did, cancel };
}

test('slots are asked what their tasks have added shortly before the heartbeat that tells it', () => {
  const { clock, did } = beating(10_000);
  clock.advance(20_000);
  assert.deepEqual(did, ['asked at 9950', 'beat at 10000 with task 7']);
  const often = beating(10);
  often.clock.advance(100);
  assert.deepEqual(often.did, ['asked at 5', 'beat at 10 with task 7']);
});

test('nothing comes of a heartbeat that was cancelled, before slots are asked or after it', () => {
  for (const at of [9_000, 9_960]) {
    const { clock, did, cancel } = beating(10_000);
    clock.advance(at);
    cancel();
    clock.advance(20_000);
    assert.deepEqual(did, at === 9_000 ? [] : ['asked at 9950']);
    assert.equal(clock.numTimers, 0);
  }
});
