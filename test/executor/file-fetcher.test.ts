import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { probeOf } from '../../src/app-package/file-probe.ts';
import { PackageServer } from '../../src/app-package/package-server.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { FileFetcher, placeFromDriver } from '../../src/executor/file-fetcher.ts';
import type { AddedFile } from '../../src/protocol/added-file.ts';
import type { AskPackages } from '../../src/protocol/app-package.ts';
import { AppFolder } from '../kit/app-folder.ts';
import { addressOf, withEnvs } from '../kit/rpc.ts';

const file = (name: string, timestamp: number, source = ''): AddedFile => ({ kind: 'file', name, source, timestamp });

test('a file is fetched once for all tasks that ask for it, and again when it is newer', async () => {
  const placed: string[] = [];
  const fetcher = new FileFetcher('/d', async ({ name, timestamp }) => {
    await Promise.resolve();
    placed.push(`${name}@${timestamp}`);
  });
  await Promise.all([fetcher.ensure([file('a', 1), file('b', 1)]), fetcher.ensure([file('a', 1)])]);
  assert.deepEqual(placed, ['a@1', 'b@1']);
  await fetcher.ensure([file('a', 2), file('b', 1)]);
  await fetcher.ensure([file('a', 1)]);
  assert.deepEqual(placed, ['a@1', 'b@1', 'a@2']);
});

test('of files of one name the newest is fetched, and the later of two that were added at once', async () => {
  const placed: string[] = [];
  const fetcher = new FileFetcher('/d', async ({ name, source }) => void placed.push(`${name} ${source}`));
  await fetcher.ensure([file('a', 2, 'new'), file('a', 1, 'old'), file('b', 1, 'first'), file('b', 1, 'second')]);
  assert.deepEqual(placed, ['a new', 'b second']);
});

test('a file that could not be fetched is tried again by the next task', async () => {
  let times = 0;
  const fetcher = new FileFetcher('/d', async () => {
    if (++times === 1) throw new Error('no route');
  });
  await assert.rejects(fetcher.ensure([file('a', 1)]), /no route/);
  await fetcher.ensure([file('a', 1)]);
  assert.equal(times, 2);
});

test('files are copied from where the driver has them', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'iskra-fetch-'));
  try {
    writeFileSync(join(dir, 'from.txt'), 'text');
    const fetcher = new FileFetcher(
      join(dir, 'own'),
      placeFromDriver({ overwrite: false, timeoutMs: 1000 }, null, silentLogger),
    );
    await fetcher.ensure([file('to.txt', 1, join(dir, 'from.txt'))]);
    assert.equal(readFileSync(join(dir, 'own', 'to.txt'), 'utf8'), 'text');
  } finally {
    rmSync(dir, { recursive: true });
  }
});

/** A driver that has added `source` when it was as it is now, and an executor that fetches it over a connection. */
async function fetched(
  source: string,
  body: (fetch: () => Promise<string>) => Promise<void>,
  before: (asked: number) => void = () => {},
): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'iskra-fetch-'));
  const probe = probeOf(source);
  assert.ok(probe !== null);
  let asked = 0;
  try {
    await withEnvs(async (make) => {
      const driver = await make({ port: 0 });
      const server = new PackageServer({
        openStore: () => assert.fail('no parts are needed'),
        ...{ maxReaders: 1, maxUploadBytes: 0, clock: systemClock },
        addedFile: (name, timestamp) => {
          before(++asked);
          return name === 'x' && timestamp === 1 ? probe : null;
        },
      });
      driver.register('Packages', server);
      const connect = async () => (await make()).connect<never, AskPackages>(addressOf(driver), 'Packages');
      const options = { overwrite: false, timeoutMs: 1000 };
      const fetcher = new FileFetcher(dir, placeFromDriver(options, { connect, always: true }, silentLogger));
      await body(async () => {
        await fetcher.ensure([{ ...file('x', 1, source), probe }]);
        return readFileSync(join(dir, 'x'), 'utf8');
      });
    });
  } finally {
    rmSync(dir, { recursive: true });
  }
}

const scratch = new AppFolder();
after(() => scratch.remove());
const ADDED = new Date(1_700_000_000_000);
const source = scratch.path('source.txt');
/** Without a trace in its time or size. */
const write = (text: string): void => {
  writeFileSync(source, text);
  utimesSync(source, ADDED, ADDED);
};

test('a file that changed after it was added is named', async () => {
  write('as it was');
  await fetched(source, async (fetch) => {
    writeFileSync(source, 'otherwise');
    await assert.rejects(fetch(), {
      code: 'FILE_FETCH_FAILED',
      message: `cannot fetch x (${source}) from the driver: ${source} changed after it was added as 'x', or cannot be read any more; leave it as it is while the application runs, or add the new one under another name`,
    });
    write('as it was');
    assert.equal(await fetch(), 'as it was');
  });
});

test('what came is compared with what the driver has, and asked for once more', async () => {
  write('as it was');
  const change = (asked: number): void => {
    if (asked === 2) write('otherwise'); // after the hash, before the bytes
    if (asked === 3) write('as it was');
  };
  await fetched(source, async (fetch) => assert.equal(await fetch(), 'as it was'), change);
  const always = (asked: number): void => {
    if (asked === 2) write('otherwise');
  };
  await fetched(
    source,
    (fetch) =>
      assert.rejects(fetch(), {
        message:
          /^cannot fetch x .* from the driver: its sha-256 is [0-9a-f]{64} here, and [0-9a-f]{64} on the driver$/,
      }),
    always,
  );
});
