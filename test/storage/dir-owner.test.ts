import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ownAsWorker, removeEmptyDirsOfDeadWorkers } from '../../src/storage/dir-owner.ts';

test('of what workers have left, what is empty and of a dead one goes', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'iskra-owner-'));
  t.after(() => rmSync(root, { recursive: true }));
  const make = (name: string, change: object | null): string => {
    const dir = join(root, name);
    mkdirSync(dir);
    ownAsWorker(dir);
    const file = join(dir, 'worker.json');
    if (change === null) rmSync(file);
    else writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), ...change }));
    return dir;
  };
  const dead = { pid: 2 ** 22 + 1, startedAtTicks: '1' };
  const stays = [
    make('executor-alive', {}),
    make('executor-of-nobody-known', null),
    make('executor-elsewhere', { ...dead, place: 'another-host boot pids' }),
    make('something-else', dead),
    make('executor-with-files', dead),
  ];
  mkdirSync(join(root, 'executor-with-files/blockmgr-1'));
  const goes = [make('executor-dead', dead), make('executor-pid-used-again', { startedAtTicks: '1' })];
  assert.deepEqual(removeEmptyDirsOfDeadWorkers(root).sort(), goes.sort());
  for (const dir of goes) assert.ok(!existsSync(dir));
  for (const dir of stays) assert.ok(existsSync(dir));
  assert.ok(existsSync(join(root, 'executor-with-files/worker.json')));
  rmSync(join(root, 'executor-with-files/blockmgr-1'), { recursive: true });
  assert.deepEqual(removeEmptyDirsOfDeadWorkers(root), [join(root, 'executor-with-files')]);
  assert.throws(() => removeEmptyDirsOfDeadWorkers(join(root, 'none')), { code: 'ENOENT' });
});
