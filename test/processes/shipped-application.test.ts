import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { archiveOf } from '../kit/archives.ts';
import { IskraCommand } from '../kit/iskra-command.ts';
import { BUNDLED_EXECUTOR, StandaloneCluster } from '../kit/standalone-cluster.ts';

const LZ4 = fileURLToPath(new URL('../../../node_modules/lz4-napi', import.meta.url));

const iskra = new IskraCommand('shipped', {
  'job.ts': `import { readFileSync } from 'node:fs';
import { SparkContext } from 'iskra';
import lz4 from 'lz4-napi';
import { greet } from 'greeter';
import old from './lib/old.cjs';
import { place, words } from './lib/words.ts';

export async function main(): Promise<void> {
  const sc = await SparkContext.create();
  const rows = await sc.range(0, 2, 1, 2).mapAsync(async () => {
    const late = await import('./lib/late.ts');
    const size = lz4.compressSync(Buffer.from('a'.repeat(1000))).length;
    const beside = readFileSync(new URL('./lib/beside.txt', import.meta.url), 'utf8');
    return [greet('you'), old.shout('x'), words(), late.late, size < 100, beside, place()].join(' ');
  }).collect();
  for (const row of new Set(rows)) console.log(row);
  await sc.stop();
}
`,
  'lib/words.ts': `import { readFileSync } from 'node:fs';
import { SparkFiles } from 'iskra';
import { helper } from './helper.ts';
interface Place { readonly url: string }
const here: Place = { url: import.meta.url };
export function words(): string {
  return helper + typeof SparkFiles.get + readFileSync(new URL('./beside.txt', here.url), 'utf8');
}
export function place(): string {
  return import.meta.url;
}
export function fail(x: number): number {
  if (x >= 0) throw new Error('bad record ' + x);
  return x;
}
`,
  'lib/helper.ts': `export const helper: string = 'helper ';\n`,
  'lib/late.ts': `export const late: string = 'late';\n`,
  'lib/beside.txt': 'beside',
  'lib/old.cjs': `const { loud } = require('loud'); exports.shout = (x) => loud(x) + require('path').sep;`,
  'fails.ts': `import { SparkContext } from 'iskra';
import { fail } from './lib/words.ts';

export async function main(): Promise<void> {
  const sc = await SparkContext.create();
  await sc.range(1, 2, 1, 1).map(fail).collect();
}
`,
  'computed.ts': `import { SparkContext } from 'iskra';
export async function main(): Promise<void> {
  const sc = await SparkContext.create();
  const name = './lib/not-traced.js';
  const one = await sc.range(0, 1, 1, 1).mapAsync(async () => (await import(name)).one).collect();
  console.log(one[0]);
}
`,
  'lib/not-traced.js': 'export const one = 1;',
  'node_modules/greeter/package.json':
    '{"name":"greeter","version":"1.0.0","type":"module","exports":"./index.js","dependencies":{"loud":"1"}}',
  'node_modules/greeter/index.js': `import loud from 'loud'; export function greet(x) { return loud.loud('hello ' + x); }`,
  'node_modules/loud/package.json': '{"name":"loud","version":"1.0.0"}',
  'node_modules/loud/index.js': 'exports.loud = (x) => x + "!";',
  'read.ts': `import { readFileSync } from 'node:fs';
import { SparkContext, SparkFiles } from 'iskra';
const sc = await SparkContext.create();
await sc.addFile(process.argv[2] as string);
const names = process.argv.slice(3);
const read = (name: string): string => readFileSync(SparkFiles.get(name), 'utf8').slice(0, 10);
console.log(JSON.stringify(await sc.parallelize(names, 2).map(read).collect()));
await sc.stop();
`,
  'one file.txt': 'first',
  'later.txt': 'later',
  'empty.txt': '',
  'large.txt': 'x'.repeat(9_000_000),
});
iskra.write({ 'tree.tgz': archiveOf('tgz', { 'in/side.txt': 'third' }) });
mkdirSync(iskra.path('node_modules'), { recursive: true });
symlinkSync(LZ4, iskra.path('node_modules/lz4-napi'));
after(() => iskra.remove());

const CACHE = iskra.path('cache');
const SHIPPED = [
  ...['--master', 'local-cluster[2,1,1024]', '-c', 'spark.iskra.package.ship=always'],
  ...['-c', `spark.iskra.package.cacheDir=${iskra.path('packed')}`],
  ...['-c', `spark.executorEnv.ISKRA_PACKAGE_CACHE=${CACHE}`],
];

test('executors import copies of the modules: TypeScript, CommonJS, packages, a native add-on, what lies beside', async () => {
  const { code, out, err } = await iskra.run(...SHIPPED, 'job.ts');
  assert.equal(code, 0, err);
  assert.match(
    out,
    /^hello you! x!\/ helper functionbeside late true beside file:\S+\/cache\/trees\/\S+\/lib\/words\.ts\n$/,
  );
  const parts = readdirSync(`${CACHE}/parts`).length;
  // The manifest, the application, greeter, loud, lz4-napi with what it depends on.
  assert.ok(parts >= 6, String(parts));
  assert.deepEqual(readdirSync(`${CACHE}/drafts`), []);
});

