// Corners of the master's tables that no other file has.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../../src/base/seeded-random.ts';
import { AUTHENTICATE } from '../../../src/config/network-entries.ts';
import { MASTER_REST_ENABLED, MASTER_REST_PORT } from '../../../src/config/rest-entries.ts';
import { SparkConf } from '../../../src/config/spark-conf.ts';
import { Master } from '../../../src/deploy/master/master.ts';
import { masterSettings } from '../../../src/deploy/master/master-settings.ts';
import { app, driver, MasterMachine } from '../../kit/master-machine.ts';
import { recordingLogger } from '../../kit/rpc.ts';

const workers = (master: MasterMachine): string[] =>
  master.master.state().workers.map(({ worker: { id }, state }) => `${id} ${state}`);

test('numbers of applications begin again where the setting says, without an id that is taken', () => {
  const master = new MasterMachine({ 'spark.deploy.appNumberModulo': 1000, 'spark.deploy.retainedApplications': 2000 });
  const ids = Array.from({ length: 1001 }, (_, i) => master.app(`d${i}`, app()));
  assert.equal(ids[999], 'app-20261121070809-0999');
  assert.equal(new Set(ids).size, 1001);
  master.passes(1000);
  assert.equal(master.app('next', app()), 'app-20261121070810-0001');
});

test('settings with which a master could not work are refused when it starts', () => {
  for (const [key, value] of [
    ['spark.deploy.defaultCores', '0'],
    ['spark.deploy.appNumberModulo', '999'],
    ['spark.deploy.appIdPattern', '../%s-%04d'],
    ['spark.deploy.driverIdPattern', 'driver'],
  ] as const)
    assert.throws(() => new MasterMachine({ [key]: value }), new RegExp(key.replaceAll('.', '\\.')), key);
});

test('a worker that comes to the address of a dead one takes its place in the list', () => {
  const master = new MasterMachine();
  master.worker('a');
  master.handle({ type: 'Disconnected', connection: 'c-a' });
  assert.deepEqual(workers(master), ['worker-a DEAD']);
  master.worker('next', { host: 'host-a' });
  assert.deepEqual(workers(master), ['worker-next ALIVE']);
});

test('what a worker that is not registered says that it runs changes nothing', () => {
  const master = new MasterMachine();
  for (const type of ['WorkerLatestState', 'WorkerSchedulerStateResponse'] as const) {
    master.fromWorker(
      { type, workerId: 'worker-x', executors: [], drivers: [{ driverId: 'd', resources: {} }] },
      'c-x',
    );
    assert.deepEqual(master.effects, []);
  }
});

test('a master that does not lead refuses to kill all drivers and to clear, by its state', () => {
  const master = new MasterMachine({}, { standby: true });
  assert.deepEqual(master.ask('RequestKillAllDrivers', null), {
    success: false,
    message: 'Current state is not alive: STANDBY. Can only kill drivers in ALIVE state.',
  });
  assert.deepEqual(master.ask('RequestClearCompletedDriversAndApps', null), {
    success: false,
    message: 'Current state is not alive: STANDBY. Can only clear in ALIVE state.',
  });
  assert.deepEqual(master.ask('DecommissionWorkersOnHosts', { hosts: ['host-a'] }), { workers: 0 });
});

test('an application that no worker could ever serve is warned of, with what it needs and what there is', () => {
  const lines: string[] = [];
  const settings = masterSettings(new SparkConf(), 'spark://master:7077', '');
  const master = new Master(settings, recordingLogger(lines), seededRandom(1));
  master.handle({ type: 'ElectedLeader', recovered: [], at: 0 });
  const description = app({ memory: 5000, cores: 2, gpu: 1 });
  master.handle({
    ...{ type: 'FromApp', from: 'c', at: 0 },
    message: { type: 'RegisterApplication', app: description, driverAddress: 'd:1' },
  });
  const [id = ''] = master.state().activeApps.map((each) => each.id);
  assert.deepEqual(
    lines.filter((line) => line.includes('requires more resource')),
    [
      `App ${id} requires more resource than any of Workers could have. (an executor needs 2 cores, 5000 MiB, 1 gpu; free are none)`,
    ],
  );
});

