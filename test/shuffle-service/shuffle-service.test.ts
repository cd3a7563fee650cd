import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLogger } from '../../src/base/logger.ts';
import { takeSnapshot } from '../../src/metrics/metrics-snapshot.ts';
import { type AskShuffleService, SHUFFLE_SERVICE_ENDPOINT } from '../../src/protocol/shuffle-service.ts';
import { type RpcSecurity, sharedSecret } from '../../src/rpc/security.ts';
import { RemoteShuffleService } from '../../src/shuffle-service/remote-shuffle-service.ts';
import { ShuffleServiceClient } from '../../src/shuffle-service/shuffle-service-client.ts';
import { ManualClock } from '../kit/manual-clock.ts';
import { OPEN, recordingLogger } from '../kit/rpc.ts';
import { blockClient, ONCE, read, ServiceScene, writeMapOutput } from '../kit/shuffle-service.ts';
import { until } from '../kit/until.ts';

const BLOCK = { mapId: 5, reduceId: 0, numPartitions: 1 };

test('a service that was restarted serves the executors that had registered, also to those who were connected', async (t) => {
  const scene = new ServiceScene(t);
  const dirs = scene.dirs();
  writeMapOutput(dirs, 0, 5, ['before']);
  const first = await scene.start();
  const { port } = first.address;
  await (await scene.client('app-1')).register(first.address, '1', dirs.toData().dirs, ONCE);
  const reader = blockClient(await scene.env('app-1'), 'app-1', 3);
  assert.deepEqual(await read(reader, first.address, '1', BLOCK), ['before']);
  await first.stop();
  const second = await scene.start({}, { port });
  assert.deepEqual(await read(reader, second.address, '1', BLOCK), ['before']);
  assert.deepEqual(scene.lines, []);
});

test('without a database a restart forgets the executors', async (t) => {
  const scene = new ServiceScene(t);
  const dirs = scene.dirs();
  const conf = { 'spark.shuffle.service.db.enabled': 'false' };
  const first = await scene.start(conf);
  await (await scene.client('app-1')).register(first.address, '1', dirs.toData().dirs, ONCE);
  await first.stop();
  assert.equal(existsSync(join(scene.directory, 'work')), false);
  const second = await scene.start(conf);
  await assert.rejects(read(await scene.blocks('app-1'), second.address, '1', BLOCK), {
    message: 'Executor is not registered (appId=app-1, execId=1)',
  });
});

test('a state file that is torn is named in the log, once, and the others count', async (t) => {
  const scene = new ServiceScene(t);
  const first = await scene.start();
  const client = await scene.client('app-1');
  for (const id of ['1', '2', '3', '4']) {
    const dirs = scene.dirs();
    writeMapOutput(dirs, 0, 5, [`of ${id}`]);
    await client.register(first.address, id, dirs.toData().dirs, ONCE);
  }
  await first.stop();
  const state = join(scene.directory, 'work/registeredExecutors/app-1');
  const whole = readFileSync(join(state, 'executor-1.json'), 'utf8');
  writeFileSync(join(state, 'executor-1.json'), whole.slice(0, whole.length / 2));
  writeFileSync(join(state, 'executor-2.json'), whole.replace('"version":1', '"version":7'));
  writeFileSync(join(state, 'executor-3.json'), JSON.stringify({ version: 1, localDirs: ['/etc'], layout: 'iskra-1' }));
  writeFileSync(join(state, 'executor-9.json.tmp'), 'half');
  const second = await scene.start();
  assert.equal(scene.lines.length, 3);
  assert.match(scene.lines[0] ?? '', /executor-1\.json cannot be read and is passed over/);
  assert.match(scene.lines[1] ?? '', /executor-2\.json .* it is of version 7, not 1/);
  assert.match(scene.lines[2] ?? '', /executor 3 of app-1 is passed over: .* names \/etc, which does not lie below/);
  assert.deepEqual(await read(await scene.blocks('app-1'), second.address, '4', BLOCK), ['of 4']);
  await assert.rejects(read(await scene.blocks('app-1'), second.address, '3', BLOCK), /Executor is not registered/);
  assert.equal(existsSync(join(state, 'executor-9.json.tmp')), false);
});

