import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from './until.ts';

test('waits until it holds, whether that is said at once or later', async () => {
  let looks = 0;
  await until(() => ++looks === 60);
  await until(async () => ++looks === 120);
  assert.equal(looks, 120);
});

test('what never holds is an error that says what it was', async () => {
  const never = false;
  await assert.rejects(
    until(() => never, 60),
    { message: 'looked 60 times, and this did not come true: () => never' },
  );
});

test('an error while looking ends the wait', async () => {
  await assert.rejects(
    until(() => {
      throw new Error('it is gone');
    }),
    /it is gone/,
  );
});
