import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ValueMap } from '../../src/base/value-map.ts';

test('keys that are equal by value are one entry, under the first of them', () => {
  const first = [1, 'a'];
  const map = new ValueMap<unknown, number>([
    [first, 1],
    [[1, 'a'], 2],
    [new Date(5), 3],
    [new Date(5), 4],
    [{ a: 1, b: 2 }, 5],
    [{ b: 2, a: 1 }, 6],
  ]);
  assert.equal(map.size, 3);
  assert.deepEqual([...map.entries()][0], [first, 2]);
  assert.equal([...map.entries()][0]?.[0], first);
  assert.equal(map.get(new Date(5)), 4);
  assert.equal(map.get({ a: 1, b: 2 }), 6);
  assert.equal(map.get([1, 'b']), undefined);
});

test('primitive keys are as in a Map: 1, 1n and "1" differ, NaN is NaN and -0 is 0', () => {
  const map = new ValueMap<unknown, string>();
  for (const key of [1, 1n, '1', true, null, undefined, Number.NaN, 0]) map.set(key, typeof key);
  assert.equal(map.size, 8);
  assert.equal(map.get(Number.NaN), 'number');
  assert.equal(map.get(-0), 'number');
  assert.equal(map.get(1n), 'bigint');
  assert.equal(map.has(undefined), true);
  assert.equal(map.has(null), true);
});

test('an entry may hold undefined', () => {
  const map = new ValueMap<number[], undefined>();
  map.set([1], undefined);
  assert.equal(map.has([1]), true);
  assert.equal(map.has([2]), false);
  map.set([1], undefined);
  assert.equal(map.size, 1);
});

test('a key object that is set twice stays one entry', () => {
  const key = { a: 1 };
  const map = new ValueMap<object, number>();
  map.set(key, 1);
  map.set(key, 2);
  assert.deepEqual([...map.entries()], [[key, 2]]);
});
