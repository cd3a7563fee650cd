import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { ConfValues } from '../../src/config/spark-conf.ts';
import { SparkContext } from '../../src/driver/spark-context.ts';
import { BLOCK_TRANSFER_ENDPOINT } from '../../src/protocol/executor-registration.ts';
import { RpcEnv } from '../../src/rpc/rpc-env.ts';
import { applicationSecret, sharedSecret } from '../../src/rpc/security.ts';
import { app } from '../kit/master-machine.ts';
import { recordingLogger } from '../kit/rpc.ts';
import { StandInDriver } from '../kit/stand-in-driver.ts';
import { type ClusterOptions, StandaloneCluster } from '../kit/standalone-cluster.ts';
import { until } from '../kit/until.ts';

async function withCluster(
  options: ClusterOptions,
  body: (cluster: StandaloneCluster, create: (conf?: ConfValues) => Promise<SparkContext>) => Promise<void>,
): Promise<void> {
  const cluster = await StandaloneCluster.start(options);
  const create = (conf: ConfValues = {}) =>
    SparkContext.create({ master: cluster.url, appName: 'faults', 'spark.log.level': 'OFF', ...conf });
  try {
    await body(cluster, create);
  } finally {
    await cluster.stop();
  }
}

test('contexts one after the other are two applications; the first has finished and left nothing', () =>
  withCluster({ workers: 1 }, async (cluster, create) => {
    const ids: string[] = [];
    for (let i = 0; i < 2; i++) {
      await using sc = await create();
      assert.equal(await sc.range(10).count(), 10);
      ids.push(sc.applicationId);
    }
    assert.equal(new Set(ids).size, 2);
    await cluster.until(({ activeApps, workers }) => activeApps.length === 0 && workers[0]?.coresUsed === 0);
    for (const id of ids) assert.equal((await cluster.app(id))?.state, 'FINISHED');
    await until(() => !readdirSync(join(cluster.directory, 'local')).some((name) => name.startsWith('executor-')));
  }));

test('a worker without free memory gets no executor, and one when memory is free again', () =>
  withCluster({ workers: 1, coresPerWorker: 4, memoryPerWorker: 512 }, async (cluster, create) => {
    const first = await create({ 'spark.executor.memory': '512m', 'spark.cores.max': '1' });
    await cluster.until(({ workers: [worker] }) => worker?.memoryUsed === 512);
    const demand = { coresPerExecutor: 1, memoryPerExecutor: 512, resourcesPerExecutor: {} };
    const waiting = await StandInDriver.start(cluster.url.slice('spark://'.length), app({ name: 'waits', demand }));
    await cluster.until(({ activeApps }) => activeApps.length === 2);
    const { workers, activeApps } = await cluster.state();
    assert.deepEqual([workers[0]?.coresUsed, activeApps[1]?.state, activeApps[1]?.executors], [1, 'WAITING', []]);
    await first.stop();
    await waiting.hears('ExecutorAdded');
    await waiting.stop();
  }));

test('a work directory that vanishes is made again for the next executor; cleaning has nothing to do meanwhile', () =>
  withCluster({ workers: 0 }, async (cluster, create) => {
    const lines: string[] = [];
    const conf = cluster.withConf({ 'spark.worker.cleanup.enabled': 'true', 'spark.worker.cleanup.interval': '1' });
    const workDir = join(cluster.directory, 'work-0');
    const worker = await cluster.addWorker({ conf, workDir, log: recordingLogger(lines) });
    await cluster.until(({ workers }) => workers.length === 1);
    rmSync(workDir, { recursive: true });
    await until(() => lines.some((line) => line.includes('App dir cleanup failed')));
    await using sc = await create();
    assert.equal(await sc.range(10).count(), 10);
    rmSync(workDir, { recursive: true });
    assert.equal(await sc.range(10).count(), 10);
    assert.equal(worker.state().executors.length, 1);
  }));

test('old directories of applications go, the cache of packages and what runs stay', () =>
  withCluster({ workers: 0 }, async (cluster, create) => {
    const conf = cluster.withConf({
      'spark.worker.cleanup.enabled': 'true',
      'spark.worker.cleanup.interval': '1',
      'spark.worker.cleanup.appDataTtl': '0',
    });
    const workDir = join(cluster.directory, 'work-0');
    await cluster.addWorker({ conf, workDir });
    await cluster.until(({ workers }) => workers.length === 1);
    const over = await create();
    assert.equal(await over.range(10).count(), 10);
    assert.ok(existsSync(join(workDir, over.applicationId, '0', 'stderr')));
    await over.stop();
    mkdirSync(join(workDir, 'cache', 'objects'), { recursive: true });
    writeFileSync(join(workDir, 'notes.txt'), 'a plain file');
    await using sc = await create();
    const goes = (name: string): boolean => name === over.applicationId || name.startsWith('.removed-');
    await until(() => !readdirSync(workDir).some(goes));
    assert.equal(await sc.range(10).count(), 10);
    assert.deepEqual(readdirSync(workDir).sort(), [sc.applicationId, 'cache', 'notes.txt'].sort());
    assert.ok(existsSync(join(workDir, 'cache', 'objects')));
  }));

