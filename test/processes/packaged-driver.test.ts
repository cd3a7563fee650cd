import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { packApplication } from '../../src/app-package/pack-application.ts';
import { PartStore } from '../../src/app-package/part-store.ts';
import { placePackage } from '../../src/app-package/place-package.ts';
import { prepareApplication } from '../../src/deploy/submit/app-loader.ts';
import { thisInstallation } from '../../src/main/installation.ts';
import { AppFolder } from '../kit/app-folder.ts';
import { IskraCommand } from '../kit/iskra-command.ts';

const iskra = new IskraCommand('packaged', {});
after(() => iskra.remove());

const FILES = {
  'package.json': '{"type":"module"}',
  'job.ts': `import { readFileSync } from 'node:fs';
import { SparkContext } from 'iskra';
import { check } from './check.ts';

export async function main(what: string[]): Promise<void> {
  const sc = await SparkContext.create();
  console.log(readFileSync(new URL('./data.txt', import.meta.url), 'utf8'));
  const limit = Number(what[0]);
  console.log((await sc.range(0, 4, 1, 2).map((x) => check(x, limit)).collect()).join());
}
`,
  'check.ts': `import { double } from 'doubler';
interface Unused { readonly a: number }
export function check(x: number, limit: number): number {
  if (x > limit) throw new Error('too large: ' + x);
  return double(x);
}
`,
  'data.txt': 'data',
  'node_modules/doubler/package.json': '{"name":"doubler","version":"1.0.0","type":"module","exports":"./index.js"}',
  'node_modules/doubler/index.js': 'export const double = (x) => x * 2;',
};

test('a packed application runs, driver and executors, after its folder has gone, and errors show its lines', async () => {
  const app = new AppFolder(FILES);
  const installation = thisInstallation();
  const prepared = await prepareApplication('job.ts', { installation, workingFolder: app.folder });
  const store = new PartStore(iskra.path('worker'));
  const packed = await packApplication({
    entry: fileURLToPath(prepared.url),
    application: prepared.path,
    installation,
    store,
  });
  app.remove();
  const { entry, root } = placePackage(store, packed.id, installation, Date.now());
  assert.ok(existsSync(`${root}${app.path('job.ts')}`), 'the source is there as well');
  const command = [
    ...['--master', 'local-cluster[1,1,1024]', '-c', 'spark.iskra.package.ship=always'],
    ...['-c', `spark.executorEnv.ISKRA_PACKAGE_CACHE=${iskra.path('other-worker')}`],
    entry,
  ];
  const good = await iskra.run(...command, '10');
  assert.deepEqual([good.code, good.out], [0, 'data\n0,2,4,6\n'], good.err);
  const bad = await iskra.run(...command, '1');
  assert.equal(bad.code, 1);
  assert.match(bad.err, /too large: 2/);
  assert.ok(bad.err.includes(`${app.path('check.ts')}:4:`), bad.err);
  assert.ok(bad.err.includes(`${app.path('job.ts')}:9:`), bad.err);
});