test('an application that is removed leaves no file, no state, and no way in', async (t) => {
  const scene = new ServiceScene(t);
  const service = await scene.start();
  const [gone, stays] = [scene.dirs(), scene.dirs()];
  for (const dirs of [gone, stays]) writeMapOutput(dirs, 0, 5, ['x']);
  await (await scene.client('app-1')).register(service.address, '1', gone.toData().dirs, ONCE);
  await (await scene.client('app-2')).register(service.address, '1', stays.toData().dirs, ONCE);
  service.applicationRemoved('app-1');
  service.applicationRemoved('app-1');
  service.applicationRemoved('driver-1');
  await assert.rejects(read(await scene.blocks('app-1'), service.address, '1', BLOCK), /not registered/);
  assert.deepEqual(await read(await scene.blocks('app-2'), service.address, '1', BLOCK), ['x']);
  await service.stop();
  assert.deepEqual(
    readdirSync(scene.root).map((name) => join(scene.root, name)),
    stays.toData().dirs,
  );
  assert.deepEqual(readdirSync(join(scene.directory, 'work/registeredExecutors')), ['app-2']);
});

test('of an executor that has ended only what is served stays', async (t) => {
  for (const fetchRdd of ['true', 'false']) {
    const scene = new ServiceScene(t);
    const service = await scene.start({ 'spark.shuffle.service.fetch.rdd.enabled': fetchRdd });
    const dirs = scene.dirs();
    writeMapOutput(dirs, 0, 5, ['x']);
    for (const name of ['rdd_1_2', 'spill_3', 'shuffle_0_6_0.data.migrating']) writeFileSync(dirs.file(name), 'x');
    const [dir = ''] = dirs.toData().dirs;
    mkdirSync(join(dir, 'userFiles/a'), { recursive: true });
    await (await scene.client('app-1')).register(service.address, '1', [dir], ONCE);
    service.executorRemoved('app-1', '1');
    service.executorRemoved('app-1', '2');
    await service.stop();
    const left = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) =>
      statSync(join(dir, name)).isFile(),
    );
    const names = left.map((name) => name.replace(/^..\//, '')).sort();
    const cached = fetchRdd === 'true' ? ['rdd_1_2'] : [];
    assert.deepEqual(names, ['owner.json', ...cached, 'shuffle_0_5_0.data', 'shuffle_0_5_0.index']);
  }
});

test('blocks are removed by name, and no name leads out of the executor’s directories', async (t) => {
  const scene = new ServiceScene(t);
  const service = await scene.start();
  const client = await scene.client('app-1');
  const dirs = scene.dirs();
  const outside = join(scene.root, 'outside');
  writeFileSync(outside, 'x');
  writeMapOutput(dirs, 0, 5, ['x']);
  writeFileSync(dirs.file('rdd_1_2'), 'x');
  await client.register(service.address, '1', dirs.toData().dirs, ONCE);
  const names = [
    'shuffle_0_5_0.data',
    'shuffle_0_5_0.index',
    'shuffle_0_6_0.data',
    '../../outside',
    'owner.json',
    'rdd_1_2',
  ];
  assert.equal(await client.removeBlocks(service.address, '1', names), 2);
  assert.equal(await client.removeBlocks(service.address, '1', [7 as unknown as string]), 0);
  assert.ok(existsSync(outside) && existsSync(dirs.file('rdd_1_2')));
  assert.equal(scene.lines.length, 4);
  await assert.rejects(client.removeBlocks(service.address, '2', names), /Executor is not registered/);
});

test('directories are refused that lie elsewhere, are none, or belong to another application', async (t) => {
  const scene = new ServiceScene(t);
  const service = await scene.start();
  const client = await scene.client('app-1');
  const refused = (dirs: readonly string[], why: RegExp): Promise<void> =>
    assert.rejects(client.register(service.address, '1', dirs, ONCE), why);
  const mine = scene.dirs().toData().dirs[0] ?? '';
  const elsewhere = mkdtempSync(join(scene.directory, 'blockmgr-'));
  writeFileSync(join(elsewhere, 'owner.json'), '{}');
  mkdirSync(join(scene.root, 'plain'));
  symlinkSync(elsewhere, join(scene.root, 'link'));
  await refused(['/etc'], /names \/etc, which does not lie below .*: set spark\.local\.dir/);
  await refused([elsewhere], /does not lie below/);
  await refused([join(scene.root, 'link')], /does not lie below/);
  await refused([`${mine}/../../${elsewhere.split('/').at(-1)}`], /no absolute path without '\.\.'/);
  await refused(['local/x'], /no absolute path/);
  await refused([scene.root], /does not lie below/);
  await refused([join(scene.root, 'plain')], /is no directory for blocks/);
  await refused([join(scene.root, 'nothing')], /cannot be read: ENOENT/);
  await refused([], /names no local directories/);
  await refused([mine, '/etc'], /does not lie below/);
  await client.register(service.address, '1', [mine], ONCE);
  const other = await scene.client('app-2');
  await assert.rejects(other.register(service.address, '1', [mine], ONCE), /belongs to another application/);
  const strange = await scene.client('../app');
  await assert.rejects(strange.register(service.address, '1', [mine], ONCE), /"\.\.\/app" is no id of an application/);
  await assert.rejects(client.register(service.address, 'a/b', [mine], ONCE), /"a\/b" is no id of an executor/);
});

