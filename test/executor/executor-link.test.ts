import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageChannel, Worker } from 'node:worker_threads';
import { ExecutorLink, slotFlags } from '../../src/executor/executor-link.ts';

/** Answers each question; before the answer is there it wakes whoever waits for it, as a late notification of the last one does. */
const EXECUTOR = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { workerData } from 'node:worker_threads';
    import { slotFlags } from '${new URL('../../src/executor/executor-link.js', import.meta.url)}';
    const { flags, port } = workerData;
    port.on('message', ({ request }) => {
      while (Atomics.notify(new Int32Array(flags), 0) === 0);
      setTimeout(() => {
        port.postMessage({ ok: true, reply: request });
        slotFlags.answer(flags);
      }, 5);
    });
  `)}`,
);

test('a slot that is woken for an answer it has had already goes on waiting for the next one', async () => {
  const flags = slotFlags.make();
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(EXECUTOR, { workerData: { flags, port: port2 }, transferList: [port2] });
  const link = new ExecutorLink(port1, flags, () => {});
  try {
    for (let i = 0; i < 3; i++) assert.equal(link.ask('CanCommit', i as never), i);
  } finally {
    port1.close();
    await worker.terminate();
  }
});

test('a slot learns once of each wish of its executor that tasks spill', () => {
  const flags = slotFlags.make();
  const { port1 } = new MessageChannel();
  const link = new ExecutorLink(port1, flags, () => {});
  assert.equal(link.takeSpillRequest(), false);
  slotFlags.askToSpill(flags);
  slotFlags.askToSpill(flags);
  assert.deepEqual([link.takeSpillRequest(), link.takeSpillRequest()], [true, false]);
  port1.close();
});
