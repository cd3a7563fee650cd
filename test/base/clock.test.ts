import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';

test('an alarm of the system clock does not ring before the clock shows its time', async () => {
  const early: number[] = [];
  for (let round = 0; round < 150; round++) {
    // Begun at another fraction of a millisecond each time: timers and the clock cut theirs off apart from each other.
    const spin = performance.now() + (round % 10) / 10;
    while (performance.now() < spin);
    const due = systemClock.now() + 2;
    await new Promise<void>((resolve) => systemClock.after(2, resolve));
    const left = due - systemClock.now();
    if (left > 0) early.push(left);
  }
  assert.deepEqual(early, []);
});

test('an alarm that is cancelled does not ring, whenever that is', async () => {
  let rings = 0;
  const cancels = Array.from({ length: 50 }, () => systemClock.after(50, () => rings++));
  await new Promise<void>((resolve) => systemClock.after(2, resolve));
  const before = rings; // of a machine that is slow today
  for (const cancel of cancels) cancel();
  await new Promise<void>((resolve) => systemClock.after(60, resolve));
  assert.equal(rings, before);
});
