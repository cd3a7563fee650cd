// Blocks are read from executors and from shuffle services with the same messages, and the same comes back.
import assert from 'node:assert/strict';
import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { BlockServer } from '../../src/executor/block-server.ts';
import type { AskBlocks } from '../../src/protocol/block-transfer.ts';
import { BLOCK_TRANSFER_ENDPOINT } from '../../src/protocol/executor-registration.ts';
import { StorageLevel } from '../../src/protocol/storage-level.ts';
import type { RpcAddress } from '../../src/rpc/rpc-address.ts';
import { RpcEnv } from '../../src/rpc/rpc-env.ts';
import { mapOutputNames } from '../../src/shuffle/map-output-files.ts';
import { BlockManager } from '../../src/storage/block-manager.ts';
import type { LocalDirs } from '../../src/storage/local-dirs.ts';
import { MemoryManager } from '../../src/storage/memory-manager.ts';
import { addressOf, OPEN } from '../kit/rpc.ts';
import { ONCE, read, ServiceScene, writeMapOutput } from '../kit/shuffle-service.ts';

/** Has the files of executor 1 of app-1 served. */
type Serve = (t: TestContext, scene: ServiceScene, dirs: LocalDirs) => Promise<RpcAddress>;

const serveByExecutor: Serve = async (t, _scene, dirs) => {
  const memory = new MemoryManager({ maxBytes: 1 << 20, storageRegionBytes: 1 << 19, slots: 1 });
  const blocks = new BlockManager('1', memory, dirs, () => {});
  const block = { kind: 'disk', path: dirs.file('rdd_7_3'), bytes: 6 } as const;
  blocks.putRddBlock(7, 3, StorageLevel.DISK_ONLY, block);
  const env = await RpcEnv.create({ name: 'executor 1', host: '127.0.0.1', port: 0, security: OPEN });
  t.after(() => env.stop());
  const owner = { appId: 'app-1', executorId: '1' };
  env.register<never, AskBlocks>(
    BLOCK_TRANSFER_ENDPOINT,
    new BlockServer(
      owner,
      blocks,
      dirs,
      () => null,
      () => {},
    ),
  );
  return addressOf(env);
};

const serveByService: Serve = async (_t, scene, dirs) => {
  const service = await scene.start({ 'spark.shuffle.service.fetch.rdd.enabled': 'true' });
  await (await scene.client('app-1')).register(service.address, '1', dirs.toData().dirs, ONCE);
  return service.address;
};

