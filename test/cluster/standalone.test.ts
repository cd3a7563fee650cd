import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type { ConfValues } from '../../src/config/spark-conf.ts';
import { executorConf } from '../../src/driver/coarse-grained.ts';
import { SparkContext } from '../../src/driver/spark-context.ts';
import { ResourceProfileBuilder } from '../../src/rdd/resource-profile-builder.ts';
import { ExecutorResourceRequests, TaskResourceRequests } from '../../src/rdd/resource-requests.ts';
import { sharedSecret } from '../../src/rpc/security.ts';
import { executorPids } from '../kit/executors.ts';
import { gone } from '../kit/processes.ts';
import { type ClusterOptions, StandaloneCluster } from '../kit/standalone-cluster.ts';
import { until } from '../kit/until.ts';

/** A job with a shuffle in which each task takes a moment; true when its result is right. */
const slowCount = async (sc: SparkContext): Promise<boolean> => {
  const pairs = sc.range(0, 800, 1, 8).mapPartitions((xs) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150);
    return [...xs].map((x) => [x % 7, 1] as [number, number]);
  });
  const counts = new Map(await pairs.reduceByKey((a, b) => a + b, 4).collect());
  return [...counts.values()].reduce((a, b) => a + b, 0) === 800 && counts.get(0) === 115 && counts.size === 7;
};

/** A cluster with an application for the time of a test. */
async function withApp(
  clusterOptions: ClusterOptions,
  conf: ConfValues,
  body: (sc: SparkContext, cluster: StandaloneCluster) => Promise<void>,
): Promise<void> {
  const cluster = await StandaloneCluster.start(clusterOptions);
  try {
    await using sc = await SparkContext.create({
      master: cluster.url,
      appName: 'standalone',
      'spark.log.level': 'FATAL',
      'spark.shuffle.io.retryWait': '100ms',
      ...conf,
    });
    await body(sc, cluster);
  } finally {
    await cluster.stop();
  }
}

describe('an application on a standalone cluster', () => {
  let cluster: StandaloneCluster;
  let sc: SparkContext;
  before(async () => {
    cluster = await StandaloneCluster.start({ recovers: true });
    sc = await SparkContext.create({
      master: cluster.url,
      appName: 'standalone',
      'spark.log.level': 'FATAL',
      'spark.shuffle.io.retryWait': '100ms',
    });
  });
  after(async () => {
    await sc.stop();
    await cluster.stop();
  });

  test('has the id that the master gave it', async () => {
    assert.match(sc.applicationId, /^app-\d{14}-0000$/);
    assert.equal((await cluster.app(sc.applicationId))?.app.name, 'standalone');
  });

  test('has as many partitions as it was granted cores', () => {
    assert.equal(sc.defaultParallelism, 2);
    assert.equal(sc.parallelize([1, 2, 3]).getNumPartitions(), 2);
  });

  test('runs jobs with shuffles on executors of both workers', async () => {
    assert.ok(await slowCount(sc));
    assert.equal((await executorPids(sc)).length, 2);
    const app = await cluster.app(sc.applicationId);
    assert.deepEqual(
      [app?.state, app?.coresGranted, new Set(app?.executors.map((e) => e.workerId)).size],
      ['RUNNING', 2, 2],
    );
  });

  test('knows where its executors can be reached', async () => {
    await executorPids(sc);
    for (const { host, port } of sc.statusTracker.getExecutorInfos()) {
      assert.equal(host, '127.0.0.1');
      assert.ok(port > 0);
    }
  });

  test('gets another executor for one that was killed, and the job is right', async () => {
    const pids = await executorPids(sc);
    const job = slowCount(sc);
    await until(() => sc.statusTracker.getActiveStageIds().length > 0);
    process.kill(pids[0] as number, 'SIGKILL');
    assert.ok(await job);
    assert.ok(!(await executorPids(sc)).includes(pids[0] as number));
  });

  test('goes on while its master is started again, under the same id, and gets executors from it', async () => {
    const id = sc.applicationId;
    const pids = await executorPids(sc);
    const job = slowCount(sc);
    await cluster.restartMaster();
    assert.ok(await job);
    await cluster.until(({ status, workers }) => status === 'ALIVE' && workers.length === 2);
    assert.deepEqual(await executorPids(sc).then((now) => now.sort()), pids.sort());
    assert.deepEqual([sc.applicationId, (await cluster.app(id))?.state], [id, 'RUNNING']);
    const before = Math.max(...((await cluster.app(id))?.executors.map(({ execId }) => execId) ?? []));
    process.kill(pids[0] as number, 'SIGKILL');
    await executorPids(sc);
    const after = (await cluster.app(id))?.executors.map(({ execId }) => execId) ?? [];
    assert.deepEqual(after.filter((execId) => execId > before).length, 1);
  });

  test('asks for fewer executors, and for more again', async () => {
    const pids = await executorPids(sc);
    assert.equal(await sc.requestTotalExecutors(1), true);
    const [victim] = sc.statusTracker.getExecutorInfos().map(({ executorId }) => executorId);
    assert.equal(await sc.killExecutor(victim as string), true);
    await cluster.until(({ activeApps: [app] }) => app?.executors.length === 1 && app.executorLimit === 0);
    assert.equal((await executorPids(sc, 1)).length, 1);
    assert.equal(await sc.requestTotalExecutors(2), true);
    const now = await executorPids(sc);
    assert.equal(now.filter((pid) => pids.includes(pid)).length, 1);
  });

  test('leaves no executor behind, and has finished, as its master knows', async () => {
    const pids = await executorPids(sc);
    await sc.stop();
    await gone(pids);
    await cluster.until(({ activeApps }) => activeApps.length === 0);
    assert.equal((await cluster.app(sc.applicationId))?.state, 'FINISHED');
    await cluster.until(({ workers }) => workers.every(({ coresUsed }) => coresUsed === 0));
  });
});

