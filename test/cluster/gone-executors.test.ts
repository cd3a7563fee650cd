import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { GoneExecutors } from '../../src/cluster/coarse-grained/gone-executors.ts';
import { CachedBlocks } from '../../src/driver/cached-blocks.ts';
import { toBlockSizes } from '../../src/protocol/block-sizes.ts';
import { mapOutputNames } from '../../src/shuffle/map-output-files.ts';
import { recordingLogger } from '../kit/rpc.ts';
import { ONCE, ServiceScene, writeMapOutput } from '../kit/shuffle-service.ts';
import { until } from '../kit/until.ts';

const onDisk = (executorId: string, rddId: number, partition: number, bytes = 5) =>
  ({ type: 'BlockUpdated', executorId, rddId, partition, stored: true, memoryBytes: 0, diskBytes: bytes }) as const;
const inMemory = (executorId: string, rddId: number, partition: number) =>
  ({ ...onDisk(executorId, rddId, partition, 0), memoryBytes: 5 }) as const;
const dropped = (executorId: string, rddId: number, partition: number) =>
  ({ ...onDisk(executorId, rddId, partition, 0), stored: false }) as const;

const make = (more: Partial<ConstructorParameters<typeof GoneExecutors>[0]> = {}): GoneExecutors =>
  new GoneExecutors({
    appId: 'app-1',
    servicePort: 7337,
    removeShuffle: true,
    fetchRdd: true,
    openEnv: () => Promise.reject(new Error('nobody is asked')),
    log: recordingLogger([]),
    ...more,
  });
const at = (executorId: string, host = 'host-a') => ({ executorId, host, port: 40_000 });
const served = (executorId: string, host = 'host-a') => ({ executorId, host, port: 7337 });

test('what a gone executor had on disk is served by its host; what it had in memory is gone', () => {
  const gone = make();
  for (const update of [onDisk('1', 7, 0), inMemory('1', 7, 1), onDisk('2', 7, 0), onDisk('1', 7, 2)])
    gone.blockUpdated(update);
  gone.blockUpdated(dropped('1', 7, 2));
  assert.deepEqual(gone.locations(7, 0), [], 'executors that live serve their own');
  gone.executorLost(at('1'));
  assert.deepEqual(gone.locations(7, 0), [served('1')]);
  assert.deepEqual([gone.locations(7, 1), gone.locations(7, 2), gone.locations(8, 0)], [[], [], []]);
  gone.executorLost(at('2', 'host-b'));
  assert.deepEqual(gone.locations(7, 0), [served('1'), served('2', 'host-b')]);
});

test('a host that is lost takes along what its service had, and nothing else', () => {
  const gone = make();
  for (const update of [onDisk('1', 7, 0), onDisk('1', 8, 3), onDisk('2', 7, 0), onDisk('3', 7, 0)])
    gone.blockUpdated(update);
  gone.executorLost(at('1'));
  gone.executorLost(at('2', 'host-b'));
  assert.deepEqual(gone.hostLost('host-a'), [
    { ...dropped('1', 7, 0), memoryBytes: 0 },
    { ...dropped('1', 8, 3), memoryBytes: 0 },
  ]);
  assert.deepEqual(gone.locations(7, 0), [served('2', 'host-b')]);
  assert.deepEqual(gone.hostLost('host-a'), []);
});

test('without spark.shuffle.service.fetch.rdd.enabled cached partitions end with their executor', () => {
  const gone = make({ fetchRdd: false });
  gone.blockUpdated(onDisk('1', 7, 0));
  gone.executorLost(at('1'));
  assert.deepEqual(gone.locations(7, 0), []);
  for (const outlives of [true, false]) {
    const cached = new CachedBlocks(outlives);
    cached.update(onDisk('1', 7, 0));
    cached.update(inMemory('1', 7, 1));
    cached.update({ ...inMemory('1', 7, 2), diskBytes: 9 });
    cached.executorLost('1');
    assert.deepEqual(
      [0, 1, 2].map((partition) => cached.isStored(7, partition)),
      [outlives, false, outlives],
    );
    assert.equal(cached.memoryUsed('1'), 0);
  }
});

test('services remove what nobody needs, of executors that are gone; those that live remove their own', async (t) => {
  const scene = new ServiceScene(t);
  const service = await scene.start({ 'spark.shuffle.service.fetch.rdd.enabled': 'true' });
  const client = await scene.client('app-1');
  const dirs = new Map(['1', '2'].map((id) => [id, scene.dirs()]));
  for (const [id, each] of dirs) {
    writeMapOutput(each, 4, Number(id), ['x']);
    writeFileSync(each.file('rdd_7_0'), 'x');
    await client.register(service.address, id, each.toData().dirs, ONCE);
  }
  const lines: string[] = [];
  const env = await scene.env('app-1');
  const { host, port } = service.address;
  const gone = make({ servicePort: port, openEnv: async () => env, log: recordingLogger(lines) });
  for (const id of dirs.keys()) gone.blockUpdated(onDisk(id, 7, 0));
  gone.executorLost(at('1', host));
  const status = (executorId: string) => ({
    location: { executorId, host, port },
    mapId: Number(executorId),
    sizes: toBlockSizes([1]),
  });
  const files = (id: string): string[] => {
    const { data, index } = mapOutputNames(4, Number(id));
    return [data, index, 'rdd_7_0'].map((name) => dirs.get(id)?.find(name) ?? '');
  };
  gone.removeShuffle(4, [status('1'), status('2'), status('3')], (id) => id === '2');
  gone.removeRdd(7);
  await until(() => lines.length > 0 && !files('1').some(existsSync));
  assert.deepEqual(files('2').map(existsSync), [true, true, true]);
  assert.equal(lines.length, 1);
  assert.match(
    lines[0] ?? '',
    /^Files of executor 3 on .*, which is gone, are not removed before the application ends .*not registered/,
  );
  await gone.close();
});

test('with spark.shuffle.service.removeShuffle=false map outputs stay until the application ends', () => {
  let asked = 0;
  const openEnv = (): never => {
    asked++;
    throw new Error('asked');
  };
  const gone = make({ removeShuffle: false, openEnv });
  const status = { location: at('1'), mapId: 1, sizes: toBlockSizes([1]) };
  gone.removeShuffle(4, [status], () => false);
  assert.equal(asked, 0);
});