for (const [who, serve] of [
  ['an executor', serveByExecutor],
  ['a shuffle service', serveByService],
] as const) {
  const suite = (name: string, body: (scene: ServiceScene, dirs: LocalDirs, t: TestContext) => Promise<void>): void => {
    test(`${who}: ${name}`, async (t) => {
      const scene = new ServiceScene(t);
      const dirs = scene.dirs([scene.root, `${scene.directory}/second`]);
      writeMapOutput(dirs, 0, 4, ['aaa', '', 'cc']);
      writeMapOutput(dirs, 0, 5, ['x', 'yy', 'zzz']);
      writeFileSync(dirs.file('rdd_7_3'), 'cached');
      await body(scene, dirs, t);
    });
  };

  suite('gives blocks in the order they are asked for, empty ones too', async (scene, dirs, t) => {
    const at = await serve(t, withSecondRoot(scene), dirs);
    const client = await scene.blocks('app-1');
    const numPartitions = 3;
    const blocks = [
      { mapId: 5, reduceId: 2, numPartitions },
      { mapId: 4, reduceId: 0, numPartitions },
      { mapId: 4, reduceId: 1, numPartitions },
    ];
    assert.deepEqual(await read(client, at, '1', ...blocks), ['zzz', 'aaa', '']);
  });

  suite('gives a part of a block, and the length of the whole', async (scene, dirs, t) => {
    const at = await serve(t, withSecondRoot(scene), dirs);
    const client = await scene.blocks('app-1');
    const request = { shuffleId: 0, mapId: 5, reduceId: 2, numPartitions: 3 };
    const [part, beyond] = await client.fetchShuffleBlocks({ executorId: '1', ...at }, [
      { ...request, offset: 1, maxBytes: 1 },
      { ...request, offset: 9, maxBytes: 10 },
    ]);
    assert.ok(part?.kind === 'bytes' && beyond?.kind === 'bytes');
    assert.deepEqual([Buffer.from(part.bytes).toString(), part.length], ['z', 3]);
    assert.deepEqual([beyond.bytes.length, beyond.length], [0, 3]);
  });

  suite('one block that cannot be served is no reason to refuse the others', async (scene, dirs, t) => {
    const at = await serve(t, withSecondRoot(scene), dirs);
    const client = await scene.blocks('app-1');
    rmSync(dirs.file(mapOutputNames(0, 4).index));
    writeMapOutput(dirs, 0, 6, ['aa', 'bb']);
    truncateSync(dirs.file(mapOutputNames(0, 6).data), 3);
    writeMapOutput(dirs, 0, 7, ['aa', 'bb']);
    rmSync(dirs.file(mapOutputNames(0, 7).data));
    const replies = await read(
      client,
      at,
      '1',
      { mapId: 4, reduceId: 0, numPartitions: 3 },
      { mapId: 5, reduceId: 0, numPartitions: 3 },
      { mapId: 5, reduceId: 0, numPartitions: 4 },
      { mapId: 6, reduceId: 1, numPartitions: 2 },
      { mapId: 7, reduceId: 1, numPartitions: 2 },
    );
    assert.match(replies[0] ?? '', /the shuffle index .*shuffle_0_4_0\.index cannot be used: ENOENT/);
    assert.equal(replies[1], 'x');
    assert.match(replies[2] ?? '', /it has 36 bytes, but 44 belong to 4 partitions/);
    assert.match(replies[3] ?? '', /shuffle_0_6_0\.data has 3 bytes, but the blocks should end at byte 4/);
    assert.match(replies[4] ?? '', /ENOENT.*shuffle_0_7_0\.data/);
  });

  suite('numbers that are none lead nowhere', async (scene, dirs, t) => {
    const at = await serve(t, withSecondRoot(scene), dirs);
    const client = await scene.blocks('app-1');
    const bad = (value: unknown): number => value as number; // what the network may bring
    const good = { mapId: 5, reduceId: 0, numPartitions: 3 };
    const replies = await read(
      client,
      at,
      '1',
      { ...good, shuffleId: bad('../../../etc/passwd') },
      { ...good, mapId: bad(1.5) },
      { ...good, reduceId: -1 },
      { ...good, reduceId: 3 },
      { ...good, numPartitions: bad(null) },
      good,
    );
    assert.match(replies[0] ?? '', /^a shuffle block's shuffleId is \.\.\/.*, but has to be a whole number/);
    assert.match(replies[1] ?? '', /mapId is 1\.5/);
    assert.match(replies[2] ?? '', /reduceId is -1/);
    assert.match(replies[3] ?? '', /there is no block of partition 3/);
    assert.match(replies[4] ?? '', /numPartitions is null/);
    assert.equal(replies[5], 'x');
  });

  suite('blocks of another executor, or of another application, are not confused with its own', async (scene, dirs, t) => {
    const at = await serve(t, withSecondRoot(scene), dirs);
    const block = { mapId: 5, reduceId: 0, numPartitions: 3 };
    const another = /was asked for blocks of executor|Executor is not registered/;
    await assert.rejects(read(await scene.blocks('app-1'), at, '2', block), another);
    await assert.rejects(read(await scene.blocks('app-2'), at, '1', block), another);
  });

  suite('gives a cached partition that lies on disk', async (scene, dirs, t) => {
    const at = await serve(t, withSecondRoot(scene), dirs);
    const client = await scene.blocks('app-1');
    const bytes = await client.fetchRddBlock({ executorId: '1', ...at }, 7, 3);
    assert.equal(Buffer.from(bytes ?? []).toString(), 'cached');
    assert.equal(await client.fetchRddBlock({ executorId: '1', ...at }, 7, 4), null);
  });
}

/** Services take directories below all roots. */
function withSecondRoot(scene: ServiceScene): ServiceScene {
  const start = scene.start.bind(scene);
  scene.start = (conf) => start(conf, { localRoots: [scene.root, `${scene.directory}/second`] });
  return scene;
}
