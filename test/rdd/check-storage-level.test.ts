import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StorageLevel } from '../../src/protocol/storage-level.ts';
import { checkStorageLevel } from '../../src/rdd/check-storage-level.ts';

test('what is no storage level is refused, with what is wrong', () => {
  const { MEMORY_ONLY, OFF_HEAP } = StorageLevel;
  const cases: [unknown, RegExp][] = [
    ['MEMORY_ONLY', /persist\(\) needs a storage level, but is given "MEMORY_ONLY"; StorageLevel\.MEMORY_ONLY is one$/],
    ['memory', /needs a storage level, but is given "memory", such as StorageLevel\.MEMORY_AND_DISK$/],
    [null, /needs a storage level, but is given null, such as/],
    [5, /needs a storage level, but is given 5, such as/],
    [{ useDisk: true }, /^IllegalArgumentError: useMemory of a storage level must be true or false, but is undefined;/],
    [
      { ...MEMORY_ONLY, replication: 0 },
      /replication of a storage level must be a whole number of 1 or more, but is 0$/,
    ],
    [{ ...MEMORY_ONLY, replication: 1.5 }, /whole number of 1 or more, but is 1\.5$/],
    [{ ...MEMORY_ONLY, replication: 40 }, /Replication restricted to be less than 40 for calculating hash codes/],
    [{ ...OFF_HEAP, deserialized: true }, /Off-heap storage level does not support deserialized storage/],
  ];
  for (const [level, message] of cases) assert.throws(() => checkStorageLevel(level), message);
});

test('levels by name, and plain objects of their form, are levels', () => {
  for (const level of Object.values(StorageLevel)) assert.equal(checkStorageLevel(level), level);
  const own = { ...StorageLevel.DISK_ONLY, replication: 39 };
  assert.equal(checkStorageLevel(own), own);
});
