// The real program of an executor, and a driver that does as it is told.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { FromExecutor, ToExecutor } from '../../src/protocol/driver-executor.ts';
import {
  type AskScheduler,
  EXECUTOR_ENDPOINT,
  type ExecutorNews,
  SCHEDULER_ENDPOINT,
} from '../../src/protocol/executor-registration.ts';
import type { TaskDescription } from '../../src/protocol/task.ts';
import type { RpcCaller } from '../../src/rpc/rpc-endpoint.ts';
import { RpcEnv } from '../../src/rpc/rpc-env.ts';
import { Middleman, OPEN } from '../kit/rpc.ts';
import { until } from '../kit/until.ts';

const EXECUTOR = fileURLToPath(new URL('../../src/main/executor-process.js', import.meta.url));

interface Scene {
  readonly child: ChildProcess;
  readonly driver: RpcEnv;
  /** Where it keeps blocks. */
  readonly local: string;
  /** Its connection, once it has asked to be registered. */
  readonly registers: Promise<RpcCaller>;
  readonly news: readonly (FromExecutor | ExecutorNews)[];
  readonly end: Promise<{ readonly code: number | null; readonly err: string }>;
}

interface Driver {
  /** What it answers to a registration. */
  readonly refused?: string;
  readonly conf?: Readonly<Record<string, string>>;
  readonly heartbeat?: () => { readonly known: boolean };
  /** The executor asks for its settings. */
  readonly asked?: (child: ChildProcess) => void;
  /** What the executor is given before it can ask. */
  readonly early?: Readonly<Record<string, string>>;
  /** Where the executor looks for it. */
  readonly port?: (own: number) => Promise<number>;
}

