import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { platformsOf } from '../../src/app-package/native-addons.ts';
import { type PackOptions, packApplication } from '../../src/app-package/pack-application.ts';
import { readPartEntries, unpackPart } from '../../src/app-package/part-file.ts';
import { PartStore } from '../../src/app-package/part-store.ts';
import { placePackage } from '../../src/app-package/place-package.ts';
import { rebaseLiterals } from '../../src/base/rebase-literals.ts';
import { AppFolder } from '../kit/app-folder.ts';

const scratch = new AppFolder({ 'iskra/package.json': '{"name":"iskra"}', 'iskra/dist/x.js': '' });
after(() => scratch.remove());
const INSTALLATION = { root: scratch.path('iskra'), version: '1.2.3' };
const store = new PartStore(scratch.path('store'));

async function pack(files: Parameters<AppFolder['write']>[0], more: Partial<PackOptions> = {}) {
  const app = new AppFolder({ 'package.json': '{"type":"module"}', ...files });
  after(() => app.remove());
  return packApplication({ entry: app.path('main.js'), installation: INSTALLATION, store, ...more });
}

const filesOf = (packed: Awaited<ReturnType<typeof pack>>, name: string | null = null): string[] =>
  packed.manifest.parts
    .filter((part) => part.name === name)
    .flatMap((part) => readPartEntries(store.pathOf(part.hash)).map(({ path }) => path));

