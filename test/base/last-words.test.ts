import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FollowedPipe, lastWords } from '../../src/base/last-words.ts';
import { settled } from '../kit/fake-scheduler.ts';
import { ManualClock } from '../kit/manual-clock.ts';

function pipe() {
  let end = (): void => {};
  const written = new Promise<void>((resolve) => {
    end = resolve;
  });
  const reader = { taken: 1000, isWriting: false };
  const followed: FollowedPipe & { isLetGo: boolean } = {
    ...{ reader, written, isLetGo: false },
    letGo() {
      followed.isLetGo = true;
    },
  };
  return { reader, end, followed };
}

function scene() {
  const clock = new ManualClock();
  const [out, err] = [pipe(), pipe()];
  let isOver = false;
  void lastWords([out.followed, err.followed], clock).then(() => {
    isOver = true;
  });
  const isOverAfter = async (ms: number): Promise<boolean> => {
    clock.advance(ms);
    await settled();
    return isOver;
  };
  return { clock, out, err, isOverAfter };
}

test('a process is over when both its logs are written', async () => {
  const { clock, out, err, isOverAfter } = scene();
  out.end();
  assert.equal(await isOverAfter(0), false);
  err.end();
  assert.equal(await isOverAfter(0), true);
  assert.equal(clock.numTimers, 0);
  assert.deepEqual([out.followed.isLetGo, err.followed.isLetGo], [false, false]);
});

test('as long as its words come they are waited for', async () => {
  const { out, isOverAfter } = scene();
  for (let i = 0; i < 50; i++) {
    out.reader.taken += 10;
    assert.equal(await isOverAfter(900), false);
  }
  assert.equal(await isOverAfter(200), true);
  assert.equal(out.followed.isLetGo, true);
});

test('who was held up has not looked', async () => {
  const { clock, err, isOverAfter } = scene();
  clock.skip(60_000);
  assert.equal(await isOverAfter(0), false);
  err.reader.taken += 10;
  assert.equal(await isOverAfter(1000), false);
  assert.equal(await isOverAfter(100), true);
});

test('a slow disk has half a minute for a write', async () => {
  const { out, isOverAfter } = scene();
  out.reader.isWriting = true;
  assert.equal(await isOverAfter(29_900), false);
  assert.equal(await isOverAfter(100), true);
});

test('more than its pipes hold is not its own', async () => {
  const { out, isOverAfter } = scene();
  out.reader.taken += 1 << 20;
  assert.equal(await isOverAfter(100), false);
  out.reader.taken += 1;
  assert.equal(await isOverAfter(100), true);
  assert.equal(out.followed.isLetGo, true);
});
