import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DaemonPlace } from '../kit/daemon-place.ts';
import { jsonWebToken } from '../kit/json-web-token.ts';

const file = (name: string): string => fileURLToPath(new URL(`../../../test/golden/tls/${name}`, import.meta.url));
const KEY = Buffer.alloc(32, 7);
const FILTER = 'org.apache.spark.ui.JWSFilter';

function fetched(url: string, user: string): Promise<{ status: number; body: string }> {
  const headers = { authorization: `Bearer ${jsonWebToken({ sub: user }, KEY)}` };
  return new Promise((resolve, reject) => {
    get(url, { ca: readFileSync(file('cert.pem')), headers, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    }).on('error', reject);
  });
}

test('pages of a master and its worker are shown by the master, by TLS, to whom its lists let in', async (t) => {
  const place = new DaemonPlace(t);
  const settings = {
    'spark.ssl.enabled': 'true',
    'spark.ssl.keyStore': file('store.p12'),
    'spark.ssl.keyStorePassword': 'of-the-store',
    'spark.ssl.trustStore': file('cert.pem'),
    'spark.ui.reverseProxy': 'true',
    'spark.ui.filters': FILTER,
    [`spark.${FILTER}.param.secretKey`]: KEY.toString('base64url'),
    'spark.acls.enable': 'true',
    'spark.ui.view.acls': 'ann',
  };
  const lines = Object.entries(settings).map(([key, value]) => `${key} ${value}\n`);
  writeFileSync(join(place.folder, 'guarded.conf'), lines.join(''));
  const given = ['--properties-file', 'guarded.conf'];
  const master = place.start('master', ...given);
  const url = await master.logged(/Starting Iskra master at (spark:\/\/localhost:\d+)/);
  const pages = await master.logged(/UIs are available at (https:\/\/localhost:\d+)/);
  const worker = place.start('worker', ...given, url);
  const shown = await worker.logged(/WorkerWebUI is available at (\S+)/);
  assert.ok(shown.startsWith(`${pages}/proxy/worker-`), shown);
  const own = await fetched(`${pages}/`, 'ann');
  assert.equal(own.status, 200);
  assert.ok(own.body.includes(`href="${shown.slice(pages.length + 1)}/"`));
  const proxied = await fetched(`${shown}/`, 'ann');
  assert.deepEqual([proxied.status, proxied.body.includes('Spark Worker at')], [200, true]);
  const environment = (await fetched(`${pages}/environment/`, 'ann')).body;
  for (const secret of ['of-the-store', KEY.toString('base64url')]) assert.ok(!environment.includes(secret));
  for (const page of [`${pages}/`, `${pages}/json/`, `${shown}/`])
    assert.equal((await fetched(page, 'eve')).status, 403);
  for (const { child, outcome } of [worker, master]) {
    child.kill('SIGTERM');
    assert.doesNotMatch((await outcome).err, /of-the-store/);
  }
});
