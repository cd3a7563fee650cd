import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { test } from 'node:test';
import { silentLogger } from '../../src/base/logger.ts';
import { SparkConf } from '../../src/config/spark-conf.ts';
import { type HttpHandler, type HttpResponse, textAnswer } from '../../src/ui/http-messages.ts';
import { type RunningHttpServer, startHttpServer } from '../../src/ui/http-server.ts';
import { securityHeaders } from '../../src/ui/security-headers.ts';
import { recordingLogger } from '../kit/rpc.ts';

async function withServer(
  handle: HttpHandler,
  body: (base: string, server: RunningHttpServer, log: string[]) => Promise<void>,
): Promise<void> {
  const log: string[] = [];
  const server = await startHttpServer({
    service: 'TestUI',
    bindAddress: '127.0.0.1',
    port: 0,
    maxRetries: 0,
    portKey: 'a key',
    handle,
    headers: securityHeaders(new SparkConf()),
    maxBodyBytes: 1000,
    log: recordingLogger(log),
  });
  try {
    await body(`http://127.0.0.1:${server.port}`, server, log);
  } finally {
    await server.close();
  }
}

/** What comes back for bytes as they are, also when the server does not read them to their end. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let received = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket.setEncoding('utf8').on('data', (chunk) => {
      received += chunk;
    });
    socket.on('error', () => {}).on('close', () => resolve(received));
  });
}

test('a request reaches its handler as plain data, with headers of safety on every answer', async () => {
  await withServer(
    ({ method, path, query, body }) => textAnswer(200, `${method} ${path} ${query.getAll('a').join('+')} ${body}`),
    async (base) => {
      const response = await fetch(`${base}/x/y?a=1&a=%20`, { method: 'POST', body: 'hällo' });
      assert.equal(await response.text(), 'POST /x/y 1+  hällo\n');
      const expected = {
        'x-frame-options': 'SAMEORIGIN',
        'x-xss-protection': '1; mode=block',
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-cache, no-store, must-revalidate',
      };
      for (const [name, value] of Object.entries(expected)) assert.equal(response.headers.get(name), value);
      assert.match(response.headers.get('content-security-policy') ?? '', /default-src 'none'/);
      const head = await fetch(`${base}/x`, { method: 'HEAD' });
      assert.deepEqual([head.status, head.headers.get('content-length'), await head.text()], [200, '9', '']);
    },
  );
});

test('what a handler throws is logged, and the client sees nothing of it', async () => {
  await withServer(
    () => {
      throw new Error('the secret place /etc/x');
    },
    async (base, _, log) => {
      const response = await fetch(`${base}/page?token=abc`);
      const text = await response.text();
      assert.equal(response.status, 500);
      assert.ok(!text.includes('secret place') && !text.includes('.ts') && !text.includes('.js'), text);
      assert.equal(log.length, 1);
      assert.match(log[0] ?? '', /^TestUI: GET \/page: Error: the secret place/);
    },
  );
});

test('an answer that is none, or cannot be sent, is an error of the server, which goes on', async () => {
  // As filters of somebody else's making may give.
  const answers: Record<string, unknown> = {
    '/none': undefined,
    '/body': { status: 200, headers: {}, body: 7 },
    '/header': { status: 200, headers: { 'x-y': 'a\nb' }, body: 'fine' },
    '/status': { status: 99, headers: {}, body: 'fine' },
  };
  await withServer(
    ({ path }) => answers[path] as HttpResponse,
    async (base, _, log) => {
      for (const path of Object.keys(answers)) assert.equal((await fetch(base + path)).status, 500, path);
      assert.equal(log.length, 4);
    },
  );
});

test('a body that is too large is refused, whether its length is told or not', async () => {
  await withServer(
    () => textAnswer(200, 'taken'),
    async (base, { port }) => {
      assert.equal((await fetch(base, { method: 'POST', body: 'x'.repeat(1000) })).status, 200);
      assert.equal((await fetch(base, { method: 'POST', body: 'x'.repeat(1001) })).status, 413);
      const stream = new Blob(['x'.repeat(100_000)]).stream();
      assert.equal((await fetch(base, { method: 'POST', body: stream, duplex: 'half' } as RequestInit)).status, 413);
      const huge = await raw(port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n');
      assert.match(huge, /^HTTP\/1.1 413 /);
    },
  );
});

test('what is no HTTP is refused and the server goes on', async () => {
  await withServer(
    () => textAnswer(200, 'fine'),
    async (base, { port }) => {
      assert.match(await raw(port, 'garbage\r\n\r\n'), /^HTTP\/1.1 400 Bad Request/);
      assert.match(await raw(port, `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`), /^HTTP\/1.1 431 /);
      assert.match(await raw(port, 'GET * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'), /^HTTP\/1.1 400 /);
      assert.equal((await fetch(base)).status, 200);
    },
  );
});

test('a taken port leads to the one above it, and to an error after the retries', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as AddressInfo;
  const start = (maxRetries: number) =>
    startHttpServer({
      service: 'TestUI',
      bindAddress: '127.0.0.1',
      port,
      maxRetries,
      portKey: 'spark.test.port',
      handle: () => textAnswer(200, ''),
      headers: {},
      maxBodyBytes: 10,
      log: silentLogger,
    });
  try {
    const server = await start(16);
    assert.ok(server.port !== port && server.port >= 1024);
    await server.close();
    await server.close();
    await assert.rejects(start(0), {
      code: 'HTTP_BIND',
      message: new RegExp(
        `Service 'TestUI' failed after 0 retries \\(starting from ${port}\\)! Consider explicitly setting the appropriate port for the service 'TestUI' \\(spark.test.port\\) to an available port or increasing spark.port.maxRetries.$`,
      ),
    });
  } finally {
    taken.close();
  }
});

test('a name that is not known cannot be listened on', async () => {
  const start = startHttpServer({
    service: 'TestUI',
    bindAddress: 'no-such-host.invalid',
    port: 0,
    maxRetries: 0,
    portKey: '',
    handle: () => textAnswer(200, ''),
    headers: {},
    maxBodyBytes: 10,
    log: silentLogger,
  });
  await assert.rejects(start, { code: 'HTTP_BIND', message: /no-such-host.invalid/ });
});

test('closing answers what was asked before', async () => {
  let asked = (): void => undefined;
  const begun = new Promise<void>((resolve) => {
    asked = resolve;
  });
  let finish = (): void => undefined;
  const wait = new Promise<void>((resolve) => {
    finish = resolve;
  });
  await withServer(
    async () => {
      asked();
      await wait;
      return textAnswer(200, 'late');
    },
    async (base, server) => {
      const response = fetch(base);
      await begun;
      const closed = server.close();
      finish();
      assert.equal(await (await response).text(), 'late\n');
      await closed;
      await assert.rejects(fetch(base));
    },
  );
});