test('files in a layout that this service does not read are refused', async (t) => {
  const scene = new ServiceScene(t);
  const service = await scene.start();
  const env = await scene.env('app-1');
  const ref = await env.connect<never, AskShuffleService>(service.address, SHUFFLE_SERVICE_ENDPOINT);
  const shuffleInfo = { localDirs: scene.dirs().toData().dirs, layout: 'iskra-9' };
  await assert.rejects(
    ref.ask('RegisterExecutor', { appId: 'app-1', executorId: '1', shuffleInfo }),
    /writes the layout iskra-9, but this service reads iskra-1: run the same Iskra on both/,
  );
});

test('readers on the same host are told where executors keep their files', async (t) => {
  const scene = new ServiceScene(t);
  const service = await scene.start();
  const dirs = scene.dirs().toData().dirs;
  await (await scene.client('app-1')).register(service.address, '1', dirs, ONCE);
  const ref = await (await scene.env('app-1')).connect<never, AskShuffleService>(
    service.address,
    SHUFFLE_SERVICE_ENDPOINT,
  );
  const reply = await ref.ask('GetLocalDirsForExecutors', { appId: 'app-1', executorIds: ['1', '2'] });
  assert.deepEqual(reply.localDirs, { 1: dirs });
});

test('an application proves its own secret, and has only its own files', async (t) => {
  const scene = new ServiceScene(t);
  const cluster = sharedSecret('the cluster');
  const options = { security: cluster, onlyToldApplications: true };
  const first = await scene.start({}, options);
  const roots = ['1', '2'].map((n) => join(scene.root, `executor-${n}`));
  for (const root of roots) mkdirSync(root);
  first.applicationStarted('app-1', 'secret of 1', [roots[0] as string]);
  first.applicationStarted('app-2', 'secret of 2', [roots[1] as string]);
  const dirs = roots.map((root) => scene.dirs([root]));
  for (const each of dirs) writeMapOutput(each, 0, 5, ['mine']);
  const paths = dirs.map((each) => each.toData().dirs);
  const register = async (appId: string, secret: string, localDirs: readonly string[] = []): Promise<void> =>
    (await scene.client(appId, secret)).register(first.address, '1', localDirs, ONCE);
  await register('app-1', 'secret of 1', paths[0]);
  await assert.rejects(register('app-2', 'secret of 1', paths[1]), /do not have the same secret/);
  await assert.rejects(register('app-2', 'the cluster', paths[1]), /do not have the same secret/);
  await assert.rejects(register('app-3', 'the cluster'), /do not have the same secret/);
  await assert.rejects(register('sparkSaslUser', 'the cluster'), /do not have the same secret/);
  await assert.rejects(register('app-2', 'secret of 2', paths[0]), /does not lie below .*executor-2/);
  await register('app-2', 'secret of 2', paths[1]);
  // Who has proven to be the second asks for what the first has.
  const second = blockClient(await scene.env('app-2', 'secret of 2'), 'app-1');
  const notAuthorized = { message: 'Client for app-2 not authorized for application app-1.' };
  await assert.rejects(read(second, first.address, '1', BLOCK), notAuthorized);
  const env = await scene.env('app-2', 'secret of 2');
  const ref = await env.connect<never, AskShuffleService>(first.address, SHUFFLE_SERVICE_ENDPOINT);
  const asFirst = { appId: 'app-1', executorId: '1' };
  await assert.rejects(ref.ask('RemoveBlocks', { ...asFirst, blocks: ['shuffle_0_5_0.data'] }), notAuthorized);
  await assert.rejects(ref.ask('GetLocalDirsForExecutors', { appId: 'app-1', executorIds: ['1'] }), notAuthorized);
  // A restarted service still knows the secrets, which nobody else can read.
  const state = join(scene.directory, 'work/registeredExecutors');
  assert.equal(statSync(state).mode & 0o777, 0o700);
  assert.equal(statSync(join(state, 'app-1/application.json')).mode & 0o777, 0o600);
  await first.stop();
  const again = await scene.start({}, options);
  assert.deepEqual(await read(await scene.blocks('app-1', 'secret of 1'), again.address, '1', BLOCK), ['mine']);
  await assert.rejects(read(await scene.blocks('app-1', 'secret of 2'), again.address, '1', BLOCK), /same secret/);
  again.applicationRemoved('app-1');
  await assert.rejects(read(await scene.blocks('app-1', 'secret of 1'), again.address, '1', BLOCK), /same secret/);
});

