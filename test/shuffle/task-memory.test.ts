import assert from 'node:assert/strict';
import { test } from 'node:test';
import { estimateBytes } from '../../src/shuffle/size-estimator.ts';
import { specialize } from '../../src/shuffle/specialize.ts';
import { TaskMemory } from '../../src/shuffle/task-memory.ts';
import { calmMemory } from './kit.ts';

const MB = 1 << 20;

test('a use has to spill when all uses together exceed the budget', () => {
  const memory = calmMemory(100);
  const [a, b] = [memory.use(), memory.use()];
  assert.equal(a.shouldSpill(60), false);
  assert.equal(b.shouldSpill(40), false);
  assert.equal(b.shouldSpill(41), true);
  assert.equal(b.shouldSpill(0), false);
  assert.equal(memory.heldBytes, 60);
  a.release();
  b.release();
  assert.equal(memory.heldBytes, 0);
  assert.equal(memory.peakBytes, 101);
});

test('a fixed amount is taken only when it fits', () => {
  const memory = calmMemory(100);
  assert.equal(memory.acquire(70), true);
  assert.equal(memory.acquire(31), false);
  assert.equal(memory.use().shouldSpill(31), true);
  memory.release(70);
  assert.equal(memory.heldBytes, 31);
});

test('a full heap makes the largest use spill once, and again only after the heap fell or grew by a tenth', () => {
  let used = 60 * MB;
  const memory = new TaskMemory(1000 * MB, () => ({ used_heap_size: used, heap_size_limit: 100 * MB }));
  const [small, large] = [memory.use(), memory.use()];
  assert.equal(large.shouldSpill(30 * MB), false);
  assert.equal(small.shouldSpill(10 * MB), false);
  used = 71 * MB;
  assert.equal(small.shouldSpill(11 * MB), false);
  assert.equal(large.shouldSpill(30 * MB), true);
  large.shouldSpill(0);
  // What was spilled is garbage that the numbers still contain.
  assert.equal(small.shouldSpill(11 * MB), false);
  used = 80 * MB;
  assert.equal(small.shouldSpill(12 * MB), false);
  used = 81 * MB;
  assert.equal(small.shouldSpill(12 * MB), true);
  used = 50 * MB;
  assert.equal(small.shouldSpill(12 * MB), false);
  used = 71 * MB;
  assert.equal(small.shouldSpill(12 * MB), true);
});

test('a full heap does not make tiny structures spill', () => {
  const memory = new TaskMemory(1000, () => ({ used_heap_size: 99, heap_size_limit: 100 }));
  assert.equal(memory.use().shouldSpill(900), false);
});

test('sizes of cyclic, deep and huge values are estimated without end or great cost', () => {
  const cyclic: { self?: unknown; list: unknown[] } = { list: [] };
  cyclic.self = cyclic;
  cyclic.list.push(cyclic, cyclic);
  assert.ok(estimateBytes(cyclic) < 10_000);
  const millions = Array.from({ length: 1_000_000 }, (_, i) => i / 3);
  const estimate = estimateBytes(millions);
  assert.ok(estimate > 8_000_000 && estimate < 30_000_000);
  assert.ok(estimateBytes(new Map(millions.slice(0, 1000).map((x) => [x, `${x}`]))) > 30_000);
  assert.equal(estimateBytes(Buffer.alloc(5000)), 5100);
});

test('loops of different stages are different functions, of one stage the same', () => {
  const make = (tag: string): (() => number) => specialize(tag, 'return () => 1;');
  assert.equal(make('1.0'), make('1.0'));
  assert.notEqual(make('1.0'), make('2.0'));
  assert.equal(make('*/ return () => 2; /*')(), 1);
});
