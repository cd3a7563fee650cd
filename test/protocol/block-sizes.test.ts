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
    const sizes = toBlockSizes([0, 30, 90, 10], { highlyCompressAbove, accurateFromBytes: 50 });
    const totals = new Float64Array([1, 1, 1, 1]);
    addBlockSizes(sizes, totals);
    assert.deepEqual(
      [...totals],
      all(sizes).map((bytes) => bytes + 1),
    );
  }
});

test('where none is empty no bits are kept for it, and limits are settings', () => {
  const limits = { highlyCompressAbove: 2, accurateFromBytes: 50 };
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
