import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { cleanPackageCache } from '../../src/app-package/package-cache.ts';
import { PackageServer } from '../../src/app-package/package-server.ts';
import { PartStore } from '../../src/app-package/part-store.ts';
import { fetchParts, inTurn, type PackagesRef } from '../../src/app-package/transfer-parts.ts';
import { silentLogger } from '../../src/base/logger.ts';
import type { AskPackages } from '../../src/protocol/app-package.ts';
import { AppFolder } from '../kit/app-folder.ts';
import { ManualClock } from '../kit/manual-clock.ts';
import { addressOf, recordingLogger, withEnvs } from '../kit/rpc.ts';
import { until } from '../kit/until.ts';

const scratch = new AppFolder();
after(() => scratch.remove());

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
let stores = 0;
const newStore = (): PartStore => new PartStore(scratch.path(`store-${stores++}`));

async function served(
  body: (connect: () => Promise<PackagesRef>, store: PartStore) => Promise<void>,
  more: { maxReaders?: number; maxUploadBytes?: number } = {},
): Promise<void> {
  const store = newStore();
  await withEnvs(async (make) => {
    const server = await make({ port: 0 });
    const options = { openStore: () => store, maxReaders: 1, maxUploadBytes: 100, clock: new ManualClock(), ...more };
    server.register('Packages', new PackageServer(options));
    const connect = async () => (await make()).connect<never, AskPackages>(addressOf(server), 'Packages');
    await body(connect, store);
  });
}

test('readers take turns: so many connections at a time, each with any number of reads', () =>
  served(async (connect, store) => {
    const hash = store.put(Buffer.from('a part'));
    const [one, two, three] = await Promise.all([connect(), connect(), connect()]);
    const read = (ref: PackagesRef) => ref.ask('ReadPart', { hash, offset: 2, length: 100 });
    await assert.rejects(read(one), { code: 'PACKAGE_PROTOCOL' });
    await one.ask('StartReading', null);
    await one.ask('StartReading', null);
    const order: string[] = [];
    const second = inTurn(two, async () => {
      order.push('two');
      return read(two);
    });
    await two.ask('MissingParts', { hashes: [] }); // behind its first question, on the same connection
    const third = inTurn(three, async () => {
      order.push('three');
      return read(three);
    });
    await one.ask('StopReading', null);
    const reply = await read(one);
    assert.deepEqual([Buffer.from(reply.bytes ?? []).toString(), reply.total], ['part', 6]);
    assert.deepEqual(order, []);
    await one.ask('StopReading', null);
    await Promise.all([second, third]);
    assert.deepEqual(order, ['two', 'three']);
  }));

test('a reader that is gone gives its turn back', () =>
  withEnvs(async (make) => {
    const server = await make({ port: 0 });
    const options = { openStore: newStore, maxReaders: 1, maxUploadBytes: 0, clock: new ManualClock() };
    server.register('Packages', new PackageServer(options));
    const [first, second] = await Promise.all([make(), make()]);
    const one = await first.connect<never, AskPackages>(addressOf(server), 'Packages');
    const two = await second.connect<never, AskPackages>(addressOf(server), 'Packages');
    await one.ask('StartReading', null);
    const waiting = two.ask('StartReading', null);
    await first.stop();
    assert.equal(await waiting, null);
  }));

test('a part that is sent damaged, out of order or too large is not kept', () =>
  served(async (connect, store) => {
    const ref = await connect();
    const piece = (hash: string, offset: number, text: string, last: boolean) =>
      ref.ask('WritePart', { hash, offset, bytes: Buffer.from(text), last });
    await assert.rejects(piece(hashOf('right'), 0, 'wrong', true), { code: 'PACKAGE_CORRUPT' });
    await piece(hashOf('right'), 0, 'ri', false);
    await assert.rejects(piece(hashOf('right'), 3, 'ht', true), { code: 'PACKAGE_PROTOCOL' });
    await assert.rejects(piece(hashOf('right'), 2, 'ght', true), { code: 'PACKAGE_PROTOCOL' });
    await assert.rejects(piece(hashOf('x'), 0, 'x'.repeat(101), true), { code: 'PACKAGE_TOO_LARGE' });
    await assert.rejects(piece('../../etc/passwd', 0, 'x', true), { code: 'PACKAGE_CORRUPT' });
    assert.deepEqual([store.list(), readdirSync(`${store.folder}/drafts`)], [[], []]);
    await piece(hashOf('right'), 0, 'ri', false);
    await piece(hashOf('right'), 2, 'ght', true);
    assert.equal(store.bytesOf(hashOf('right')), 5);
  }));

test('what came half before its sender was gone leaves nothing', () =>
  withEnvs(async (make) => {
    const store = newStore();
    const server = await make({ port: 0 });
    const packages = new PackageServer({
      ...{ openStore: () => store, maxReaders: 1, maxUploadBytes: 100, clock: new ManualClock() },
    });
    server.register('Packages', packages);
    const client = await make();
    const ref = await client.connect<never, AskPackages>(addressOf(server), 'Packages');
    await ref.ask('WritePart', { hash: hashOf('x'), offset: 0, bytes: Buffer.from('a'), last: false });
    assert.equal(readdirSync(`${store.folder}/drafts`).length, 1);
    const other = await (await make()).connect<never, AskPackages>(addressOf(server), 'Packages');
    await client.stop();
    await other.ask('MissingParts', { hashes: [] });
    await until(() => readdirSync(`${store.folder}/drafts`).length === 0);
  }));

