import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MedianHeap } from '../../src/scheduler/median-heap.ts';

test('the median is the middle one, of an even number the upper', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 1, maxLength: 60 }), (values) => {
      const heap = new MedianHeap();
      const sorted: number[] = [];
      for (const value of values) {
        heap.add(value);
        sorted.push(value);
        sorted.sort((a, b) => a - b);
        assert.equal(heap.median, sorted[sorted.length >> 1]);
        assert.equal(heap.size, sorted.length);
      }
    }),
  );
});

test('there is no median of nothing', () => {
  assert.ok(Number.isNaN(new MedianHeap().median));
});
