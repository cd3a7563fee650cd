import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../src/base/logger.ts';
import { SparkConf } from '../../src/config/spark-conf.ts';
import { takeWorkerAccess, watchWorker } from '../../src/executor/worker-watcher.ts';
import { rpcSettings } from '../../src/rpc/rpc-settings.ts';
import { addressOf, OPEN, withEnvs } from '../kit/rpc.ts';

const rpc = rpcSettings(new SparkConf({}));
const watch = (workerUrl: string, onLost: (why: string) => void): (() => Promise<void>) =>
  watchWorker({ workerUrl, security: OPEN, rpc, onLost, log: silentLogger });

test('whoever watches a worker hears once that it is gone', async () => {
  await withEnvs(async (make) => {
    const worker = await make({ port: 0 });
    let arrived = (): void => {};
    const came = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    worker.register('Worker', { receive: () => {}, onConnected: () => arrived() });
    const heard: string[] = [];
    const { host, port } = addressOf(worker);
    const lost = new Promise<void>((resolve) => {
      const end = watch(`spark://Worker@${host}:${port}`, (why) => {
        heard.push(why);
        void end().then(resolve);
      });
    });
    await came;
    await worker.stop();
    await lost;
    assert.deepEqual(heard, [`Lost connection to worker rpc endpoint spark://Worker@${host}:${port}. Exiting.`]);
  });
});

test('whoever finds no worker hears it as well', async () => {
  await withEnvs(async (make) => {
    const other = await make({ port: 0 });
    const { host, port } = addressOf(other);
    const heard = async (url: string): Promise<string> => {
      let end = async (): Promise<void> => {};
      const why = await new Promise<string>((resolve) => {
        end = watch(url, resolve);
      });
      await end();
      return why;
    };
    assert.match(await heard(`spark://Worker@${host}:${port}`), /Cannot find endpoint: spark:\/\/Worker@/);
    await other.stop();
    assert.match(await heard(`spark://Worker@${host}:${port}`), /Failed to connect to .* ECONNREFUSED/);
  });
});

test('a watch that was ended tells nothing, and URLs of others are refused', async () => {
  await withEnvs(async (make) => {
    const worker = await make({ port: 0 });
    worker.register('Worker', { receive: () => {} });
    const { host, port } = addressOf(worker);
    await watch(`spark://Worker@${host}:${port}`, (why) => assert.fail(why))();
    await worker.stop();
  });
  assert.throws(() => watch('spark://Master@h:1', assert.fail), /'spark:\/\/Master@h:1' is no worker's/);
  assert.throws(() => watch('h:1', assert.fail), /Invalid Spark URL: h:1/);
});

test('what a process proves itself with leaves its environment', () => {
  const access = { keyId: 'process-1', secret: 'ab01', encrypt: true };
  const environment: Record<string, string | undefined> = { _ISKRA_WORKER_ACCESS: JSON.stringify(access), A: '1' };
  const security = takeWorkerAccess(environment);
  assert.deepEqual(environment, { A: '1' });
  assert.ok(security.kind === 'secret');
  assert.deepEqual([security.keyId, security.encrypt, [...security.secret]], ['process-1', true, [0xab, 1]]);
  assert.equal(takeWorkerAccess(environment).kind, 'none');
  assert.throws(() => takeWorkerAccess({ _ISKRA_WORKER_ACCESS: '{}' }), /is not what a worker sets/);
});
