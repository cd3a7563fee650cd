import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { IskraError } from '../../src/base/errors.ts';
import { type PreparedApplication, prepareApplication } from '../../src/deploy/submit/app-loader.ts';
import { reportError } from '../../src/deploy/submit/report-error.ts';
import { withoutComments } from '../../src/deploy/submit/tsconfig.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'iskra-loader-')));
after(() => rmSync(root, { recursive: true }));

const installed = join(root, 'installed');
write(installed, {
  'package.json': '{"name":"iskra","exports":{".":"./index.mjs"}}',
  'index.mjs': 'export const iskra = import.meta.url;',
});
const installation = {
  root: installed,
  version: '1',
  resolve: (specifier: string) =>
    specifier === 'iskra' ? pathToFileURL(join(installed, 'index.mjs')).href : undefined,
};

function write(folder: string, files: Record<string, string>): string {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

let numProjects = 0;
/** A package of its own with these files. */
function project(files: Record<string, string>): string {
  return write(join(root, `p${++numProjects}`), { 'package.json': '{"name":"app"}', ...files });
}

function prepare(folder: string, name = 'app.ts'): Promise<PreparedApplication> {
  return prepareApplication(name, { installation, workingFolder: folder, userCache: join(root, 'user-cache') });
}

async function load(folder: string, name?: string): Promise<Record<string, unknown>> {
  return (await import((await prepare(folder, name)).url)) as Record<string, unknown>;
}

test('TypeScript is compiled file by file, whichever way the files name each other', async () => {
  const folder = project({
    'app.ts': `
      import { a } from './a';
      import { a as again } from './a.js';
      import { b, Kind } from './b.ts';
      import { c } from './folder';
      import { d } from './folder/deep.mjs';
      import { e } from './view.js';
      export * from './b.ts';
      export const all: string[] = [a, b, c, d, e, Kind.Two === 1 ? 'enum' : ''];
      export const same = a === again && (await import('./a')).a === a;`,
    'a.ts': `import type { T } from './types'; export const a: T = 'a';`,
    'types.ts': `throw new Error('types only'); export type T = string;`,
    'b.ts': `export const b = 'b' as string; export enum Kind { One, Two }`,
    'folder/index.ts': `export const c = 'c';`,
    'folder/deep.mts': `export const d = 'd';`,
    'view.tsx': `const h = (tag: string) => tag; /** @jsx h */ export const e = String(<e />);`,
  });
  const module = await load(folder);
  assert.deepEqual(module['all'], ['a', 'b', 'c', 'd', 'e', 'enum']);
  assert.equal(module['same'], true);
  assert.equal(module['b'], 'b');
});

test('a module may have more data in it than a call has room for arguments', async () => {
  const folder = project({ 'app.ts': `export const xs: number[] = [${'1,'.repeat(130_000)}];` });
  assert.equal(((await load(folder))['xs'] as number[]).length, 130_000);
});

test('files may import each other in a circle', async () => {
  const folder = project({
    'app.ts': `import { even } from './even'; export const result: boolean = even(10);`,
    'even.ts': `import { odd } from './odd'; export const even = (n: number): boolean => n === 0 || odd(n - 1);`,
    'odd.ts': `import { even } from './even'; export const odd = (n: number): boolean => n !== 0 && even(n - 1);`,
  });
  assert.equal((await load(folder))['result'], true);
});

test('packages, the own name, #imports, aliases and JSON are found', async () => {
  const folder = project({
    'package.json': '{"name":"app","imports":{"#inner":"./inner.mjs"},"exports":{"./inner":"./inner.mjs"}}',
    'node_modules/dep/package.json': '{"main":"dep.cjs"}',
    'node_modules/dep/dep.cjs': 'exports.dep = "dep";',
    'inner.mjs': 'export const inner = import.meta.url;',
    'tsconfig.json':
      '{ "extends": "./base", /* x */ "compilerOptions": { "paths": { "@/*": ["./src/*"], "only": ["./src/one.ts"], }, } } // y',
    'base.json': '{"compilerOptions":{"experimentalDecorators":true}}',
    'src/one.ts': `export const one = 1 as number;`,
    'data.json': '{"x":5}',
    'app.ts': `
      import { iskra } from 'iskra';
      import { dep } from 'dep';
      import { inner } from '#inner';
      import { inner as byName } from 'app/inner';
      import { one } from '@/one';
      import { one as only } from 'only';
      import data from './data.json';
      import same from './data.json' with { type: 'json' };
      const seen: string[] = [];
      const mark = (target: object, key: string): void => { seen.push(key); };
      class Marked { @mark method(): void {} }
      export const all = [dep, inner === byName, one, only, data.x, data === same, seen, typeof Marked];
      export { iskra };`,
  });
  const module = await load(folder);
  assert.deepEqual(module['all'], ['dep', true, 1, 1, 5, true, ['method'], 'function']);
  assert.equal(module['iskra'], installation.resolve('iskra'));
});

test('import.meta and relative URLs mean the source file', async () => {
  const folder = project({
    'sub/app.ts': `
      export const place = [import.meta.url, import.meta.filename, import.meta.dirname, import.meta.main, __dirname];
      export const data = import.meta.resolve('./data.txt');
      const name: string = 'plain';
      export const computed = (await import(\`./\${name}.mjs\`)).default;
      export const missing = await import('./missing').catch((error) => error.message);
      export { main } from './other.ts';`,
    'sub/plain.mjs': 'export default import.meta.url;',
    'sub/other.ts': 'export const main = (import.meta as { main?: boolean }).main;',
  });
  const file = join(folder, 'sub', 'app.ts');
  const url = pathToFileURL(file).href;
  const module = await load(folder, 'sub/app.ts');
  assert.deepEqual(module['place'], [url, file, dirname(file), true, dirname(file)]);
  assert.equal(module['data'], new URL('./data.txt', url).href);
  assert.equal(module['computed'], new URL('./plain.mjs', url).href);
  assert.match(String(module['missing']), /Cannot find module '.*\/sub\/missing'/);
  assert.equal(module['main'], false);
});

test('.cts files are CommonJS and may require each other', async () => {
  const folder = project({
    'app.ts': `import { x } from './x.cjs'; export const result = x;`,
    'x.cts': `const y: { y: string } = require('./y.cjs'); exports.x = y.y + __filename;`,
    'y.cts': `exports.y = 'y' as string;`,
  });
  assert.equal((await load(folder))['result'], `y${join(folder, 'x.cts')}`);
});

test('packages that are developed here may be TypeScript, and are compiled like the application', async () => {
  const folder = project({
    'packages/a/package.json':
      '{"name":"@ws/a","type":"module","exports":{".":[{"types":"./no.ts"},{"import":"./src/a.ts"}],"./sub/*":"./src/*.ts"}}',
    'packages/a/src/a.ts': `import { b } from '@ws/b'; export const a: string = 'a' + b;`,
    'packages/a/src/deep/x.ts': `export const x: string = import.meta.url;`,
    'packages/b/package.json': '{"name":"@ws/b","main":"lib/b.js"}',
    'packages/b/lib/b.ts': `export const b: string = 'b';`,
    'packages/c/package.json': '{"name":"c","exports":{"require":"./c.cts","import":"./none.ts"}}',
    'packages/c/c.cts': `exports.c = 'c' as string;`,
    'packages/plain/package.json': '{"name":"plain"}',
    'packages/plain/index.js': `exports.plain = __filename;`,
    'node_modules/installed/package.json': '{"name":"installed","exports":"./index.ts"}',
    'node_modules/installed/index.ts': '',
    'app.ts': `
      import { a } from '@ws/a';
      import { x } from '@ws/a/sub/deep/x';
      import { old } from './old.cts';
      import plain from 'plain';
      export const hidden = await import('@ws/a/hidden').catch((error) => error.code);
      export const installed = await import('installed').then(() => 'Node strips types', (error) => error.code);
      export const all = [a, x, old, plain.plain];`,
    'old.cts': `exports.old = require('c').c + require.resolve('./package.json') as string;`,
  });
  mkdirSync(join(folder, 'node_modules/@ws'), { recursive: true });
  for (const name of ['@ws/a', '@ws/b', 'c', 'plain'])
    symlinkSync(join(folder, 'packages', name.replace('@ws/', '')), join(folder, 'node_modules', name));
  const module = await load(folder);
  const at = (name: string): string => join(folder, name);
  assert.deepEqual(module['all'], [
    'ab',
    pathToFileURL(at('packages/a/src/deep/x.ts')).href,
    `c${at('package.json')}`,
    at('packages/plain/index.js'),
  ]);
  assert.equal(module['hidden'], 'ERR_PACKAGE_PATH_NOT_EXPORTED');
  assert.match(String(module['installed']), /^ERR_(UNKNOWN_FILE_EXTENSION|UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING)$/);
});

test('what has not changed is not compiled again, and what has changed is', async () => {
  const folder = project({
    'app.ts': `import { a } from './a'; export const result: number = a;`,
    'a.ts': `import { b } from './b'; export const a: number = b;`,
    'b.ts': `export const b: number = 1;`,
  });
  const first = await prepare(folder);
  assert.equal(first.numCompiled, 3);
  const second = await prepare(folder);
  assert.deepEqual([second.numCompiled, second.url], [0, first.url]);
  write(folder, { 'b.ts': `export const b: number = 2;` });
  const third = await prepare(folder);
  assert.equal(third.numCompiled, 1);
  assert.equal(((await import(third.url)) as { result: number }).result, 2);
  write(folder, { 'b/index.ts': '', 'b.ts': `export const b: number = 1;` });
  assert.deepEqual((await prepare(folder)).url, first.url);
  write(folder, { 'tsconfig.json': '{"compilerOptions":{"jsx":"preserve"}}' });
  assert.equal((await prepare(folder)).numCompiled, 3);
});

test('no half written file stays in the cache, and git does not see it', async () => {
  const folder = project({ 'app.ts': 'export {}' });
  await prepare(folder);
  const names = readdirSync(join(folder, '.iskra'), { recursive: true }).map(String);
  assert.deepEqual(
    names.filter((name) => name.endsWith('.tmp')),
    [],
  );
  assert.ok(names.includes('.gitignore'));
});

test('programs that nobody ran for a month leave the cache when a new one comes', async () => {
  const folder = project({ 'app.ts': 'export const x = 1' });
  const programs = () => readdirSync(join(folder, '.iskra', 'cache')).filter((name) => name !== 'units');
  await prepare(folder);
  const [old = ''] = programs();
  const past = new Date(Date.now() - 31 * 24 * 3_600_000);
  utimesSync(join(folder, '.iskra', 'cache', old), past, past);
  write(folder, { 'app.ts': 'export const x = 2' });
  await prepare(folder);
  assert.ok(!programs().includes(old));
  assert.equal(programs().length, 1);
});

test('without a package the compiled files go to the cache of the user and still find packages', async () => {
  const folder = write(join(root, 'loose'), {
    'node_modules/dep/package.json': '{"main":"dep.cjs"}',
    'node_modules/dep/dep.cjs': 'exports.dep = "dep";',
    'deep/app.ts': `import { dep } from 'dep'; export const result: string = dep;`,
  });
  const { url } = await prepare(folder, 'deep/app.ts');
  assert.ok(fileURLToPath(url).startsWith(join(root, 'user-cache')), url);
  assert.equal(((await import(url)) as { result: string }).result, 'dep');
  assert.ok(!existsSync(join(folder, 'deep', '.iskra')));
});

test('JavaScript is used in place where it finds this installation, and else as a copy that does', async () => {
  const files = {
    'app.mjs': `export { iskra } from 'iskra'; export { h } from './h.mjs'; export const url = import.meta.url;`,
    'h.mjs': `export const h = 'h';`,
  };
  const folder = project(files);
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(installed, join(folder, 'node_modules', 'iskra'));
  const inPlace = await prepare(folder, 'app.mjs');
  assert.deepEqual([inPlace.url, inPlace.numCompiled], [pathToFileURL(join(folder, 'app.mjs')).href, 0]);
  assert.ok(!existsSync(join(folder, '.iskra')));

  const alone = project(files);
  const module = await load(alone, 'app.mjs');
  assert.equal(module['iskra'], installation.resolve('iskra'));
  assert.equal(module['url'], pathToFileURL(join(alone, 'app.mjs')).href);

  const common = project({
    'app.js': `const { iskra } = require('iskra'); exports.iskra = iskra; exports.dir = __dirname;`,
  });
  const commonModule = await load(common, 'app.js');
  assert.deepEqual([commonModule['iskra'], commonModule['dir']], [installation.resolve('iskra'), common]);
});

async function failure(promise: Promise<unknown>): Promise<IskraError> {
  const error: unknown = await promise.then(
    () => assert.fail('should have failed'),
    (thrown: unknown) => thrown,
  );
  assert.ok(IskraError.is(error), String(error));
  return error;
}

test('a syntax error is shown with file, line, column and the line itself', async () => {
  const folder = project({ 'app.ts': `import './bad';`, 'bad.ts': 'const a = 1;\n\tconst b = = 2;\n' });
  const error = await failure(prepare(folder));
  assert.equal(error.code, 'APPLICATION_SYNTAX');
  assert.equal(
    error.message,
    `${join(folder, 'bad.ts')}:2:12: error: Unexpected "="\n    \tconst b = = 2;\n    \t          ^`,
  );
  const shown = reportError(error, { root: installed, workingFolder: folder, verbose: false });
  assert.equal(shown.split('\n')[0], 'bad.ts:2:12: error: Unexpected "="');
});

test('an import that leads nowhere is shown with its place', async () => {
  const folder = project({ 'app.ts': `\nimport { x } from './gone';\nconsole.log(x);` });
  const error = await failure(prepare(folder));
  assert.equal(error.code, 'APPLICATION_IMPORT');
  assert.match(error.message, /app\.ts:2:19: error: cannot find '\.\/gone' \(looked for .*gone\)/);
});

test('what is no file or no module is refused', async () => {
  const folder = project({ 'app.py': '', 'a.d.ts': '', 'tsconfig.json': '{' });
  assert.equal((await failure(prepare(folder, 'gone.ts'))).code, 'APPLICATION_NOT_FOUND');
  assert.equal((await failure(prepare(folder, '.'))).code, 'APPLICATION_NOT_FOUND');
  assert.equal((await failure(prepare(folder, 'app.py'))).code, 'APPLICATION_KIND');
  assert.equal((await failure(prepare(folder, 'a.d.ts'))).code, 'APPLICATION_KIND');
  write(folder, { 'app.ts': '' });
  assert.match((await failure(prepare(folder))).message, /cannot read .*tsconfig\.json/);
});

test('comments and late commas are taken out of JSON, not out of its texts', () => {
  const text = '{ "a": "// no", /* x */ "b": ["/*", 1, ], // y\n "c,": "\\"},", }';
  assert.deepEqual(JSON.parse(withoutComments(text)), { a: '// no', b: ['/*', 1], 'c,': '"},' });
});

test('places in compiled files are shown as places in their sources', async () => {
  const folder = project({
    'app.ts': `interface Gone {\n  x: 1;\n}\nexport function f(): void {\n  throw new Error('x');\n}\n`,
  });
  const prepared = await prepare(folder);
  const module = (await import(prepared.url)) as { f(): void };
  const error = (() => {
    try {
      module.f();
    } catch (thrown) {
      return thrown as Error;
    }
    return assert.fail();
  })();
  const options = { root: installed, workingFolder: folder, verbose: false, sources: prepared.sources };
  // As it comes from a slot: a frame whose place is that of the compiled file.
  const remote = new Error('failed');
  remote.stack = `Error: failed\n${error.stack?.split('\n')[1]}`;
  assert.ok(remote.stack.includes(prepared.url));
  assert.equal(reportError(remote, options), `Error: failed\n    at Module.f (${join(folder, 'app.ts')}:5:9)\n`);
  const elsewhere = new Error(`imported from ${fileURLToPath(prepared.url)}`);
  elsewhere.stack = '';
  assert.equal(reportError(elsewhere, options), `Error: imported from ${join(folder, 'app.ts')}\n`);
});

test('a report shows the message, the lines of the user and the causes', () => {
  const error = new Error('outer', { cause: new TypeError('inner') });
  error.stack = `Error: outer\n    at f (/app/a.ts:1:2)\n    at g (${installed}/dist/src/x.js:3:4)\n    at node:internal/x:1:1`;
  (error.cause as Error).stack = 'TypeError: inner\n    at h (file:///c/b.mjs:5:6)';
  const options = {
    root: installed,
    workingFolder: '/app',
    verbose: false,
    sources: new Map([['/c/b.mjs', '/app/b.ts']]),
  };
  assert.equal(
    reportError(error, options),
    'Error: outer\n    at f (/app/a.ts:1:2)\nCaused by: TypeError: inner\n    at h (/app/b.ts:5:6)\n(--verbose shows the whole stack)\n',
  );
  assert.ok(reportError(error, { ...options, verbose: true }).includes('dist/src/x.js'));
  assert.equal(reportError({ odd: 1 }, options), 'thrown, but not an Error: { odd: 1 }\n');
});
