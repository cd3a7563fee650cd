import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addShutdownHook, runExitHooks, runShutdownHooks } from '../../src/base/shutdown-hooks.ts';

test('the newest is stopped first, and one failure does not keep the rest', async () => {
  const log: string[] = [];
  const add = (name: string, error?: Error) => {
    const stop = async () => {
      log.push(name);
      if (error) throw error;
    };
    return addShutdownHook(stop, { name });
  };
  const error = new Error('x');
  add('a');
  const takeBack = add('b');
  add('c', error);
  takeBack();
  takeBack();
  assert.deepEqual(await runShutdownHooks(), [{ name: 'c', error }]);
  assert.deepEqual(log, ['c', 'a']);
  assert.deepEqual(await runShutdownHooks(), []);
});

test('at exit only what needs no waiting is done', () => {
  const log: string[] = [];
  const stop = async () => void log.push('stop');
  addShutdownHook(stop, { exitNow: () => void log.push('a') });
  addShutdownHook(stop);
  addShutdownHook(stop, {
    exitNow: () => {
      throw new Error('x');
    },
  });
  runExitHooks();
  assert.deepEqual(log, ['a']);
});

test('a process that ends while something stops still does what needs no waiting', async () => {
  const log: string[] = [];
  let finish = (): void => {};
  addShutdownHook(() => new Promise((resolve) => (finish = resolve)), { exitNow: () => void log.push('exit') });
  const stopping = runShutdownHooks();
  runExitHooks();
  assert.deepEqual(log, ['exit']);
  finish();
  assert.deepEqual(await stopping, []);
});
