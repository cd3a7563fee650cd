import assert from 'node:assert/strict';
import { test } from 'node:test';
import { estimateBytes } from '../../src/shuffle/size-estimator.ts';
import { specialize } from '../../src/shuffle/specialize.ts';
import { fixedMemory, TaskMemory } from '../../src/shuffle/task-memory.ts';
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

test('memory is asked for in steps, and given back when much of it is not used', () => {
  const asked: number[] = [];
  const source = {
    acquire(bytes: number): number {
      asked.push(bytes);
      return bytes;
    },
    release(bytes: number): void {
      asked.push(-bytes);
    },
  };
  const memory = new TaskMemory(source, () => ({ used_heap_size: 0, heap_size_limit: 1 }));
  const use = memory.use();
  for (let size = MB; size <= 40 * MB; size += MB) assert.equal(use.shouldSpill(size), false);
  assert.deepEqual(
    asked,
    [8, 8, 8, 8, 8].map((mib) => mib * MB),
  );
  use.shouldSpill(30 * MB);
  assert.equal(asked.length, 5, 'it may well grow again');
  use.shouldSpill(0);
  assert.deepEqual(asked.slice(5), [-32 * MB]);
});

test('a use that is not granted all has to spill, and asks again when it grows again', () => {
  let free = 10 * MB;
  const source = {
    acquire(bytes: number): number {
      const granted = Math.min(bytes, free);
      free -= granted;
      return granted;
    },
    release(): void {},
  };
  const memory = new TaskMemory(source, () => ({ used_heap_size: 0, heap_size_limit: 1 }));
  const use = memory.use();
  assert.equal(use.shouldSpill(10 * MB), false);
  assert.equal(use.shouldSpill(11 * MB), true);
  use.shouldSpill(0);
  free = 20 * MB;
  assert.equal(use.shouldSpill(25 * MB), false);
});

test('a full heap makes the largest use spill once, and again only after the heap fell or grew by a tenth', () => {
  let used = 60 * MB;
  const memory = new TaskMemory(fixedMemory(1000 * MB), () => ({ used_heap_size: used, heap_size_limit: 100 * MB }));
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

test('a heap full of garbage is collected, and nothing spills', () => {
  let used = 71 * MB;
  let collections = 0;
  const memory = new TaskMemory(
    fixedMemory(1000 * MB),
    () => ({ used_heap_size: used, heap_size_limit: 100 * MB }),
    () => {
      collections++;
      used = 40 * MB;
    },
  );
  const use = memory.use();
  assert.equal(use.shouldSpill(30 * MB), false);
  assert.equal(collections, 1);
  used = 49 * MB;
  assert.equal(use.shouldSpill(31 * MB), false);
  assert.equal(collections, 1, 'it is far from full');
  used = 75 * MB;
  assert.equal(use.shouldSpill(32 * MB), false);
  assert.equal(collections, 2);
});

test('what the source wants back is spilled by the largest use, once', () => {
  let asked = false;
  const source = {
    ...fixedMemory(1000 * MB),
    wantsBack: () => {
      const was = asked;
      asked = false;
      return was;
    },
  };
  const memory = new TaskMemory(source, () => ({ used_heap_size: 0, heap_size_limit: 100 * MB }));
  const [small, large] = [memory.use(), memory.use()];
  assert.equal(large.shouldSpill(30 * MB), false);
  asked = true;
  assert.equal(small.shouldSpill(10 * MB), false);
  assert.equal(large.shouldSpill(31 * MB), true);
  large.shouldSpill(0);
  assert.equal(small.shouldSpill(11 * MB), false);
});

test('a full heap does not make tiny structures spill', () => {
  const memory = new TaskMemory(fixedMemory(1000), () => ({ used_heap_size: 99, heap_size_limit: 100 }));
  assert.equal(memory.use().shouldSpill(900), false);
});

test('sizes of cyclic, deep and huge values are estimated without end or great cost', () => {
  const cyclic: { self?: unknown; list: unknown[] } = { list: [] };
  cyclic.self = cyclic;
  cyclic.list.push(cyclic, cyclic);
  assert.ok(estimateBytes(cyclic) < 10_000);
  const millions = Array.from({ length: 1_000_000 }, (_, i) => i / 3);
  const estimate = estimateBytes(millions);
  // An array is counted with what it needs to grow: 20 bytes a slot, and 16 a number.
  assert.ok(estimate > 30_000_000 && estimate < 40_000_000);
  assert.ok(estimateBytes(new Map(millions.slice(0, 1000).map((x) => [x, `${x}`]))) > 30_000);
  assert.equal(estimateBytes(Buffer.alloc(5000)), 5100);
});

test('loops of different stages are different functions, of one stage the same', () => {
  const make = (tag: string): (() => number) => specialize(tag, 'return () => 1;');
  assert.equal(make('1.0'), make('1.0'));
  assert.notEqual(make('1.0'), make('2.0'));
  assert.equal(make('*/ return () => 2; /*')(), 1);
});