test('an error in a copied module shows the line of the source', async () => {
  const { code, err } = await iskra.run(...SHIPPED, 'fails.ts');
  assert.equal(code, 1);
  assert.match(err, /bad record 1/);
  assert.match(err, new RegExp(`${iskra.path('lib/words.ts')}:13:\\d+`));
  assert.doesNotMatch(err, /cache\/trees/);
});

test('a module that no import names is said to be missing, and is there when it is included', async () => {
  const [missing, included] = await Promise.all([
    iskra.run(...SHIPPED, 'computed.ts'),
    iskra.run(...SHIPPED, '-c', 'spark.iskra.package.include=lib/*.js', 'computed.ts'),
  ]);
  assert.equal(missing.code, 1);
  assert.match(missing.err, /Cannot find module '\/\S+\/lib\/not-traced\.js'/);
  assert.deepEqual([included.code, included.out], [0, '1\n'], included.err);
});

test('a native add-on of another machine is named when it cannot be loaded', async () => {
  const elf = Buffer.alloc(64);
  elf.writeUInt32BE(0x7f454c46);
  elf[5] = 1;
  elf.writeUInt16LE(22, 18);
  iskra.write({
    'node_modules/foreign/package.json': '{"name":"foreign","version":"4.5.6"}',
    'node_modules/foreign/index.js': `exports.x = require('./build/foreign.node');`,
    'node_modules/foreign/build/foreign.node': elf,
    'foreign.ts': `import { SparkContext } from 'iskra';
const sc = await SparkContext.create();
await sc.range(0, 1, 1, 1).mapAsync(async () => (await import('foreign')).x).collect();
`,
  });
  const { code, err } = await iskra.run(...SHIPPED, 'foreign.ts');
  assert.equal(code, 1);
  assert.match(
    err,
    /foreign\.node: .*; the application was packed on \S+ and this executor runs on \S+, for which these packages have no native add-on: foreign@4\.5\.6 \(linux-s390x\); install the application/,
  );
});

test('added files come over the connection: small, empty, of several pieces, archives, and those added later', async () => {
  const { code, out, err } = await iskra.run(
    ...[...SHIPPED, '--files', 'one file.txt,empty.txt,large.txt', '--archives', 'tree.tgz#tree'],
    ...['read.ts', 'later.txt', 'one file.txt', 'empty.txt', 'large.txt', 'tree/in/side.txt', 'later.txt'],
  );
  assert.deepEqual([code, out], [0, '["first","","xxxxxxxxxx","third","later"]\n'], err);
  assert.deepEqual(iskra.leftOver(), []);
});

test('executors that see the files of the driver fetch nothing', async () => {
  const { code, out, err } = await iskra.run(
    ...['--master', 'local-cluster[2,1,1024]', '-c', `spark.executorEnv.ISKRA_PACKAGE_CACHE=${iskra.path('unused')}`],
    'job.ts',
  );
  assert.equal(code, 0, err);
  assert.match(out, new RegExp(`file://${iskra.path('lib/words.ts')}\n$`));
  assert.equal(existsSync(iskra.path('unused')), false);
});

test('--packages are installed, found by the application, and travel with it', async () => {
  iskra.write({
    'elsewhere/shouter/package.json': '{"name":"shouter","version":"1.2.3","exports":"./index.js"}',
    'elsewhere/shouter/index.js': 'exports.shout = (x) => x.toUpperCase();',
    'plain.js': `import { SparkContext } from 'iskra';
import { twice } from './lib/twice.js';
export async function main() {
  const sc = await SparkContext.create();
  console.log(JSON.stringify(await sc.parallelize(['a', 'b'], 2).map((x) => twice(x)).collect()));
}
`,
    'lib/twice.js': `import { shout } from 'shouter';\nexport const twice = (x) => shout(x + x);\n`,
  });
  const spec = `shouter@file:${iskra.path('elsewhere/shouter')}`;
  const without = await iskra.run('plain.js');
  assert.match(without.err, /Cannot find package 'shouter'/);
  const { code, out, err } = await iskra.run(...SHIPPED, '--packages', spec, 'plain.js');
  assert.deepEqual([code, out], [0, '["AA","BB"]\n'], err);
});

test('on a standalone cluster executors share the cache in the work directory of their worker', async () => {
  const cluster = await StandaloneCluster.start({ workers: 1, coresPerWorker: 2, executor: BUNDLED_EXECUTOR });
  try {
    const { code, out, err } = await iskra.run(
      ...['--master', cluster.url, '-c', 'spark.iskra.package.ship=always', '-c', 'spark.executor.memory=512m'],
      ...['--executor-cores', '1', '-c', `spark.iskra.package.cacheDir=${iskra.path('packed')}`, 'job.ts'],
    );
    assert.equal(code, 0, err);
    assert.match(out, /^hello you! .* file:\S+\/work-0\/cache\/trees\/\S+\/lib\/words\.ts\n$/);
    assert.equal(readdirSync(join(cluster.directory, 'work-0/cache/trees')).length, 1);
  } finally {
    await cluster.stop();
  }
});
