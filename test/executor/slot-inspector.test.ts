import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { SlotInspector } from '../../src/executor/slot-inspector.ts';

const module = (path: string): string => new URL(`../../src/${path}`, import.meta.url).href;

/** A thread that offers looks at its memory and then never comes back. */
const busy = (work: string, limitMiB = 100_000, mostSlots = 0): Worker =>
  new Worker(
    new URL(
      `data:text/javascript,${encodeURIComponent(`
        import { parentPort } from 'node:worker_threads';
        const { offerLook, SlotMemory } = await import('${module('executor/slot-memory.js')}');
        const { steadyClock } = await import('${module('base/clock.js')}');
        const { LongArrays } = await import('${module('executor/long-arrays.js')}');
        const outOfHeap = (memory, longArray) => {
          parentPort.postMessage({ memory, longArray });
          for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
        };
        const endFor = (why) => outOfHeap(why);
        offerLook(new SlotMemory(${limitMiB} * 2 ** 20, steadyClock, { outOfHeap, endFor }, ${mostSlots} > 0 ? new LongArrays(steadyClock, undefined, ${mostSlots}) : null));
        parentPort.postMessage('busy');
        ${work}
      `)}`,
    ),
  );
const said = (worker: Worker): Promise<unknown> => new Promise((resolve) => worker.once('message', resolve));
const MIB = 1 << 20;

/** A thread that is inside a look drops the end that it is told, goes on, and ends when it is told again. */
async function end(worker: Worker): Promise<void> {
  worker.setMaxListeners(0);
  let isGone = false;
  const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  void gone.then(() => {
    isGone = true;
  });
  while (!isGone) {
    void worker.terminate();
    await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 5))]);
  }
}

test('a thread that never comes back says what it holds, before and after a collection', async () => {
  const worker = busy(
    'const kept = new Array(4e6).fill(1.5), bytes = Buffer.alloc(20 << 20, 1); let junk = new Array(9e6).fill(0.5); junk = null; for (;;) if (kept.length + bytes.length === 0) break;',
  );
  await said(worker);
  const inspector = await SlotInspector.open();
  let memory = await inspector.measure(worker.threadId, true);
  // It may not have got so far yet.
  while (memory === null || memory.bufferBytes < 20 * MIB) memory = await inspector.measure(worker.threadId, true);
  assert.ok(memory.collected && memory.heapBytes > 4e6 * 8, JSON.stringify(memory));
  assert.equal((await inspector.measure(worker.threadId, false))?.collected, false);
  inspector.close();
  await end(worker);
});

test('a thread whose objects are above the limit stops when it is asked, and says what it holds', async () => {
  const worker = busy('const kept = []; for (;;) if (kept.length < 100) kept.push(new Array(1e6).fill(1.5));', 200);
  await said(worker);
  const stopped = said(worker);
  const inspector = await SlotInspector.open();
  let isStopped = false;
  void stopped.then(() => {
    isStopped = true;
  });
  while (!isStopped) await Promise.race([stopped, inspector.measure(worker.threadId, false)]);
  const { memory } = (await stopped) as { memory: { heapBytes: number; collected: boolean } };
  assert.ok(memory.collected && memory.heapBytes > 264 * MIB, JSON.stringify(memory));
  inspector.close();
  await end(worker);
});

test('a thread whose array comes near what V8 allows one stops when it is asked', async () => {
  // As if V8 allowed 2^20 slots; 2^21 are pushed.
  const worker = busy('const list = []; for (;;) if (list.length < 2 ** 21) list.push(1);', 100_000, 2 ** 20);
  await said(worker);
  const stopped = said(worker);
  const inspector = await SlotInspector.open();
  let isStopped = false;
  void stopped.then(() => {
    isStopped = true;
  });
  while (!isStopped) await Promise.race([stopped, inspector.measure(worker.threadId, false)]);
  const { longArray } = (await stopped) as { longArray: number };
  assert.ok(longArray > 2 ** 20 / 1.5 ** 2 && longArray <= 2 ** 21, String(longArray));
  inspector.close();
  await end(worker);
});

test('threads that are not there have no answer', async () => {
  const inspector = await SlotInspector.open();
  assert.equal(await inspector.measure(123_456, false), null);
  const worker = busy('');
  await said(worker);
  const id = worker.threadId;
  await worker.terminate();
  assert.equal(await inspector.measure(id, false), null);
  inspector.close();
});
