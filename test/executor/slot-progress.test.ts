import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PROGRESS_BYTES, readProgress, SlotProgress } from '../../src/executor/slot-progress.ts';
import { metricsToNumbers, newTaskMetrics, type TaskMetrics, writeMetrics } from '../../src/protocol/task-metrics.ts';

const numbered = (): TaskMetrics => {
  const metrics = newTaskMetrics();
  for (const [i, name] of (Object.keys(metrics) as (keyof TaskMetrics)[]).entries()) metrics[name] = i + 1;
  return metrics;
};

test('metrics are written as the numbers that they are sent as', () => {
  const metrics = numbered();
  const into = new Float64Array(metricsToNumbers(metrics).length + 1);
  writeMetrics(metrics, into, 1);
  assert.deepEqual([...into], [0, ...metricsToNumbers(metrics)]);
});

test('of the running task is read what it had at its last batch edge, with the time it has run', () => {
  const memory = new SharedArrayBuffer(16 + PROGRESS_BYTES);
  const progress = new SlotProgress(memory, 16);
  assert.equal(readProgress(memory, 16, 0, 1000), null);
  progress.show(); // between tasks
  const metrics = newTaskMetrics();
  progress.begin(7, metrics, 1000);
  assert.deepEqual(readProgress(memory, 16, 7, 1250), { ...newTaskMetrics(), executorRunTimeMs: 250 });
  metrics.inputRecordsRead = 2048;
  assert.equal(readProgress(memory, 16, 7, 1250)?.inputRecordsRead, 0);
  progress.show();
  assert.equal(readProgress(memory, 16, 7, 1250)?.inputRecordsRead, 2048);
  assert.equal(readProgress(memory, 16, 6, 1250), null, 'another task');
  progress.end();
  assert.equal(readProgress(memory, 16, 7, 1250), null);
});
