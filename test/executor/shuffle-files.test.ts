import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLogger } from '../../src/base/logger.ts';
import { ShuffleFiles } from '../../src/executor/shuffle-files.ts';
import { mapOutputNames } from '../../src/shuffle/map-output-files.ts';
import { LocalDirs } from '../../src/storage/local-dirs.ts';

test('a removed shuffle leaves no file, of lost attempts and of tasks that end later neither; others stay', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'iskra-test-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const dirs = LocalDirs.open(root, silentLogger);
  const files = new ShuffleFiles(dirs, silentLogger);
  const write = (shuffleId: number, taskId: number): string[] => {
    const { data, index } = mapOutputNames(shuffleId, taskId);
    return [data, index].map((name) => {
      writeFileSync(dirs.file(name), 'x');
      return dirs.file(name);
    });
  };
  for (const taskId of [1, 2, 3]) files.launched(5, taskId);
  files.launched(6, 4);
  const gone = [...write(5, 1), ...write(5, 2)];
  const kept = write(6, 4);
  for (const taskId of [1, 2, 4]) await files.ended(taskId);
  await files.remove(5);
  assert.deepEqual(gone.filter(existsSync), []);
  const late = write(5, 3);
  await files.ended(3);
  assert.deepEqual(late.filter(existsSync), []);
  assert.deepEqual(kept.filter(existsSync), kept);
  await files.remove(7);
});
