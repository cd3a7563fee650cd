import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { type Heap, LongArrays } from '../../src/executor/long-arrays.ts';
import { ManualClock } from '../kit/manual-clock.ts';

// An array of more than 1200 slots of 8 bytes would end the process: the last one before has 800 or more.
const MOST_SLOTS = 1200;
let clock: ManualClock;
let bytes: number;
let elements: number;
let searches: number;
let afterCollection: number | null;
let arrays: LongArrays;

beforeEach(() => {
  clock = new ManualClock();
  [bytes, elements, searches, afterCollection] = [0, 0, 0, null];
  const heap: Heap = {
    largeObjectBytes: () => bytes,
    collectGarbage: () => {
      clock.skip(10);
      bytes = afterCollection ?? bytes;
    },
    longestArray: () => {
      searches++;
      return elements;
    },
  };
  arrays = new LongArrays(clock, heap, MOST_SLOTS);
});

/** What a look says, and how often all arrays were looked at so far. */
const look = (largeBytes: number, longest = 0): [number | null, number] => {
  [bytes, elements] = [largeBytes, longest];
  return [arrays.look(), searches];
};

test('an array is found when it has grown for the last time that V8 allows', () => {
  assert.deepEqual(look(8 * 533, 500), [null, 0]);
  assert.deepEqual(look(8 * 800, 534), [534, 1]);
});

test('arrays are not looked at while large objects are too few for such a one', () => {
  assert.deepEqual(look(8 * 799), [null, 0]);
});

test('many smaller ones are no reason, and are looked at again after as much as such a one would add', () => {
  assert.deepEqual(look(8 * 900, 533), [null, 1]);
  clock.skip(40);
  assert.deepEqual(look(8 * 1100, 533), [null, 1]);
  assert.deepEqual(look(8 * 1167, 900), [900, 2]);
});

test('garbage that goes makes room for one that is not', () => {
  assert.deepEqual(look(8 * 1500), [null, 1]);
  clock.skip(40);
  assert.deepEqual(look(8 * 850), [null, 1]);
  assert.deepEqual(look(8 * 1120, 750), [750, 2]);
});

test('garbage is collected before arrays are looked at', () => {
  afterCollection = 8 * 700;
  assert.deepEqual(look(8 * 1500, 650), [null, 0]);
});

test('searches take a fifth of the time, except for what comes at once', () => {
  assert.deepEqual(look(8 * 800), [null, 1]);
  assert.deepEqual(look(8 * 1000), [null, 1]);
  assert.deepEqual(look(8 * 1200), [null, 1], 'it took 10 ms, none have passed');
  clock.skip(40);
  assert.deepEqual(look(8 * 1200), [null, 2]);
  assert.deepEqual(look(8 * 1500), [null, 3]);
});
