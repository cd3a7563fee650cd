import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLogger } from '../../src/base/logger.ts';
import { FileFetcher, placeFromDriver } from '../../src/executor/file-fetcher.ts';
import type { AddedFile } from '../../src/protocol/added-file.ts';

const file = (name: string, timestamp: number, source = ''): AddedFile => ({ kind: 'file', name, source, timestamp });

test('a file is fetched once for all tasks that ask for it, and again when it is newer', async () => {
  const placed: string[] = [];
  const fetcher = new FileFetcher('/d', async ({ name, timestamp }) => {
    await Promise.resolve();
    placed.push(`${name}@${timestamp}`);
  });
  await Promise.all([fetcher.ensure([file('a', 1), file('b', 1)]), fetcher.ensure([file('a', 1)])]);
  assert.deepEqual(placed, ['a@1', 'b@1']);
  await fetcher.ensure([file('a', 2), file('b', 1)]);
  await fetcher.ensure([file('a', 1)]);
  assert.deepEqual(placed, ['a@1', 'b@1', 'a@2']);
});

test('a file that could not be fetched is tried again by the next task', async () => {
  let times = 0;
  const fetcher = new FileFetcher('/d', async () => {
    if (++times === 1) throw new Error('no route');
  });
  await assert.rejects(fetcher.ensure([file('a', 1)]), /no route/);
  await fetcher.ensure([file('a', 1)]);
  assert.equal(times, 2);
});

test('files are copied from where the driver has them', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'iskra-fetch-'));
  try {
    writeFileSync(join(dir, 'from.txt'), 'text');
    const fetcher = new FileFetcher(
      join(dir, 'own'),
      placeFromDriver({ overwrite: false, timeoutMs: 1000 }, null, silentLogger),
    );
    await fetcher.ensure([file('to.txt', 1, join(dir, 'from.txt'))]);
    assert.equal(readFileSync(join(dir, 'own', 'to.txt'), 'utf8'), 'text');
  } finally {
    rmSync(dir, { recursive: true });
  }
});
