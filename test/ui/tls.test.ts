import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { get, type RequestOptions } from 'node:https';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '../../src/base/logger.ts';
import { SparkConf } from '../../src/config/spark-conf.ts';
import { startHttpServer } from '../../src/ui/http-server.ts';
import { type AskTheMaster, startMasterWebUi } from '../../src/ui/master/master-web-ui.ts';
import { tlsSettings } from '../../src/ui/tls-settings.ts';
import { startWorkerWebUi } from '../../src/ui/worker/worker-web-ui.ts';
import { masterState } from '../kit/http.ts';

const file = (name: string): string => fileURLToPath(new URL(`../../../test/golden/tls/${name}`, import.meta.url));
const CERT = readFileSync(file('cert.pem'));
const KEY = readFileSync(file('key.pem'));
const STORE = {
  'spark.ssl.enabled': 'true',
  'spark.ssl.keyStore': file('store.p12'),
  'spark.ssl.keyStorePassword': 'of-the-store',
};

async function masterUi(t: TestContext, values: Record<string, string>, state = masterState()) {
  const ui = await startMasterWebUi({ conf: new SparkConf(values), host: '127.0.0.1', port: 0, log: silentLogger });
  t.after(() => ui.stop());
  ui.serve((async () => state) as unknown as AskTheMaster);
  return ui;
}

/** @returns status and body. */
function fetched(url: string, more: RequestOptions = {}): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    get(url, { ca: CERT, agent: false, ...more }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    }).on('error', reject);
  });
}

test('pages are served by TLS with a key store, and who comes without is led there', async (t) => {
  const ui = await masterUi(t, STORE);
  assert.match(ui.url, /^https:\/\/127\.0\.0\.1:\d+$/);
  const { status, body } = await fetched(ui.url);
  assert.equal(status, 200);
  assert.ok(body.includes('Spark Master at'));
  await assert.rejects(fetched(ui.url, { ca: [] }), /self-signed certificate/);
});

test('PEM files do as well, and one kind of pages has settings of its own', async (t) => {
  const ui = await masterUi(t, {
    'spark.ssl.enabled': 'false',
    'spark.ssl.standalone.enabled': 'true',
    'spark.ssl.certChain': '/nowhere',
    'spark.ssl.standalone.certChain': file('cert.pem'),
    'spark.ssl.standalone.privateKey': file('key.pem'),
    'spark.ssl.standalone.protocol': 'TLSv1.3',
  });
  assert.equal((await fetched(ui.url)).status, 200);
  await assert.rejects(fetched(ui.url, { maxVersion: 'TLSv1.2' }));
  assert.match((await masterUi(t, { ...STORE, 'spark.ssl.standalone.enabled': 'false' })).url, /^http:/);
});

test('what comes by HTTP is led to HTTPS, by the name that it was asked for', async (t) => {
  const lines: string[] = [];
  const log = { ...silentLogger, info: (text: string) => void lines.push(text) };
  const server = await startHttpServer({
    ...{ service: 'TestUI', bindAddress: '127.0.0.1', port: 0, maxRetries: 0, portKey: 'spark.test.port' },
    handle: () => ({ status: 200, headers: {}, body: 'safe' }),
    ...{ headers: {}, maxBodyBytes: 10, log, tls: tlsSettings(new SparkConf(STORE), 'standalone') },
  });
  t.after(() => server.close());
  const [plain = 0, secure = 0] = lines.map((line) => Number(/ on port (\d+)\.$/.exec(line)?.[1]));
  assert.equal(secure, server.port);
  const answer = await fetch(`http://localhost:${plain}/app/?appId=1`, { redirect: 'manual' });
  assert.deepEqual([answer.status, answer.headers.get('location')], [302, `https://localhost:${secure}/app/?appId=1`]);
  assert.equal((await fetched(`https://localhost:${secure}/`)).body, 'safe');
  // A host that is none does not get into the answer.
  const odd = await new Promise<string>((resolve) => {
    const socket = connect(plain, '127.0.0.1', () =>
      socket.write('GET //evil/x HTTP/1.1\r\nHost: a b"<\r\nConnection: close\r\n\r\n'),
    );
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('close', () => resolve(text));
  });
  assert.ok(odd.includes(`location: https://127.0.0.1:${secure}//evil/x\r\n`), odd);
});