test('a service of its own takes every application that has the cluster’s secret', async (t) => {
  const scene = new ServiceScene(t);
  const service = await scene.start({}, { security: sharedSecret('the cluster') });
  const dirs = scene.dirs();
  writeMapOutput(dirs, 0, 5, ['x']);
  await (await scene.client('app-1', 'the cluster')).register(service.address, '1', dirs.toData().dirs, ONCE);
  assert.deepEqual(await read(await scene.blocks('app-1', 'the cluster'), service.address, '1', BLOCK), ['x']);
  const other = blockClient(await scene.env('app-2', 'the cluster'), 'app-1');
  await assert.rejects(read(other, service.address, '1', BLOCK), /not authorized/);
});

test('applications whose directories somebody else has removed are forgotten', async (t) => {
  const scene = new ServiceScene(t);
  const service = await scene.start();
  for (const appId of ['app-1', 'app-2', 'app-3']) {
    const dirs = scene.dirs();
    await (await scene.client(appId)).register(service.address, '1', dirs.toData().dirs, ONCE);
    if (appId !== 'app-2') dirs.removeAll();
  }
  const state = join(scene.directory, 'work/registeredExecutors');
  assert.deepEqual(readdirSync(state).sort(), ['app-2', 'app-3']);
  await service.stop();
  await scene.start();
  assert.deepEqual(readdirSync(state), ['app-2']);
});

test('a service cannot start at a port that is taken, or with state that it cannot keep', async (t) => {
  const scene = new ServiceScene(t);
  const { port } = (await scene.start()).address;
  await assert.rejects(scene.start({}, { port }), { code: 'RPC_BIND' });
  const file = join(scene.directory, 'file');
  writeFileSync(file, '');
  await assert.rejects(scene.start({}, { stateParent: file }), {
    code: 'SHUFFLE_STATE_UNUSABLE',
    message:
      /cannot keep its state in .*file\/registeredExecutors: .*\. Name another directory, or set spark\.shuffle\.service\.db\.enabled=false/,
  });
});

test('a disk that takes no state refuses no executor', async (t) => {
  const scene = new ServiceScene(t);
  const service = await scene.start();
  const dirs = scene.dirs();
  writeMapOutput(dirs, 0, 5, ['x']);
  const state = join(scene.directory, 'work/registeredExecutors');
  rmSync(state, { recursive: true });
  writeFileSync(state, 'in the way');
  await (await scene.client('app-1')).register(service.address, '1', dirs.toData().dirs, ONCE);
  assert.match(scene.lines[0] ?? '', /Error saving registered executors in .*executor-1\.json: ENOTDIR/);
  assert.deepEqual(await read(await scene.blocks('app-1'), service.address, '1', BLOCK), ['x']);
});

test('an executor tries to register as often as it is told, 5 s apart; a refusal is not repeated', async (t) => {
  const scene = new ServiceScene(t);
  const service = await scene.start();
  const { address } = service;
  const refusing = await scene.client('app-1');
  await assert.rejects(refusing.register(address, '1', ['/etc'], { maxAttempts: 3, timeoutMs: 1000 }), /attempt 1\)/);
  await service.stop();
  const clock = new ManualClock();
  const waits: number[] = [];
  const after = clock.after.bind(clock);
  clock.after = (ms, fire) => {
    waits.push(ms);
    const cancel = after(ms, fire);
    setImmediate(() => clock.advance(ms));
    return cancel;
  };
  const client = new ShuffleServiceClient(await scene.env('app-1'), 'app-1', clock, silentLogger);
  await assert.rejects(client.register(address, '1', ['/x'], { maxAttempts: 3, timeoutMs: 1000 }), {
    code: 'SHUFFLE_REGISTRATION',
    message: new RegExp(
      `^Unable to register with external shuffle server due to : Failed to connect to 127\\.0\\.0\\.1:${address.port}: .*ECONNREFUSED.*attempt 3\\)\\. Is the shuffle service of this host running`,
    ),
  });
  assert.deepEqual(waits, [5000, 5000]);
});