test('an application cannot read from executors of another one', () => {
  const security = sharedSecret('of the cluster');
  const conf = { 'spark.authenticate': 'true', 'spark.authenticate.secret': 'of the cluster' };
  return withCluster({ workers: 1, security }, async (cluster, create) => {
    const secretOf = async (): Promise<string> => {
      const { activeApps } = await cluster.state();
      return applicationSecret(security.secret, activeApps[0]?.app.secretSalt ?? '');
    };
    const first = await create(conf);
    const secretOfFirst = await secretOf();
    await first.stop();
    await cluster.until(({ activeApps }) => activeApps.length === 0);
    await using sc = await create(conf);
    assert.equal(await sc.range(10).count(), 10);
    const own = await secretOf();
    assert.notEqual(own, secretOfFirst);
    const executor = sc.statusTracker.getExecutorInfos().find(({ port }) => port > 0);
    assert.ok(executor !== undefined);
    const reach = async (secret: string): Promise<void> => {
      const env = await RpcEnv.create({
        name: 'stranger',
        security: sharedSecret(secret, { keyId: sc.applicationId }),
      });
      try {
        await env.connect({ host: executor.host, port: executor.port }, BLOCK_TRANSFER_ENDPOINT);
      } finally {
        await env.stop();
      }
    };
    await assert.rejects(reach(secretOfFirst), /do not have the same secret/);
    await assert.rejects(reach('of the cluster'), /do not have the same secret/);
    await reach(own);
  });
});

test('a master whose disk is full serves on, and keeps its records when there is room', async (t) => {
  const disk = mkdtempSync(join(tmpdir(), 'iskra-small-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'iskra-test', disk]);
  t.after(() => {
    if (mounted.status === 0) spawnSync('umount', [disk]);
    rmSync(disk, { recursive: true });
  });
  if (mounted.status !== 0) {
    t.diagnostic(`NOT TESTED with a real full disk, since this user may not mount one: ${mounted.stderr}`);
    return;
  }
  const lines: string[] = [];
  const records = join(disk, 'recovery');
  mkdirSync(records);
  const filler = join(disk, 'filler');
  spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=1024', 'count=1024']);
  assert.ok(statSync(filler).size > 0);
  const conf = { 'spark.deploy.recoveryMode': 'FILESYSTEM', 'spark.deploy.recoveryDirectory': records };
  await withCluster({ workers: 1, conf, log: recordingLogger(lines) }, async (_cluster, create) => {
    await using sc = await create();
    assert.equal(await sc.range(10).count(), 10);
    assert.deepEqual(readdirSync(records), []);
    assert.ok(
      lines.some((line) => /is not kept: .*ENOSPC/.test(line)),
      lines.join('\n'),
    );
    rmSync(filler);
    await until(() => readdirSync(records).length >= 2);
    assert.deepEqual(
      readdirSync(records)
        .map((name) => name.split('_')[0])
        .sort(),
      ['app', 'worker'],
    );
  });
});

test('executors whose program cannot be run make the application fail, with the reason', () =>
  withCluster({ workers: 0, conf: { 'spark.deploy.maxExecutorRetries': '2' } }, async (cluster, create) => {
    await cluster.addWorker({ nodePath: '/no/such/node' });
    await cluster.until(({ workers }) => workers.length === 1);
    const run = async (): Promise<void> => {
      await using sc = await create();
      await sc.range(10).count();
    };
    await assert.rejects(run, /FAILED \(its executors ended early, the last: executor \d on \S+: Cannot run program/);
    await cluster.until(({ workers: [worker] }) => worker?.coresUsed === 0);
  }));

test('hundreds of quick applications leave nothing in master and worker', async () => {
  const conf = {
    'spark.deploy.retainedApplications': '10',
    'spark.worker.ui.retainedExecutors': '10',
    'spark.shuffle.service.enabled': 'true',
    'spark.shuffle.service.port': '0',
  };
  await withCluster({ workers: 0, conf }, async (cluster) => {
    // Its executors end as soon as they start.
    const worker = await cluster.addWorker({ nodePath: existsSync('/bin/true') ? '/bin/true' : '/usr/bin/true' });
    await cluster.until(({ workers }) => workers.length === 1);
    const run = async (applications: number): Promise<void> => {
      for (let i = 0; i < applications; i++) {
        // So large that whoever keeps one of them is seen.
        const name = `quick ${i} `.padEnd(50_000);
        const driver = await StandInDriver.start(cluster.url.slice('spark://'.length), app({ name }));
        await driver.hears('ExecutorUpdated', ({ state }) => state === 'EXITED');
        await driver.stop();
      }
      await cluster.until(({ activeApps, workers: [w] }) => activeApps.length === 0 && w?.coresUsed === 0);
      await until(() => worker.state().executors.length === 0);
    };
    const heapUsed = (): number => {
      collectGarbage();
      return process.memoryUsage().heapUsed;
    };
    await run(60);
    const before = heapUsed();
    await run(140);
    // When it is that small depends on when connections are let go of, and on the collector.
    await until(() => heapUsed() - before <= 140 * 10_000, 5000);
    const { completedApps, workers } = await cluster.state();
    assert.ok(completedApps.length <= 10);
    assert.equal(workers[0]?.memoryUsed, 0);
    assert.ok(worker.state().finishedExecutors.length <= 10);
    for (const folder of ['local', 'work-0/registeredExecutors'])
      await until(() => readdirSync(join(cluster.directory, folder)).length === 0);
  });
});

/** Without a flag at the start of the process. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}
