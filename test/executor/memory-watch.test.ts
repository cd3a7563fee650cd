import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../src/base/logger.ts';
import { type MemoryInspector, MemoryWatch, type WatchedSlot } from '../../src/executor/memory-watch.ts';
import type { HeldMemory } from '../../src/protocol/executor-slot.ts';
import { ManualClock } from '../kit/manual-clock.ts';

const MIB = 1 << 20;

/** Lets answers that are there be taken. */
const answersTaken = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('slots whose collections take seconds are asked for one each, and the larger one ends', async () => {
  const clock = new ManualClock();
  const ended: string[] = [];
  const slotOf = (index: number): WatchedSlot => ({
    index,
    threadId: index,
    isBusy: true,
    get isEnding() {
      return ended.some((text) => text.startsWith(`${index}: `));
    },
    askToSpill() {},
    endFor: (why) => ended.push(`${index}: ${why}`),
    endNow() {},
  });
  const slots = [slotOf(0), slotOf(1)];
  const held = (slot: number, collected: boolean): HeldMemory => ({
    heapBytes: (600 + slot) * MIB,
    bufferBytes: 0,
    collected,
  });
  // A thread that collects answers to other questions after that.
  const collections: (() => void)[] = [];
  const busy: Promise<void>[] = [Promise.resolve(), Promise.resolve()];
  const inspector: MemoryInspector = {
    isWaiting: false,
    close() {},
    measure: async (slot, collect) => {
      const before = busy[slot];
      if (collect)
        busy[slot] = (async () => {
          await before;
          await new Promise<void>((resolve) => collections.push(resolve));
        })();
      await busy[slot];
      return held(slot, collect);
    },
  };
  // This process has more than a slot may have, so that slots are asked.
  const limits = { slotHeapBytes: 1, memoryBytes: 1000 * MIB, overheadBytes: 400 * MIB };
  const watch = new MemoryWatch(
    limits,
    () => slots,
    () => 0,
    null,
    clock,
    silentLogger,
    async () => inspector,
  );
  watch.wake();
  for (let ms = 0; ms < 5000; ms += 50) {
    clock.advance(50);
    await answersTaken();
  }
  assert.equal(collections.length, 2);
  assert.deepEqual(ended, []);
  for (const over of collections) over();
  await answersTaken();
  assert.equal(ended.length, 1);
  assert.match(
    ended[0] ?? '',
    /^1: the executor ran out of memory \(1000 MiB .* all slots held 1201 MiB of objects and 0 MiB/,
  );
  watch.close();
});
