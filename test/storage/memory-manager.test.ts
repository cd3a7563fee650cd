import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MemoryManager } from '../../src/storage/memory-manager.ts';

const manager = (slots = 2) => new MemoryManager({ maxBytes: 1000, storageRegionBytes: 500, slots });
const never = (): never => assert.fail('nothing may be evicted');

test('a lone task may have all that blocks leave', () => {
  const m = manager();
  assert.equal(m.acquireExecution(1, 5000, never), 1000);
  assert.equal(m.acquireExecution(1, 1, never), 0);
});

test('of two tasks each gets half, the first keeps what it has', () => {
  const m = manager();
  assert.equal(m.acquireExecution(1, 400, never), 400);
  assert.equal(m.acquireExecution(2, 800, never), 500);
  assert.equal(m.acquireExecution(1, 400, never), 100);
  m.releaseTask(2);
  assert.equal(m.acquireExecution(1, 800, never), 500);
  assert.equal(m.executionUsed, 1000);
});

test('a task that comes late has its least, although another holds everything', () => {
  const m = manager();
  m.acquireExecution(1, 1000, never);
  assert.equal(m.acquireExecution(2, 1000, never), 125);
  assert.equal(m.acquireExecution(2, 1000, never), 0);
});

test('blocks use what tasks leave, and no more', () => {
  const m = manager();
  m.acquireExecution(1, 300, never);
  assert.equal(m.storageShortage(700), 0);
  m.takeStorage(600);
  assert.equal(m.storageShortage(200), 100);
  assert.equal(m.storageShortage(701), null);
});

test('a task pushes blocks out down to the storage region, and not below', () => {
  const m = manager();
  m.takeStorage(900);
  const evicted: number[] = [];
  const evict = (bytes: number): void => {
    evicted.push(bytes);
    m.giveBackStorage(bytes);
  };
  assert.equal(m.acquireExecution(1, 450, evict), 450);
  assert.deepEqual(evicted, [350]);
  assert.equal(m.storageUsed, 550);
  assert.equal(m.acquireExecution(1, 450, evict), 50);
  assert.deepEqual(evicted, [350, 50]);
});

test('blocks that cannot be pushed out cost the task, not the blocks', () => {
  const m = manager();
  m.takeStorage(800);
  assert.equal(
    m.acquireExecution(1, 450, () => {}),
    200,
  );
});

test('what was used is given back, whatever the order of events', () => {
  const event = fc.oneof(
    fc.record({ kind: fc.constant('acquire' as const), task: fc.nat(4), bytes: fc.nat(900) }),
    fc.record({ kind: fc.constant('release' as const), task: fc.nat(4), bytes: fc.nat(900) }),
    fc.record({ kind: fc.constant('end' as const), task: fc.nat(4), bytes: fc.constant(0) }),
    fc.record({ kind: fc.constant('block' as const), task: fc.constant(0), bytes: fc.nat(600) }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const m = manager(5);
      const evict = (bytes: number): void => m.giveBackStorage(Math.min(bytes, m.storageUsed));
      for (const { kind, task, bytes } of events) {
        if (kind === 'acquire') assert.ok(m.acquireExecution(task, bytes, evict) <= bytes);
        else if (kind === 'release') m.releaseExecution(task, bytes);
        else if (kind === 'end') m.releaseTask(task);
        else if (m.storageShortage(bytes) === 0) m.takeStorage(bytes);
        assert.ok(m.executionUsed >= 0 && m.storageUsed >= 0);
        assert.ok(m.storageUsed <= m.maxBytes);
        // Leasts are granted beyond the pool: never more than one for each of five tasks.
        assert.ok(m.executionUsed + m.storageUsed <= m.maxBytes + 5 * 50);
      }
      for (let task = 0; task <= 4; task++) m.releaseTask(task);
      assert.equal(m.executionUsed, 0);
    }),
  );
});