test('a part whose file was changed on the other side is refused by its reader', () =>
  served(async (connect, store) => {
    const manifest = { format: 1, parts: [], links: [] };
    const id = store.put(Buffer.from(JSON.stringify(manifest)));
    writeFileSync(store.pathOf(id), JSON.stringify({ ...manifest, links: [1] }));
    const mine = newStore();
    await assert.rejects(fetchParts(connect, id, mine), {
      code: 'PACKAGE_CORRUPT',
      message: /^a part of the application arrived damaged: its sha-256 is \w+, and \w+ was wanted$/,
    });
    assert.deepEqual(mine.list(), []);
    await assert.rejects(fetchParts(connect, hashOf('nothing'), mine), { code: 'PACKAGE_MISSING' });
  }));

test('what another process of the machine is fetching is not fetched as well, unless that one is gone or stands still', () =>
  served(async (connect, store) => {
    const hashes = ['one', 'two', 'three'].map((text) => store.put(Buffer.from(text)));
    const parts = hashes.map((hash) => ({ hash }));
    const id = store.put(Buffer.from(JSON.stringify({ format: 1, parts, links: [] })));
    const [one = '', two = '', three = ''] = hashes;
    const mine = newStore();
    const drafts = `${mine.folder}/drafts`;
    const begun = (hash: string, pid: number, seconds: number): void => {
      const draft = `${drafts}/${hash}.${pid}-abc`;
      writeFileSync(draft, '');
      utimesSync(draft, new Date(), new Date(Date.now() - seconds * 1000));
    };
    const { pid: gone } = spawnSync(process.execPath, ['-e', '']);
    begun(one, process.pid, -86_400); // however long this test takes
    begun(two, gone, -86_400);
    begun(three, process.pid, 11);
    const fetching = fetchParts(connect, id, mine);
    await until(() => mine.list().length >= 3);
    assert.equal(mine.bytesOf(one), null);
    rmSync(`${drafts}/${one}.${process.pid}-abc`); // and gives up
    await fetching;
    assert.equal(mine.list().length, 4);
  }));

test('stores that are one folder are filled by two processes at once', () =>
  served(
    async (connect, store) => {
      const parts = Array.from({ length: 30 }, (_, i) => ({ hash: store.put(Buffer.from(`part ${i}`)) }));
      const id = store.put(Buffer.from(JSON.stringify({ format: 1, parts, links: [] })));
      const mine = newStore();
      const other = new PartStore(mine.folder);
      await Promise.all([fetchParts(connect, id, mine), fetchParts(connect, id, other)]);
      assert.equal(mine.list().length, 31);
      assert.deepEqual(readdirSync(`${mine.folder}/drafts`), []);
    },
    { maxReaders: 2 },
  ));

test('files of a driver are fetched by who asks for them', () =>
  served(async (connect, store) => {
    const [part, file] = [store.put(Buffer.from('part')), store.put(Buffer.from('file'))];
    const id = store.put(
      Buffer.from(JSON.stringify({ format: 1, parts: [{ hash: part }], links: [], files: [{ hash: file }] })),
    );
    const mine = newStore();
    await fetchParts(connect, id, mine);
    assert.deepEqual([mine.bytesOf(part), mine.bytesOf(file)], [4, null]);
    await fetchParts(connect, id, mine, { files: true });
    assert.equal(mine.bytesOf(file), 4);
  }));

test('a cache loses what is old, and above its size what was used least, but nothing that is fresh', async () => {
  const store = newStore();
  const hour = 3_600_000;
  const now = 1e12;
  const [old, less, more, fresh] = ['old', 'less', 'more', 'fresh'].map((text) =>
    store.put(Buffer.from(text.padEnd(10))),
  );
  const all = [old, less, more, fresh] as string[];
  for (const [i, age] of [100, 5, 3, 0.5].entries()) store.touch(all[i] as string, now - age * hour);
  mkdirSync(`${store.folder}/unpacked/${less}`, { recursive: true });
  mkdirSync(`${store.folder}/trees/x`, { recursive: true });
  const clean = (maxBytes: number) => cleanPackageCache(store, { ttlMs: 50 * hour, maxBytes }, now, silentLogger);
  assert.equal(await clean(1000), 1);
  assert.deepEqual(
    store.list().map(({ hash }) => hash),
    [less, more, fresh],
  );
  assert.equal(await clean(20), 1);
  assert.deepEqual(readdirSync(`${store.folder}/unpacked`), []);
  assert.equal(await clean(1), 1);
  assert.deepEqual(
    store.list().map(({ hash }) => hash),
    [fresh],
  );
  assert.deepEqual(readdirSync(`${store.folder}/trees`), ['x']);
});

test('a cache that cannot be cleaned is a warning, and no reason to fail', async () => {
  const store = newStore();
  const old = store.put(Buffer.from('old'));
  mkdirSync(`${store.folder}/trees`);
  writeFileSync(`${store.folder}/unpacked`, 'in the way');
  const lines: string[] = [];
  assert.equal(await cleanPackageCache(store, { ttlMs: 1, maxBytes: 0 }, Date.now() + 1e9, recordingLogger(lines)), 0);
  assert.match(lines.join(), /cannot be cleaned: ENOTDIR/);
  assert.equal(store.bytesOf(old), null);
});

test('who gives up waiting for its turn gives the turn back when it comes', () =>
  served(async (connect) => {
    const [one, two, three] = await Promise.all([connect(), connect(), connect()]);
    await one.ask('StartReading', null);
    const stop = new AbortController();
    const second = inTurn(two, () => assert.fail('it has given up'), stop.signal);
    stop.abort(new Error('enough'));
    await assert.rejects(second, /enough/);
    const third = inTurn(three, () => Promise.resolve('read'));
    await one.ask('StopReading', null);
    assert.equal(await third, 'read');
  }));
