import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CoarseGrainedBackend } from '../../src/cluster/coarse-grained/coarse-grained-backend.ts';
import type { DriverAnswers, ToExecutor } from '../../src/protocol/driver-executor.ts';
import { type AskScheduler, EXECUTOR_ENDPOINT, SCHEDULER_ENDPOINT } from '../../src/protocol/executor-registration.ts';
import type { BackendListener } from '../../src/scheduler/ports.ts';
import { addressOf, recordingLogger, withEnvs } from '../kit/rpc.ts';

test('an executor that registers while its application ends is told to stop, as all others are', () =>
  withEnvs(async (make) => {
    const driver = await make({ port: 0 });
    const lines: string[] = [];
    let processesEnd = (): void => {};
    const ended = new Promise<void>((resolve) => {
      processesEnd = resolve;
    });
    const backend = new CoarseGrainedBackend({
      rpc: driver,
      provider: {
        expectedCores: 1,
        start() {},
        totalOf: () => 1,
        requestTotals: async () => true,
        kill() {},
        stop: () => ended,
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
      broadcastPieceBytes: 1 << 20,
      goneExecutors: null,
      onFailed: assert.fail,
      log: recordingLogger(lines),
    });
    backend.start({} as BackendListener);
    backend.stop();

    const executor = await make();
    const told = new Promise<string>((resolve) => {
      executor.register<ToExecutor>(EXECUTOR_ENDPOINT, { receive: ({ type }) => resolve(type) });
    });
    const scheduler = await executor.connect<never, AskScheduler>(addressOf(driver), SCHEDULER_ENDPOINT);
    const reply = await scheduler.ask('RegisterExecutor', {
      executorId: '1',
      host: '127.0.0.1',
      port: 1,
      cores: 1,
      pid: 1,
      resourceProfileId: 0,
      logUrls: {},
      resources: {},
    });
    assert.deepEqual([reply, await told, lines], [{ refused: null }, 'StopExecutor', []]);
    processesEnd();
    await backend.stopped;
  }));
