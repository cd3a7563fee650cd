import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, type TestContext, test } from 'node:test';
import { type FetchApplicationOptions, fetchApplication } from '../../src/app-package/fetch-application.ts';
import { AppFolder } from '../kit/app-folder.ts';

const scratch = new AppFolder({ 'driver/stdout': '' });
after(() => scratch.remove());
const directory = scratch.path('driver');

async function web(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** No master is asked for a URL. */
const options = (signal: AbortSignal = new AbortController().signal): FetchApplicationOptions =>
  ({ timeoutMs: 60_000, signal }) as Partial<FetchApplicationOptions> as FetchApplicationOptions;

test('an application is downloaded into the directory of its driver, by the last name of its URL', async (t) => {
  const host = await web(t, (request, response) => response.end(`// ${request.url}`));
  const path = await fetchApplication(`http://${host}/apps/my%20app.ts?v=2`, directory, options());
  assert.equal(path, `${directory}/my app.ts`);
  assert.equal(readFileSync(path, 'utf8'), '// /apps/my%20app.ts?v=2');
});

test('a URL that names no file, or leads out of the directory, is refused without its password', async () => {
  for (const path of ['', 'a%2f..', 'a%2F.', '%zz', 'a%00b', 'a%5cb'])
    await assert.rejects(
      fetchApplication(`http://ann:hush@127.0.0.1:1/${path}`, directory, options()),
      (error: Error) => {
        assert.match(error.message, /^the application http:\/\/127\.0\.0\.1:1\/.* names no file$/);
        return !error.message.includes('hush');
      },
    );
});

test('a download ends when its worker stops', async (t) => {
  let asked = (): void => {};
  const begun = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const host = await web(t, (_request, response) => {
    response.write('the beginning'); // and never the end
    asked();
  });
  const stop = new AbortController();
  const before = readdirSync(directory);
  const fetching = fetchApplication(`http://${host}/app.ts`, directory, options(stop.signal));
  await begun;
  stop.abort(new Error('the worker stops'));
  await assert.rejects(fetching, /^Error: the worker stops$/);
  assert.deepEqual(readdirSync(directory), before);
  await assert.rejects(fetchApplication(`http://${host}/app.ts`, directory, options(stop.signal)), /the worker stops/);
});