describe('packing', () => {
  test('follows import, export from, import() and require() of literals, and new URL beside the module', async () => {
    const packed = await pack({
      'main.js': `import './a.js'; import './new.js'; export * from './b.js'; await import('./c.js'); new URL('./worker.js', import.meta.url);
        import(process.argv[2]); import 'node:fs'; import fs from 'fs'; await import('./absent.js').catch(() => {});`,
      'a.js': `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url); require('./d');`,
      'b.js': '',
      'c.js': `import data from './data.json' with { type: 'json' };`,
      'd.cjs': '',
      'new.js': `{ using x = null; } import './by-new.js';`,
      'by-new.js': '',
      'd/index.js': '',
      'data.json': '{}',
      'worker.js': `import './from-worker.js';`,
      'from-worker.js': '',
      'unrelated.js': '',
    });
    const expected =
      'a.js b.js by-new.js c.js d/index.js data.json from-worker.js main.js new.js package.json worker.js';
    assert.deepEqual(filesOf(packed), expected.split(' '));
  });

  test('looks through modules with more data in them than a call has room for arguments', async () => {
    const packed = await pack({
      'main.js': `import './a.js'; export const xs = [${'1,'.repeat(130_000)}];`,
      'a.js': '',
    });
    assert.deepEqual(filesOf(packed), ['a.js', 'main.js', 'package.json']);
  });

  test('finds files whose paths are joined to where the module lies, and no others', async () => {
    const files = {
      'main.js': `import './old.cjs'; import { join, dirname } from 'node:path'; import { fileURLToPath } from 'node:url';
        const folder = dirname(fileURLToPath(import.meta.url)), other = process.cwd(), name = 'not.txt';
        join(folder, 'data', 'a.txt'); join(import.meta.dirname, 'b.txt'); join(folder, 'absent.txt'); join(folder, name);
        join('/etc', 'hostname'); join(other, 'not.txt'); join(folder, '.'); other + '/not.txt';`,
      'old.cjs': `const path = require('path'); path.resolve(__dirname, './c.txt'); __dirname + '/d.txt';
        \`\${__dirname}/e.txt\`; \`\${path.dirname(__filename)}/f.txt\`;`,
      'data/a.txt': '',
      'not.txt': '',
    };
    for (const name of 'bcdef') Object.assign(files, { [`${name}.txt`]: '' });
    const packed = await pack(files);
    const expected = 'b.txt c.txt d.txt data/a.txt e.txt f.txt main.js old.cjs package.json';
    assert.deepEqual(filesOf(packed), expected.split(' '));
  });

  test('finds what the package imports of itself: #names, its own name, TypeScript that Node strips', async () => {
    const packed = await pack({
      'package.json':
        '{"name":"me","type":"module","imports":{"#x/*":{"node":"./x/*.js","default":"./y/*.js"}},"exports":{".":"./main.js","./sub":"./sub.js"}}',
      'main.js': `import '#x/one'; import 'me/sub'; import './typed.ts';`,
      'x/one.js': '',
      'y/one.js': '',
      'sub.js': '',
      'typed.ts': `import type { A } from './types.ts'; import { b } from './value.ts'; export const a: A = b;`,
      'value.ts': 'export const b: number = 1;',
      'types.ts': 'export type A = number;',
    });
    assert.deepEqual(filesOf(packed), 'main.js package.json sub.js typed.ts value.ts x/one.js y/one.js'.split(' '));
  });

  test('takes a package whole but for packages in it, and a package that is developed here without its tools', async () => {
    const packed = await pack({
      'main.js': `import 'a'; import 'local';`,
      'node_modules/a/package.json': '{"name":"a","version":"1.0.0","peerDependencies":{"local":"*","nobody":"*"}}',
      'node_modules/a/lib/deep/x.wasm': 'x',
      'node_modules/a/test/node_modules/fixture.js': '',
      'node_modules/a/node_modules/b/index.js': '',
      'node_modules/local': { link: '../packages/local' },
      'packages/local/package.json': '{"name":"local","version":"0.0.1"}',
      'packages/local/src/index.ts': '',
      'packages/local/.git/config': '',
      'packages/local/node_modules/tool/index.js': '',
    });
    assert.deepEqual(filesOf(packed, 'a'), ['lib/deep/x.wasm', 'package.json', 'test/node_modules/fixture.js']);
    assert.deepEqual(filesOf(packed, 'local'), ['package.json', 'src/index.ts']);
    assert.deepEqual(packed.warnings, []);
    assert.equal(packed.manifest.links.length, 1);
  });

  test('includes files by patterns', async () => {
    const files = {
      'main.js': '',
      'a/x.csv': '',
      'a/b/y.csv': '',
      'a/.hidden.csv': '',
      'models/m.bin': '',
      'z.txt': '',
    };
    const include = async (...patterns: string[]) =>
      filesOf(await pack(files, { include: patterns })).filter((path) => !/^(main|package)\./.test(path));
    assert.deepEqual(await include('a/**/*.csv'), ['a/b/y.csv', 'a/x.csv']);
    assert.deepEqual(await include('models', 'z.t?t'), ['models/m.bin', 'z.txt']);
    assert.deepEqual(await include('a/.*.csv'), ['a/.hidden.csv']);
    await assert.rejects(include('nothing/*'), {
      code: 'PACKAGE_INCLUDE',
      message: /'nothing\/\*', which names no file in/,
    });
    await assert.rejects(include('../x'), { code: 'PACKAGE_INCLUDE', message: /leads out of/ });
    await assert.rejects(include('/etc/passwd'), { code: 'PACKAGE_INCLUDE' });
  });

  for (const [what, main, code, message] of [
    [
      'a module that is not there',
      `import './gone.js';`,
      'PACKAGE_MODULE_MISSING',
      /main\.js imports '\.\/gone\.js', which is not there/,
    ],
    [
      'a package that is not installed',
      `import 'gone';`,
      'PACKAGE_MODULE_MISSING',
      /imports the package 'gone', which is in no node_modules at or above \S+; install it/,
    ],
    [
      'a module that is no JavaScript',
      'import {',
      'PACKAGE_SYNTAX',
      /cannot read the imports of \S+main\.js: Transform failed with 1 error:\n\S+main\.js:1:8: ERROR: /,
    ],
  ] as const)
    test(`refuses ${what}`, async () => {
      await assert.rejects(pack({ 'main.js': main }), { code, message });
    });

  test('refuses what is too large, and says what is largest', async () => {
    const files = {
      'main.js': `import 'big';`,
      'node_modules/big/package.json': '{"name":"big"}',
      'node_modules/big/data.bin': Buffer.alloc(3 << 20),
    };
    await assert.rejects(pack(files, { maxBytes: 1 << 20 }), {
      code: 'PACKAGE_TOO_LARGE',
      message:
        /takes 3\.0 MiB, more than the 1\.0 MiB of spark\.iskra\.package\.maxSize; the largest are big \(3\.0 MiB\)/,
    });
  });

  test('knows for which machines native add-ons are', async () => {
    const elf = Buffer.alloc(64);
    elf.writeUInt32BE(0x7f454c46);
    elf[5] = 1;
    elf.writeUInt16LE(183, 18);
    const mac = Buffer.alloc(64);
    mac.writeUInt32BE(0xcffaedfe);
    mac.writeUInt32LE(0x01000007, 4);
    const pe = Buffer.alloc(256);
    pe.write('MZ');
    pe.writeUInt32LE(128, 0x3c);
    pe.write('PE\0\0', 128);
    pe.writeUInt16LE(0x8664, 132);
    const packed = await pack({
      'main.js': `import 'native';`,
      'node_modules/native/package.json': '{"name":"native","version":"1.0.0"}',
      'node_modules/native/prebuilds/a.node': elf,
      'node_modules/native/prebuilds/b.node': mac,
      'node_modules/native/prebuilds/c.node': pe,
      'node_modules/native/prebuilds/d.node': 'no add-on',
    });
    const part = packed.manifest.parts.find(({ name }) => name === 'native');
    assert.deepEqual(part?.native, ['darwin-x64', 'linux-arm64', 'win32-x64']);
    assert.deepEqual(platformsOf(process.execPath), [`${process.platform}-${process.arch}`]);
  });
});

