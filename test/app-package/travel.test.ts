import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { fetchApplication } from '../../src/app-package/fetch-application.ts';
import { packApplication } from '../../src/app-package/pack-application.ts';
import { registerPackageStore } from '../../src/app-package/package-server.ts';
import { PartStore } from '../../src/app-package/part-store.ts';
import { placedPackageOf } from '../../src/app-package/place-package.ts';
import { uploadPackage } from '../../src/app-package/transfer-parts.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { VERSION } from '../../src/base/version.ts';
import type { AskPackages } from '../../src/protocol/app-package.ts';
import { AppFolder } from '../kit/app-folder.ts';
import { addressOf, withEnvs } from '../kit/rpc.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url)).replace(/\/$/, '');
const INSTALLATION = { root: ROOT, version: VERSION };
const LIMITS = { maxPartBytes: 1 << 30, maxReaders: 2, timeToLiveMs: 60_000 };

const app = new AppFolder({
  'package.json': '{"name":"app","type":"module","imports":{"#tools":"./lib/tools.js"}}',
  'main.js': `import { readFileSync } from 'node:fs';
import { deep } from 'outer';
import plain from './lib/plain.cjs';
import { tool } from '#tools';
import data from './data.json' with { type: 'json' };
const beside = readFileSync(new URL('./beside.txt', import.meta.url), 'utf8');
const { lazy } = await import('./lib/lazy.js');
console.log([deep, plain, tool, data.n, beside, lazy, import.meta.url.includes('/trees/')].join(' '));
`,
  'lib/plain.cjs': `const { plain } = require('@scope/plain'); module.exports = plain;`,
  'lib/tools.js': 'export const tool = "tool";',
  'lib/lazy.js': 'export const lazy = "lazy";',
  'data.json': '{"n":7}',
  'beside.txt': 'beside',
  'not-needed.js': 'export {};',
  // As pnpm lays packages out.
  'node_modules/outer': { link: '.pnpm/outer@1.0.0/node_modules/outer' },
  'node_modules/.pnpm/outer@1.0.0/node_modules/outer/package.json':
    '{"name":"outer","version":"1.0.0","main":"index.js","dependencies":{"inner":"2.0.0","@scope/absent":"1"},"optionalDependencies":{"fsevents":"1"}}',
  'node_modules/.pnpm/outer@1.0.0/node_modules/outer/index.js': "exports.deep = require('inner');",
  'node_modules/.pnpm/outer@1.0.0/node_modules/inner': { link: '../../inner@2.0.0/node_modules/inner' },
  'node_modules/.pnpm/inner@2.0.0/node_modules/inner/package.json': '{"name":"inner","version":"2.0.0"}',
  'node_modules/.pnpm/inner@2.0.0/node_modules/inner/index.js': 'module.exports = "deep";',
  'node_modules/@scope/plain/package.json': '{"name":"@scope/plain","version":"3.0.0"}',
  'node_modules/@scope/plain/index.js': 'exports.plain = require("nested");',
  'node_modules/@scope/plain/node_modules/nested/package.json': '{"name":"nested","version":"1.1.1"}',
  'node_modules/@scope/plain/node_modules/nested/index.js': 'module.exports = "nested";',
});
app.write({
  'node_modules/@scope/plain/package.json':
    '{"name":"@scope/plain","version":"3.0.0","dependencies":{"nested":"1.1.1"}}',
});
const scratch = new AppFolder();
after(() => {
  app.remove();
  scratch.remove();
});

test('an application travels through a store: packed once, each part sent once, run where its folder is not', async () => {
  const store = new PartStore(scratch.path('submitter'));
  const packed = await packApplication({ entry: app.path('main.js'), installation: INSTALLATION, store });
  assert.deepEqual(packed.manifest.parts.map(({ name, version }) => `${name}@${version}`).sort(), [
    '@scope/plain@3.0.0',
    'inner@2.0.0',
    'nested@1.1.1',
    'null@null',
    'outer@1.0.0',
  ]);
  assert.equal(packed.warnings.length, 1);
  assert.match(packed.warnings[0] ?? '', /outer in .* depends on '@scope\/absent', which is not installed/);

  await withEnvs(async (make) => {
    const master = await make({ port: 0 });
    const handle = registerPackageStore(master, () => new PartStore(scratch.path('master')), LIMITS, systemClock);
    const client = await make();
    const ref = await client.connect<never, AskPackages>(addressOf(master), 'Packages');
    assert.equal(handle.has(packed.resource), false);
    assert.equal((await uploadPackage(packed, ref)).sentParts, 6);
    assert.equal((await uploadPackage(packed, ref)).sentParts, 0);
    assert.equal(handle.has(packed.resource), true);

    const options = {
      cacheFolder: scratch.path('worker'),
      rpc: client,
      masters: [{ host: '127.0.0.1', port: 1 }, addressOf(master)],
      timeoutMs: 1000,
      signal: new AbortController().signal,
      limits: { ttlMs: 1e9, maxBytes: 1e9 },
      clock: systemClock,
      log: silentLogger,
    };
    const entries = await Promise.all([1, 2, 3].map(() => fetchApplication(packed.resource, '/nowhere', options)));
    assert.equal(new Set(entries).size, 1);
    const entry = entries[0] as string;
    const out = execFileSync(process.execPath, [entry], { encoding: 'utf8' });
    assert.equal(out, 'deep nested tool 7 beside lazy true\n');
    const placed = placedPackageOf(entry);
    assert.equal(placed?.id, packed.id);
    assert.equal(existsSync(`${placed?.root}${app.path('not-needed.js')}`), false);
    assert.deepEqual(readdirSync(scratch.path('worker/drafts')), []);

    // Needed: kept; not needed, but young: kept; old: removed.
    const now = Date.now();
    assert.equal(handle.clean([packed.resource], now + 120_000), 0);
    assert.equal(handle.clean([], now), 0);
    assert.equal(handle.clean([], now + 120_000), 6);
    assert.equal(handle.has(packed.resource), false);
    // What is here already needs nobody.
    assert.equal(await fetchApplication(packed.resource, '/nowhere', options), entry);
    await assert.rejects(
      fetchApplication(packed.resource, '/nowhere', { ...options, cacheFolder: scratch.path('other') }),
      { code: 'PACKAGE_MISSING' },
    );
  });
});

test('unchanged parts are not packed again, and a changed module changes its part alone', async () => {
  const store = new PartStore(scratch.path('again'));
  const pack = () => packApplication({ entry: app.path('main.js'), installation: INSTALLATION, store });
  const first = await pack();
  const times = (): number[] => first.hashes.slice(1).map((hash) => statSync(store.pathOf(hash)).ino);
  const before = times();
  assert.equal((await pack()).id, first.id);
  assert.deepEqual(times(), before);
  writeFileSync(app.path('lib/lazy.js'), 'export const lazy = "other";');
  const second = await pack();
  assert.notEqual(second.id, first.id);
  assert.equal(second.hashes.filter((hash) => !first.hashes.includes(hash)).length, 2);
  writeFileSync(app.path('lib/lazy.js'), 'export const lazy = "lazy";');
});