test('executors are as large as they are asked for, and no more than spark.cores.max allows', () =>
  withApp(
    { coresPerWorker: 4, memoryPerWorker: 2048 },
    { 'spark.executor.cores': '2', 'spark.executor.memory': '512m', 'spark.cores.max': '6' },
    async (sc, cluster) => {
      await cluster.until(({ activeApps: [app] }) => app?.executors.length === 3);
      const app = await cluster.app(sc.applicationId);
      assert.deepEqual(
        app?.executors.map(({ cores, memory }) => [cores, memory]),
        Array(3).fill([2, 512]),
      );
      assert.equal(sc.defaultParallelism, 6);
      await executorPids(sc, 3);
    },
  ));

test('spark.executor.instances says how many executors there are', () =>
  withApp(
    { coresPerWorker: 4, memoryPerWorker: 4096 },
    { 'spark.executor.cores': '1', 'spark.executor.instances': '3' },
    async (sc, cluster) => {
      await executorPids(sc, 3);
      assert.equal((await cluster.app(sc.applicationId))?.executorLimit, 3);
    },
  ));

test('a context waits for as many executors as it is told to', () =>
  withApp({}, { 'spark.cores.max': '2', 'spark.scheduler.minRegisteredResourcesRatio': '1.0' }, async (sc) => {
    assert.equal(sc.statusTracker.getExecutorInfos().length, 2);
  }));

test('a worker that ends takes its executors along, and the job goes on elsewhere', () =>
  withApp({}, {}, async (sc, cluster) => {
    await executorPids(sc);
    const job = slowCount(sc);
    await until(() => sc.statusTracker.getActiveStageIds().length > 0);
    await cluster.workers[0]?.stop();
    assert.ok(await job);
    const left = cluster.workers[1]?.workerId;
    await cluster.until(({ activeApps: [app] }) => String(app?.executors.map(({ workerId }) => workerId)) === left);
  }));

test('an application outlives the stop of its only worker, however many executors it has there', () =>
  withApp(
    { workers: 1, coresPerWorker: 2, memoryPerWorker: 2048, conf: { 'spark.deploy.maxExecutorRetries': '1' } },
    { 'spark.executor.cores': '1' },
    async (sc, cluster) => {
      await executorPids(sc);
      await cluster.workers[0]?.stop();
      await cluster.until(({ activeApps: [app] }) => app?.executors.length === 0);
      await cluster.addWorker();
      assert.equal(await sc.range(0, 10, 1, 2).count(), 10);
    },
  ));

test('an executor on a worker that comes later gets work, and one of a drained worker none', () =>
  withApp(
    { workers: 1, conf: { 'spark.decommission.enabled': 'true' } },
    { 'spark.decommission.enabled': 'true', 'spark.storage.decommission.enabled': 'true' },
    async (sc, cluster) => {
      const [first] = await executorPids(sc, 1);
      await cluster.addWorker();
      const [, second] = (await executorPids(sc)).sort((a) => (a === first ? -1 : 1));
      const shuffled = sc
        .range(0, 100, 1, 4)
        .map((x) => [x % 3, 1] as [number, number])
        .reduceByKey((a, b) => a + b, 2);
      assert.equal(await shuffled.count(), 3);
      cluster.workers[0]?.decommission();
      await gone([first as number]);
      assert.deepEqual(await executorPids(sc, 1), [second]);
      assert.equal(await shuffled.count(), 3);
    },
  ));

test('the number of executors follows the load', () =>
  withApp(
    { coresPerWorker: 2, memoryPerWorker: 2048 },
    {
      'spark.dynamicAllocation.enabled': 'true',
      'spark.dynamicAllocation.schedulerBacklogTimeout': '50ms',
      'spark.dynamicAllocation.executorIdleTimeout': '1s',
      'spark.executor.cores': '1',
      'spark.dynamicAllocation.maxExecutors': '3',
    },
    async (sc, cluster) => {
      assert.deepEqual((await cluster.app(sc.applicationId))?.executors, []);
      const pids = await executorPids(sc, 3);
      await gone(pids);
      await cluster.until(({ activeApps: [app] }) => app?.executors.length === 0);
      assert.equal(await sc.range(10).count(), 10);
    },
  ));