describe('placing', () => {
  test('refuses a package of another version of Iskra, naming both', async () => {
    const { id } = await pack({ 'main.js': '' });
    assert.throws(() => placePackage(store, id, { ...INSTALLATION, version: '1.2.4' }, 0), {
      code: 'PACKAGE_VERSION',
      message: /packed by Iskra 1\.2\.3, and this machine has Iskra 1\.2\.4; install the same version on both/,
    });
  });

  test('keeps the right to execute, and shares files of a package between applications', async () => {
    const files = {
      'node_modules/tool/package.json': '{"name":"tool"}',
      'node_modules/tool/run.sh': '#!/bin/sh\n',
    };
    const app = new AppFolder({ 'one.js': `import 'tool';`, 'two.js': `import 'tool'; 2;`, ...files });
    after(() => app.remove());
    chmodSync(app.path('node_modules/tool/run.sh'), 0o755);
    const place = async (name: string) => {
      const packed = await packApplication({ entry: app.path(name), installation: INSTALLATION, store });
      return `${placePackage(store, packed.id, INSTALLATION, 0).root}${app.path('node_modules/tool/run.sh')}`;
    };
    const [one, two] = [statSync(await place('one.js')), statSync(await place('two.js'))];
    assert.equal(one.mode & 0o777, 0o555);
    assert.equal(one.ino, two.ino);
  });

  test('leads a module to the copies of what it names, and to nothing else', async () => {
    const app = new AppFolder({ 'package.json': '{}', 'data.txt': '' });
    after(() => app.remove());
    const at = app.folder;
    const source = `export default ["${at}/data.txt", 'file://${at}/data.txt?x', "${at}", "/tmp", "/etc/hosts", "${at}/other"];\n`;
    writeFileSync(app.path('main.mjs'), source);
    const packed = await packApplication({ entry: app.path('main.mjs'), installation: INSTALLATION, store });
    const { root, entry } = placePackage(store, packed.id, INSTALLATION, 0);
    assert.equal(
      readFileSync(entry, 'utf8'),
      `export default ["${root}${at}/data.txt", 'file://${encodeURI(root + at)}/data.txt?x', "${root}${at}", "/tmp", "/etc/hosts", "${at}/other"];\n`,
    );
    assert.ok(existsSync(`${root}${at}/data.txt`));
  });

  for (const path of ['../out', '/abs', 'a/../../b', 'a//b', '', 'a\\b', 'nul\0'])
    test(`refuses a part with ${JSON.stringify(path)} in it, and a manifest`, () => {
      const header = Buffer.from(JSON.stringify([[path, 1, 0]]));
      const length = Buffer.alloc(4);
      length.writeUInt32LE(header.length);
      const hash = store.put(Buffer.concat([Buffer.from('ISKRAPT1'), length, header, Buffer.from('x')]));
      assert.throws(() => unpackPart(store.pathOf(hash), scratch.path('out')), { code: 'PACKAGE_CORRUPT' });
      const good = store.put(Buffer.concat([Buffer.from('ISKRAPT1'), Buffer.from([2, 0, 0, 0]), Buffer.from('[]')]));
      const manifest = {
        ...{ format: 1, iskraVersion: '1.2.3', entry: 'x', installation: 'i', links: [], rebased: [] },
        parts: [{ at: path, hash: good }],
      };
      const id = store.put(Buffer.from(JSON.stringify(manifest)));
      assert.throws(() => placePackage(store, id, INSTALLATION, 0), { code: 'PACKAGE_CORRUPT' });
    });

  for (const [what, bytes] of [
    ['something else', Buffer.from('hello, this is no part')],
    [
      'a part that ends early',
      Buffer.concat([Buffer.from('ISKRAPT1'), Buffer.from([13, 0, 0, 0]), Buffer.from('[["a",100,0]]')]),
    ],
    ['a list that is none', Buffer.concat([Buffer.from('ISKRAPT1'), Buffer.from([2, 0, 0, 0]), Buffer.from('{}')])],
    [
      'a part that claims more than there can be',
      Buffer.concat([Buffer.from('ISKRAPT1'), Buffer.from([26, 0, 0, 0]), Buffer.from('[["a",1125899906842624,0]]')]),
    ],
    ['no bytes', Buffer.alloc(0)],
  ] as const)
    test(`refuses ${what}`, () => {
      assert.throws(() => unpackPart(store.pathOf(store.put(bytes)), scratch.path('broken')), {
        code: 'PACKAGE_CORRUPT',
      });
    });
});

test('literals keep their quotes, their lines and what is no path', () => {
  const rebase = { from: '/', to: '/tree/', has: (path: string) => path === '/tree/app/a b.js' };
  const rebased = (text: string): string => rebaseLiterals(text, rebase);
  assert.equal(
    rebased(`f('/app/a b.js')\n+ "file:///app/a%20b.js#x"`),
    `f('/tree/app/a b.js')\n+ "file:///tree/app/a%20b.js#x"`,
  );
  for (const same of [`'/app/a'`, '"/"', `'/app/a b.js"`, '/app/a b.js', `'//app'`]) assert.equal(rebased(same), same);
});