test('its defaults are those of Spark', () => {
  const conf = new SparkConf();
  const { url: _url, webUiUrl: _webUiUrl, ...settings } = masterSettings(conf, '', '');
  assert.deepEqual(settings, {
    spreadOutApps: true,
    spreadOutDrivers: true,
    workerSelectionPolicy: 'CORES_FREE_DESC',
    defaultCores: 2 ** 31 - 1,
    maxDrivers: 2 ** 31 - 1,
    maxExecutorRetries: 10,
    retainedApplications: 200,
    retainedDrivers: 200,
    workerTimeoutMs: 60_000,
    recoveryTimeoutMs: 60_000,
    deadWorkerPersistence: 15,
    appIdPattern: 'app-%s-%04d',
    appNumberModulo: undefined,
    driverIdPattern: 'driver-%s-%04d',
  });
  assert.deepEqual(
    [conf.get(MASTER_REST_ENABLED), conf.get(MASTER_REST_PORT), conf.get(AUTHENTICATE)],
    [false, 6066, false],
  );
});

test('silent workers are looked for from its start on', () => {
  const master = new MasterMachine({}, { standby: true });
  assert.deepEqual(master.effects, [{ type: 'WakeAt', at: master.at + 60_000, timer: 'CheckForWorkerTimeOut' }]);
});

test('a recovery is over after the timeout of workers, or after its own', () => {
  for (const [conf, ms] of [
    [{}, 60_000],
    [{ 'spark.worker.timeout': 4 }, 4000],
    [{ 'spark.worker.timeout': 4, 'spark.deploy.recoveryTimeout': 7 }, 7000],
  ] as const) {
    const master = new MasterMachine();
    master.worker('a');
    const next = master.successor({ ...conf });
    assert.deepEqual(
      next.effects.filter(({ type }) => type === 'WakeAt'),
      [{ type: 'WakeAt', at: next.at + ms, timer: 'CompleteRecovery' }],
    );
    assert.deepEqual(workers(next), ['worker-a UNKNOWN']);
  }
});

test('a heartbeat of somebody unknown is warned of, whether it was known once or never', () => {
  const master = new MasterMachine();
  master.worker('a');
  master.handle({ type: 'Disconnected', connection: 'c-a' });
  master.fromWorker({ type: 'Heartbeat', workerId: 'worker-a' }, 'c-a2');
  assert.deepEqual(master.effects, [
    {
      type: 'SendToWorker',
      to: { address: null, connection: 'c-a2' },
      message: { type: 'ReconnectWorker', masterUrl: 'spark://master:7077' },
    },
  ]);
  assert.deepEqual(master.lines, ['warn Got heartbeat from unregistered worker worker-a. Asking it to re-register.']);
  master.fromWorker({ type: 'Heartbeat', workerId: 'never' }, 'c-x');
  assert.deepEqual(master.effects, []);
  assert.deepEqual(master.lines, [
    'warn Got heartbeat from unregistered worker never. This worker was never registered, so ignoring the heartbeat.',
  ]);
});

test('an application is on record before it is answered, answered before it gets executors, whose ids begin with 0', () => {
  const master = new MasterMachine();
  master.worker('a');
  master.app('d', app({ cores: 4, maxCores: 8 }));
  assert.deepEqual(
    master.effects.map((effect) =>
      effect.type === 'SendToApp' || effect.type === 'SendToWorker'
        ? `${effect.message.type}${'execId' in effect.message ? ` ${effect.message.execId}` : ''}`
        : effect.type,
    ),
    [
      ...['Persist', 'RegisteredApplication'],
      ...['LaunchExecutor 0', 'ExecutorAdded 0', 'LaunchExecutor 1', 'ExecutorAdded 1'],
    ],
  );
  master.app('d', app());
  assert.deepEqual(master.effects, []);
  assert.deepEqual(master.lines, ['info Attempted to re-register application at same address: d:1']);
});

