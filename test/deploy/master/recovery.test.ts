import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExecutorReport } from '../../../src/protocol/deploy-description.ts';
import { app, driver, MasterMachine } from '../../kit/master-machine.ts';

/** A master with a worker, an application with one executor on it, and what the worker would report. */
function before() {
  const master = new MasterMachine();
  master.worker('a');
  const appId = master.app('d', app({ maxCores: 4 }));
  const report: ExecutorReport = {
    appId,
    execId: 0,
    resourceProfileId: 0,
    cores: 4,
    memory: 1024,
    state: 'RUNNING',
    resources: {},
  };
  return { master, appId, report };
}
const ack = (appId: string) =>
  ({ type: 'MasterChangeAcknowledged', appId, highestExecutorId: null, totals: null }) as const;

test('without records a master that is elected is ALIVE at once', () => {
  assert.equal(new MasterMachine().master.status, 'ALIVE');
});

test('with records it asks everybody, and goes on when all have answered', () => {
  const { master, appId, report } = before();
  const next = master.successor();
  assert.equal(next.master.status, 'RECOVERING');
  assert.deepEqual(
    next.effects.map((effect) =>
      'message' in effect && typeof effect.message === 'object' && 'to' in effect
        ? [effect.message.type, effect.to]
        : effect.type,
    ),
    [
      ['MasterChanged', { address: 'host-a:7000', connection: null }],
      ['MasterChanged', { address: 'd:1', connection: null }],
      'WakeAt',
    ],
  );
  next.fromApp(ack(appId), 'n-d');
  assert.equal(next.master.state().activeApps[0]?.state, 'WAITING');
  next.fromWorker(
    { type: 'WorkerSchedulerStateResponse', workerId: 'worker-a', executors: [report], drivers: [] },
    'n-a',
  );
  assert.equal(next.master.status, 'ALIVE');
  const [recovered] = next.master.state().activeApps;
  assert.deepEqual([recovered?.id, recovered?.state, recovered?.coresGranted], [appId, 'RUNNING', 4]);
  assert.deepEqual(next.toWorkers('KillExecutor'), []);
  // The adopted executor is known from now on, and the next gets a new id.
  next.executor(appId, 0, 'EXITED', 1);
  assert.deepEqual(
    next.toApps('ExecutorAdded').map(({ execId }) => execId),
    [1],
  );
});

test('whoever does not answer in time is removed', () => {
  const { master } = before();
  const next = master.successor();
  next.passes(60_000);
  next.handle({ type: 'Woken', timer: 'CompleteRecovery' });
  const { status, workers, activeApps, completedApps } = next.master.state();
  assert.equal(status, 'ALIVE');
  assert.deepEqual(
    workers.map(({ state }) => state),
    ['DEAD'],
  );
  assert.equal(activeApps.length, 0);
  assert.equal(completedApps[0]?.state, 'FINISHED');
  assert.equal(next.records.size, 0);
});

test('a master that takes over gives no id that the one before gave and has no record of any more', () => {
  const { master, appId } = before();
  const submit = (to: MasterMachine) => to.ask('RequestSubmitDriver', { driver: driver() }).driverId ?? '';
  const first = submit(master);
  master.fromWorker({ type: 'DriverStateChanged', driverId: first, state: 'FINISHED', exception: null }, 'n-a');
  const next = master.successor({}, 0); // in the same second
  next.fromApp(ack(appId), 'n-d');
  next.fromWorker({ type: 'WorkerSchedulerStateResponse', workerId: 'worker-a', executors: [], drivers: [] }, 'n-a');
  assert.equal(next.master.status, 'ALIVE');
  assert.match(first, /^driver-\d{14}-0000$/);
  assert.equal(Number(/\d{14}/.exec(submit(next))?.[0]) - Number(/\d{14}/.exec(first)?.[0]), 1);
});

