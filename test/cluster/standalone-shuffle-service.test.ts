import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { SparkContext } from '../../src/driver/spark-context.ts';
import type { RDD } from '../../src/rdd/rdd.ts';
import { sharedSecret } from '../../src/rpc/security.ts';
import { executorPids } from '../kit/executors.ts';
import { filesBelow } from '../kit/files-below.ts';
import { kill } from '../kit/processes.ts';
import { type ClusterOptions, StandaloneCluster } from '../kit/standalone-cluster.ts';
import { until } from '../kit/until.ts';

const SERVICE = { 'spark.shuffle.service.enabled': 'true' };

async function cluster(t: TestContext, options: ClusterOptions): Promise<StandaloneCluster> {
  const started = await StandaloneCluster.start({ coresPerWorker: 2, memoryPerWorker: 2048, ...options });
  t.after(() => started.stop());
  return started;
}

async function application(
  t: TestContext,
  { url }: StandaloneCluster,
  port: number | undefined,
  conf: Readonly<Record<string, string>> = {},
): Promise<SparkContext> {
  const sc = await SparkContext.create({
    master: url,
    appName: 'files that outlive their executor',
    'spark.log.level': 'OFF',
    'spark.executor.cores': '1',
    ...SERVICE,
    'spark.shuffle.service.port': String(port),
    ...conf,
  });
  t.after(() => sc.stop());
  return sc;
}

/** Ten keys with a hundred records each, in 8 map outputs; `mapped` counts the records that map tasks see. */
function shuffled(sc: SparkContext): {
  readonly mapped: { readonly value: number };
  readonly counts: RDD<[number, number]>;
} {
  const mapped = sc.longAccumulator('mapped');
  const counts = sc
    .parallelize([...Array(1000).keys()], 8)
    .map((x): [number, number] => {
      mapped.add(1);
      return [x % 10, 1];
    })
    .reduceByKey((a, b) => a + b, 4);
  return { mapped, counts };
}

/** Where nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const outputsBelow = (directory: string): string[] => filesBelow(directory, /shuffle_/);

test('executors on a worker are killed between the stages: no map task runs again; the files go with the application', async (t) => {
  const standalone = await cluster(t, {
    workers: 1,
    conf: { ...SERVICE, 'spark.shuffle.service.port': '0' },
    security: sharedSecret('of the cluster'),
  });
  const port = standalone.workers[0]?.shuffleServiceAddress?.port;
  const sc = await application(t, standalone, port, {
    'spark.authenticate': 'true',
    'spark.authenticate.secret': 'of the cluster',
  });
  const { mapped, counts } = shuffled(sc);
  assert.equal(await counts.count(), 10);
  for (const pid of await executorPids(sc, 2)) await kill(pid);
  assert.deepEqual(await counts.values().collect(), Array(10).fill(100));
  assert.equal(mapped.value, 1000);
  assert.equal(outputsBelow(standalone.directory).length > 0, true);
  await sc.stop();
  const state = join(standalone.directory, 'work-0/registeredExecutors');
  await until(() => outputsBelow(standalone.directory).length === 0 && readdirSync(state).length === 0);
});

test('a worker that is lost takes what its service had along, and only that is computed again', async (t) => {
  const standalone = await cluster(t, { workers: 0 });
  const conf = { conf: standalone.withConf({ ...SERVICE, 'spark.shuffle.service.port': '0' }) };
  const first = await standalone.addWorker({ ...conf, host: '127.0.0.1' });
  const port = first.shuffleServiceAddress?.port;
  const same = { conf: standalone.withConf({ ...SERVICE, 'spark.shuffle.service.port': String(port) }) };
  const second = await standalone.addWorker({ ...same, host: '127.0.0.2' });
  const sc = await application(t, standalone, port);
  const pids = await executorPids(sc, 4);
  const { mapped, counts } = shuffled(sc);
  assert.equal(await counts.count(), 10);
  const before = outputsBelow(standalone.directory).length;
  assert.equal(before, 16);
  for (const pid of pids) await kill(pid);
  await executorPids(sc, 4);
  await second.stop();
  await until(() => sc.statusTracker.getExecutorInfos().every(({ host }) => host === '127.0.0.1'));
  assert.deepEqual(await counts.values().collect(), Array(10).fill(100));
  const again = mapped.value - 1000;
  assert.ok(again > 0 && again < 1000, `${again} records were computed again`);
  assert.equal(again % 125, 0);
});

test('map outputs whose files are gone are computed again, once', async (t) => {
  const standalone = await cluster(t, { workers: 1, conf: { ...SERVICE, 'spark.shuffle.service.port': '0' } });
  const port = standalone.workers[0]?.shuffleServiceAddress?.port;
  const sc = await application(t, standalone, port);
  const { mapped, counts } = shuffled(sc);
  await executorPids(sc, 2);
  assert.equal(await counts.count(), 10);
  for (const pid of await executorPids(sc, 2)) await kill(pid);
  const [victim = ''] = filesBelow(standalone.directory, /blockmgr-[^/]*$/).filter(
    (name) => outputsBelow(join(standalone.directory, name)).length > 0,
  );
  const lost = outputsBelow(join(standalone.directory, victim)).length / 2;
  rmSync(join(standalone.directory, victim), { recursive: true });
  assert.deepEqual(await counts.values().collect(), Array(10).fill(100));
  assert.equal(mapped.value, 1000 + lost * 125);
  assert.ok(existsSync(standalone.directory));
});

test('executors that find no shuffle service end, and the application learns why', async (t) => {
  const standalone = await cluster(t, { workers: 1, conf: { 'spark.deploy.maxExecutorRetries': '1' } });
  const sc = await application(t, standalone, await closedPort(), { 'spark.shuffle.registration.maxAttempts': '1' });
  await assert.rejects(sc.range(0, 10).count(), (error: Error) => {
    assert.match(
      error.message,
      /Unable to create executor due to Unable to register with external shuffle server due to : Failed to connect to 127\.0\.0\.1:\d+: .*ECONNREFUSED/,
    );
    return true;
  });
});
