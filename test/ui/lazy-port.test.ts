import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../src/base/logger.ts';
import { textAnswer } from '../../src/ui/http-messages.ts';
import type { Serving } from '../../src/ui/http-server.ts';
import { type LazyPort, openLazyPort } from '../../src/ui/lazy-port.ts';

function open(load: () => Promise<Serving>): Promise<LazyPort> {
  const port = { service: 'Pages', port: 0, maxRetries: 0, portKey: 'x.port' };
  return openLazyPort({ ...port, bindAddress: '127.0.0.1', load, log: silentLogger });
}

function serving(answer: (path: string) => string): Serving {
  return {
    service: 'Pages',
    handle: ({ path }) => textAnswer(200, answer(path)),
    headers: { 'x-from': 'pages' },
    maxBodyBytes: 100,
    log: silentLogger,
  };
}

function gate(): { readonly promise: Promise<void>; resolve(): void } {
  let open: () => void = () => {};
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, resolve: () => open() };
}

test('pages are loaded once, for the first who come, and all are answered', async (t) => {
  let loads = 0;
  const entered = gate();
  const go = gate();
  const port = await open(async () => {
    loads++;
    entered.resolve();
    await go.promise;
    return serving((path) => `this is ${path}`);
  });
  t.after(() => port.close());
  assert.equal(loads, 0);
  const answers = ['/a', '/b', '/c'].map((path) => fetch(`http://127.0.0.1:${port.port}${path}`));
  await entered.promise;
  go.resolve();
  const texts = await Promise.all(answers.map(async (answer) => (await answer).text()));
  assert.deepEqual(texts, ['this is /a\n', 'this is /b\n', 'this is /c\n']);
  const later = await fetch(`http://127.0.0.1:${port.port}/d`);
  assert.deepEqual([await later.text(), later.headers.get('x-from'), loads], ['this is /d\n', 'pages', 1]);
});

test('a port closes before anybody came, while the pages are loaded, and after; twice is fine', async () => {
  const unused = await open(() => assert.fail());
  await unused.close();
  await unused.close();
  await assert.rejects(fetch(`http://127.0.0.1:${unused.port}`));

  const entered = gate();
  const go = gate();
  const loading = await open(async () => {
    entered.resolve();
    await go.promise;
    return serving(() => 'too late');
  });
  const waits = assert.rejects(fetch(`http://127.0.0.1:${loading.port}`));
  await entered.promise;
  const closed = loading.close();
  go.resolve();
  await closed;
  await waits;
  await assert.rejects(fetch(`http://127.0.0.1:${loading.port}`));

  const used = await open(async () => serving(() => 'here'));
  assert.equal(await (await fetch(`http://127.0.0.1:${used.port}`)).text(), 'here\n');
  await used.close();
  await used.close();
  await assert.rejects(fetch(`http://127.0.0.1:${used.port}`));
});

test('pages that cannot be loaded end the connections that wait for them, and nothing else', async (t) => {
  const port = await open(() => Promise.reject(new Error('no such module')));
  t.after(() => port.close());
  await assert.rejects(fetch(`http://127.0.0.1:${port.port}`));
});
