import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeLevel, StorageLevel } from '../../src/protocol/storage-level.ts';

test('each level has the flags and the text that Spark gives it', () => {
  const shown = Object.entries(StorageLevel).map(([name, level]) => `${name}: ${describeLevel(level)}`);
  assert.deepEqual(shown, [
    'NONE: Serialized 1x Replicated',
    'DISK_ONLY: Disk Serialized 1x Replicated',
    'DISK_ONLY_2: Disk Serialized 2x Replicated',
    'DISK_ONLY_3: Disk Serialized 3x Replicated',
    'MEMORY_ONLY: Memory Deserialized 1x Replicated',
    'MEMORY_ONLY_2: Memory Deserialized 2x Replicated',
    'MEMORY_ONLY_SER: Memory Serialized 1x Replicated',
    'MEMORY_ONLY_SER_2: Memory Serialized 2x Replicated',
    'MEMORY_AND_DISK: Disk Memory Deserialized 1x Replicated',
    'MEMORY_AND_DISK_2: Disk Memory Deserialized 2x Replicated',
    'MEMORY_AND_DISK_SER: Disk Memory Serialized 1x Replicated',
    'MEMORY_AND_DISK_SER_2: Disk Memory Serialized 2x Replicated',
    'OFF_HEAP: Disk Memory (off heap) Serialized 1x Replicated',
  ]);
});