test('clients can be asked for a certificate', async (t) => {
  const ui = await masterUi(t, {
    ...STORE,
    'spark.ssl.needClientAuth': 'true',
    'spark.ssl.trustStore': file('cert.pem'),
  });
  await assert.rejects(fetched(ui.url));
  assert.equal((await fetched(ui.url, { cert: CERT, key: KEY })).status, 200);
});

test('a master shows pages of workers that are served by TLS, when it believes them', async (t) => {
  const workerUi = await startWorkerWebUi({
    ...{ conf: new SparkConf(STORE), host: '127.0.0.1', port: 0, workDir: '/nowhere', log: silentLogger },
    state: () => null,
  });
  t.after(() => workerUi.stop());
  const state = masterState();
  const [first, ...others] = state.workers;
  assert.ok(first !== undefined);
  const shown = {
    ...state,
    workers: [{ ...first, worker: { ...first.worker, webUiAddress: workerUi.url } }, ...others],
  };
  const proxied = { 'spark.ui.reverseProxy': 'true' };
  const trusting = await masterUi(t, { ...proxied, 'spark.ssl.trustStore': file('cert.pem') }, shown);
  assert.equal((await fetch(`${trusting.url}/proxy/worker-a/health`)).status, 200);
  const wary = await masterUi(t, proxied, shown);
  const refused = await fetch(`${wary.url}/proxy/worker-a/health`);
  assert.deepEqual([refused.status, /self-signed certificate/.test(await refused.text())], [502, true]);
});

test('settings that cannot be are named when the daemon starts', async (t) => {
  for (const [more, why] of [
    [{ 'spark.ssl.enabled': 'yes' }, /spark\.ssl\.enabled should be boolean, but was yes/],
    [{ 'spark.ssl.keyStore': '' }, /spark\.ssl\.keyStore is not set: give a PKCS#12 file, or certChain and privateKey/],
    [{ 'spark.ssl.keyStore': '/nowhere' }, /spark\.ssl\.keyStore cannot be read: ENOENT/],
    [{ 'spark.ssl.standalone.keyStore': file('key.pem') }, /spark\.ssl\.standalone\.keyStore has to be PKCS#12/],
    [{ 'spark.ssl.keyStoreType': 'JKS' }, /keytool -importkeystore/],
    [{ 'spark.ssl.keyStorePassword': 'wrong' }, /spark\.ssl\.\* cannot be used: mac verify failure/],
    [{ 'spark.ssl.standalone.port': '70000' }, /spark\.ssl\.standalone\.port must be between 0 and 65535/],
    [{ 'spark.ssl.protocol': 'SSLv3' }, /spark\.ssl\.protocol is SSLv3: give TLS, TLSv1\.2 or TLSv1\.3/],
    [{ 'spark.ssl.enabledAlgorithms': 'NO_SUCH' }, /spark\.ssl\.\* cannot be used: .*no cipher match/i],
    [{ 'spark.ssl.needClientAuth': 'true' }, /spark\.ssl\.needClientAuth needs a trustStore/],
    [{ 'spark.ssl.trustStore': file('store.p12') }, /spark\.ssl\.trustStore has to be PEM/],
  ] as const) {
    await assert.rejects(masterUi(t, { ...STORE, ...more }), (error: Error) => {
      assert.match(error.message, why);
      assert.ok(!error.message.includes('of-the-store'));
      return true;
    });
  }
  assert.deepEqual(new SparkConf({ ...STORE, 'spark.ssl.rpc.enabled': 'true' }).unknownKeys(), []);
});
