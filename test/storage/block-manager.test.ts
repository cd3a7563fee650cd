import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { silentLogger } from '../../src/base/logger.ts';
import type { StoredBlock } from '../../src/protocol/executor-slot.ts';
import { StorageLevel } from '../../src/protocol/storage-level.ts';
import { BlockManager } from '../../src/storage/block-manager.ts';
import { LocalDirs } from '../../src/storage/local-dirs.ts';
import { MemoryManager } from '../../src/storage/memory-manager.ts';

const root = mkdtempSync(join(tmpdir(), 'iskra-blocks-'));
after(() => rmSync(root, { recursive: true, force: true }));

const block = (bytes: number, fill = 1): StoredBlock => ({
  kind: 'memory',
  chunks: [new Uint8Array(bytes).fill(fill)],
  bytes,
});

function manager(limit: number): { readonly blocks: BlockManager; readonly events: string[] } {
  const events: string[] = [];
  const blocks = new BlockManager(
    'driver',
    new MemoryManager({ maxBytes: limit, storageRegionBytes: limit / 2, slots: 1 }),
    LocalDirs.open(root, silentLogger),
    (u) =>
      events.push(`${u.rddId}_${u.partition} ${u.stored ? `memory ${u.memoryBytes} disk ${u.diskBytes}` : 'gone'}`),
  );
  return { blocks, events };
}

test('a block is there after it was put, and its coming is told', () => {
  const { blocks, events } = manager(100);
  assert.equal(blocks.putRddBlock(1, 0, StorageLevel.MEMORY_ONLY, block(60)), true);
  assert.equal(blocks.getRddBlock(1, 0)?.bytes, 60);
  assert.equal(blocks.getRddBlock(1, 1), null);
  assert.equal(blocks.memory.storageUsed, 60);
  assert.deepEqual(events, ['1_0 memory 60 disk 0']);
});

test('a block that does not fit is refused, and nothing of its own RDD makes room for it', () => {
  const { blocks } = manager(100);
  blocks.putRddBlock(1, 0, StorageLevel.MEMORY_ONLY, block(60));
  assert.equal(blocks.putRddBlock(1, 1, StorageLevel.MEMORY_ONLY, block(60)), false);
  assert.equal(blocks.putRddBlock(2, 0, StorageLevel.MEMORY_ONLY, block(101)), false);
  assert.equal(blocks.getRddBlock(1, 0)?.bytes, 60);
});

test('the least recently used block of another RDD makes room', () => {
  const { blocks, events } = manager(100);
  blocks.putRddBlock(1, 0, StorageLevel.MEMORY_ONLY, block(40));
  blocks.putRddBlock(1, 1, StorageLevel.MEMORY_ONLY, block(40));
  blocks.getRddBlock(1, 0);
  assert.equal(blocks.putRddBlock(2, 0, StorageLevel.MEMORY_ONLY, block(50)), true);
  assert.notEqual(blocks.getRddBlock(1, 0), null);
  assert.equal(blocks.getRddBlock(1, 1), null);
  assert.deepEqual(events.at(-2), '1_1 gone');
  assert.equal(blocks.memory.storageUsed, 90);
});

test('an evicted block whose level has disk goes to a file with the same bytes', () => {
  const { blocks, events } = manager(100);
  blocks.putRddBlock(1, 0, StorageLevel.MEMORY_AND_DISK, block(70, 7));
  blocks.putRddBlock(2, 0, StorageLevel.MEMORY_ONLY, block(70));
  const onDisk = blocks.getRddBlock(1, 0);
  assert.ok(onDisk?.kind === 'disk');
  assert.deepEqual(readFileSync(onDisk.path), Buffer.alloc(70, 7));
  assert.ok(events.includes('1_0 memory 0 disk 70'));
  rmSync(onDisk.path);
  assert.equal(blocks.getRddBlock(1, 0), null, 'a file that is gone is no block');
});

test('unpersist drops memory and files of one RDD only', () => {
  const { blocks } = manager(100);
  blocks.putRddBlock(1, 0, StorageLevel.MEMORY_AND_DISK, block(70));
  blocks.putRddBlock(2, 0, StorageLevel.MEMORY_ONLY, block(70));
  const file = blocks.getRddBlock(1, 0);
  blocks.removeRdd(1);
  assert.equal(blocks.getRddBlock(1, 0), null);
  assert.ok(file?.kind === 'disk' && !existsSync(file.path));
  assert.notEqual(blocks.getRddBlock(2, 0), null);
  blocks.removeRdd(2);
  assert.equal(blocks.memory.storageUsed, 0);
});

test('the first of two attempts at a partition counts', () => {
  const { blocks } = manager(100);
  blocks.putRddBlock(1, 0, StorageLevel.MEMORY_ONLY, block(10, 1));
  assert.equal(blocks.putRddBlock(1, 0, StorageLevel.MEMORY_ONLY, block(10, 2)), true);
  const kept = blocks.getRddBlock(1, 0);
  assert.equal(kept?.kind === 'memory' && kept.chunks[0]?.[0], 1);
  assert.equal(blocks.memory.storageUsed, 10);
});

test('broadcast bytes are shared memory, and gone after removal', () => {
  const { blocks } = manager(100);
  blocks.putBroadcast(3, Uint8Array.of(1, 2, 3));
  assert.ok(blocks.getBroadcast(3)?.buffer instanceof SharedArrayBuffer);
  assert.deepEqual([...(blocks.getBroadcast(3) ?? [])], [1, 2, 3]);
  blocks.removeBroadcast(3);
  assert.equal(blocks.getBroadcast(3), null);
});