test('an application is WAITING without a core, RUNNING with one, and stays so when it has lost all', () => {
  const master = new MasterMachine();
  const id = master.app('d', app());
  const state = (): string | undefined => master.master.state().activeApps[0]?.state;
  assert.equal(state(), 'WAITING');
  master.worker('a');
  assert.equal(state(), 'RUNNING');
  master.handle({ type: 'Disconnected', connection: 'c-a' });
  assert.equal(state(), 'RUNNING');
  master.fromApp({ type: 'UnregisterApplication', appId: id }, 'c-d');
  assert.equal(master.master.state().completedApps[0]?.state, 'FINISHED');
});

test('news of an executor are told to its driver as they are; one that has ended is taken off', () => {
  const master = new MasterMachine();
  master.worker('a');
  const appId = master.app('d', app({ maxCores: 1 }));
  const tell = (state: 'RUNNING' | 'EXITED', message: string | null, exitStatus: number | null): void => {
    master.fromWorker({ type: 'ExecutorStateChanged', appId, execId: 0, state, message, exitStatus }, 'c-a');
  };
  const told = { type: 'ExecutorUpdated', execId: 0, workerHost: null } as const;
  tell('RUNNING', null, null);
  assert.deepEqual(master.toApps(), [{ ...told, state: 'RUNNING', message: null, exitStatus: null }]);
  master.fromApp({ type: 'RegisterApplication', app: app({ maxCores: 9 }), driverAddress: 'e:1' }, 'c-e'); // takes the rest
  tell('EXITED', 'Command exited with code 7', 7);
  assert.deepEqual(master.toApps('ExecutorUpdated'), [
    { ...told, state: 'EXITED', message: 'Command exited with code 7', exitStatus: 7 },
  ]);
  const [first] = master.master.state().activeApps;
  assert.deepEqual(
    [first?.executors.map(({ execId }) => execId), first?.removedExecutors.map(({ execId, state }) => [execId, state])],
    [[1], [[0, 'EXITED']]], // the next one has its core already
  );
});

test('an end that its worker’s drain has caused is no failure to start', () => {
  const master = new MasterMachine({ 'spark.deploy.maxExecutorRetries': 1 });
  master.worker('a');
  const appId = master.app('d', app({ maxCores: 1 }));
  master.ask('DecommissionWorkersOnHosts', { hosts: ['host-a'] });
  master.executor(appId, 0, 'EXITED', 1);
  assert.equal(master.master.state().activeApps.length, 1);
});

test('a worker that is lost: its executors are LOST, its drivers off the records or on them under new ids', () => {
  const master = new MasterMachine();
  master.worker('a');
  const appId = master.app('d', app({ cores: 2, maxCores: 4 }));
  const submit = (supervise: boolean): string =>
    master.ask('RequestSubmitDriver', { driver: driver({ supervise }) }).driverId ?? '';
  const [once, always] = [submit(false), submit(true)];
  master.handle({ type: 'Disconnected', connection: 'c-a' });
  assert.deepEqual(
    master.toApps().map((message) => ('execId' in message ? [message.type, message.execId] : [message.type])),
    [['ExecutorUpdated', 0], ['ExecutorUpdated', 1], ['WorkerRemoved']],
  );
  const [waiting, ...others] = master.master.state().activeDrivers;
  assert.ok(waiting !== undefined && others.length === 0);
  assert.deepEqual([waiting.state, waiting.driver.supervise], ['SUBMITTED', true]);
  assert.deepEqual([...master.records.keys()].sort(), [`app_${appId}`, `driver_${waiting.id}`]);
  assert.deepEqual(
    master.master.state().completedDrivers.map(({ id, state }) => [id, state]),
    [
      [once, 'ERROR'],
      [always, 'RELAUNCHING'],
    ],
  );
});