test('nothing is scheduled while it recovers', () => {
  const { master, appId } = before();
  const next = master.successor();
  next.worker('b');
  assert.equal(next.app('e', app()) !== '', true);
  assert.deepEqual(next.launched(), []);
  assert.match(next.ask('RequestSubmitDriver', { driver: driver() }).message, /not alive: RECOVERING/);
  next.fromApp(ack(appId), 'n-d');
  next.handle({ type: 'Disconnected', connection: 'nobody' });
  next.handle({ type: 'Woken', timer: 'CompleteRecovery' });
  assert.deepEqual(next.launched(), ['b:4', 'b:6']);
});

test('what belongs to nobody is killed; what the application remembers is taken from it', () => {
  const { master, appId, report } = before();
  const next = master.successor();
  next.fromApp(
    {
      type: 'MasterChangeAcknowledged',
      appId,
      highestExecutorId: 41,
      totals: [{ resourceProfileId: 0, total: 1, demand: null }],
    },
    'n-d',
  );
  const stranger = { ...report, appId: 'app-x' };
  next.fromWorker(
    {
      type: 'WorkerSchedulerStateResponse',
      workerId: 'worker-a',
      executors: [report, stranger],
      drivers: [{ driverId: 'driver-x', resources: {} }],
    },
    'n-a',
  );
  assert.deepEqual(next.toWorkers(), [
    { type: 'KillExecutor', masterUrl: 'spark://master:7077', appId: 'app-x', execId: 0 },
    { type: 'KillDriver', driverId: 'driver-x' },
  ]);
  next.executor(appId, 0, 'EXITED', 1);
  assert.deepEqual(
    next.toApps('ExecutorAdded').map(({ execId }) => execId),
    [42],
  );
});

test('a worker that registers before it was asked keeps its executors all the same', () => {
  const { master, appId, report } = before();
  const next = master.successor();
  next.fromApp(ack(appId), 'n-d');
  const [answer] = next.worker('a', {}, 'n-a');
  assert.ok(answer?.type === 'RegisteredWorker' && answer.duplicate);
  assert.equal(next.master.status, 'RECOVERING');
  next.fromWorker({ type: 'WorkerLatestState', workerId: 'worker-a', executors: [report], drivers: [] }, 'n-a');
  assert.equal(next.master.status, 'ALIVE');
  next.fromWorker(
    { type: 'WorkerSchedulerStateResponse', workerId: 'worker-a', executors: [report], drivers: [] },
    'n-a2',
  );
  assert.equal(next.master.state().activeApps[0]?.coresGranted, 4);
  assert.deepEqual(next.toWorkers('KillExecutor'), []);
});

test('a new worker at the address of one that was not heard of replaces it', () => {
  const { master } = before();
  const next = master.successor();
  const [answer] = next.worker('new', { host: 'host-a' });
  assert.ok(answer?.type === 'RegisteredWorker' && !answer.duplicate);
  assert.deepEqual(
    next.toApps('WorkerRemoved').map(({ message }) => message),
    ['Worker replaced by a new worker with same address'],
  );
});

test('drivers that no worker claims start again when supervised, and have failed otherwise', () => {
  const master = new MasterMachine();
  master.worker('a');
  const ids = [false, true, false].map(
    (supervise) => master.ask('RequestSubmitDriver', { driver: driver({ supervise }) }).driverId ?? '',
  );
  const next = master.successor();
  next.fromWorker(
    {
      type: 'WorkerSchedulerStateResponse',
      workerId: 'worker-a',
      executors: [],
      drivers: [{ driverId: ids[2] ?? '', resources: {} }],
    },
    'n-a',
  );
  assert.equal(next.master.status, 'ALIVE');
  assert.equal(next.toWorkers('LaunchDriver').length, 1);
  assert.deepEqual(
    ids.map((driverId) => next.ask('RequestDriverStatus', { driverId }).state),
    ['ERROR', 'RELAUNCHING', 'RUNNING'],
  );
});

test('an id is not given twice, whatever the clock says', () => {
  const { master, appId } = before();
  const next = new MasterMachine({}, { standby: true, at: master.at });
  next.handle({ type: 'ElectedLeader', recovered: [...master.records.values()] });
  assert.notEqual(next.app('e', app()), appId);
});

test('an acknowledgement of an unknown application is only a warning', () => {
  const master = new MasterMachine();
  master.fromApp(ack('app-x'), 'c');
  assert.deepEqual(master.effects, []);
});
