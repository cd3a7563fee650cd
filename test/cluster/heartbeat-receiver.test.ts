import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeartbeatReceiver } from '../../src/cluster/coarse-grained/heartbeat-receiver.ts';

const receiver = () => new HeartbeatReceiver({ timeoutMs: 120_000, checkIntervalMs: 60_000 });

test('an executor silent for longer than the timeout expires once', () => {
  const r = receiver();
  r.handle({ type: 'Registered', at: 0, executorId: '1' });
  assert.deepEqual(r.handle({ type: 'Check', at: 60_000 }), []);
  assert.deepEqual(r.handle({ type: 'Check', at: 120_000 }), []);
  assert.deepEqual(r.handle({ type: 'Check', at: 180_000 }), [{ executorId: '1', silentMs: 180_000 }]);
  assert.deepEqual(r.handle({ type: 'Check', at: 240_000 }), []);
  assert.equal(r.knows('1'), false);
});

test('a heartbeat gives the executor its time again', () => {
  const r = receiver();
  r.handle({ type: 'Registered', at: 0, executorId: '1' });
  for (let at = 60_000; at <= 600_000; at += 60_000) {
    r.handle({ type: 'Heartbeat', at: at - 1, executorId: '1' });
    assert.deepEqual(r.handle({ type: 'Check', at }), []);
  }
});

test('a driver that was busy for five minutes blames no executor, and still notices the one that stays silent', () => {
  const r = receiver();
  r.handle({ type: 'Registered', at: 0, executorId: 'alive' });
  r.handle({ type: 'Registered', at: 0, executorId: 'dead' });
  r.handle({ type: 'Check', at: 60_000 });
  // The timer runs before the messages that lay in the socket are read.
  assert.deepEqual(r.handle({ type: 'Check', at: 360_000 }), []);
  const expired: string[] = [];
  for (let at = 420_000; at <= 600_000; at += 60_000) {
    r.handle({ type: 'Heartbeat', at: at - 1, executorId: 'alive' });
    for (const { executorId } of r.handle({ type: 'Check', at })) expired.push(executorId);
  }
  assert.deepEqual(expired, ['dead']);
});

test('the heartbeat of an unknown executor makes it known to nobody', () => {
  const r = receiver();
  r.handle({ type: 'Heartbeat', at: 0, executorId: 'x' });
  assert.equal(r.knows('x'), false);
  r.handle({ type: 'Registered', at: 0, executorId: 'x' });
  r.handle({ type: 'Removed', executorId: 'x' });
  assert.equal(r.knows('x'), false);
});
