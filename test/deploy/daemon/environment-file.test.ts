import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readEnvironmentFile } from '../../../src/deploy/daemon/environment-file.ts';

function place(t: TestContext, text: string) {
  const folder = mkdtempSync(join(tmpdir(), 'iskra-env-'));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'conf'));
  const file = join(folder, 'conf', 'spark-env.sh');
  writeFileSync(file, text);
  const read = (env: Readonly<Record<string, string>> = {}) =>
    readEnvironmentFile({ PATH: process.env['PATH'], ...env }, folder, process.execPath);
  return { folder, file, read };
}

test('what the file sets is taken, exported or not, in words of a shell', (t) => {
  const { file, read } = place(t, 'export SPARK_WORKER_CORES=4\nTWICE=$((SPARK_WORKER_CORES * 2))\nA="x y\nz"\n');
  assert.deepEqual(read(), { file, values: { SPARK_WORKER_CORES: '4', TWICE: '8', A: 'x y\nz' }, warnings: [] });
});

test('the environment wins over it, under either name', (t) => {
  const { read } = place(t, 'ISKRA_MASTER_PORT=1\nSPARK_WORKER_PORT=2\nSPARK_WORKER_DIR=/w\nPATH=/x:$PATH\n');
  assert.deepEqual(read({ SPARK_MASTER_PORT: '7' })?.values, { SPARK_WORKER_PORT: '2', SPARK_WORKER_DIR: '/w' });
  assert.deepEqual(read({ ISKRA_WORKER_PORT: '7', SPARK_WORKER_DIR: '/v' })?.values, { ISKRA_MASTER_PORT: '1' });
});

test('a file for bash is run by bash, and a last command that fails harms nothing', (t) => {
  const { read } = place(t, '#!/usr/bin/env bash\n[[ a == a ]] && B=1\nexport B\necho said\n[ -f /nowhere ] && C=1\n');
  const found = read();
  assert.deepEqual(found?.values, { B: '1' });
  assert.match(found?.warnings.join('|') ?? '', /^\S+spark-env\.sh: said$/);
});

test('what is wrong with it is said with file and line', (t) => {
  const { file, read } = place(t, 'A=1\nif true; then\n');
  assert.throws(
    () => read(),
    (error: Error) =>
      error.message.includes(`${file} cannot be read: ${file}: `) && /\b[23]\b/.test(error.message.slice(file.length)),
  );
  const unknown = place(t, 'A=1\nno-such-command\nB=2\n').read();
  assert.deepEqual(unknown?.values, { A: '1', B: '2' });
  assert.match(unknown?.warnings[0] ?? '', /2: .*no-such-command: not found|line 2: no-such-command/);
  assert.throws(() => place(t, 'echo no >&2; exit 3\n').read(), /it ended the shell with 3: no\. Correct it/);
});

test('without one there is nothing to take, and a folder is none', (t) => {
  const { folder, file, read } = place(t, '');
  assert.deepEqual(read()?.values, {});
  rmSync(file);
  assert.equal(readEnvironmentFile({}, folder, process.execPath), null);
  mkdirSync(file);
  assert.throws(() => read(), /EISDIR/);
});
