import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { daemonFiles } from '../../../src/deploy/daemon/daemon-environment.ts';
import { whileAlone } from '../../../src/deploy/daemon/pid-claims.ts';
import { pidFile } from '../../../src/deploy/daemon/pid-files.ts';

const module = (name: string): string =>
  JSON.stringify(new URL(`../../../src/deploy/daemon/${name}.js`, import.meta.url));

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'iskra-pid-claims-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Tries in another process to be alone with `path`, and says what came of it. */
const elsewhere = (path: string): string =>
  execFileSync(
    process.execPath,
    [
      ...['--input-type=module', '-e'],
      `import { whileAlone } from ${module('pid-claims')};
       try { console.log(whileAlone(${JSON.stringify(path)}, () => 'alone', 3)); } catch (error) { console.log(error.code, error.message); }`,
    ],
    { encoding: 'utf8' },
  ).trim();

test('nobody else is alone with a file while somebody is', (t) => {
  const path = join(scratch(t), 'x.pid');
  const said = whileAlone(path, () => elsewhere(path));
  assert.match(said, new RegExp(`^DAEMON_FILE_BUSY process ${process.pid} has been looking at ${path} for too long`));
  assert.equal(elsewhere(path), 'alone');
  assert.throws(() =>
    whileAlone(path, () => {
      throw new Error('no');
    }),
  );
  assert.equal(elsewhere(path), 'alone');
});

test('claims of those that are gone, and what is none, count for nothing', (t) => {
  const folder = scratch(t);
  const path = join(folder, 'x.pid');
  for (const whose of ['999999999-ab', '0-ab', 'x', '-1-ab']) writeFileSync(`${path}.claim-${whose}`, '');
  assert.equal(
    whileAlone(path, () => 1, 0),
    1,
  );
  assert.deepEqual(readdirSync(folder), []);
});

test('of many who start the same daemon after a crash one does, and the others are told who', async (t) => {
  const files = daemonFiles({ USER: 'ann' }, '/home/ann', scratch(t));
  const path = pidFile(files, { of: 'worker', instance: 1 });
  writeFileSync(path, '999999999\n');
  // Each says that it is loaded, tries when it is told to, and lives until all have.
  const source = `
    import { readSync } from 'node:fs';
    import { takePidFile } from ${module('pid-files')};
    console.log('.');
    readSync(0, Buffer.alloc(1));
    console.log(takePidFile(${JSON.stringify(files)}, { of: 'worker', instance: 1 }, process.pid) ?? 'mine');
    process.stdin.resume();`;
  const starters = Array.from({ length: 6 }, () =>
    spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['pipe', 'pipe', 'inherit'] }),
  );
  await Promise.all(starters.map(({ stdout }) => new Promise((resolve) => stdout.once('data', resolve))));
  const told = starters.map(({ stdin, stdout }) => {
    const said = new Promise<string>((resolve) => stdout.once('data', (data) => resolve(String(data).trim())));
    stdin.write('.');
    return said;
  });
  const said = await Promise.all(told);
  const ends = starters.map(({ stdin, stdout }) => {
    stdin.end();
    return text(stdout);
  });
  await Promise.all(ends);
  const winner = starters[said.indexOf('mine')]?.pid;
  assert.deepEqual(
    said.filter((each) => each !== 'mine'),
    Array.from({ length: 5 }, () => `${winner}`),
  );
  assert.equal(readFileSync(path, 'utf8'), `${winner} starting\n`);
  assert.equal(readdirSync(files.pidDir).length, 1);
});
