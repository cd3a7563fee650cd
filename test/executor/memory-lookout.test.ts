// This thread is the main one, and computes in one stretch, or stands still, until a slot's thread has been stopped.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { systemClock } from '../../src/base/clock.ts';
import { LookoutShare } from '../../src/executor/lookout-share.ts';
import type { LookoutSettings } from '../../src/executor/memory-lookout.ts';
import { SLOT_THREAD_NAME } from '../../src/executor/slot-thread-name.ts';

const module = (path: string): string => new URL(`../../src/${path}`, import.meta.url).href;
const MIB = 1 << 20;
const BUSY = 0;
const STOPPED = 1;
/** Nobody has stopped it. */
const LONGEST_MS = 60_000;

/** A slot's thread that does `work` and never comes back; `flags` say how far it is. */
const slot = (flags: Int32Array, limitMiB: number, work: string): Worker =>
  new Worker(
    new URL(
      `data:text/javascript,${encodeURIComponent(`
        import { parentPort, workerData } from 'node:worker_threads';
        const { offerLook, SlotMemory } = await import('${module('executor/slot-memory.js')}');
        const { steadyClock } = await import('${module('base/clock.js')}');
        const stop = (message) => {
          parentPort.postMessage(message);
          Atomics.store(workerData, ${STOPPED}, 1);
          Atomics.notify(workerData, ${STOPPED});
          for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
        };
        const outOfHeap = (memory) => stop({ memory });
        const endFor = (why) => stop({ why });
        offerLook(new SlotMemory(${limitMiB} * 2 ** 20, steadyClock, { outOfHeap, endFor }));
        Atomics.store(workerData, ${BUSY}, 1);
        Atomics.notify(workerData, ${BUSY});
        const kept = [];
        for (;;) ${work}
      `)}`,
    ),
    { workerData: flags, name: SLOT_THREAD_NAME },
  );

/** One that looks drops that it is told to end. */
async function ended(worker: Worker): Promise<void> {
  const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  worker.setMaxListeners(0);
  let isGone = false;
  void gone.then(() => {
    isGone = true;
  });
  while (!isGone) {
    void worker.terminate();
    await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 5))]);
  }
}

const HOARDS = 'if (kept.length < 100) kept.push(new Array(1e6).fill(1.5));';
const BUFFERS = 'if (kept.length < 100) kept.push(new ArrayBuffer(4 << 20));';

for (const [what, limitMiB, memoryMiB, work, stands] of [
  ['whose heap is full is stopped while the main thread computes', 10, 1000, HOARDS, false],
  ['whose heap is full is stopped while the main thread stands still', 10, 1000, HOARDS, true],
  ['that holds most of what is too much is stopped while the main thread computes', 1000, 50, BUFFERS, false],
] as const)
  test(`a slot ${what}`, async (t) => {
    const flags = new Int32Array(new SharedArrayBuffer(8));
    const worker = slot(flags, limitMiB, work);
    const said = new Promise<Record<string, unknown>>((resolve) => worker.once('message', resolve));
    const share = new LookoutShare();
    const limits = { slotHeapBytes: limitMiB * MIB, memoryBytes: memoryMiB * MIB, overheadBytes: 200 * MIB };
    const workerData: LookoutSettings = { limits, buffer: share.buffer };
    const lookout = new Worker(new URL(module('main/memory-lookout.js')), { workerData });
    t.after(async () => {
      await lookout.terminate();
      await ended(worker);
    });
    share.expect(systemClock.now(), 0);
    Atomics.wait(flags, BUSY, 0, LONGEST_MS);
    const begun = systemClock.now();
    if (stands) Atomics.wait(flags, STOPPED, 0, LONGEST_MS);
    else while (Atomics.load(flags, STOPPED) === 0 && systemClock.now() - begun < LONGEST_MS);
    assert.equal(Atomics.load(flags, STOPPED), 1);
    const { memory, why } = await said;
    if (work === HOARDS) assert.ok(memory !== undefined);
    else
      assert.match(
        String(why),
        /^the executor ran out of memory \(50 MiB for objects of all slots and cached blocks, 250 MiB/,
      );
    const over = new Promise((resolve) => lookout.once('exit', resolve));
    share.close();
    await over;
    assert.equal(share.isLooking, false);
  });
