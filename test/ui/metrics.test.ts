import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { silentLogger } from '../../src/base/logger.ts';
import { SparkConf } from '../../src/config/spark-conf.ts';
import { applicationSources, masterSource } from '../../src/deploy/master/master-source.ts';
import { workerSource } from '../../src/deploy/worker/worker-source.ts';
import type { MetricsInstance } from '../../src/metrics/metrics-config.ts';
import { MetricsSystem, type SourcesOf } from '../../src/metrics/metrics-system.ts';
import type { WorkerStateResponse } from '../../src/protocol/worker-process.ts';
import { masterHandler } from '../../src/ui/master/master-web-ui.ts';
import { workerHandler } from '../../src/ui/worker/worker-web-ui.ts';
import { masterState, request } from '../kit/http.ts';
import { ManualClock } from '../kit/manual-clock.ts';
import { app } from '../kit/master-machine.ts';

const WORKER: WorkerStateResponse = {
  ...{ host: 'host-a', port: 7000, workerId: 'worker-a', masterUrl: 'spark://m1:7077', masterWebUiUrl: '' },
  ...{ cores: 4, coresUsed: 3, memory: 4096, memoryUsed: 1024, resources: {}, resourcesUsed: {} },
  executors: [
    { appId: 'app-1', execId: 0, app: app(), cores: 3, memory: 1024, resources: {}, state: 'RUNNING' as const },
  ],
  ...{ finishedExecutors: [], drivers: [], finishedDrivers: [] },
};
const NOW = 1_700_000_060_000;

function values(body: string): Readonly<Record<string, unknown>> {
  const { gauges, ...rest } = JSON.parse(body) as { readonly gauges: Record<string, { readonly value: unknown }> };
  assert.deepEqual(rest, { version: '4.0.0', counters: {}, histograms: {}, meters: {}, timers: {} });
  return Object.fromEntries(Object.entries(gauges).map(([name, { value }]) => [name, value]));
}

async function pagesOf(instance: MetricsInstance, sources: SourcesOf) {
  const system = await MetricsSystem.open({ instance, layers: [], log: silentLogger });
  system.start(sources);
  return system.pages;
}

describe('metrics of a worker', () => {
  const handlerOf = async (sources: SourcesOf) =>
    workerHandler({ workDir: '/work', state: () => null, metrics: await pagesOf('worker', sources) });

  test('have the names of its source, as JSON of a Dropwizard registry', async () => {
    const handle = await handlerOf(() => [workerSource(WORKER)]);
    const { status, body, headers } = await handle(request('GET', '/metrics/json/'));
    assert.equal(status, 200);
    assert.match(headers['content-type'] ?? '', /^application\/json/);
    assert.deepEqual(values(body), {
      'worker.coresFree': 1,
      'worker.coresUsed': 3,
      'worker.executors': 1,
      'worker.memFree_MB': 3072,
      'worker.memUsed_MB': 1024,
    });
  });

  test('are there for Prometheus', async () => {
    const handle = await handlerOf(() => [workerSource(WORKER)]);
    const { body, headers } = await handle(request('GET', '/metrics/prometheus'));
    assert.match(headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/);
    const lines = body.split('\n');
    assert.deepEqual(lines.slice(0, 3), [
      'metrics_worker_coresFree_Number{type="gauges"} 1',
      'metrics_worker_coresFree_Value{type="gauges"} 1',
      'metrics_worker_coresUsed_Number{type="gauges"} 3',
    ]);
    assert.equal(lines.length, 11);
  });

  test('are not there before it has started', async () => {
    const early = await handlerOf(() => null);
    assert.equal((await early(request('GET', '/metrics/json'))).status, 503);
  });
});

describe('metrics of a master', () => {
  test('are its own, and those of its applications', async () => {
    const state = masterState();
    const metrics = [
      ...(await pagesOf('master', () => [masterSource(state)])),
      ...(await pagesOf('applications', async () => applicationSources(state, NOW))),
    ];
    const master = () => ({ ask: null, restUrl: null });
    const handle = masterHandler(new SparkConf(), silentLogger, new ManualClock(), master, null, undefined, metrics);
    const own = values((await handle(request('GET', '/metrics/master/json'))).body);
    assert.deepEqual(own, {
      'master.aliveWorkers': state.workers.filter((worker) => worker.state === 'ALIVE').length,
      'master.apps': state.activeApps.length,
      'master.waitingApps': 0,
      'master.workers': state.workers.length,
    });
    const of = values((await handle(request('GET', '/metrics/applications/json'))).body);
    const [first] = state.activeApps;
    assert.ok(first !== undefined);
    const source = `application.${first.app.name}.${first.startedAt}`;
    assert.equal(of[`${source}.status`], first.state);
    assert.equal(of[`${source}.runtime_ms`], NOW - first.startedAt);
    assert.equal(of[`${source}.cores`], first.coresGranted);
    const text = (await handle(request('GET', '/metrics/applications/prometheus'))).body;
    assert.doesNotMatch(text, /status/);
    assert.match(text, /^metrics_application_\w+_cores_Number\{type="gauges"\} \d+$/m);
  });
});
