import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeartbeatFailures } from '../../src/executor/heartbeat-failures.ts';

function counting(maxInARow: number): { failures: HeartbeatFailures; said: string[] } {
  const said: string[] = [];
  const say = (level: string) => (message: string) => void said.push(`${level} ${message.split(/[;,]/, 1)[0]}`);
  return {
    failures: new HeartbeatFailures(maxInARow, { debug: () => {}, info: say('info'), warn: say('warn') }),
    said,
  };
}

test('a driver that leaves many heartbeats without an answer is warned of once, and again after it has answered', () => {
  const { failures, said } = counting(60);
  for (let i = 0; i < 30; i++) assert.equal(failures.failed(new Error('no answer in 10 seconds')), null);
  assert.deepEqual(said, ['warn the driver did not answer a heartbeat']);
  failures.answered();
  failures.answered();
  failures.failed(new Error('no answer in 10 seconds'));
  assert.deepEqual(said, [
    'warn the driver did not answer a heartbeat',
    'info the driver answers heartbeats again',
    'warn the driver did not answer a heartbeat',
  ]);
});

test('an executor ends after spark.executor.heartbeat.maxFailures heartbeats in a row without an answer', () => {
  const { failures } = counting(3);
  const fail = (): string | null => failures.failed('x');
  assert.deepEqual([fail(), fail()], [null, null]);
  failures.answered();
  assert.deepEqual(
    [fail(), fail(), fail()],
    [null, null, 'Exit as unable to send heartbeats to driver more than 3 times'],
  );
});
