import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IllegalArgumentError, InvariantError } from '../../src/base/errors.ts';
import { addCallerFrames, isUserFrame, splitStack, userErrorData } from '../../src/base/stack-frames.ts';

const OWN = new URL('../../src/executor/slot.js', import.meta.url).href;

function thrown(message: string, frames: readonly string[], error = new Error(message)): Error {
  error.stack = [`${error.name}: ${message}`, ...frames.map((frame) => `    at ${frame}`)].join('\n');
  return error;
}

test('lines of a message that look like frames are no frames', () => {
  const message = 'Job aborted: Error: x\n    at user (/app/a.ts:1:2)\nDriver stacktrace:';
  const { head, frames } = splitStack(`Error: ${message}\n    at main (/app/a.ts:9:9)`, message);
  assert.equal(head, `Error: ${message}`);
  assert.deepEqual(frames, ['    at main (/app/a.ts:9:9)']);
  assert.deepEqual(splitStack('Error: no frames', 'no frames'), { head: 'Error: no frames', frames: [] });
});

test('frames of the engine and of Node are not the user’s', () => {
  for (const frame of ['f (/app/a.ts:1:2)', '/app/a.ts:1:2', 'async f (file:///app/a.mjs:1:2)'])
    assert.ok(isUserFrame(`    at ${frame}`), frame);
  for (const frame of [
    `f (${OWN}:1:2)`,
    `eval (eval at factoryFor (${OWN}:1:2), <anonymous>:5:12)`,
    'Map.set (<anonymous>)',
    'node:internal/x:1:2',
    'process.abort (node:internal/x:1:2)',
  ])
    assert.ok(!isUserFrame(`    at ${frame}`), frame);
});

test('the error of a task keeps what the user’s functions called, and loses the engine below and between', () => {
  const cause = thrown('inner', ['f (/app/b.ts:3:3)', `g (${OWN}:1:1)`]);
  const error = thrown('outer', [
    'Map.set (<anonymous>)',
    'f (/app/a.ts:1:2)',
    `g (${OWN}:1:1)`,
    'h (/app/a.ts:5:5)',
    `i (${OWN}:2:2)`,
  ]);
  error.cause = cause;
  const data = userErrorData(error);
  assert.equal(
    data.stack,
    'Error: outer\n    at Map.set (<anonymous>)\n    at f (/app/a.ts:1:2)\n    at h (/app/a.ts:5:5)',
  );
  assert.equal(data.cause?.stack, 'Error: inner\n    at f (/app/b.ts:3:3)');
});

test('an error from the engine alone has frames only if it is a bug', () => {
  const frames = [`f (${OWN}:1:1)`];
  const told = userErrorData(thrown('no such thing', frames, new IllegalArgumentError('no such thing')));
  assert.equal(told.stack, 'IllegalArgumentError: no such thing');
  const bug = new InvariantError('broken');
  assert.ok(userErrorData(thrown(bug.message, frames, bug)).stack.includes(OWN));
  assert.ok(userErrorData(thrown('x is undefined', frames, new TypeError('x is undefined'))).stack.includes(OWN));
  assert.equal(userErrorData(null).stack, 'a value that is not an Error was thrown: null');
});

test('the caller of an action is added once to the error that ends it', () => {
  const caller = { stack: `Error\n    at count (${OWN}:1:1)\n    at main (/app/a.ts:9:9)` };
  const error = thrown('x', [`f (${OWN}:1:1)`]);
  addCallerFrames(error, caller);
  addCallerFrames(error, caller);
  assert.equal(error.stack, `Error: x\n    at f (${OWN}:1:1)\n    at main (/app/a.ts:9:9)`);
  addCallerFrames('not an error', caller);
  addCallerFrames(Object.freeze(new Error('frozen')), caller);
});
