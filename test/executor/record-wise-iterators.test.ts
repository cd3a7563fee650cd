import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { BatchIterator } from '../../src/base/batch-iterator.ts';
import { createSampler, type SamplerPlan } from '../../src/base/samplers.ts';
import { CartesianIterator } from '../../src/executor/cartesian-iterator.ts';
import { ZipIterator } from '../../src/executor/record-wise-iterators.ts';
import type { TaskEnv } from '../../src/executor/task-env.ts';
import { newTaskMetrics } from '../../src/protocol/task-metrics.ts';
import { RecordEncoder } from '../../src/serializer/serializer.ts';
import { nodeFiles } from '../../src/shuffle/file-ops.ts';
import { fixedMemory, TaskMemory } from '../../src/shuffle/task-memory.ts';

const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

function inBatches(records: readonly unknown[], sizes: readonly number[], closed?: () => void): BatchIterator {
  let at = 0;
  let round = 0;
  return {
    next() {
      if (at >= records.length) return null;
      const size = sizes[round++ % sizes.length] ?? 1;
      at += size;
      return records.slice(at - size, at);
    },
    close: () => closed?.(),
  };
}

function drain(batches: BatchIterator): unknown[] {
  const all: unknown[] = [];
  for (let batch = batches.next(); batch !== null; batch = batches.next()) all.push(...batch);
  return all;
}

test('what a sampler chooses does not depend on how its stream is cut', () => {
  const records = numbers(10_000);
  const plans: readonly SamplerPlan[] = [
    { kind: 'bernoulli', fraction: 0.01 },
    { kind: 'bernoulli', fraction: 0.7 },
    { kind: 'cell', lower: 0.2, upper: 0.5 },
    { kind: 'poisson', mean: 0.1 },
    { kind: 'poisson', mean: 3 },
  ];
  for (const plan of plans) {
    const whole: unknown[] = [];
    createSampler(plan, 1, 2).add(records, whole);
    const cut: unknown[] = [];
    const sampler = createSampler(plan, 1, 2);
    for (let at = 0, n = 1; at < records.length; at += n, n = (n * 7) % 300)
      sampler.add(records.slice(at, at + n), cut);
    assert.deepEqual(cut, whole);
    assert.ok(whole.length > 0);
  }
});

test('Poisson counts have the mean and the variance of their distribution', () => {
  for (const mean of [0.05, 0.4, 1, 15, 40]) {
    const n = 20_000;
    const out: number[] = [];
    createSampler({ kind: 'poisson', mean }, 77, 0).add(numbers(n), out);
    const counts = new Array<number>(n).fill(0);
    for (const i of out) counts[i] = (counts[i] ?? 0) + 1;
    const average = out.length / n;
    const variance = counts.reduce((sum, c) => sum + (c - average) ** 2, 0) / n;
    assert.ok(Math.abs(average - mean) < 5 * Math.sqrt(mean / n), `mean ${average} of ${mean}`);
    assert.ok(Math.abs(variance / mean - 1) < 0.1, `variance ${variance} of ${mean}`);
  }
});

test('zip takes sides whose batches are cut differently', () => {
  const left = inBatches(numbers(100), [1, 7, 0, 30]);
  const right = inBatches(numbers(100), [0, 11, 2]);
  assert.deepEqual(
    drain(new ZipIterator(left, right)),
    numbers(100).map((i) => [i, i]),
  );
});

function envOf(dir: string, budgetBytes: number): TaskEnv {
  const metrics = newTaskMetrics();
  let files = 0;
  return {
    encoder: new RecordEncoder({ compression: 'none' }),
    localDirs: { file: (name: string) => join(dir, `${files++}${name}`) },
    task: { taskMetrics: () => metrics },
    shuffle: { memory: new TaskMemory(fixedMemory(budgetBytes)), throwIfKilled() {}, files: nodeFiles },
  } as unknown as TaskEnv; // all that a cartesian iterator looks at
}

test('a side of cartesian that does not fit in memory goes to a file, which is gone at the end', () => {
  const dir = mkdtempSync(join(tmpdir(), 'cartesian-'));
  try {
    const env = envOf(dir, 20_000);
    const right = numbers(4000).map((i) => `record ${i}`);
    let opened = 0;
    let closed = 0;
    const openRight = (): BatchIterator => {
      opened++;
      return inBatches(right, [500], () => closed++);
    };
    const iterator = new CartesianIterator(inBatches(['a', 'b', 'c'], [2]), openRight, env);
    const all = drain(iterator);
    assert.deepEqual(
      all,
      ['a', 'b', 'c'].flatMap((x) => right.map((y) => [x, y])),
    );
    assert.equal(opened, 1);
    assert.equal(closed, 1);
    assert.equal(readdirSync(dir).length, 1);
    assert.ok(env.task.taskMetrics().diskBytesSpilled > 0);
    iterator.close();
    assert.deepEqual(readdirSync(dir), []);
    assert.equal(env.shuffle.memory.heldBytes, 0);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  assert.equal(existsSync(dir), false);
});

test('cartesian reads its other side only when the first has a record, and closes what it opened', () => {
  let opened = 0;
  const env = envOf('/nowhere', 1 << 20);
  const none = new CartesianIterator(
    inBatches([], [1]),
    () => {
      opened++;
      return inBatches([1], [1]);
    },
    env,
  );
  assert.equal(none.next(), null);
  assert.equal(opened, 0);
  let closed = 0;
  const early = new CartesianIterator(
    inBatches(numbers(10), [1], () => closed++),
    () => inBatches(numbers(5000), [1000], () => closed++),
    env,
  );
  assert.equal((early.next() ?? []).length >= 2048, true);
  early.close();
  assert.equal(closed, 2);
  assert.equal(env.shuffle.memory.heldBytes, 0);
});