test('what is said of a driver that nobody knows is a warning, and of a known one no other state than an end', () => {
  const master = new MasterMachine();
  master.worker('a');
  const driverId = master.ask('RequestSubmitDriver', { driver: driver() }).driverId ?? '';
  for (const state of ['SUBMITTED', 'RUNNING', 'RELAUNCHING', 'UNKNOWN'] as const)
    assert.throws(
      () => master.fromWorker({ type: 'DriverStateChanged', driverId, state, exception: null }, 'c-a'),
      new RegExp(`Received unexpected state update for driver ${driverId}: ${state}`),
    );
  assert.equal(master.ask('RequestDriverStatus', { driverId }).state, 'RUNNING');
  master.fromWorker({ type: 'DriverStateChanged', driverId: 'driver-x', state: 'FAILED', exception: null }, 'c-a');
  assert.deepEqual(master.effects, []);
  assert.deepEqual(master.lines, ['warn Asked to remove unknown driver: driver-x']);
});

test('a driver goes to a worker that has its cores, its memory and its resources', () => {
  const master = new MasterMachine();
  master.worker('cores', { cores: 1 });
  master.worker('memory', { memory: 100 });
  master.worker('plain');
  master.worker('gpu', { resources: { gpu: ['0'] } });
  const wants = driver({ cores: 2, memory: 500, resources: { gpu: 1 } });
  for (let i = 0; i < 2; i++) master.ask('RequestSubmitDriver', { driver: wants });
  assert.deepEqual(
    master.master.state().activeDrivers.map(({ workerId, resources }) => [workerId, resources]),
    [
      ['worker-gpu', { gpu: ['0'] }],
      [null, {}],
    ],
  );
});

test('which worker gets the first driver is by chance, unless drivers are packed', () => {
  const places = (conf: Record<string, string>): Set<unknown> =>
    new Set(
      Array.from({ length: 20 }, (_, seed) => {
        const master = new MasterMachine(conf, { seed });
        for (const name of ['a', 'b', 'c']) master.worker(name);
        master.ask('RequestSubmitDriver', { driver: driver() });
        return master.master.state().activeDrivers[0]?.workerId;
      }),
    );
  assert.equal(places({}).size, 3);
  assert.equal(places({ 'spark.deploy.spreadOutDrivers': 'false' }).size, 1);
});

test('three equal workers: as many cores as one by one by hand', () => {
  const given = (desc: ReturnType<typeof app>, spread: boolean): string[] => {
    const master = new MasterMachine({ 'spark.deploy.spreadOutApps': String(spread) });
    for (const name of ['a', 'b', 'c']) master.worker(name, { cores: 8, memory: 3000 });
    master.app('d', desc);
    return master.launched();
  };
  // 3000 MiB are two executors of 1024 MiB each, whatever the cores.
  assert.deepEqual(given(app({ cores: 2, maxCores: 16 }), true), ['a:2', 'a:2', 'b:2', 'b:2', 'c:2', 'c:2']);
  assert.deepEqual(given(app({ cores: 3, maxCores: 13 }), true), ['a:3', 'a:3', 'b:3', 'c:3']);
  assert.deepEqual(given(app({ cores: 3, maxCores: 13 }), false), ['a:3', 'a:3', 'b:3', 'b:3']);
  assert.deepEqual(given(app({ maxCores: 20 }), true), ['a:7', 'b:7', 'c:6']);
  assert.deepEqual(given(app({ maxCores: 20 }), false), ['a:8', 'b:8', 'c:4']);
});

