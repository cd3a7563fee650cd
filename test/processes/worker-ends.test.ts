import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { SparkContext } from '../../src/driver/spark-context.ts';
import {
  type AppConfig,
  type AskScheduler,
  type RegisterExecutor,
  SCHEDULER_ENDPOINT,
} from '../../src/protocol/executor-registration.ts';
import { EXECUTOR_MAIN } from '../../src/protocol/worker-process.ts';
import { RpcEnv } from '../../src/rpc/rpc-env.ts';
import { type RpcSecurity, sharedSecret } from '../../src/rpc/security.ts';
import { FakeMaster } from '../kit/fake-master.ts';
import { filesBelow } from '../kit/files-below.ts';
import { IskraWorker } from '../kit/iskra-worker.ts';
import { ManualClock } from '../kit/manual-clock.ts';
import { app } from '../kit/master-machine.ts';
import { gone } from '../kit/processes.ts';
import { OPEN } from '../kit/rpc.ts';
import { StandaloneCluster } from '../kit/standalone-cluster.ts';
import { until } from '../kit/until.ts';
import { printed } from '../kit/worker-process.ts';

const SECRET = 'of all in this test';

interface Scene {
  readonly master: FakeMaster;
  readonly worker: ChildProcess;
  /** Where executors keep blocks. */
  readonly local: string;
  readonly workDir: string;
  /** Starts another one in its place, and waits until it has registered. */
  nextWorker(): Promise<ChildProcess>;
  /** Launches one, which registers with a driver in this process. */
  executor(execId: number): Promise<RegisterExecutor>;
}

/** The real command and a real executor, with a master and a driver that do as they are told. */
async function scene(t: TestContext, security: RpcSecurity, conf: readonly string[]): Promise<Scene> {
  const directory = mkdtempSync(join(tmpdir(), 'worker-ends-'));
  const local = join(directory, 'local');
  const workDir = join(directory, 'work'); // its default
  const master = await FakeMaster.start({ security });
  const driver = await RpcEnv.create({ name: 'driver', host: '127.0.0.1', port: 0, security });
  let registered: (executor: RegisterExecutor) => void = () => {};
  driver.register<{ type: string }, AskScheduler>(SCHEDULER_ENDPOINT, {
    receive: () => {},
    receiveAndReply(ask) {
      if (ask.type === 'RetrieveSparkAppConfig') {
        const config: AppConfig = {
          conf: {},
          applicationId: 'app-1',
          mainScripts: [],
          packages: null,
          logLevel: 'INFO',
        };
        return config;
      }
      if (ask.type === 'RegisterExecutor') {
        registered(ask.request);
        return { refused: null };
      }
      return ask.type === 'Heartbeat' ? { known: true } : {};
    },
  });
  const workers: ChildProcess[] = [];
  const startWorker = async (): Promise<ChildProcess> => {
    const { child, ended } = new IskraWorker(master.url, directory, {
      settings: conf,
      env: { SPARK_LOCAL_DIRS: local, _SPARK_AUTH_SECRET: SECRET },
    });
    workers.push(child);
    await Promise.race([master.hears('WorkerLatestState', undefined, master.heard.length), ended]);
    return child;
  };
  t.after(async () => {
    for (const each of workers) each.kill('SIGKILL');
    await Promise.all([master.stop(), driver.stop()]);
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  });
  const worker = await startWorker();
  const executor = (execId: number): Promise<RegisterExecutor> => {
    const { promise, resolve } = withResolvers<RegisterExecutor>();
    registered = resolve;
    const command = {
      mainClass: EXECUTOR_MAIN,
      arguments: [
        ...['--driver-url', `spark://${SCHEDULER_ENDPOINT}@127.0.0.1:${driver.address?.port}`],
        ...['--executor-id', '{{EXECUTOR_ID}}', '--hostname', '{{HOSTNAME}}', '--cores', '{{CORES}}'],
        ...['--app-id', '{{APP_ID}}', '--worker-url', '{{WORKER_URL}}'],
      ],
      environment: {
        ISKRA_EXECUTOR_CONF: JSON.stringify(Object.fromEntries(conf.map((each) => each.split('=')))),
        ...(security.kind === 'secret' && { _SPARK_AUTH_SECRET: SECRET }),
      },
      nodeOptions: [],
    };
    master.launch(execId, { app: app({ command }) });
    const early = master.ended(execId).then(({ message }) => {
      throw new Error(`${message}: ${readFileSync(join(workDir, `app-1/${execId}/stderr`), 'utf8')}`);
    });
    early.catch(() => {});
    return Promise.race([promise, early]);
  };
  return { master, worker, local, workDir, executor, nextWorker: startWorker };
}

