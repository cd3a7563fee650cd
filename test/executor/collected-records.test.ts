import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CollectedRecords } from '../../src/executor/collected-records.ts';
import type { TaskEnv } from '../../src/executor/task-env.ts';
import { newTaskMetrics } from '../../src/protocol/task-metrics.ts';
import { RecordEncoder } from '../../src/serializer/serializer.ts';
import { nodeFiles } from '../../src/shuffle/file-ops.ts';
import { fixedMemory, TaskMemory } from '../../src/shuffle/task-memory.ts';
import { countedSource } from '../kit/async-task.ts';

/** Collects what a source gives in a task with so much memory, reads it twice, ends the task. */
async function collected(records: readonly unknown[], budgetBytes: number) {
  const folder = mkdtempSync(join(tmpdir(), 'iskra-collected-'));
  const ends: (() => void)[] = [];
  const metrics = newTaskMetrics();
  const memory = new TaskMemory(fixedMemory(budgetBytes), () => ({ used_heap_size: 0, heap_size_limit: 1e9 }));
  const env = {
    task: {
      taskAttemptId: 3,
      taskMetrics: () => metrics,
      addTaskCompletionListener: (end: () => void) => void ends.push(end),
    },
    localDirs: { file: (name: string) => join(folder, name) },
    encoder: new RecordEncoder({ compression: 'none' }),
    shuffle: { memory, files: nodeFiles },
  } as unknown as TaskEnv; // all that is used of it
  try {
    const all = new CollectedRecords(env);
    await all.addAll(countedSource(records, 100));
    const read = (): unknown[] => {
      const source = all.open();
      const out: unknown[] = [];
      for (let batch = source.next(); batch !== null; batch = source.next()) out.push(...batch);
      source.close();
      return out;
    };
    const first = read();
    assert.deepEqual(read(), first);
    const files = readdirSync(folder);
    for (const end of ends) end();
    assert.deepEqual(readdirSync(folder), []);
    assert.equal(memory.heldBytes, 0);
    return { records: first, files, spilled: metrics.diskBytesSpilled };
  } finally {
    if (existsSync(folder)) rmSync(folder, { recursive: true });
  }
}

const texts = (n: number): string[] => Array.from({ length: n }, (_, i) => `${i} ${'x'.repeat(i % 50)}`);

test('few records stay as they are, the very same objects', async () => {
  const objects = Array.from({ length: 500 }, (_, i) => ({ i }));
  const got = await collected(objects, 0);
  assert.ok(got.records.every((record, i) => record === objects[i]));
  assert.deepEqual(got.files, []);
});

test('many records come back in order, from memory where they fit', async () => {
  const got = await collected(texts(30_000), 1e9);
  assert.deepEqual(got.records, texts(30_000));
  assert.deepEqual(got.files, []);
});

test('records that the task has no memory for go to a file, which goes with the task', async () => {
  const got = await collected(texts(30_000), 100_000);
  assert.deepEqual(got.records, texts(30_000));
  assert.match(got.files.join(), /^collected_3_\d+$/);
  assert.ok(got.spilled > 500_000, `${got.spilled}`);
});

test('records that cannot be encoded stay as they are, after those that could', async () => {
  const f = (): number => 7;
  const mixed = [...texts(10_000), f, ...texts(5000)];
  const got = await collected(mixed, 100_000);
  assert.deepEqual(got.records, mixed);
  assert.equal(got.records[10_000], f);
});

test('nothing at all is nothing at all', async () => {
  assert.deepEqual((await collected([], 0)).records, []);
});
