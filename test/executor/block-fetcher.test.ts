import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BlockFetcher } from '../../src/executor/block-fetcher.ts';
import type { RemoteBlock, ShuffleBlockReply, ShuffleBlockRequest } from '../../src/protocol/block-transfer.ts';
import type { BlockManagerId } from '../../src/protocol/map-output.ts';

const MIB = 1 << 20;

/** Owners that answer when the test says so. */
function owners() {
  const asked: {
    to: string;
    blocks: readonly ShuffleBlockRequest[];
    answer: (replies: ShuffleBlockReply[]) => void;
    fail: (e: Error) => void;
  }[] = [];
  const ask = (location: BlockManagerId, blocks: readonly ShuffleBlockRequest[]) =>
    new Promise<ShuffleBlockReply[]>((answer, fail) => asked.push({ to: location.executorId, blocks, answer, fail }));
  return { asked, ask };
}

const block = (executorId: string, mapId: number, bytes: number): RemoteBlock => ({
  location: { executorId, host: 'h', port: 1 },
  shuffleId: 0,
  mapId,
  reduceId: 0,
  numPartitions: 1,
  bytes,
});

const bytesOf = (n: number, of = n): ShuffleBlockReply => ({ kind: 'bytes', length: of, bytes: new Uint8Array(n) });
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('small blocks of one owner travel in one request, and owners are asked side by side', () => {
  const { asked, ask } = owners();
  const fetcher = new BlockFetcher(ask, { maxBytesInFlight: 48 * MIB, maxRequestsInFlight: 100 });
  fetcher.start([block('1', 0, 100), block('1', 1, 100), block('2', 2, 100)]);
  assert.deepEqual(
    asked.map(({ to, blocks }) => [to, blocks.map((b) => b.mapId)]),
    [
      ['1', [0, 1]],
      ['2', [2]],
    ],
  );
});

test('parts come in the order of the requests, whoever answers first', async () => {
  const { asked, ask } = owners();
  const fetcher = new BlockFetcher(ask, { maxBytesInFlight: 48 * MIB, maxRequestsInFlight: 100 });
  const id = fetcher.start([block('1', 0, 10), block('2', 1, 20)]);
  const next = fetcher.next(id);
  asked[1]?.answer([bytesOf(20)]);
  await settled();
  asked[0]?.answer([bytesOf(10)]);
  const parts = [...(await next)];
  if (parts.length === 1) parts.push(...(await fetcher.next(id)));
  assert.deepEqual(
    parts.map((p) => [p.request, p.bytes.length]),
    [
      [0, 10],
      [1, 20],
    ],
  );
});

test('no more is on its way than the limit, until the slot has taken what came', async () => {
  const { asked, ask } = owners();
  const fetcher = new BlockFetcher(ask, { maxBytesInFlight: 10 * MIB, maxRequestsInFlight: 100 });
  const id = fetcher.start([0, 1, 2, 3, 4, 5].map((m) => block('1', m, 4 * MIB)));
  assert.equal(asked.length, 2);
  asked[0]?.answer([bytesOf(4 * MIB)]);
  await settled();
  assert.equal(asked.length, 2, 'what is here and not read yet counts');
  await fetcher.next(id);
  assert.equal(asked.length, 3);
});

test('a block larger than the whole limit is fetched all the same', async () => {
  const { asked, ask } = owners();
  const fetcher = new BlockFetcher(ask, { maxBytesInFlight: 1, maxRequestsInFlight: 100 });
  const id = fetcher.start([block('1', 0, 20 * MIB)]);
  const offsets: number[] = [];
  for (let i = 0; i < 3; i++) {
    const next = fetcher.next(id);
    const { blocks, answer } = asked[i] as (typeof asked)[0];
    const { offset, maxBytes } = blocks[0] as ShuffleBlockRequest;
    answer([bytesOf(Math.min(maxBytes, 20 * MIB - offset), 20 * MIB)]);
    for (const part of await next) offsets.push(part.offset);
  }
  assert.deepEqual(offsets, [0, 8 * MIB, 16 * MIB]);
});

test('a block that is larger than its map status says is fetched to its end', async () => {
  const { asked, ask } = owners();
  const fetcher = new BlockFetcher(ask, { maxBytesInFlight: 48 * MIB, maxRequestsInFlight: 100 });
  const id = fetcher.start([block('1', 0, 10), block('1', 1, 10)]);
  asked[0]?.answer([bytesOf(8 * MIB, 8 * MIB + 5), bytesOf(10)]);
  assert.deepEqual(
    (await fetcher.next(id)).map((p) => [p.request, p.offset]),
    [[0, 0]],
  );
  assert.equal(asked[1]?.blocks[0]?.offset, 8 * MIB);
  asked[1]?.answer([bytesOf(5, 8 * MIB + 5)]);
  assert.deepEqual(
    (await fetcher.next(id)).map((p) => [p.request, p.offset]),
    [
      [0, 8 * MIB],
      [1, 0],
    ],
  );
});

test('what came before a block that cannot be had is read first', async () => {
  const { asked, ask } = owners();
  const fetcher = new BlockFetcher(ask, { maxBytesInFlight: 48 * MIB, maxRequestsInFlight: 100 });
  const id = fetcher.start([block('1', 0, 10), block('1', 1, 10)]);
  asked[0]?.answer([bytesOf(10), { kind: 'error', message: 'the file is gone' }]);
  assert.equal((await fetcher.next(id)).length, 1);
  await assert.rejects(fetcher.next(id), /the file is gone/);
});

test('an owner that cannot be reached fails the blocks it was asked for', async () => {
  const { asked, ask } = owners();
  const fetcher = new BlockFetcher(ask, { maxBytesInFlight: 48 * MIB, maxRequestsInFlight: 100 });
  const id = fetcher.start([block('1', 0, 10)]);
  asked[0]?.fail(new Error('connection refused'));
  await assert.rejects(fetcher.next(id), /connection refused/);
});

test('a fetch that was stopped takes no more', async () => {
  const { asked, ask } = owners();
  const fetcher = new BlockFetcher(ask, { maxBytesInFlight: 1, maxRequestsInFlight: 100 });
  const id = fetcher.start([block('1', 0, 10), block('1', 1, 10)]);
  fetcher.stop(id);
  asked[0]?.answer([bytesOf(10)]);
  await settled();
  assert.equal(asked.length, 1);
  await assert.rejects(fetcher.next(id), /no fetch/);
});

test('of a block that is shorter than it was thought to be nothing beyond its end is asked for', async () => {
  const { asked, ask } = owners();
  const fetcher = new BlockFetcher(ask, { maxBytesInFlight: 10 * MIB, maxRequestsInFlight: 100 });
  const id = fetcher.start([block('1', 0, 40 * MIB), block('1', 1, 10)]);
  assert.equal(asked.length, 1);
  asked[0]?.answer([bytesOf(100)]);
  const parts = await fetcher.next(id);
  assert.deepEqual(
    parts.map(({ request, length }) => [request, length]),
    [[0, 100]],
  );
  assert.deepEqual(
    asked.slice(1).map(({ blocks }) => blocks.map(({ mapId, offset }) => [mapId, offset])),
    [[[1, 0]]],
  );
});
