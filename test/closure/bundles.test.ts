import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type BuildOptions, buildSync } from 'esbuild';
import { captureAll, checkClosure, remapStack } from '../../src/closure/closure.ts';
import { Executors, FIXTURES } from './kit.ts';

const executors = new Executors();
const folder = mkdtempSync(join(tmpdir(), 'iskra-bundles-'));
after(async () => {
  rmSync(folder, { recursive: true });
  await executors.close();
});

type Made = Record<string, (...args: readonly unknown[]) => unknown>;

let bundles = 0;

async function build(options: BuildOptions, entry = 'bundle-entry.mjs'): Promise<Made> {
  const outfile = join(folder, `bundle-${bundles++}.${options.format === 'cjs' ? 'cjs' : 'mjs'}`);
  buildSync({
    entryPoints: [fileURLToPath(new URL(entry, FIXTURES))],
    outfile,
    platform: 'node',
    format: 'esm',
    bundle: true,
    logLevel: 'error',
    ...options,
  });
  const module = (await import(pathToFileURL(outfile).href)) as { made: Made };
  return module.made;
}

const CALLS: Readonly<Record<string, readonly [args: readonly unknown[], result: unknown]>> = {
  words: [['aaaa bb cccc'], ['aaaa', 'cccc']],
  namespace: [['a b'], 9],
  helper: [[[1, 2]], [8, 10]],
  classes: [['Rex'], ['Rex woof 7!', 'REX', 5]],
  commonJs: [[1], 12],
  builtin: [['/a/b.txt'], 'b.txt'],
  imported: [[1], [2, 7]],
  async: [[{}], 3],
};

const WAYS: Readonly<Record<string, BuildOptions>> = {
  'an ESM bundle': {},
  'a CommonJS bundle': { format: 'cjs' },
  'a minified bundle': { minify: true },
  'a minified bundle that keeps names': { minify: true, keepNames: true },
  'a minified CommonJS bundle that keeps names': { minify: true, keepNames: true, format: 'cjs' },
  'a bundle with an inline source map': { sourcemap: 'inline', minify: true },
};

for (const [way, options] of Object.entries(WAYS))
  test(`functions of ${way} are copied`, async () => {
    const made = await build(options);
    for (const [name, [args, expected]] of Object.entries(CALLS)) {
      const bytes = captureAll([made[name]]);
      assert.deepEqual(await executors.inBoth({ bytes, args }), [expected, expected], name);
    }
    if (options.keepNames === true) {
      const bytes = captureAll([made['names']]);
      assert.deepEqual(await executors.inWorker({ bytes }), ['helper', 'Dog', 'isLong']);
    }
  });

test('private fields that a bundler turned into a WeakMap are refused by name', async () => {
  const { classes } = await build({ target: 'es2017' });
  assert.throws(
    () => checkClosure(classes as () => unknown),
    /captures `_secret`[\s\S]*a WeakMap cannot be copied to another process/,
  );
});

test('errors and stacks of a minified bundle point at its sources through the source map', async () => {
  const made = await build({ sourcemap: 'inline', minify: true });
  const { helper } = made;
  const bytes = captureAll([helper]);
  const stack = await executors.inWorker({ bytes, args: [null] }).then(String, (error: Error) => error.stack ?? '');
  assert.match(stack, /bundle-\d+\.mjs/);
  assert.match(remapStack(stack), /bundle-entry\.mjs:11:\d+/);
  checkClosure(helper as () => unknown);
});
