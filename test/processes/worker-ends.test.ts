import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
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
import { app } from '../kit/master-machine.ts';
import { OPEN } from '../kit/rpc.ts';
import { gone } from '../kit/worker-process.ts';

const ISKRA = fileURLToPath(new URL('../../../bin/iskra', import.meta.url));
const SECRET = 'of all in this test';

interface Scene {
  readonly master: FakeMaster;
  readonly worker: ChildProcess;
  /** Where executors keep blocks. */
  readonly local: string;
  readonly workDir: string;
  /** Launches one, which registers with a driver in this process. */
  executor(execId: number): Promise<RegisterExecutor>;
}

/** The real command and a real executor, with a master and a driver that do as they are told. */
async function scene(t: TestContext, security: RpcSecurity, conf: readonly string[]): Promise<Scene> {
  const directory = mkdtempSync(join(tmpdir(), 'worker-ends-'));
  const local = join(directory, 'local');
  const workDir = join(directory, 'work');
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
  const clean = Object.entries(process.env).filter(([name]) => !/^_?(SPARK|ISKRA)_/.test(name));
  const options = ['--webui-port', '0', '--work-dir', workDir, '--host', '127.0.0.1', '--cores', '4', '--memory', '4g'];
  const settings = conf.flatMap((each) => ['--conf', each]);
  const worker = spawn(process.execPath, [ISKRA, 'worker', ...options, ...settings, master.url], {
    cwd: directory,
    env: { ...Object.fromEntries(clean), SPARK_LOCAL_DIRS: local, _SPARK_AUTH_SECRET: SECRET },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let err = '';
  worker.stderr?.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  t.after(async () => {
    worker.kill('SIGKILL');
    await Promise.all([master.stop(), driver.stop()]);
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  });
  const ended = new Promise<never>((_resolve, reject) => {
    worker.once('exit', (code) => reject(new Error(`the worker ended with ${code}:\n${err}`)));
  });
  ended.catch(() => {});
  await Promise.race([master.hears('WorkerLatestState'), ended]);
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
  return { master, worker, local, workDir, executor };
}

function withResolvers<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

const exitOf = (child: ChildProcess): Promise<[number | null, NodeJS.Signals | null]> =>
  new Promise((resolve) => child.once('exit', (code, signal) => resolve([code, signal])));

const left = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('blockmgr-'));

for (const [how, security, conf] of [
  ['', OPEN, []],
  [', and every one has a secret', anyKey(SECRET), ['spark.authenticate=true']],
] as const)
  test(`executors end when their worker is killed with -9${how}`, { timeout: 60_000 }, async (t) => {
    const { worker, local, workDir, executor } = await scene(t, security, conf);
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
  });

test('a worker that is told to end ends its executors before', { timeout: 60_000 }, async (t) => {
  const { master, worker, local, executor } = await scene(t, OPEN, []);
  const { pid } = await executor(0);
  const exit = exitOf(worker);
  worker.kill('SIGTERM');
  const end = await master.ended(0);
  assert.deepEqual([end.state, end.exitStatus], ['KILLED', 143]);
  await exit;
  await gone([pid]);
  assert.deepEqual(left(local), []);
});

/** Whoever has the secret, under any id: the executor shows its application's. */
function anyKey(secret: string): RpcSecurity {
  const shared = sharedSecret(secret);
  return { ...shared, secretFor: () => shared.secret };
}