async function scene(
  t: TestContext,
  {
    refused,
    conf = {},
    heartbeat = () => ({ known: true }),
    asked = () => {},
    early = {},
    port = async (own) => own,
  }: Driver = {},
  localDir?: string,
): Promise<Scene> {
  const directory = mkdtempSync(join(tmpdir(), 'iskra-executor-'));
  const local = localDir ?? join(directory, 'local');
  const driver = await RpcEnv.create({ name: 'driver', host: '127.0.0.1', port: 0, security: OPEN });
  const news: (FromExecutor | ExecutorNews)[] = [];
  let registered: (caller: RpcCaller) => void = () => {};
  const registers = new Promise<RpcCaller>((resolve) => {
    registered = resolve;
  });
  driver.register<FromExecutor | ExecutorNews, AskScheduler>(SCHEDULER_ENDPOINT, {
    receive: (message) => news.push(message),
    receiveAndReply(ask, from) {
      switch (ask.type) {
        case 'RetrieveSparkAppConfig':
          asked(child);
          return { conf, applicationId: 'app-1', mainScripts: [], packages: null, logLevel: 'INFO' };
        case 'RegisterExecutor':
          registered(from);
          return { refused: refused ?? null };
        case 'Heartbeat':
          return heartbeat();
        default:
          return {};
      }
    },
  });
  const args = ['--executor-id', '7', '--hostname', '127.0.0.1', '--cores', '1', '--app-id', 'app-1'];
  const url = ['--driver-url', `spark://${SCHEDULER_ENDPOINT}@127.0.0.1:${await port(driver.address?.port ?? 0)}`];
  const child = spawn(process.execPath, [EXECUTOR, ...url, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      ...process.env,
      SPARK_EXECUTOR_DIRS: local,
      SPARK_LOCAL_DIRS: local,
      ISKRA_EXECUTOR_CONF: JSON.stringify(early),
    },
  });
  let err = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const end = new Promise<{ code: number | null; err: string }>((resolve) =>
    child.once('close', (code) => resolve({ code, err })),
  );
  t.after(async () => {
    child.kill('SIGKILL');
    await driver.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  return { child, driver, local, registers, news, end };
}

test('an executor that its driver refuses says why, and ends with 1', async (t) => {
  const { local, end } = await scene(t, { refused: 'Duplicate executor ID: 7' });
  const { code, err } = await end;
  assert.equal(code, 1);
  assert.match(err, /Executor self-exiting due to : Slave registration failed: Duplicate executor ID: 7/);
  assert.deepEqual(readdirSync(local), []);
});

test('an executor whose driver is gone ends with 1, and leaves no file', async (t) => {
  const { driver, local, registers, end } = await scene(t);
  await registers;
  await driver.stop();
  const { code, err } = await end;
  assert.equal(code, 1);
  assert.match(err, /Driver 127\.0\.0\.1:\d+ disassociated! Shutting down\./);
  assert.deepEqual(readdirSync(local), []);
});

test('an executor that is told to stop ends with 0', async (t) => {
  const { local, registers, end } = await scene(t);
  (await registers).ref<ToExecutor>(EXECUTOR_ENDPOINT).send({ type: 'StopExecutor' });
  const { code, err } = await end;
  assert.deepEqual([code, /Driver commanded a shutdown/.test(err)], [0, true], err);
  assert.deepEqual(readdirSync(local), []);
});

test('an executor says that it has a task, and then how the task ended', async (t) => {
  const { registers, news } = await scene(t);
  const task = { taskId: 5, programKey: 'of a stage that is over' } as TaskDescription; // no slot looks at the rest
  (await registers).ref<ToExecutor>(EXECUTOR_ENDPOINT).send({ type: 'LaunchTask', task, program: null });
  await until(() => news.length === 2);
  const reason = { kind: 'TaskKilled', reason: 'stage is over' };
  assert.deepEqual(news, [
    { type: 'TasksStarted', executorId: '7', taskIds: [5] },
    { type: 'StatusUpdate', executorId: '7', taskId: 5, result: { kind: 'Failed', reason, metrics: null } },
  ]);
});

test('an executor that cannot be made tells its driver why, and ends with 1', async (t) => {
  const { news, end } = await scene(t, {}, '/dev/null/nowhere');
  const { code } = await end;
  assert.equal(code, 1);
  await until(() => news.length > 0); // it comes by another way than the end of the process
  const [exiting] = news;
  assert.ok(exiting?.type === 'ExecutorExiting');
  assert.match(
    exiting.reason,
    /^Executor self-exiting due to : none of the directories of spark\.local\.dir can be used/,
  );
});

for (const [what, heartbeat, code, said] of [
  ['that its driver has given up', () => ({ known: false }), 1, /the driver has given this executor up/],
  [
    'whose driver does not answer its heartbeats',
    () => {
      throw new Error('not now');
    },
    56,
    /Exit as unable to send heartbeats to driver more than 2 times/,
  ],
] as const)
  test(`an executor ${what} ends with ${code}`, async (t) => {
    const conf = { 'spark.executor.heartbeatInterval': '20ms', 'spark.executor.heartbeat.maxFailures': '2' };
    const { local, end } = await scene(t, { conf, heartbeat });
    const { code: ended, err } = await end;
    assert.equal(ended, code, err);
    assert.match(err, said);
    assert.deepEqual(readdirSync(local), []);
  });

test('an executor that is drained before it is registered says so when it is, and ends', async (t) => {
  const conf = { 'spark.decommission.enabled': 'true' };
  const { news, end } = await scene(t, { conf, asked: (child) => child.kill('SIGPWR') });
  const { code, err } = await end;
  assert.equal(code, 0, err);
  await until(() => news.length >= 2);
  assert.deepEqual(
    news.map(({ type }) => type),
    ['ExecutorDecommissioning', 'ExecutorExiting'],
  );
});

test('an executor that starts while its driver computes waits for it at each step, longer than any timeout', async (t) => {
  const early = {
    'spark.rpc.lookupTimeout': '50ms',
    'spark.rpc.askTimeout': '50ms',
    'spark.rpc.io.connectionTimeout': '200ms',
  };
  let between: Middleman | null = null;
  /** Resolves when the executor has looked so often whether the driver is there. */
  const computes = async (looks: number): Promise<void> => {
    await between?.hold(looks);
    between?.release();
  };
  let firstStretch = Promise.resolve();
  let secondStretch = Promise.resolve();
  const { registers, end } = await scene(t, {
    early,
    conf: early,
    port: async (own) => {
      const middleman = new Middleman(own);
      between = middleman;
      await middleman.listen();
      t.after(() => middleman.close());
      // The connection itself, and two looks, each after one timeout.
      firstStretch = computes(3);
      return middleman.port;
    },
    // Its answer is not seen before the end of the next stretch.
    asked: () => {
      secondStretch = computes(2);
    },
  });
  await firstStretch;
  const driver = await registers;
  await secondStretch;
  driver.ref<ToExecutor>(EXECUTOR_ENDPOINT).send({ type: 'StopExecutor' });
  const { code, err } = await end;
  assert.equal(code, 0, err);
});
