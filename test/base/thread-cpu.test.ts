import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { threadCpuNs } from '../../src/base/thread-cpu.ts';

const isTold = process.platform === 'linux' || 'threadCpuUsage' in process;

/** Until the process has had so much, ms, of a processor. */
function compute(ms: number): void {
  const before = process.cpuUsage().user;
  while (process.cpuUsage().user - before < ms * 1000);
}

test('a thread that computes has had the more of a processor, and one that waits has not', () => {
  const start = threadCpuNs();
  compute(30);
  const computed = threadCpuNs() - start;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 30);
  const waited = threadCpuNs() - start - computed;
  if (!isTold) assert.equal(computed, 0);
  else assert.ok(waited < computed && computed > 0, `${computed} and ${waited} ns`);
});

test('what other threads compute is not counted', async () => {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads');
     const before = process.cpuUsage().user;
     while (process.cpuUsage().user - before < 200_000);
     parentPort.postMessage('done');`,
    { eval: true },
  );
  const start = threadCpuNs();
  await new Promise((resolve) => worker.once('message', resolve));
  const own = threadCpuNs() - start;
  await worker.terminate();
  assert.ok(own < 200e6, `${own} ns`);
});
