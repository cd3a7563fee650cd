import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { CodeCache, cacheFolders, keepCode, onKeepCode } from '../../src/base/code-cache.ts';

const folder = mkdtempSync(join(tmpdir(), 'iskra-code-cache-'));
after(() => rmSync(folder, { recursive: true }));
const shared = join(folder, 'shared');
const own = join(folder, 'own');
const code = { code: Buffer.from('code'), numModules: 7 };
const cache = (name = 'program'): CodeCache => new CodeCache({ shared, own }, name);
const only = (where: string): string => join(where, readdirSync(where)[0] as string); // a test has written one

beforeEach(() => {
  for (const path of [shared, own]) rmSync(path, { recursive: true, force: true });
});

test('what was written is read, under its name only', () => {
  assert.equal(cache().read(), undefined);
  cache().write(code);
  assert.deepEqual(cache().read(), code);
  assert.equal(cache('other').read(), undefined);
  assert.deepEqual(readdirSync(shared).length, 1);
});

test('a cache that is damaged, cut off or empty is as none', () => {
  cache().write(code);
  const file = only(shared);
  const whole = readFileSync(file);
  const damaged = Buffer.from(whole);
  damaged[5] = (damaged[5] ?? 0) ^ 1;
  for (const bytes of [
    damaged,
    whole.subarray(0, -1),
    whole.subarray(0, 8),
    Buffer.alloc(0),
    Buffer.alloc(whole.length),
  ]) {
    writeFileSync(file, bytes);
    assert.equal(cache().read(), undefined);
  }
});

test('where the installation may not be written the folder of the user takes its place', () => {
  writeFileSync(shared, ''); // stands in the way, also of root
  cache().write(code);
  assert.deepEqual(cache().read(), code);
  assert.equal(readdirSync(own).length, 1);
});

test('a folder of the user that others can write, or that is a link, is not used', () => {
  writeFileSync(shared, '');
  cache().write(code);
  chmodSync(own, 0o777);
  assert.equal(cache().read(), undefined);
  chmodSync(own, 0o700);
  assert.deepEqual(cache().read(), code);
  const link = join(folder, 'link');
  symlinkSync(own, link);
  assert.equal(new CodeCache({ shared, own: link }, 'program').read(), undefined);
});

test('where nothing can be written nothing happens', () => {
  writeFileSync(shared, '');
  writeFileSync(own, '');
  cache().write(code);
  assert.equal(cache().read(), undefined);
});

test('drafts do not stay', () => {
  mkdirSync(shared);
  cache().write(code);
  mkdirSync(join(shared, 'taken'), { recursive: true });
  const file = only(shared);
  rmSync(file);
  mkdirSync(join(file, 'not empty'), { recursive: true }); // so that the draft cannot take its name
  cache().write(code);
  assert.deepEqual(
    readdirSync(shared).filter((name) => name.endsWith('.tmp')),
    [],
  );
});

test('of many caches the oldest go', () => {
  mkdirSync(shared);
  for (let i = 0; i < 30; i++) {
    writeFileSync(join(shared, `old-${i}`), '');
    utimesSync(join(shared, `old-${i}`), 1000 + i, 1000 + i);
  }
  cache().write(code);
  assert.deepEqual(cache().read(), code);
  const kept = readdirSync(shared).filter((name) => name.startsWith('old-'));
  assert.deepEqual(new Set(kept), new Set(Array.from({ length: 23 }, (_, i) => `old-${29 - i}`)));
});

test('code is kept once, and only where somebody has said how', () => {
  let kept = 0;
  keepCode();
  onKeepCode(() => kept++);
  keepCode();
  keepCode();
  assert.equal(kept, 1);
});

test("the user's folder is in their home", () => {
  assert.match(cacheFolders('/x').own, /\.cache.iskra.code$/);
  assert.equal(cacheFolders('/x').shared, '/x');
});