function withResolvers<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

const left = (directory: string): string[] => filesBelow(directory, /blockmgr-/);

for (const [how, security, conf] of [
  ['', OPEN, []],
  [', and every one has a secret', anyKey(SECRET), ['spark.authenticate=true']],
] as const)
  test(`executors end when their worker is killed with -9${how}`, async (t) => {
    const { worker, local, workDir, executor, nextWorker } = await scene(t, security, conf);
    const first = await executor(0);
    const second = await executor(1);
    assert.deepEqual(
      Object.values(first.logUrls).map((url) => url.replace(/^http:\/\/[^/]+/, '')),
      ['/logPage/?appId=app-1&executorId=0&logType=stderr', '/logPage/?appId=app-1&executorId=0&logType=stdout'],
    );
    assert.deepEqual(Object.keys(first.logUrls), ['stderr', 'stdout']);
    assert.equal(left(local).filter((name) => /^executor-[^/]+\/blockmgr-[^/]+$/.test(name)).length, 2);
    worker.kill('SIGKILL');
    await gone([first.pid, second.pid]);
    assert.deepEqual(left(local), []);
    const log = readFileSync(join(workDir, 'app-1/0/stderr'), 'utf8');
    assert.match(log, /Lost connection to worker rpc endpoint spark:\/\/Worker@127\.0\.0\.1:\d+\. Exiting\./);
    assert.ok(!log.includes(SECRET));
    // What is empty then goes when a worker starts the next time.
    assert.equal(readdirSync(local).length, 1);
    const next = await nextWorker();
    assert.deepEqual(readdirSync(local), []);
    next.kill('SIGKILL');
  });

test('executors that print a lot end in good order when the worker that rolls their logs is killed', async (t) => {
  const cluster = await StandaloneCluster.start({ workers: 0 });
  const local = join(cluster.directory, 'local');
  const { child: worker, ended } = new IskraWorker(cluster.url, cluster.directory, {
    settings: ['spark.executor.logs.rolling.strategy=size', 'spark.executor.logs.rolling.maxSize=100k'],
    env: { SPARK_LOCAL_DIRS: local },
  });
  const sc = await SparkContext.create({
    ...{ master: cluster.url, appName: 'loud', 'spark.log.level': 'OFF' },
    ...{ 'spark.executor.memory': '512m', 'spark.executor.cores': '1', 'spark.cores.max': '1' },
  });
  t.after(async () => {
    worker.kill('SIGKILL');
    await sc.stop();
    await cluster.stop();
  });
  const [pid = 0] = await Promise.race([
    sc
      .parallelize([0], 1)
      .map(() => process.pid)
      .collect(),
    ended,
  ]);
  const loud = sc.range(0, 1000, 1, 1000).foreach(() => {
    process.stdout.write(`${'x'.repeat(999)}\n`.repeat(100));
  });
  loud.catch(() => {});
  const logs = join(cluster.directory, 'work', sc.applicationId, '0');
  await until(() => readdirSync(logs).filter((name) => name.startsWith('stdout--')).length >= 5);
  worker.kill('SIGKILL');
  await gone([pid]);
  assert.deepEqual(left(local), []);
});

