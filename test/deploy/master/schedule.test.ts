import assert from 'node:assert/strict';
import { test } from 'node:test';
import { app, driver, MasterMachine } from '../../kit/master-machine.ts';

/** Three workers of 10 cores and 10 GiB; the executors that one application gets. */
function given(desc: ReturnType<typeof app>, conf: Record<string, string | number> = {}): string[] {
  const master = new MasterMachine(conf);
  for (const name of ['a', 'b', 'c']) master.worker(name);
  master.app('d', desc);
  return master.launched();
}
const PACKED = { 'spark.deploy.spreadOutApps': 'false' };

test('spread out without a size: one executor a worker, cores in turns', () => {
  assert.deepEqual(given(app()), ['a:10', 'b:10', 'c:10']);
  assert.deepEqual(given(app({ maxCores: 8 })), ['a:3', 'b:3', 'c:2']);
});

test('packed without a size: a worker is filled before the next', () => {
  assert.deepEqual(given(app({ maxCores: 8 }), PACKED), ['a:8']);
  assert.deepEqual(given(app({ maxCores: 13 }), PACKED), ['a:10', 'b:3']);
});

test('executors of a size: several a worker, what is left over is not given', () => {
  assert.deepEqual(given(app({ cores: 4 })), ['a:4', 'a:4', 'b:4', 'b:4', 'c:4', 'c:4']);
  assert.deepEqual(given(app({ cores: 4, maxCores: 15 })), ['a:4', 'b:4', 'c:4']);
  assert.deepEqual(given(app({ cores: 4, maxCores: 15 }), PACKED), ['a:4', 'a:4', 'b:4']);
  assert.deepEqual(given(app({ cores: 4, maxCores: 3 })), []);
});

test('memory counts for each executor', () => {
  assert.deepEqual(given(app({ cores: 1, memory: 5000 })), ['a:1', 'a:1', 'b:1', 'b:1', 'c:1', 'c:1']);
  assert.deepEqual(given(app({ memory: 20_000 })), []);
});

test('the limit of executors holds, 0 too; cores still grow those that may start', () => {
  assert.deepEqual(given(app({ cores: 2, initialExecutorLimit: 2 })), ['a:2', 'b:2']);
  assert.deepEqual(given(app({ initialExecutorLimit: 1 })), ['a:10']);
  assert.deepEqual(given(app({ initialExecutorLimit: 0 })), []);
});

test('spark.deploy.defaultCores is for applications that say nothing', () => {
  assert.deepEqual(given(app(), { 'spark.deploy.defaultCores': 2 }), ['a:1', 'b:1']);
  assert.deepEqual(given(app({ maxCores: 3 }), { 'spark.deploy.defaultCores': 2 }), ['a:1', 'b:1', 'c:1']);
  assert.throws(() => new MasterMachine({ 'spark.deploy.defaultCores': 0 }), /spark\.deploy\.defaultCores/);
});

test('custom resources are given by address and come back', () => {
  const master = new MasterMachine();
  master.worker('a', { resources: { gpu: ['0', '1', '2'] } });
  const id = master.app('d', app({ cores: 1, gpu: 2 }));
  assert.deepEqual(
    master.toWorkers('LaunchExecutor').map(({ resources }) => resources),
    [{ gpu: ['0', '1'] }],
  );
  master.app('e', app({ cores: 1, gpu: 2 }));
  assert.deepEqual(master.launched(), []);
  master.fromApp({ type: 'UnregisterApplication', appId: id }, 'c-d');
  assert.deepEqual(
    master.toWorkers('LaunchExecutor').map(({ resources }) => resources),
    [{ gpu: ['0', '1'] }],
  );
});

test('workers with more free cores come first, unless the policy says otherwise', () => {
  for (const [conf, first] of [
    [{}, 'b'],
    [{ 'spark.deploy.workerSelectionPolicy': 'CORES_FREE_ASC' }, 'a'],
    [{ 'spark.deploy.workerSelectionPolicy': 'MEMORY_FREE_ASC' }, 'b'],
    [{ 'spark.deploy.workerSelectionPolicy': 'WORKER_ID' }, 'a'],
  ] as const) {
    const master = new MasterMachine({ ...conf });
    master.worker('a', { cores: 4 });
    master.worker('b', { cores: 8, memory: 5000 });
    master.app('d', app({ maxCores: 1 }));
    assert.deepEqual(master.launched(), [`${first}:1`]);
  }
});

test('applications are served in the order in which they came, and the next gets what is left', () => {
  const master = new MasterMachine();
  const first = master.app('d', app({ maxCores: 6 }));
  const second = master.app('e', app({ maxCores: 6 }));
  master.worker('a');
  assert.deepEqual(
    master.toWorkers('LaunchExecutor').map(({ appId, cores }) => [appId, cores]),
    [
      [first, 6],
      [second, 4],
    ],
  );
});

test('drivers go before executors, in turns over the workers that have room', () => {
  const master = new MasterMachine();
  master.app('d', app());
  const drivers = [1, 2, 3].map(() => master.ask('RequestSubmitDriver', { driver: driver({ cores: 6 }) }).driverId);
  for (const name of ['a', 'b']) master.worker(name);
  const places = master.ask('RequestMasterState', null).activeDrivers.map(({ workerId }) => workerId);
  // The application took what was left of a before b came, and the first driver was before it.
  assert.deepEqual(places, ['worker-a', 'worker-b', null]);
  assert.equal(drivers.length, 3);
});

test('no more drivers run than spark.deploy.maxDrivers', () => {
  const master = new MasterMachine({ 'spark.deploy.maxDrivers': 1 });
  master.worker('a');
  master.ask('RequestSubmitDriver', { driver: driver() });
  master.ask('RequestSubmitDriver', { driver: driver() });
  assert.deepEqual(
    master.master.state().activeDrivers.map(({ state }) => state),
    ['RUNNING', 'SUBMITTED'],
  );
});

test('a second profile gets executors of its own size, up to what was asked for', () => {
  const master = new MasterMachine();
  master.worker('a');
  const id = master.app('d', app({ cores: 2, initialExecutorLimit: 1 }));
  const demand = { coresPerExecutor: 3, memoryPerExecutor: 100, resourcesPerExecutor: {} };
  assert.deepEqual(
    master.ask('RequestExecutors', { appId: id, totals: [{ resourceProfileId: 7, total: 2, demand }] }),
    { accepted: true },
  );
  assert.deepEqual(
    master.toWorkers('LaunchExecutor').map(({ cores, resourceProfileId }) => [cores, resourceProfileId]),
    [
      [3, 7],
      [3, 7],
    ],
  );
});
