import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { makeDirectory } from '../../src/base/make-directory.ts';

const folder = mkdtempSync(join(tmpdir(), 'iskra-mkdir-'));
after(() => rmSync(folder, { recursive: true }));

test('what is missing is made, and the topmost of it returned', () => {
  assert.equal(makeDirectory(join(folder, 'a', 'b', 'c')), join(folder, 'a'));
  assert.ok(statSync(join(folder, 'a', 'b', 'c')).isDirectory());
  assert.equal(makeDirectory(join(folder, 'a', 'b', 'd')), join(folder, 'a', 'b', 'd'));
  assert.equal(makeDirectory(join(folder, 'a', 'b', 'c')), null);
  symlinkSync(join(folder, 'a'), join(folder, 'link'));
  assert.equal(makeDirectory(join(folder, 'link')), null);
  assert.equal(makeDirectory(join(folder, 'own', 'inner'), 0o700), join(folder, 'own'));
  for (const name of ['own', 'own/inner']) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o700);
});

test('what stands in the way is told as the operating system says it', () => {
  writeFileSync(join(folder, 'file'), '');
  assert.throws(() => makeDirectory(join(folder, 'file')), { code: 'EEXIST' });
  assert.throws(() => makeDirectory(join(folder, 'file', 'a', 'b')), { code: 'ENOTDIR' });
  symlinkSync(join(folder, 'nowhere', 'x'), join(folder, 'dangling'));
  assert.throws(
    () => makeDirectory(join(folder, 'dangling', 'a')),
    (e: NodeJS.ErrnoException) => e.code === 'EEXIST' || e.code === 'ENOENT',
  );
});

test('a directory that can have no children ends in an error', () => {
  // Where there is no /proc, root could make one; nobody else.
  if (existsSync('/proc/self')) assert.throws(() => makeDirectory('/proc/iskra/a'), { code: 'ENOENT' });
});
