import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { silentLogger } from '../../src/base/logger.ts';
import { SparkConf } from '../../src/config/spark-conf.ts';
import type { MasterStateResponse } from '../../src/protocol/master-client.ts';
import { type AskTheMaster, startMasterWebUi } from '../../src/ui/master/master-web-ui.ts';
import { relocated } from '../../src/ui/master/reverse-proxy.ts';
import { masterState } from '../kit/http.ts';

/** A server that answers as it is told; what it was asked is kept. */
async function pages(t: TestContext, answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const asked: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[] = [];
  const server = createServer((incoming, outgoing) => {
    let body = '';
    incoming.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    incoming.on('end', () => {
      asked.push({ method: incoming.method ?? '', url: incoming.url ?? '', headers: incoming.headers, body });
      answer(incoming, outgoing);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { asked, address: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }; // no pipe
}

/** A master whose worker-a and app-1 have their pages at these addresses. */
async function master(t: TestContext, workerUi: string, appUi = '', conf: Record<string, string> = {}) {
  const state = masterState();
  const [first, ...workers] = state.workers;
  const [app] = state.activeApps;
  assert.ok(first !== undefined && app !== undefined);
  const shown: MasterStateResponse = {
    ...state,
    workers: [{ ...first, worker: { ...first.worker, webUiAddress: workerUi } }, ...workers],
    activeApps: [{ ...app, app: { ...app.app, appUiUrl: appUi } }],
  };
  const ui = await startMasterWebUi({
    conf: new SparkConf({ 'spark.ui.reverseProxy': 'true', ...conf }),
    host: '127.0.0.1',
    port: 0,
    log: silentLogger,
  });
  t.after(() => ui.stop());
  ui.serve((async () => shown) as unknown as AskTheMaster);
  return ui.url;
}

const manually = { redirect: 'manual' } as const;

test('pages of workers and applications are served by the master, whatever bytes they are', async (t) => {
  const bytes = Buffer.from([0, 255, 10, 13, 128]);
  const worker = await pages(t, (_, response) => {
    response.writeHead(200, { 'content-type': 'image/png', 'set-cookie': 'a=b', 'x-frame-options': 'DENY' });
    response.end(bytes);
  });
  const app = await pages(t, (_, response) => response.end('jobs'));
  const url = await master(t, worker.address, `${app.address}/`);
  const image = await fetch(`${url}/proxy/worker-a/static/a.png?x=1&y=%2F`);
  assert.deepEqual(Buffer.from(await image.arrayBuffer()), bytes);
  assert.equal(image.headers.get('content-type'), 'image/png');
  assert.equal(image.headers.get('x-frame-options'), 'DENY'); // as the page wants it
  assert.equal(image.headers.get('x-content-type-options'), 'nosniff');
  assert.equal(image.headers.get('set-cookie'), null);
  assert.equal(worker.asked[0]?.url, '/static/a.png?x=1&y=%2F');
  assert.equal(await (await fetch(`${url}/proxy/app-1/jobs/`)).text(), 'jobs');
  assert.equal(app.asked[0]?.url, '/jobs/');
  assert.equal((await fetch(`${url}/proxy/worker-a/`, { method: 'HEAD' })).status, 200);
});

test('what is passed on says where it is from, and no cookies', async (t) => {
  const worker = await pages(t, (_, response) => response.end());
  const url = await master(t, worker.address);
  await fetch(`${url}/proxy/worker-a/app/kill/`, {
    method: 'POST',
    body: new URLSearchParams({ id: 'ä' }),
    headers: { origin: url, cookie: 'a=b', authorization: 'Bearer x' },
  });
  const [{ method, body, headers } = { method: '', body: '', headers: {} as IncomingMessage['headers'] }] =
    worker.asked;
  assert.deepEqual([method, body], ['POST', 'id=%C3%A4']);
  assert.equal(headers.host, new URL(worker.address).host);
  assert.equal(headers['x-forwarded-host'], new URL(url).host);
  assert.equal(headers['x-forwarded-context'], '/proxy/worker-a');
  assert.equal(headers['x-forwarded-for'], '127.0.0.1');
  assert.equal(headers.cookie, undefined);
  assert.equal(headers.authorization, 'Bearer x'); // workers have the same filters
  // A page of another site does not get through.
  const evil = await fetch(`${url}/proxy/worker-a/app/kill/`, { method: 'POST', headers: { origin: 'http://evil' } });
  assert.deepEqual([evil.status, worker.asked.length], [403, 1]);
});

test('redirections stay behind the master', async (t) => {
  const worker = await pages(t, (request, response) => {
    response.writeHead(303, { location: request.url === '/a' ? `${worker.address}/b` : '../../' });
    response.end();
  });
  const url = await master(t, worker.address);
  const first = await fetch(`${url}/proxy/worker-a?x=1`, manually);
  assert.deepEqual([first.status, first.headers.get('location')], [303, './worker-a/?x=1']);
  assert.equal((await fetch(`${url}/proxy/worker-a/a`, manually)).headers.get('location'), './b');
  assert.equal((await fetch(`${url}/proxy/worker-a/app/kill/`, manually)).headers.get('location'), '../../');
  const odd = await fetch(`${url}/proxy/javascript:alert(1)`, manually);
  assert.equal(new URL(odd.headers.get('location') ?? '', `${url}/proxy/x`).origin, url);
  const address = new URL('http://h:1');
  assert.equal(relocated('http://h:1/jobs/', address, '/'), './jobs/');
  assert.equal(relocated('/jobs/?a', address, '/a/b'), '../jobs/?a');
  assert.equal(relocated('http://h:1', address, '/a/b/'), '../../');
  for (const elsewhere of ['http://h:12/x', '//evil/x', 'next/', 'https://h:1/'])
    assert.equal(relocated(elsewhere, address, '/a'), elsewhere);
});

test('what is not there, or not reached, is said', async (t) => {
  const worker = await pages(t, (_, response) => response.destroy());
  const url = await master(t, worker.address, 'javascript:alert(1)');
  for (const path of ['/proxy/', '/proxy/worker-x/', '/proxy/app-1/', '/proxy/app-0/', '/proxy/%E0%A4%A/'])
    assert.equal((await fetch(url + path)).status, 404, path);
  const broken = await fetch(`${url}/proxy/worker-a/`);
  assert.equal(broken.status, 502);
  assert.match(await broken.text(), /^The pages of worker-a cannot be reached from the master: /);
});

test('a page that breaks off is seen to break off', async (t) => {
  const worker = await pages(t, (_, response) => {
    response.writeHead(200, { 'content-length': '100' });
    response.write('half', () => response.destroy());
  });
  const url = await master(t, worker.address);
  await assert.rejects(fetch(`${url}/proxy/worker-a/`).then((response) => response.text()));
});

test('a worker whose pages are said to be at the master goes round in no circle', async (t) => {
  let own = '';
  const worker = await pages(t, (request, response) => {
    // Sends back what it was sent, as a proxy would.
    void fetch(`${own}/proxy/worker-a/`, { headers: { via: request.headers.via ?? '' } }).then(({ status }) => {
      response.end(String(status));
    });
  });
  own = await master(t, worker.address);
  assert.equal(await (await fetch(`${own}/proxy/worker-a/`)).text(), '508');
  assert.equal(worker.asked.length, 1);
});

test("links of the master's pages lead through it, and are direct without", async (t) => {
  const worker = await pages(t, (_, response) => response.end());
  const through = await (await fetch(await master(t, worker.address, 'http://d:4040'))).text();
  for (const link of ['href="proxy/worker-a/"', 'href="proxy/app-1/"']) assert.ok(through.includes(link), link);
  assert.ok(!through.includes(worker.address));
  const page = await (await fetch(`${await master(t, worker.address)}/app/?appId=app-1`)).text();
  assert.ok(page.includes('href="../proxy/worker-a/logPage/?appId=app-1&amp;executorId=0&amp;logType=stdout"'));
  const off = await master(t, worker.address, 'http://d:4040', { 'spark.ui.reverseProxy': 'false' });
  const direct = await (await fetch(off)).text();
  for (const link of [`href="${worker.address}"`, 'href="http://d:4040"']) assert.ok(direct.includes(link), link);
  assert.equal((await fetch(`${off}/proxy/worker-a/`)).status, 404);
});
