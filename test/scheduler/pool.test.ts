import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pool, type Schedulable } from '../../src/scheduler/pool.ts';

interface Set extends Schedulable {
  runningTasks: number;
}

function set(name: string, priority: number, stageId: number, runningTasks = 0): Set {
  return { name, priority, stageId, runningTasks, weight: 1, minShare: 0, hasPending: true };
}

function pool(schedulingMode: 'FIFO' | 'FAIR', parent: Pool<Set> | null = null, name = '', weight = 1, minShare = 0) {
  return new Pool<Set>({ name, schedulingMode, weight, minShare }, parent);
}

const names = (root: Pool<Set>): string =>
  root
    .sorted()
    .map((s) => s.name)
    .join(' ');

test('FIFO goes by job, then by stage', () => {
  const root = pool('FIFO');
  root.add(set('c', 2, 0));
  root.add(set('b', 1, 5));
  root.add(set('a', 1, 3));
  assert.equal(names(root), 'a b c');
});

test('FAIR: below its minimum share goes first, the lower part of it before the higher', () => {
  const root = pool('FAIR');
  for (const [name, minShare, running] of [
    ['rich', 0, 0],
    ['half', 4, 2],
    ['quarter', 4, 1],
    ['full', 2, 2],
  ] as const) {
    const child = pool('FIFO', root, name, 1, minShare);
    child.add(set(name, 0, 0));
    for (let i = 0; i < running; i++) child.countRunning(1);
  }
  assert.equal(names(root), 'quarter half rich full');
});

test('FAIR: with minimum shares met the fewer running for its weight goes first, and names break ties', () => {
  const root = pool('FAIR');
  for (const [name, weight, running] of [
    ['z', 1, 2],
    ['heavy', 4, 4],
    ['a', 1, 2],
  ] as const) {
    const child = pool('FIFO', root, name, weight);
    child.add(set(name, 0, 0));
    for (let i = 0; i < running; i++) child.countRunning(1);
  }
  assert.equal(names(root), 'heavy a z');
});

test('the order is applied level by level in nested pools', () => {
  const root = pool('FAIR');
  const busy = pool('FAIR', root, 'busy');
  const idle = pool('FIFO', root, 'idle');
  const left = pool('FIFO', busy, 'left');
  const right = pool('FIFO', busy, 'right');
  left.add(set('l', 0, 0));
  right.add(set('r2', 2, 0));
  right.add(set('r1', 1, 0));
  idle.add(set('i', 9, 9));
  left.countRunning(1);
  assert.equal(root.runningTasks, 1);
  assert.equal(names(root), 'i r1 r2 l');
});

test('what has nothing to launch is not offered anything, and what is removed is gone', () => {
  const root = pool('FIFO');
  const done = { ...set('done', 0, 0), hasPending: false };
  const gone = set('gone', 0, 1);
  root.add(done);
  root.add(gone);
  root.add(set('here', 0, 2));
  root.remove(gone);
  assert.equal(names(root), 'here');
});