test('a stage with a resource profile runs on executors of that profile', () =>
  withApp(
    { coresPerWorker: 3, memoryPerWorker: 3072 },
    {
      'spark.dynamicAllocation.enabled': 'true',
      'spark.dynamicAllocation.schedulerBacklogTimeout': '50ms',
      'spark.dynamicAllocation.executorIdleTimeout': '60s',
      'spark.executor.cores': '1',
    },
    async (sc, cluster) => {
      const large = new ResourceProfileBuilder()
        .require(new ExecutorResourceRequests().cores(2).memory('2g'))
        .require(new TaskResourceRequests().cpus(2))
        .build();
      assert.equal(
        await sc
          .range(0, 10, 1, 2)
          .withResources(large)
          .map((x) => x + 1)
          .count(),
        10,
      );
      const app = await cluster.app(sc.applicationId);
      const sizes = app?.executors.map(({ resourceProfileId, cores, memory }) => [resourceProfileId, cores, memory]);
      assert.deepEqual(sizes?.[0], [large.id, 2, 2048]);
    },
  ));

test('an application that its master removes fails its jobs with the reason, and its context stops', () =>
  withApp({}, {}, async (sc, cluster) => {
    const pids = await executorPids(sc);
    const job = slowCount(sc);
    await until(() => sc.statusTracker.getActiveStageIds().length > 0);
    await cluster.master.ask('RequestKillApplication', { appId: sc.applicationId });
    await assert.rejects(job, /Master removed our application: KILLED/);
    assert.equal(sc.isStopped, true);
    assert.throws(() => sc.range(10), /stopped SparkContext.*Master removed our application: KILLED/);
    await gone(pids);
  }));

test('executors that cannot start make the application fail', () =>
  withApp(
    { conf: { 'spark.deploy.maxExecutorRetries': '2' } },
    { 'spark.executorEnv.NODE_OPTIONS': '--no-such-option' },
    async (sc) => {
      await assert.rejects(
        sc.range(10).count(),
        /Master removed our application: FAILED \(its executors ended early, the last: executor \d on 127\.0\.0\.1:\d+: Command exited with code 9; what it wrote: http:\/\/127\.0\.0\.1:8081\/logPage\/\?appId=app-\d+-0000&executorId=\d&logType=stderr\)/,
      );
    },
  ));

describe('a cluster with a secret', () => {
  for (const encrypt of [false, true])
    test(`runs applications that have it${encrypt ? ', encrypted' : ''}; executors get one of their own`, () =>
      withApp(
        { security: sharedSecret('of the cluster', { encrypt }) },
        {
          'spark.authenticate': 'true',
          'spark.authenticate.secret': 'of the cluster',
          'spark.network.crypto.enabled': String(encrypt),
        },
        async (sc) => {
          const environments = await sc
            .range(0, 4, 1, 4)
            .map(() => [
              process.env['_SPARK_AUTH_SECRET'],
              process.platform === 'linux' ? readFileSync('/proc/self/environ', 'utf8') : '',
            ])
            .collect();
          for (const [secret, environment] of environments) {
            assert.equal(secret, undefined);
            assert.ok(!environment?.includes('of the cluster'));
          }
          assert.equal(executorConf(sc.conf)['spark.authenticate.secret'], undefined);
          assert.ok(await slowCount(sc));
        },
      ));

  test('says at once what is wrong to an application that does not have it', async () => {
    const cluster = await StandaloneCluster.start({ workers: 0, security: sharedSecret('of the cluster') });
    try {
      for (const [conf, text] of [
        [{ 'spark.authenticate': 'true', 'spark.authenticate.secret': 'another' }, /do not have the same secret/],
        [{}, /requires authentication; set spark\.authenticate=true/],
      ] as const) {
        const create = SparkContext.create({ master: cluster.url, appName: 'none', 'spark.log.level': 'OFF', ...conf });
        await assert.rejects(create, /^IskraError: .*All masters are unresponsive! Giving up\./);
        await assert.rejects(create, text);
      }
    } finally {
      await cluster.stop();
    }
  });
});

test('masters of which none answers are given up after three tries', async () => {
  const create = SparkContext.create({
    master: 'spark://127.0.0.1:1,127.0.0.1:2',
    appName: 'nobody',
    'spark.log.level': 'OFF',
    'spark.iskra.standalone.registrationTimeout': '50ms',
  });
  await assert.rejects(
    create,
    /Application has been killed\. Reason: All masters are unresponsive! Giving up\. \(spark:\/\/127\.0\.0\.1:1: .*ECONNREFUSED.*; spark:\/\/127\.0\.0\.1:2: /,
  );
});

test('the master that leads is found among several', async () => {
  const cluster = await StandaloneCluster.start();
  try {
    await using sc = await SparkContext.create({
      master: `spark://127.0.0.1:1,${cluster.url.slice('spark://'.length)}`,
      appName: 'several',
      'spark.log.level': 'OFF',
    });
    assert.equal(await sc.range(10).count(), 10);
  } finally {
    await cluster.stop();
  }
});
