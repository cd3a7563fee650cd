import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { SparkContext } from '../../src/driver/spark-context.ts';
import { sharedSecret } from '../../src/rpc/security.ts';
import { executorPids } from '../kit/executors.ts';
import { freePort } from '../kit/free-port.ts';
import { kill } from '../kit/processes.ts';
import { StandaloneCluster } from '../kit/standalone-cluster.ts';
import { until } from '../kit/until.ts';

const ISKRA = fileURLToPath(new URL('../../../bin/iskra', import.meta.url));

interface Daemon {
  readonly child: ChildProcess;
  readonly port: number;
  readonly log: () => string;
}

/** `iskra shuffle-service`, when it listens. */
async function shuffleService(t: TestContext, localDir: string | null, port = 0, ...more: string[]): Promise<Daemon> {
  const settings = localDir === null ? [] : ['--conf', `spark.local.dir=${localDir}`];
  const clean = Object.entries(process.env).filter(([key]) => !/^_?(SPARK|ISKRA)_/.test(key));
  const child = spawn(process.execPath, [ISKRA, 'shuffle-service', '--port', String(port), ...settings, ...more], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...Object.fromEntries(clean), ISKRA_CONF_DIR: '/nowhere' },
  });
  t.after(() => child.kill('SIGKILL'));
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const found = (): string | undefined => /Starting shuffle service on port (\d+)/.exec(log)?.[1];
  await until(() => {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${log}`);
    return found() !== undefined;
  });
  return { child, port: Number(found()), log: () => log };
}

test('a shuffle service is killed and started again between the stages, executors too: no map task runs again', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'iskra-shuffle-service-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const localDir = join(folder, 'local');
  const secretFile = join(folder, 'secret');
  writeFileSync(secretFile, 'of the cluster\n', { mode: 0o600 });
  const authenticate = ['spark.authenticate=true', `spark.authenticate.secret.file=${secretFile}`];
  const options = ['--host', '127.0.0.1', ...authenticate.flatMap((text) => ['--conf', text])];
  const first = await shuffleService(t, localDir, await freePort(), ...options);
  const cluster = await StandaloneCluster.start({
    workers: 1,
    coresPerWorker: 2,
    memoryPerWorker: 2048,
    security: sharedSecret('of the cluster'),
    conf: {
      'spark.local.dir': localDir,
      'spark.shuffle.service.enabled': 'true',
      'spark.shuffle.service.port': String(first.port),
      'spark.iskra.shuffle.service.ownProcess': 'true',
    },
  });
  t.after(() => cluster.stop());
  const sc = await SparkContext.create({
    master: cluster.url,
    appName: 'a service of its own',
    'spark.log.level': 'OFF',
    'spark.executor.cores': '1',
    'spark.authenticate': 'true',
    'spark.authenticate.secret.file': secretFile,
    'spark.shuffle.service.enabled': 'true',
    'spark.shuffle.readHostLocalDisk': 'false',
    'spark.shuffle.service.port': String(first.port),
  });
  t.after(() => sc.stop());
  const mapped = sc.longAccumulator('mapped');
  const counts = sc
    .parallelize([...Array(1000).keys()], 8)
    .map((x): [number, number] => {
      mapped.add(1);
      return [x % 10, 1];
    })
    .reduceByKey((a, b) => a + b, 4);
  assert.equal(await counts.count(), 10);
  const pids = await executorPids(sc, 2);
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  const second = await shuffleService(t, localDir, first.port, ...options);
  for (const pid of pids) await kill(pid);
  assert.deepEqual(await counts.values().collect(), Array(10).fill(100));
  assert.equal(mapped.value, 1000);
  assert.match(second.log(), /Executor [01] of app-\d+-0000 is served as before/);
  await sc.stop();
  await until(() => readdirSync(join(localDir, 'registeredExecutors')).length === 0);
  second.child.kill('SIGTERM');
  assert.deepEqual(await once(second.child, 'exit'), [143, null]);
  // The worker removes what the application had.
  await until(() => !readdirSync(localDir).some((name) => name.startsWith('executor-')));
});

test('a shuffle service says what is wrong, and ends with 1', async (t) => {
  const running = await shuffleService(t, null);
  assert.match(running.log(), /'spark\.local\.dir' should be set first when we use db in ExternalShuffleService/);
  const fails = async (why: RegExp, ...args: string[]): Promise<void> => {
    await assert.rejects(shuffleService(t, null, running.port, ...args), (error: Error) => {
      assert.match(error.message, /^it ended with 1: /);
      assert.match(error.message, why);
      return true;
    });
  };
  await fails(/EADDRINUSE|in use/);
  await fails(/would listen on 0\.0\.0\.0, where other hosts can reach it/, '--bind-address', '0.0.0.0');
  await fails(/Unrecognized option '--webui-port'/, '--webui-port', '0');
  await fails(/a shuffle service takes no arguments, but was given 'x'/, 'x');
  await fails(/spark\.authenticate\.secret is not taken from arguments/, '--conf', 'spark.authenticate.secret=x');
});