test('a service of its own hears of secrets and ends from the worker of its machine, and from nobody else', async (t) => {
  const scene = new ServiceScene(t);
  const security = sharedSecret('the cluster');
  const service = await scene.start({}, { security });
  const open = async (as: RpcSecurity, lines: string[]): Promise<RemoteShuffleService> => {
    const remote = await RemoteShuffleService.open(
      service.address,
      { name: 'worker', security: as },
      recordingLogger(lines),
    );
    t.after(() => remote.stop());
    return remote;
  };
  const root = join(scene.root, 'executor-1');
  mkdirSync(root);
  const dirs = scene.dirs([root]);
  const paths = dirs.toData().dirs;
  writeMapOutput(dirs, 0, 5, ['x']);
  writeFileSync(dirs.file('spill'), 'x');
  const lines: string[] = [];
  const worker = await open(security, lines);
  worker.applicationStarted('app-1', 'of app-1', [root]);
  const state = join(scene.directory, 'work/registeredExecutors/app-1');
  await until(() => existsSync(join(state, 'application.json')));
  await assert.rejects(
    (await scene.client('app-1', 'the cluster')).register(service.address, '1', paths, ONCE),
    /same secret/,
  );
  await (await scene.client('app-1', 'of app-1')).register(service.address, '1', paths, ONCE);
  const strangers: string[] = [];
  const stranger = await open(sharedSecret('of app-1', { keyId: 'app-1' }), strangers);
  stranger.applicationRemoved('app-1');
  await until(() => strangers.length > 0);
  assert.match(strangers[0] ?? '', /did not hear ApplicationRemoved: Client for app-1 is not a worker/);
  worker.executorRemoved('app-1', '1');
  await until(() => !existsSync(dirs.find('spill')));
  assert.deepEqual(await read(await scene.blocks('app-1', 'of app-1'), service.address, '1', BLOCK), ['x']);
  worker.applicationRemoved('app-1');
  await until(() => !existsSync(state) && !paths.some(existsSync));
  assert.deepEqual(lines, []);
  await service.stop();
  worker.applicationRemoved('app-2');
  await until(() => lines.length > 0);
  assert.match(lines[0] ?? '', /^The shuffle service at 127\.0\.0\.1:\d+ did not hear ApplicationRemoved: /);
});

test('a worker’s service hears of applications from its worker only', async (t) => {
  const scene = new ServiceScene(t);
  const service = await scene.start({}, { onlyToldApplications: true });
  const lines: string[] = [];
  const remote = await RemoteShuffleService.open(
    service.address,
    { name: 'x', security: OPEN },
    recordingLogger(lines),
  );
  t.after(() => remote.stop());
  remote.applicationStarted('app-1', null, [scene.root]);
  await until(() => lines.length > 0);
  assert.match(lines[0] ?? '', /this shuffle service hears ApplicationStarted of its own worker only/);
});

test('a service that is measured tells what it was asked for and what it gave', async (t) => {
  const scene = new ServiceScene(t);
  const dirs = scene.dirs();
  writeMapOutput(dirs, 0, 5, ['block']);
  const service = await scene.start();
  const source = await service.measure();
  await (await scene.client('app-1')).register(service.address, '1', dirs.toData().dirs, ONCE);
  const reader = blockClient(await scene.env('app-1'), 'app-1', 3);
  assert.deepEqual(await read(reader, service.address, '1', BLOCK), ['block']);
  await assert.rejects(read(reader, service.address, '2', BLOCK), /Executor is not registered/);
  const { timers, meters, gauges, counters } = takeSnapshot([source], '', 0);
  assert.equal(timers['shuffleService.registerExecutorRequestLatencyMillis']?.count, 1);
  assert.equal(timers['shuffleService.openBlockRequestLatencyMillis']?.count, 1);
  assert.equal(meters['shuffleService.blockTransferRate']?.count, 1);
  assert.equal(meters['shuffleService.blockTransferMessageRate']?.count, 1);
  assert.ok((meters['shuffleService.blockTransferRateBytes']?.count ?? 0) > 0);
  assert.equal(gauges['shuffleService.registeredExecutorsSize'], 1);
  assert.equal(counters['shuffleService.numCaughtExceptions'], 1);
  assert.equal(counters['shuffleService.numActiveConnections'], 2);
});
