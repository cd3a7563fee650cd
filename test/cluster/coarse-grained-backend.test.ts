import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CoarseGrainedBackend } from '../../src/cluster/coarse-grained/coarse-grained-backend.ts';
import type { ExecutorProvider, ProviderListener } from '../../src/cluster/coarse-grained/executor-provider.ts';
import type {
  AskExecutorProcess,
  DriverAnswers,
  FromExecutor,
  ToExecutor,
} from '../../src/protocol/driver-executor.ts';
import { type AskScheduler, EXECUTOR_ENDPOINT, SCHEDULER_ENDPOINT } from '../../src/protocol/executor-registration.ts';
import type { TaskResult } from '../../src/protocol/task.ts';
import { newTaskMetrics } from '../../src/protocol/task-metrics.ts';
import type { RpcEnv } from '../../src/rpc/rpc-env.ts';
import type { BackendListener, ExecutorLoss } from '../../src/scheduler/ports.ts';
import { addressOf, recordingLogger, withEnvs } from '../kit/rpc.ts';

/** A backend without anything around it; its processes have ended when `ended` has. */
const backendOf = (
  rpc: RpcEnv,
  lines: string[],
  ended: Promise<void>,
  more: { readonly provider?: Partial<ExecutorProvider>; readonly forceKillTimeoutMs?: number } = {},
): CoarseGrainedBackend =>
  new CoarseGrainedBackend({
    rpc,
    provider: {
      expectedCores: 1,
      start() {},
      totalOf: () => 1,
      requestTotals: async () => true,
      kill() {},
      stop: () => ended,
      ...more.provider,
    },
    app: { conf: {}, applicationId: 'app-1', mainScripts: [], packages: null, logLevel: 'WARN' },
    // Nothing is asked, and nobody listens any more.
    answers: {} as DriverAnswers,
    onBlock() {},
    rddLocations: () => [],
    mapOutputs: { outputsOn: () => [], moveMapOutput: () => false },
    onMapOutputMoved() {},
    heartbeats: { timeoutMs: 120_000, checkIntervalMs: 60_000 },
    readiness: { cores: 0, maxWaitMs: 0 },
    forceKillTimeoutMs: more.forceKillTimeoutMs ?? null,
    broadcastPieceBytes: 1 << 20,
    goneExecutors: null,
    onFailed: assert.fail,
    log: recordingLogger(lines),
  });

const REGISTRATION = {
  executorId: '1',
  host: '127.0.0.1',
  port: 1,
  cores: 1,
  pid: 1,
  resourceProfileId: 0,
  logUrls: {},
  resources: {},
};

test('an executor that registers while its application ends is told to stop, as all others are', () =>
  withEnvs(async (make) => {
    const driver = await make({ port: 0 });
    const lines: string[] = [];
    let processesEnd = (): void => {};
    const ended = new Promise<void>((resolve) => {
      processesEnd = resolve;
    });
    const backend = backendOf(driver, lines, ended);
    backend.start({} as BackendListener);
    backend.stop();

    const executor = await make();
    const told = new Promise<string>((resolve) => {
      executor.register<ToExecutor>(EXECUTOR_ENDPOINT, { receive: ({ type }) => resolve(type) });
    });
    const scheduler = await executor.connect<never, AskScheduler>(addressOf(driver), SCHEDULER_ENDPOINT);
    const reply = await scheduler.ask('RegisterExecutor', REGISTRATION);
    assert.deepEqual([reply, await told, lines], [{ refused: null }, 'StopExecutor', []]);
    processesEnd();
    await backend.stopped;
  }));

test('a result that its executor no longer has is lost, and its task runs again', () =>
  withEnvs(async (make) => {
    const driver = await make({ port: 0 });
    const lines: string[] = [];
    const backend = backendOf(driver, lines, Promise.resolve());
    const ended = new Map<number, TaskResult>();
    let tell = (): void => {};
    const both = new Promise<void>((resolve) => {
      tell = () => ended.size === 2 && resolve();
    });
    backend.start({
      executorAdded() {},
      resultArriving: () => true,
      statusUpdate: (taskId: number, result: TaskResult) => {
        ended.set(taskId, result);
        tell();
      },
    } as unknown as BackendListener);
    const executor = await make();
    executor.register<ToExecutor, AskExecutorProcess>(EXECUTOR_ENDPOINT, {
      receive() {},
      receiveAndReply: ({ request }) => ({ bytes: request.taskId === 7 ? Uint8Array.of(1, 2, 3) : null }),
    });
    const scheduler = await executor.connect<FromExecutor, AskScheduler>(addressOf(driver), SCHEDULER_ENDPOINT);
    await scheduler.ask('RegisterExecutor', REGISTRATION);
    for (const taskId of [7, 8])
      scheduler.send({
        type: 'ResultReady',
        executorId: '1',
        taskId,
        bytes: 3,
        accumulators: [],
        metrics: newTaskMetrics(),
      });
    await both;
    const [kept, lost] = [ended.get(7), ended.get(8)];
    assert.deepEqual(kept?.kind === 'Result' && [...kept.bytes], [1, 2, 3]);
    assert.deepEqual(lost?.kind === 'Failed' && lost.reason, { kind: 'TaskResultLost' });
    assert.match(lines.join(), /the result of task 8 was lost .*its executor does not have it/);
    backend.stop();
    await backend.stopped;
  }));

test('an executor that is drained and does not end in time is killed, and its tasks are not blamed', () =>
  withEnvs(async (make) => {
    const driver = await make({ port: 0 });
    const lines: string[] = [];
    let provider: ProviderListener | null = null;
    let killed = (_id: string): void => {};
    const kill = new Promise<string>((resolve) => {
      killed = resolve;
    });
    const backend = backendOf(driver, lines, Promise.resolve(), {
      forceKillTimeoutMs: 5,
      provider: {
        start: (_address, listener) => {
          provider = listener;
        },
        kill: (id) => killed(id),
      },
    });
    const heard: unknown[] = [];
    backend.start({
      executorAdded() {},
      executorDecommissioned: (id: string) => heard.push(`drained ${id}`),
      executorLost: (id: string, { exitCausedByApp }: ExecutorLoss) => heard.push(`lost ${id} ${exitCausedByApp}`),
    } as unknown as BackendListener);
    const executor = await make();
    executor.register<ToExecutor>(EXECUTOR_ENDPOINT, { receive() {} });
    const scheduler = await executor.connect<never, AskScheduler>(addressOf(driver), SCHEDULER_ENDPOINT);
    await scheduler.ask('RegisterExecutor', REGISTRATION);
    (provider as ProviderListener | null)?.draining('1', 'its worker goes', null);
    assert.equal(await kill, '1');
    assert.deepEqual(heard, ['drained 1', 'lost 1 false']);
    assert.match(lines.join(), /Executor 1 is killed: it was still there 5 ms after it was asked to decommission/);
    backend.stop();
    await backend.stopped;
  }));