test('an executor whose task stands in a call of the system ends with its worker as well, and so does what the task has started', async (t) => {
  const cluster = await StandaloneCluster.start({ workers: 0 });
  const local = join(cluster.directory, 'local');
  const { child: worker, ended } = new IskraWorker(cluster.url, cluster.directory, {
    env: { SPARK_LOCAL_DIRS: local },
  });
  const sc = await SparkContext.create({
    ...{ master: cluster.url, appName: 'stuck', 'spark.log.level': 'OFF' },
    ...{ 'spark.executor.memory': '512m', 'spark.executor.cores': '1', 'spark.cores.max': '1' },
  });
  t.after(async () => {
    worker.kill('SIGKILL');
    await sc.stop();
    await cluster.stop();
  });
  const file = join(cluster.directory, 'pids');
  const stuck = sc.parallelize([0], 1).foreach(() => {
    const { execFileSync } = process.getBuiltinModule('child_process');
    execFileSync('sh', [
      '-c',
      `trap '' TERM; echo ${process.pid} $$ > ${file}.new; mv ${file}.new ${file}; sleep 1000`,
    ]);
  });
  stuck.catch(() => {});
  const pids = (await Promise.race([printed(file), ended])).split(' ').map(Number);
  worker.kill('SIGKILL');
  await gone(pids);
  assert.deepEqual(left(local), []);
});

test('a worker that is told to end ends its executors before', async (t) => {
  const { worker, local, workDir, executor } = await scene(t, OPEN, []);
  const { pid } = await executor(0);
  const exit = new Promise((resolve) => worker.once('exit', resolve));
  worker.kill('SIGTERM');
  await exit;
  await gone([pid]);
  assert.match(readFileSync(join(workDir, 'app-1/0/stderr'), 'utf8'), /RECEIVED SIGNAL TERM/);
  assert.deepEqual(left(local), []);
});

test('a worker that gets SIGPWR tells its master that it takes nothing more', async (t) => {
  const { master, worker } = await scene(t, OPEN, ['spark.decommission.enabled=true']);
  worker.kill('SIGPWR');
  await master.hears('WorkerDecommissioning');
  master.launch(0);
  assert.match((await master.ended(0)).message ?? '', /while decommissioned/);
});

test('a worker that was stopped for too long comes back, ends what was given up, and takes part again', async (t) => {
  // Its own time: a worker that is only slow is not given up.
  const clock = new ManualClock(Date.now());
  const cluster = await StandaloneCluster.start({ workers: 0, conf: { 'spark.worker.timeout': '4' }, clock });
  const { child, ended } = new IskraWorker(cluster.url, cluster.directory, {
    settings: ['spark.worker.timeout=4'], // it beats each second
    env: { SPARK_LOCAL_DIRS: join(cluster.directory, 'local') },
  });
  t.after(async () => {
    child.kill('SIGKILL');
    await cluster.stop();
  });
  const workers = (state: string) => (found: Awaited<ReturnType<typeof cluster.state>>) =>
    found.workers.some((each) => each.state === state);
  await Promise.race([cluster.until(workers('ALIVE')), ended]);
  const [before] = (await cluster.state()).workers;
  await using sc = await SparkContext.create({ master: cluster.url, appName: 'stopped', 'spark.log.level': 'OFF' });
  const pidsOf = () =>
    sc
      .range(0, 4, 1, 4)
      .map(() => process.pid)
      .collect();
  const [given] = await pidsOf();
  child.kill('SIGSTOP');
  await cluster.until((found) => {
    clock.advance(1000); // again and again: a last heartbeat may be on its way
    return workers('DEAD')(found);
  });
  const job = pidsOf(); // waits for an executor
  child.kill('SIGCONT');
  await Promise.race([cluster.until(workers('ALIVE')), ended]);
  await gone([given as number]);
  const [taken] = await job;
  assert.notEqual(taken, given);
  const { workers: now, activeApps } = await cluster.state();
  const alive = now.filter(({ state }) => state === 'ALIVE');
  assert.deepEqual(
    alive.map(({ worker, coresUsed }) => [worker.id, coresUsed]),
    [[before?.worker.id, 4]],
  );
  assert.deepEqual(
    activeApps[0]?.executors.map(({ execId }) => execId),
    [1],
  );
});

/** Whoever has the secret, under any id: the executor shows its application's. */
function anyKey(secret: string): RpcSecurity {
  const shared = sharedSecret(secret);
  return { ...shared, secretFor: () => shared.secret };
}
