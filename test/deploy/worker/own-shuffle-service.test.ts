import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { applicationSecret, sharedSecret } from '../../../src/rpc/security.ts';
import { app } from '../../kit/master-machine.ts';
import { ONCE, read, ServiceScene, writeMapOutput } from '../../kit/shuffle-service.ts';
import { until } from '../../kit/until.ts';
import { workerScene } from '../../kit/worker-process.ts';

const EXECUTOR = 'CoarseGrainedExecutorBackend';
const SERVICE = { 'spark.shuffle.service.enabled': 'true', 'spark.shuffle.service.port': '0' };
test('a worker’s shuffle service knows whose files it has, and what it has goes with the application', async (t) => {
  const program = `console.log(process.env.SPARK_EXECUTOR_DIRS); process.exit(0);`;
  const { master, worker, workDir } = await workerScene(t, { [EXECUTOR]: program }, SERVICE);
  const service = worker.shuffleServiceAddress;
  assert.ok(service !== null);
  const scene = new ServiceScene(t);
  const client = await scene.client('app-1');
  const early = scene.dirs().toData().dirs;
  await assert.rejects(client.register(service, '0', early, ONCE), /application app-1 is not running here/);
  await master.hears('Heartbeat');
  master.launch(0);
  await master.ended(0);
  const root = readFileSync(join(workDir, 'app-1/0/stdout'), 'utf8').trim();
  await assert.rejects(client.register(service, '0', early, ONCE), /does not lie below .*executor-/);
  const dirs = scene.dirs([root]);
  writeMapOutput(dirs, 0, 5, ['of executor 0']);
  await client.register(service, '0', dirs.toData().dirs, ONCE);
  const block = { mapId: 5, reduceId: 0, numPartitions: 1 };
  assert.deepEqual(await read(await scene.blocks('app-1'), service, '0', block), ['of executor 0']);
  const state = join(workDir, 'registeredExecutors');
  assert.deepEqual(readdirSync(join(state, 'app-1')), ['application.json', 'executor-0.json']);
  master.send({ type: 'ApplicationFinished', appId: 'app-1' });
  await until(() => !existsSync(root) && readdirSync(state).length === 0);
  await assert.rejects(read(await scene.blocks('app-1'), service, '0', block), /Executor is not registered/);
});

test('the secret of an application is the one that its executors are started with', async (t) => {
  const cluster = sharedSecret('the cluster');
  const { master, worker, workDir } = await workerScene(
    t,
    { [EXECUTOR]: `console.log(process.env.SPARK_EXECUTOR_DIRS); process.exit(0);` },
    SERVICE,
    { security: cluster },
  );
  const service = worker.shuffleServiceAddress;
  assert.ok(service !== null);
  await master.hears('Heartbeat');
  const salt = '5a'.repeat(32);
  master.launch(0, { app: app({ secretSalt: salt }) });
  await master.ended(0);
  const root = readFileSync(join(workDir, 'app-1/0/stdout'), 'utf8').trim();
  const scene = new ServiceScene(t);
  const dirs = scene.dirs([root]).toData().dirs;
  await assert.rejects(
    (await scene.client('app-1', 'the cluster')).register(service, '0', dirs, ONCE),
    /do not have the same secret/,
  );
  await (await scene.client('app-1', applicationSecret(cluster.secret, salt))).register(service, '0', dirs, ONCE);
});

test('a worker whose shuffle service cannot listen does not start', async (t) => {
  const first = await workerScene(t, {}, SERVICE);
  const port = String(first.worker.shuffleServiceAddress?.port);
  await assert.rejects(workerScene(t, {}, { ...SERVICE, 'spark.shuffle.service.port': port }), { code: 'RPC_BIND' });
});
