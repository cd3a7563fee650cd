import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MapOutputCache } from '../../src/executor/map-output-cache.ts';
import { toBlockSizes } from '../../src/protocol/block-sizes.ts';
import type { MapOutputs } from '../../src/protocol/map-output.ts';

const whole = (epoch: number): MapOutputs => ({
  shuffleId: 7,
  epoch,
  statuses: [{ location: { executorId: 'a', host: 'h', port: 1 }, mapId: 1, sizes: toBlockSizes([5]) }],
});

/** A driver that answers when the test says so. */
function cacheWithDriver() {
  const asked: { readonly epoch: number; answer(outputs: MapOutputs): void; fail(error: Error): void }[] = [];
  const cache = new MapOutputCache(
    (_shuffleId, epoch) => new Promise((answer, fail) => asked.push({ epoch, answer, fail })),
  );
  return { cache, asked };
}

test('the driver is asked once a shuffle, whoever of the slots asks and however many at the same time', async () => {
  const { cache, asked } = cacheWithDriver();
  const first = cache.get(7, 0);
  const second = cache.get(7, 0);
  const outputs = whole(0);
  asked[0]?.answer(outputs);
  assert.deepEqual([await first, await second, await cache.get(7, 0)], [outputs, outputs, outputs]);
  assert.equal(asked.length, 1);
  void cache.get(8, 0);
  assert.equal(asked.length, 2);
});

test('a stage attempt of a later epoch does not believe what was heard before', async () => {
  const { cache, asked } = cacheWithDriver();
  const old = cache.get(7, 1);
  asked[0]?.answer(whole(1));
  await old;
  const renewed = cache.get(7, 2);
  asked[1]?.answer(whole(3));
  assert.equal((await renewed).epoch, 3);
  assert.equal((await cache.get(7, 3)).epoch, 3);
  assert.equal(asked.length, 2);
});

test('who waits for an answer that turns out to be too old asks again', async () => {
  const { cache, asked } = cacheWithDriver();
  const old = cache.get(7, 1);
  const later = cache.get(7, 2);
  asked[0]?.answer(whole(1));
  assert.equal((await old).epoch, 1);
  while (asked.length < 2) await Promise.resolve();
  asked[1]?.answer(whole(2));
  assert.equal((await later).epoch, 2);
});

test('an answer with holes is not remembered: they are filled without a new epoch', async () => {
  const { cache, asked } = cacheWithDriver();
  const holes = cache.get(7, 1);
  asked[0]?.answer({ ...whole(1), statuses: [null] });
  assert.deepEqual((await holes).statuses, [null]);
  const filled = cache.get(7, 1);
  asked[1]?.answer(whole(1));
  assert.equal((await filled).statuses.length, 1);
});

test('what is forgotten is asked again, also if the answer was on its way', async () => {
  const { cache, asked } = cacheWithDriver();
  const before = cache.get(7, 0);
  cache.forget(7);
  asked[0]?.answer(whole(0));
  await before;
  const after = cache.get(7, 0);
  assert.equal(asked.length, 2);
  asked[1]?.answer(whole(0));
  await after;
  cache.forget(7);
  void cache.get(7, 0);
  assert.equal(asked.length, 3);
});

test('a failed question is told to who asked, and the next one asks anew', async () => {
  const { cache, asked } = cacheWithDriver();
  const failed = cache.get(7, 0);
  const waiting = cache.get(7, 0);
  asked[0]?.fail(new Error('gone'));
  await assert.rejects(failed, /gone/);
  while (asked.length < 2) await Promise.resolve();
  asked[1]?.answer(whole(0));
  assert.equal((await waiting).epoch, 0);
});
