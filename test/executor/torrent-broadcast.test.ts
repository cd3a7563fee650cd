import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../src/base/logger.ts';
import { seededRandom } from '../../src/base/seeded-random.ts';
import { describePieces, pieceExtent } from '../../src/broadcast/broadcast-pieces.ts';
import { PieceLocations } from '../../src/broadcast/piece-locations.ts';
import { TorrentBroadcasts } from '../../src/executor/torrent-broadcast.ts';

const value = Uint8Array.from({ length: 1_000_003 }, (_, i) => (i * 31) & 255);
const info = describePieces(value, 10_000);
const driver = { executorId: 'driver', host: 'd', port: 1 };
const at = (executorId: string) => ({ executorId, host: executorId, port: 1 });

/** A driver and executors that hand pieces around. */
function swarm(tamper: (bytes: Uint8Array, from: string) => Uint8Array = (bytes) => bytes) {
  const locations = new PieceLocations();
  const executors = new Map<string, TorrentBroadcasts>();
  const sent = new Map<string, number>();
  const leaving = new Set<number>();
  let infos = 0;
  const join = (me: string): TorrentBroadcasts => {
    const random = seededRandom(executors.size + 1, 0);
    const torrent = new TorrentBroadcasts(
      {
        info: async () => {
          infos++;
          return info;
        },
        locations: async (id, piece, insist) => {
          const holders = locations.holders(id, piece).filter((e) => e !== me);
          if (holders.length === 0 && leaving.has(piece) && !insist) return [];
          leaving.add(piece);
          return [...holders.map(at), driver];
        },
        fetch: async ({ executorId }, id, piece) => {
          await new Promise(setImmediate);
          const { start, end } = pieceExtent(info, piece);
          const bytes =
            executorId === 'driver'
              ? value.subarray(start, end)
              : (executors.get(executorId)?.piece(id, piece) ?? null);
          if (bytes !== null) sent.set(executorId, (sent.get(executorId) ?? 0) + bytes.length);
          return bytes === null ? null : tamper(bytes, executorId);
        },
        stored: (id, piece) => locations.stored(id, piece, me),
      },
      true,
      () => random.next(),
      silentLogger,
    );
    executors.set(me, torrent);
    return torrent;
  };
  return { join, sent, infos: () => infos };
}

test('four executors get the value, and the driver sends it about once', async () => {
  const { join, sent } = swarm();
  const all = ['1', '2', '3', '4'].map(join);
  for (const bytes of await Promise.all(all.map((t) => t.get(7)))) assert.deepEqual(bytes, value);
  assert.ok((sent.get('driver') ?? 0) < 1.2 * value.length, `the driver sent ${sent.get('driver')} bytes`);
});

test('slots that ask at the same time share one fetch, and later ones the value', async () => {
  const { join, sent, infos } = swarm();
  const torrent = join('1');
  const [a, b] = await Promise.all([torrent.get(7), torrent.get(7)]);
  assert.equal(a, b);
  assert.equal(await torrent.get(7), a);
  assert.equal(infos(), 1);
  assert.equal(sent.get('driver'), value.length);
  assert.ok(a?.buffer instanceof SharedArrayBuffer);
});

test('a piece with other bytes than it should have is fetched from somebody else', async () => {
  const { join } = swarm((bytes, from) => (from === '1' ? bytes.map((b) => b ^ 1) : bytes));
  await join('1').get(7);
  assert.deepEqual(await join('2').get(7), value);
});

test('a value that nobody can give in its true form is an error that names the piece', async () => {
  const { join } = swarm((bytes) => bytes.subarray(1));
  await assert.rejects(
    join('1').get(7),
    /Failed to get broadcast_7_piece\d+ of broadcast_7: .*executor driver sent bytes/,
  );
});

test('a value that was removed is fetched again', async () => {
  const { join, sent } = swarm();
  const torrent = join('1');
  await torrent.get(7);
  torrent.remove(7);
  assert.equal(torrent.piece(7, 0), null);
  assert.deepEqual(await torrent.get(7), value);
  assert.equal(sent.get('driver'), 2 * value.length);
});
