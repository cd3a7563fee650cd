import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { MemoryGuard } from '../../src/executor/memory-guard.ts';

const MIB = 1 << 20;
let guard: MemoryGuard;

beforeEach(() => {
  guard = new MemoryGuard({ slotHeapBytes: 700 * MIB, memoryBytes: 1000 * MIB, overheadBytes: 400 * MIB });
});

const measured = (slot: number, heap: number, buffers = 0, collected = false): void =>
  guard.measured(slot, { heapBytes: heap * MIB, bufferBytes: buffers * MIB, collected });
const decide = (blocks = 0, at = 0, process = 0): string[] =>
  guard
    .decide(blocks * MIB, process * MIB, at)
    .map((effect) => effect.type + ('slot' in effect ? ` ${effect.slot}` : ''));
/** The slot was collected, which took no time. */
const collected = (slot: number, heap: number, buffers = 0): void => {
  measured(slot, heap, buffers, true);
  guard.collectionOver(slot, 0, 0);
};

test('nothing is done below the part from which tasks spill', () => {
  measured(0, 500);
  measured(1, 340);
  assert.deepEqual(decide(), []);
});

test('garbage is collected before anybody spills or ends', () => {
  measured(0, 700);
  measured(1, 690);
  assert.deepEqual(decide(), ['Collect 0', 'Collect 1']);
  assert.deepEqual(decide(), [], 'both are under way');
  collected(0, 100);
  assert.deepEqual(decide(), []);
  collected(1, 100);
  assert.deepEqual(decide(), []);
});

test('what is left after collections makes tasks spill, again after more, and then the largest slot ends', () => {
  measured(0, 500);
  measured(1, 400);
  decide();
  collected(0, 490);
  collected(1, 390);
  assert.deepEqual(decide(), ['AskToSpill']);
  assert.deepEqual(decide(), [], 'they were asked');
  collected(1, 450);
  assert.deepEqual(decide(), ['AskToSpill']);
  collected(1, 520);
  assert.deepEqual(decide(), ['End 1']);
  assert.deepEqual(decide(), [], 'what it held counts no more');
});

test('cached blocks count, and buffers beyond the overhead', () => {
  collectedTwo(300, 300);
  assert.deepEqual(decide(401), ['End 0']);
  collectedTwo(10, 10);
  measured(1, 10, 1391, true);
  assert.deepEqual(decide(), ['End 1']);
});

function collectedTwo(first: number, second: number): void {
  measured(0, first, 0, true);
  measured(1, second, 0, true);
}

test('a collection that took long is not repeated soon, unless far beyond the limit', () => {
  measured(0, 600);
  measured(1, 300);
  assert.deepEqual(decide(0, 1000), ['Collect 0', 'Collect 1']);
  measured(0, 500, 0, true);
  guard.collectionOver(0, 100, 1100);
  collected(1, 300);
  measured(0, 600);
  assert.deepEqual(decide(0, 1499), []);
  assert.deepEqual(decide(0, 1500), ['Collect 0']);
  measured(0, 500, 0, true);
  guard.collectionOver(0, 100, 2000);
  measured(0, 960);
  assert.deepEqual(decide(0, 2001), ['Collect 0'], '1260 of 1000');
});

test('a few new objects are not worth a collection, and nothing ends for them', () => {
  collectedTwo(500, 490);
  decide();
  measured(0, 530);
  assert.deepEqual(decide(), []);
});

test('a process that is larger than its memory has its garbage collected, and that is all', () => {
  measured(0, 300);
  measured(1, 20);
  assert.deepEqual(decide(0, 0, 1000), []);
  assert.deepEqual(decide(0, 0, 1001), ['Collect 0']);
  collected(0, 300);
  assert.deepEqual(decide(0, 0, 5000), []);
});

test('a slot that is gone counts no more', () => {
  collectedTwo(600, 600);
  guard.forget(0);
  assert.deepEqual(decide(), []);
  guard.collectionOver(0, 1, 1);
  assert.deepEqual(decide(), []);
});

test('the way to the limits is that of the nearest one', () => {
  measured(0, 650);
  assert.equal(guard.headroom(0), 50 * MIB);
  measured(1, 340);
  assert.equal(Math.round(guard.headroom(0) / MIB), 10);
  assert.equal(guard.headroom(100 * MIB), 0);
});
