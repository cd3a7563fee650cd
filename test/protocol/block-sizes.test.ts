import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addBlockSizes, numBlocks, sizeOfBlock, toBlockSizes } from '../../src/protocol/block-sizes.ts';

const MIB = 1024 * 1024;
const all = (sizes: ReturnType<typeof toBlockSizes>): number[] =>
  Array.from({ length: numBlocks(sizes) }, (_, reduceId) => sizeOfBlock(sizes, reduceId));

test('a size takes one character and is known to a tenth; that there is nothing is known exactly', () => {
  const sizes = [0, 1, 2, 10, 100, 1000, MIB, 1024 * MIB];
  const compressed = toBlockSizes(sizes);
  assert.equal(compressed.kind === 'Compressed' && compressed.codes.length, 8);
  assert.deepEqual(all(compressed), [0, 1, 2, 10, 106, 1051, 1104923, 1161443397]);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 34 }), (bytes) => {
      const read = sizeOfBlock(toBlockSizes([bytes]), 0);
      assert.ok(read >= bytes - 1 && read <= bytes * 1.1 + 1, `${bytes} became ${read}`);
    }),
  );
});

test('the largest code stands for all that is larger', () => {
  assert.equal(sizeOfBlock(toBlockSizes([2 ** 50]), 0), Math.floor(1.1 ** 255));
});

test('above 2,000 partitions only the average is kept, which are empty, and what huge ones have', () => {
  const sizes = Array.from({ length: 2001 }, (_, i) => (i % 3 === 0 ? 0 : 10 + (i % 2)));
  sizes[1] = 100 * MIB;
  sizes[2000] = 100 * MIB - 1; // just not huge
  sizes[1000] = 7 * 1024 * MIB;
  const highly = toBlockSizes(sizes);
  assert.equal(highly.kind, 'HighlyCompressed');
  assert.equal(toBlockSizes(sizes.slice(1)).kind, 'Compressed');
  const small = sizes.filter((bytes) => bytes > 0 && bytes < 100 * MIB);
  const average = Math.floor(small.reduce((a, b) => a + b, 0) / small.length);
  assert.deepEqual(
    all(highly),
    sizes.map((bytes) => (bytes === 0 || bytes >= 100 * MIB ? bytes : average)),
  );
});

test('sizes are added to totals', () => {
  for (const highlyCompressAbove of [1, 10]) {
    const sizes = toBlockSizes([0, 30, 90, 10], { highlyCompressAbove, accurateFromBytes: 50, skewed: null });
    const totals = new Float64Array([1, 1, 1, 1]);
    addBlockSizes(sizes, totals);
    assert.deepEqual(
      [...totals],
      all(sizes).map((bytes) => bytes + 1),
    );
  }
});

test('where none is empty no bits are kept for it, and limits are settings', () => {
  const limits = { highlyCompressAbove: 2, accurateFromBytes: 50, skewed: null };
  assert.deepEqual(toBlockSizes([10, 20, 50], limits), {
    kind: 'HighlyCompressed',
    numBlocks: 3,
    averageBytes: 15,
    empty: null,
    huge: [2, 50],
  });
  assert.deepEqual(all(toBlockSizes([0, 0, 0], limits)), [0, 0, 0]);
  assert.deepEqual(all(toBlockSizes([90, 0, 60], limits)), [90, 0, 60]);
});

test('blocks so many times as large as the median are exact, too, when that is wished for', () => {
  const hugeOf = (sizes: number[], factor: number, maxBlocks: number, accurateFromBytes = 1000): readonly number[] => {
    const made = toBlockSizes(sizes, { highlyCompressAbove: 2, accurateFromBytes, skewed: { factor, maxBlocks } });
    return made.kind === 'HighlyCompressed' ? made.huge : assert.fail();
  };
  const sizes = [10, 10, 10, 0, 10, 49, 50, 90, 10, 80, 10];
  assert.deepEqual(hugeOf(sizes, 5, 100), [6, 50, 7, 90, 9, 80]);
  assert.deepEqual(hugeOf(sizes, 5, 2), [7, 90, 9, 80], 'the largest only');
  assert.deepEqual(
    hugeOf([10, 10, 10, 10, 80, 80, 80], 5, 1),
    [4, 80, 5, 80, 6, 80],
    'or as large as the last of them',
  );
  assert.deepEqual(hugeOf(sizes, 50, 100, 85), [7, 90], 'huge ones count all the same');
  assert.deepEqual(hugeOf([0, 0, 0, 0, 4, 6], 5, 100), [5, 6], 'a median of nothing counts as one byte');
  assert.deepEqual(hugeOf([1, 2, 3, 14], 6.5, 100), [3, 14], 'the middle of two is rounded down: 2');
  assert.deepEqual(hugeOf([1, 2, 4, 14], 6, 100), [], '3');
});
