// The package as users have it, in a folder of its own: what it keeps of its compiled code, and that nothing hangs on it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const folder = mkdtempSync(join(tmpdir(), 'iskra-package-'));
after(() => rmSync(folder, { recursive: true }));
const root = fileURLToPath(new URL('../../../', import.meta.url));
for (const part of ['bin', 'package.json', 'dist/bundle'])
  cpSync(join(root, part), join(folder, part), { recursive: true });
symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
const app = join(folder, 'app');
mkdirSync(app);
writeFileSync(join(app, 'package.json'), '{"type":"module"}');
writeFileSync(
  join(app, 'sum.js'),
  `import { SparkContext } from 'iskra';
export async function main([master = 'local[1]']) {
  const sc = await SparkContext.create({ master, appName: 'sum', 'spark.ui.enabled': 'false' });
  const shared = sc.broadcast(new Map([[1, 10]]));
  console.log(await sc.parallelize([1, 2, 3]).map((x) => shared.value.get(x) ?? x).reduce((a, b) => a + b));
  await sc.stop();
}
`,
);
const home = join(folder, 'home');
const cache = join(folder, 'dist', 'cache');
const ofUser = join(home, '.cache', 'iskra', 'code');
const kinds = (where: string): string[] => readdirSync(where).map((name) => name.split('-')[2] as string); // SCRIPT-HASH.js-KIND-…

async function run(flags: readonly string[] = [], args: readonly string[] = []): Promise<void> {
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    [...flags, join(folder, 'bin', 'iskra'), 'run', 'sum.js', ...args],
    { cwd: app, env: { ...process.env, HOME: home, NODE_OPTIONS: '' } },
  );
  assert.deepEqual({ stdout, stderr }, { stdout: '15\n', stderr: '' });
}

beforeEach(() => {
  for (const path of [cache, home]) rmSync(path, { recursive: true, force: true });
  mkdirSync(home);
});

test('the first run keeps the code of the driver and of the slots, and the second uses it', async () => {
  await run();
  assert.deepEqual(kinds(cache).sort(), ['command', 'driver', 'slot']);
  const times = (): number[] => readdirSync(cache).map((name) => statSync(join(cache, name)).mtimeMs);
  const before = times();
  await run();
  assert.deepEqual(times(), before);
});

test('a driver of a cluster adds to what one with local slots has kept', async () => {
  await run();
  const driver = (): string => join(cache, readdirSync(cache).find((name) => name.includes('-driver-')) ?? '');
  const local = readFileSync(driver());
  await run([], ['local-cluster[1,1,1024]']);
  const both = readFileSync(driver());
  assert.ok(both.length > local.length);
  await run();
  assert.ok(readFileSync(driver()).equals(both));
});

test('a damaged cache is made anew', async () => {
  await run();
  const [name = ''] = readdirSync(cache);
  const file = join(cache, name);
  const damaged = readFileSync(file).map((byte, at) => (at % 1000 === 7 ? byte ^ 1 : byte));
  writeFileSync(file, damaged);
  await run();
  assert.ok(!readFileSync(file).equals(damaged));
  await run();
});

test('code of other flags is not used, nor replaced', async () => {
  await run();
  const before = readdirSync(cache).sort();
  await run(['--stack-size=1200']);
  const after = readdirSync(cache);
  assert.equal(after.length, 6);
  for (const name of before) assert.ok(after.includes(name));
});

test('an installation that may not be written keeps the code in the home of the user', async () => {
  writeFileSync(cache, ''); // stands in the way, also of root
  await run();
  assert.deepEqual(kinds(ofUser).sort(), ['command', 'driver', 'slot']);
  await run();
});

test('classes of the package have the names that they are exported by', async () => {
  const iskra: Record<string, unknown> = await import(pathToFileURL(join(folder, 'dist/bundle/lib/index.js')).href);
  for (const [name, value] of Object.entries(iskra)) if (typeof value === 'function') assert.equal(value.name, name);
});

test('where nothing can be kept it runs all the same', async () => {
  writeFileSync(cache, '');
  rmSync(home, { recursive: true });
  writeFileSync(home, '');
  await run();
});