test('amounts of custom resources are whole numbers', () => {
  const master = new MasterMachine();
  master.app('d', app({ cores: 1, gpu: 0.5 }));
  assert.deepEqual(master.toApps(), [{ type: 'ApplicationRemoved', message: '0.5 is not a number of gpu' }]);
  assert.equal(
    master.ask('RequestSubmitDriver', { driver: driver({ resources: { gpu: 1.5 } }) }).message,
    '1.5 is not a number of gpu',
  );
});

test('who is asked for executors of an application that is not there says no, with a warning', () => {
  const master = new MasterMachine();
  assert.equal(
    master.ask('RequestExecutors', { appId: 'x', totals: [{ resourceProfileId: 0, total: 3, demand: null }] }).accepted,
    false,
  );
  assert.deepEqual(master.lines, ['warn Unknown application x requested 3 (profile 0) total executors.']);
  assert.equal(master.ask('KillExecutors', { appId: 'x', executorIds: ['0'] }).accepted, false);
  assert.deepEqual(master.lines, ['warn Unregistered application x requested us to kill executors!']);
});

test('a master that does not lead yet refuses by its state, whichever question it is', () => {
  const leader = new MasterMachine();
  leader.worker('a');
  for (const [master, state] of [
    [new MasterMachine({}, { standby: true }), 'STANDBY'],
    [leader.successor(), 'RECOVERING'],
  ] as const) {
    const says = (can: string): string => `Current state is not alive: ${state}. Can only ${can} in ALIVE state.`;
    assert.equal(master.ask('RequestSubmitDriver', { driver: driver() }).message, says('accept driver submissions'));
    assert.equal(master.ask('RequestKillDriver', { driverId: 'x' }).message, says('kill drivers'));
    assert.equal(master.ask('RequestDriverStatus', { driverId: 'x' }).exception, says('request driver status'));
  }
});

test('a driver that ended while its master was away has ended as it did, supervised or not', () => {
  const master = new MasterMachine();
  master.worker('a');
  const ids = [false, true].map(
    (supervise) => master.ask('RequestSubmitDriver', { driver: driver({ supervise }) }).driverId ?? '',
  );
  const next = master.successor();
  for (const driverId of ids)
    next.fromWorker({ type: 'DriverStateChanged', driverId, state: 'FINISHED', exception: null }, 'n-a');
  next.fromWorker({ type: 'WorkerSchedulerStateResponse', workerId: 'worker-a', executors: [], drivers: [] }, 'n-a');
  assert.equal(next.master.status, 'ALIVE');
  assert.deepEqual(next.master.state().activeDrivers, []);
  assert.deepEqual(
    ids.map((driverId) => next.ask('RequestDriverStatus', { driverId }).state),
    ['FINISHED', 'FINISHED'],
  );
});

test('of an executor that ended, or came up, while its worker was away its driver hears what happened', () => {
  const master = new MasterMachine();
  master.worker('a');
  const appId = master.app('d', app({ cores: 1, maxCores: 2 }));
  master.worker('a', {}, 'c-a2');
  master.fromWorker(
    {
      type: 'ExecutorStateChanged',
      appId,
      execId: 0,
      state: 'EXITED',
      message: 'Command exited with code 3',
      exitStatus: 3,
    },
    'c-a2',
  );
  const { message, exitStatus, state } = master.toApps('ExecutorUpdated')[0] ?? {};
  assert.deepEqual([message, exitStatus, state], ['Command exited with code 3', 3, 'EXITED']);
  const report = { appId, execId: 1, resourceProfileId: 0, cores: 1, memory: 1024, resources: {} } as const;
  const latest = (): void => {
    const executors = [{ ...report, state: 'RUNNING' as const }];
    master.fromWorker({ type: 'WorkerLatestState', workerId: 'worker-a', executors, drivers: [] }, 'c-a2');
  };
  latest();
  assert.deepEqual(
    master.toApps('ExecutorUpdated').map((news) => [news.execId, news.state]),
    [[1, 'RUNNING']],
  );
  latest();
  assert.deepEqual(master.toApps('ExecutorUpdated'), []);
});
