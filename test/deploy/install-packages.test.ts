import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync, readFileSync, utimesSync } from 'node:fs';
import { after, test } from 'node:test';
import { installPackages } from '../../src/deploy/submit/install-packages.ts';
import { AppFolder } from '../kit/app-folder.ts';

const scratch = new AppFolder({
  'greeter/package.json': '{"name":"greeter","version":"1.0.0","scripts":{"postinstall":"touch ran"}}',
  'greeter/index.js': 'exports.greet = "hello";',
  npm: `#!/bin/sh
echo "$@ $npm_config_registry" >> "${'$'}{0%/*}/calls"
mkdir -p node_modules
case "$*" in *broken*) echo "npm error code E404" >&2; echo "npm error 404 Not Found - broken@1.0.0" >&2; exit 1;; esac
`,
});
chmodSync(scratch.path('npm'), 0o755);
after(() => scratch.remove());

const told: string[] = [];
const options = {
  cacheFolder: scratch.path('cache'),
  npm: scratch.path('npm'),
  tell: (message: string) => void told.push(message),
};

test('a set of packages is installed once, whatever its order, and another registry is another set', async () => {
  const folder = await installPackages(['a@1.0.0', '@s/b@^2'], options);
  assert.equal(await installPackages(['@s/b@^2', 'a@1.0.0', 'a@1.0.0'], options), folder);
  assert.notEqual(
    await installPackages(['a@1.0.0', '@s/b@^2'], { ...options, registry: 'http://user:word@127.0.0.1:1/' }),
    folder,
  );
  const calls = readFileSync(scratch.path('calls'), 'utf8').trim().split('\n');
  assert.equal(calls.length, 2);
  assert.match(calls[0] ?? '', /^install --ignore-scripts .* -- @s\/b@\^2 a@1\.0\.0/);
  assert.match(calls[1] ?? '', /-- @s\/b@\^2 a@1\.0\.0 http:\/\/user:word@127\.0\.0\.1:1\/$/);
  assert.deepEqual(told, ['installing @s/b@^2, a@1.0.0', 'installing @s/b@^2, a@1.0.0']);
});

test('a set that was not used for 30 days goes when another one is installed, one that was used stays', async () => {
  const [old, used] = [await installPackages(['old@1.0.0'], options), await installPackages(['used@1.0.0'], options)];
  const longAgo = new Date(Date.now() - 31 * 24 * 3_600_000);
  for (const folder of [old, used]) utimesSync(folder, longAgo, longAgo);
  await installPackages(['used@1.0.0'], options);
  await installPackages(['new@1.0.0'], options);
  assert.deepEqual([existsSync(old), existsSync(used)], [false, true]);
});

test('what npm says is in the error, and nothing of the attempt stays', async () => {
  const before = readdirSync(options.cacheFolder);
  await assert.rejects(installPackages(['broken@1.0.0'], options), {
    code: 'PACKAGES_INSTALL',
    message: 'cannot install broken@1.0.0: npm ended with code 1:\n    code E404\n    404 Not Found - broken@1.0.0',
  });
  await assert.rejects(installPackages(['a@2.0.0'], { ...options, npm: '/nowhere/npm' }), {
    code: 'PACKAGES_INSTALL',
    message: /there is no \/nowhere\/npm on the PATH; install npm/,
  });
  assert.deepEqual(readdirSync(options.cacheFolder), before);
});

for (const [spec, message] of [
  ['org.apache.spark:spark-avro_2.13:4.0.0', /is a Maven coordinate, and here packages come from npm/],
  ['lodash', /'lodash', which is not of the form NAME@VERSION; give for example/],
  ['--registry=x', /not of the form/],
  ['a@1 --force', /not of the form/],
  ['../up@1', /not of the form/],
] as const)
  test(`--packages ${spec} is refused before npm is asked`, async () => {
    await assert.rejects(installPackages([spec], options), { code: 'PACKAGES_SPEC', message });
  });

test('the real npm installs a folder as a copy, without running its scripts', async () => {
  const { npm: _, ...real } = options;
  process.env['npm_config_cache'] = scratch.path('npm-cache'); // not the user's, which may be closed
  const folder = await installPackages([`greeter@file:${scratch.path('greeter')}`], real);
  assert.deepEqual(readdirSync(`${folder}/node_modules/greeter`).sort(), ['index.js', 'package.json']);
});
