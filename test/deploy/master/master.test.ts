import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DriverState } from '../../../src/protocol/deploy-states.ts';
import { app, driver, MasterMachine, worker } from '../../kit/master-machine.ts';

const workers = (master: MasterMachine): string[] =>
  master.master.state().workers.map(({ worker: { id }, state }) => `${id} ${state}`);

test('ids have time and number', () => {
  const master = new MasterMachine();
  assert.equal(master.app('d', app()), 'app-20261121070809-0000');
  assert.equal(master.app('e', app()), 'app-20261121070809-0001');
  assert.equal(
    master.ask('RequestSubmitDriver', { driver: driver() }).message,
    'Driver successfully submitted as driver-20261121070809-0000',
  );
  const other = new MasterMachine({ 'spark.deploy.appIdPattern': 'mine-%s-%06d' });
  assert.equal(other.app('d', app()), 'mine-20261121070809-000000');
});

test('a standby master answers workers so, ignores applications and refuses drivers', () => {
  const master = new MasterMachine({}, { standby: true });
  assert.deepEqual(master.worker('a'), [{ type: 'MasterInStandby' }]);
  assert.equal(master.app('d', app()), '');
  assert.deepEqual(master.ask('RequestSubmitDriver', { driver: driver() }), {
    success: false,
    driverId: null,
    message: 'Current state is not alive: STANDBY. Can only accept driver submissions in ALIVE state.',
  });
  assert.match(master.ask('RequestKillDriver', { driverId: 'x' }).message, /Can only kill drivers in ALIVE state\.$/);
  assert.match(
    master.ask('RequestDriverStatus', { driverId: 'x' }).exception ?? '',
    /Can only request driver status in ALIVE state\.$/,
  );
  assert.deepEqual(master.ask('RequestReadyz', null), { ready: false });
});

test('a registration is answered with the address that the worker used, after it was persisted', () => {
  const master = new MasterMachine();
  assert.deepEqual(master.worker('a'), [
    {
      type: 'RegisteredWorker',
      masterUrl: 'spark://master:7077',
      masterWebUiUrl: 'http://master:8080',
      masterAddress: 'master:7077',
      duplicate: false,
    },
  ]);
  assert.deepEqual(
    master.effects.map(({ type }) => type),
    ['Persist', 'SendToWorker'],
  );
});

test('a known worker is a duplicate; another one at its address, or with its id elsewhere, is refused', () => {
  const master = new MasterMachine();
  master.worker('a');
  const [again] = master.worker('a');
  assert.ok(again?.type === 'RegisteredWorker' && again.duplicate);
  const [other] = master.worker('x', { host: 'host-a' });
  assert.deepEqual(other, {
    type: 'RegisterWorkerFailed',
    message: 'Attempted to re-register worker at same address: host-a:7000',
  });
  const [thief] = master.worker('y', { id: 'worker-a' });
  assert.equal(thief?.type, 'RegisterWorkerFailed');
  assert.deepEqual(workers(master), ['worker-a ALIVE']);
});

test('a worker that cannot be is refused', () => {
  const master = new MasterMachine();
  for (const bad of [
    { cores: -1 },
    { cores: 1.5 },
    { memory: 0 },
    { port: 70_000 },
    { host: 'a b' },
    { id: '' },
    { resources: { gpu: ['0', '0'] } },
  ])
    assert.equal(master.worker('a', bad)[0]?.type, 'RegisterWorkerFailed');
  assert.deepEqual(workers(master), []);
});

test('resources that are called as what every object has are resources as any others', () => {
  const master = new MasterMachine();
  master.worker('a');
  for (const name of ['constructor', '__proto__', 'hasOwnProperty']) {
    const wanted: Record<string, number> = Object.fromEntries([[name, 1]]);
    const demand = { coresPerExecutor: 1, memoryPerExecutor: 1, resourcesPerExecutor: wanted };
    master.app(name, app({ demand }));
    assert.deepEqual(master.launched(), []); // no worker has them
    master.ask('RequestSubmitDriver', { driver: driver({ resources: wanted }) });
    assert.deepEqual(master.toWorkers(), []);
  }
  const addresses = Object.fromEntries(['constructor', '__proto__'].map((name) => [name, ['0']]));
  master.worker('b', { resources: addresses });
  const taken = master.toWorkers().flatMap((message) => ('resources' in message ? Object.keys(message.resources) : []));
  assert.deepEqual(taken.sort(), ['__proto__', 'constructor']);
});

test('a worker that is silent is dead after the timeout, comes back when it is heard, and is forgotten at last', () => {
  const master = new MasterMachine();
  master.worker('a');
  const id = master.app('d', app({ maxCores: 2 }));
  master.executor(id, 0, 'RUNNING');
  master.passes(60_000);
  master.handle({ type: 'Woken', timer: 'CheckForWorkerTimeOut' });
  assert.deepEqual(workers(master), ['worker-a ALIVE']);
  master.passes(1);
  master.handle({ type: 'Woken', timer: 'CheckForWorkerTimeOut' });
  assert.deepEqual(workers(master), ['worker-a DEAD']);
  assert.deepEqual(master.toApps(), [
    {
      type: 'ExecutorUpdated',
      execId: 0,
      state: 'LOST',
      message: 'worker lost',
      exitStatus: null,
      workerHost: 'host-a',
    },
    { type: 'WorkerRemoved', workerId: 'worker-a', host: 'host-a', message: 'Not receiving heartbeat for 60 seconds' },
  ]);
  assert.equal(master.records.has('worker_worker-a'), false);

  master.fromWorker({ type: 'Heartbeat', workerId: 'worker-a' }, 'c-a');
  assert.deepEqual(master.toWorkers(), [{ type: 'ReconnectWorker', masterUrl: 'spark://master:7077' }]);
  master.fromWorker({ type: 'Heartbeat', workerId: 'never' }, 'c-x');
  assert.deepEqual(master.effects, []);

  master.worker('a');
  assert.deepEqual(workers(master), ['worker-a ALIVE']);
  const report = {
    appId: id,
    execId: 0,
    resourceProfileId: 0,
    cores: 2,
    memory: 1024,
    state: 'RUNNING',
    resources: {},
  } as const;
  master.fromWorker({ type: 'WorkerLatestState', workerId: 'worker-a', executors: [report], drivers: [] }, 'c-a');
  assert.deepEqual(
    master.toWorkers('KillExecutor').map(({ execId }) => execId),
    [0],
  );

  master.passes(60_001);
  master.handle({ type: 'Woken', timer: 'CheckForWorkerTimeOut' });
  master.passes(15 * 60_000 - 1);
  master.handle({ type: 'Woken', timer: 'CheckForWorkerTimeOut' });
  assert.deepEqual(workers(master), ['worker-a DEAD']);
  master.passes(1);
  master.handle({ type: 'Woken', timer: 'CheckForWorkerTimeOut' });
  assert.deepEqual(workers(master), []);
});

test('the alarm that looks for silent workers is set again each time', () => {
  const master = new MasterMachine({ 'spark.worker.timeout': 4 });
  master.handle({ type: 'Woken', timer: 'CheckForWorkerTimeOut' });
  assert.deepEqual(master.effects, [{ type: 'WakeAt', at: master.at + 4000, timer: 'CheckForWorkerTimeOut' }]);
});

test('a link that breaks takes its worker, not one that has come back over another link', () => {
  const master = new MasterMachine();
  master.worker('a');
  master.worker('a', {}, 'c-a2');
  master.handle({ type: 'Disconnected', connection: 'c-a' });
  assert.deepEqual(workers(master), ['worker-a ALIVE']);
  master.handle({ type: 'Disconnected', connection: 'c-a2' });
  assert.deepEqual(workers(master), ['worker-a DEAD']);
});

test('a duplicate registration settles what ended meanwhile, and leaves alone what is launched meanwhile', () => {
  const master = new MasterMachine();
  master.worker('a');
  const id = master.app('d', app({ cores: 1, maxCores: 2 }));
  master.executor(id, 0, 'RUNNING');
  master.worker('a');
  master.app('e', app({ cores: 1, maxCores: 1 })); // its executor is in no report
  const report = {
    appId: id,
    execId: 0,
    resourceProfileId: 0,
    cores: 1,
    memory: 1024,
    state: 'RUNNING',
    resources: {},
  } as const;
  master.fromWorker({ type: 'WorkerLatestState', workerId: 'worker-a', executors: [report], drivers: [] }, 'c-a');
  assert.deepEqual(
    master.toApps('ExecutorUpdated').map(({ execId, state }) => [execId, state]),
    [[1, 'LOST']],
  );
  assert.deepEqual(master.toWorkers('KillExecutor'), []);
  assert.deepEqual(master.launched(), ['a:1']);
});

test('the same driver address registers once; a description that cannot be is told so', () => {
  const master = new MasterMachine();
  assert.notEqual(master.app('d', app()), '');
  assert.equal(master.app('d', app()), '');
  assert.deepEqual(master.effects, []);
  master.app('e', app({ cores: 0 }));
  assert.equal(master.toApps('ApplicationRemoved').length, 1);
});

test('RUNNING comes from LAUNCHING only, and sets the count of failures back', () => {
  const master = new MasterMachine();
  master.worker('a');
  const id = master.app('d', app({ maxCores: 1 }));
  for (let i = 0; i < 9; i++) master.executor(id, i, 'EXITED', 1);
  master.executor(id, 9, 'RUNNING');
  assert.throws(
    () => master.executor(id, 9, 'RUNNING'),
    /executor 9 state transfer from RUNNING to RUNNING is illegal/,
  );
  for (let i = 9; i < 18; i++) master.executor(id, i, 'EXITED', 1);
  assert.equal(master.master.state().activeApps.length, 1);
  master.executor(id, 18, 'EXITED', 1);
  assert.deepEqual(master.toApps('ApplicationRemoved'), [{ type: 'ApplicationRemoved', message: 'FAILED' }]);
});

test('an executor that cannot start is launched ten times', () => {
  const master = new MasterMachine();
  master.worker('a');
  const id = master.app('d', app({ maxCores: 1 }));
  let launches = master.launched().length;
  for (let i = 0; master.master.state().activeApps.length > 0; i++) {
    master.executor(id, i, 'FAILED');
    launches += master.launched().length;
  }
  assert.equal(launches, 10);
  assert.equal(master.master.state().completedApps[0]?.state, 'FAILED');
});

test('an application keeps on while an executor of it runs, on clean exits, and with retries switched off', () => {
  const running = new MasterMachine();
  running.worker('a');
  const id = running.app('d', app({ cores: 1, maxCores: 2 }));
  running.executor(id, 0, 'RUNNING');
  for (let i = 1; i < 30; i++) running.executor(id, i, 'FAILED');
  assert.equal(running.master.state().activeApps.length, 1);

  for (const [conf, exit] of [
    [{}, 0],
    [{ 'spark.deploy.maxExecutorRetries': -1 }, 1],
  ] as const) {
    const master = new MasterMachine({ ...conf });
    master.worker('a');
    const other = master.app('d', app({ maxCores: 1 }));
    for (let i = 0; i < 30; i++) master.executor(other, i, 'EXITED', exit);
    assert.equal(master.master.state().activeApps.length, 1);
  }
});

test('news of an unknown executor changes nothing', () => {
  const master = new MasterMachine();
  master.worker('a');
  master.executor('app-x', 3, 'EXITED', 1);
  assert.deepEqual(master.effects, []);
});

test('an application that ends frees its executors, and every worker hears of it', () => {
  for (const end of ['unregister', 'disconnect', 'kill'] as const) {
    const master = new MasterMachine();
    for (const name of ['a', 'b']) master.worker(name);
    const id = master.app('d', app({ maxCores: 1 }));
    if (end === 'unregister') master.fromApp({ type: 'UnregisterApplication', appId: id }, 'c-d');
    else if (end === 'disconnect') master.handle({ type: 'Disconnected', connection: 'c-d' });
    else master.ask('RequestKillApplication', { appId: id });
    assert.equal(master.toWorkers('KillExecutor').length, 1);
    assert.equal(master.toWorkers('ApplicationFinished').length, 2);
    assert.deepEqual(master.toApps(), end === 'kill' ? [{ type: 'ApplicationRemoved', message: 'KILLED' }] : []);
    const [done] = master.master.state().completedApps;
    assert.equal(done?.state, end === 'kill' ? 'KILLED' : 'FINISHED');
    assert.equal(done?.executors.length, 1); // stays for the page
    assert.equal(master.records.has(`app_${id}`), false);
  }
});

test('completed applications and drivers are trimmed by a tenth', () => {
  const master = new MasterMachine({ 'spark.deploy.retainedApplications': 2, 'spark.deploy.retainedDrivers': 2 });
  for (let i = 0; i < 5; i++) {
    const appId = master.app('d', app());
    master.fromApp({ type: 'UnregisterApplication', appId }, 'c-d');
    const { driverId } = master.ask('RequestSubmitDriver', { driver: driver() });
    master.ask('RequestKillDriver', { driverId: driverId ?? '' });
  }
  const { completedApps, completedDrivers } = master.master.state();
  assert.deepEqual(
    [...completedApps, ...completedDrivers].map(({ id }) => id.slice(-4)),
    ['0003', '0004', '0003', '0004'],
  );
  master.ask('RequestClearCompletedDriversAndApps', null);
  assert.equal(master.master.state().completedApps.length, 0);
});

test('more executors on request, none for 0, all without a limit; unknown applications get a no', () => {
  const master = new MasterMachine();
  master.worker('a');
  const appId = master.app('d', app({ cores: 2, initialExecutorLimit: 0 }));
  const request = (total: number | null, demand = null): boolean =>
    master.ask('RequestExecutors', { appId, totals: [{ resourceProfileId: 0, total, demand }] }).accepted;
  assert.ok(request(2));
  assert.equal(master.launched().length, 2);
  assert.ok(request(0));
  assert.equal(master.launched().length, 0);
  assert.ok(request(null));
  assert.equal(master.launched().length, 3);
  assert.equal(request(-1), false);
  assert.equal(master.ask('RequestExecutors', { appId: 'no', totals: [] }).accepted, false);
  const unknown = { resourceProfileId: 9, total: 1, demand: null };
  assert.equal(master.ask('RequestExecutors', { appId, totals: [unknown] }).accepted, false);
});

test('executors are killed by id; what is no number or not there is passed over', () => {
  const master = new MasterMachine();
  master.worker('a');
  const appId = master.app('d', app({ cores: 2, maxCores: 4 }));
  master.ask('RequestExecutors', { appId, totals: [{ resourceProfileId: 0, total: 1, demand: null }] });
  assert.ok(master.ask('KillExecutors', { appId, executorIds: ['1', 'x', '77', '1'] }).accepted);
  assert.deepEqual(
    master.toWorkers('KillExecutor').map(({ execId }) => execId),
    [1],
  );
  assert.deepEqual(master.launched(), []);
  assert.equal(master.ask('KillExecutors', { appId: 'no', executorIds: [] }).accepted, false);
  master.executor(appId, 1, 'KILLED'); // the worker's late news
  assert.deepEqual(master.toApps(), []);
});

test('a driver ends in one of four states; any other is refused', () => {
  for (const state of ['FINISHED', 'FAILED', 'KILLED', 'ERROR'] as const) {
    const master = new MasterMachine();
    master.worker('a');
    const driverId = master.ask('RequestSubmitDriver', { driver: driver() }).driverId ?? '';
    const changed = (to: DriverState): void => {
      master.fromWorker({ type: 'DriverStateChanged', driverId, state: to, exception: 'why' }, 'c-a');
    };
    assert.throws(() => changed('RUNNING'), /Received unexpected state update for driver/);
    changed(state);
    assert.deepEqual(master.ask('RequestDriverStatus', { driverId }), {
      found: true,
      state,
      workerId: 'worker-a',
      workerHostPort: 'host-a:7000',
      workerWebUiUrl: 'http://host-a:8081',
      exception: 'why',
    });
    assert.equal(master.master.state().workers[0]?.coresUsed, 0);
    changed(state); // unknown by now: a warning
  }
});

test('kill of a waiting driver is at once, of a running one by its worker, of any other a no', () => {
  const master = new MasterMachine();
  const waiting = master.ask('RequestSubmitDriver', { driver: driver({ cores: 50 }) }).driverId ?? '';
  assert.deepEqual(master.ask('RequestKillDriver', { driverId: waiting }), {
    driverId: waiting,
    success: true,
    message: `Kill request for ${waiting} submitted`,
  });
  assert.equal(master.ask('RequestDriverStatus', { driverId: waiting }).state, 'KILLED');
  master.worker('a');
  const running = master.ask('RequestSubmitDriver', { driver: driver() }).driverId ?? '';
  master.ask('RequestKillDriver', { driverId: running });
  assert.deepEqual(master.toWorkers(), [{ type: 'KillDriver', driverId: running }]);
  assert.equal(
    master.ask('RequestKillDriver', { driverId: waiting }).message,
    `Driver ${waiting} has already finished or does not exist`,
  );
  assert.equal(master.ask('RequestKillAllDrivers', null).message, 'Kill request for all drivers submitted');
  assert.deepEqual(master.toWorkers(), [{ type: 'KillDriver', driverId: running }]);
});

test('of a lost worker supervised drivers start elsewhere with a new id, others have failed', () => {
  const master = new MasterMachine();
  master.worker('a');
  const once = master.ask('RequestSubmitDriver', { driver: driver() }).driverId ?? '';
  const always = master.ask('RequestSubmitDriver', { driver: driver({ supervise: true }) }).driverId ?? '';
  master.handle({ type: 'Disconnected', connection: 'c-a' });
  master.worker('b');
  const [launch] = master.toWorkers('LaunchDriver');
  assert.ok(launch && launch.driverId !== always && launch.driverId !== once);
  assert.equal(master.ask('RequestDriverStatus', { driverId: always }).state, 'RELAUNCHING');
  assert.equal(master.ask('RequestDriverStatus', { driverId: once }).state, 'ERROR');
});

test('a drained worker gets nothing more, and its applications are told once', () => {
  const master = new MasterMachine();
  master.worker('a');
  const id = master.app('d', app({ maxCores: 2 }));
  assert.deepEqual(master.ask('DecommissionWorkersOnHosts', { hosts: ['HOST-A', 'host-z'] }), { workers: 1 });
  assert.deepEqual(master.toWorkers(), [{ type: 'DecommissionWorker' }]);
  assert.deepEqual(master.toApps(), [
    {
      type: 'ExecutorUpdated',
      execId: 0,
      state: 'DECOMMISSIONED',
      message: 'worker decommissioned',
      exitStatus: null,
      workerHost: 'host-a',
    },
  ]);
  assert.equal(master.records.has('worker_worker-a'), false);
  assert.deepEqual(master.ask('DecommissionWorkersOnHosts', { hosts: ['host-a'] }), { workers: 1 });
  assert.deepEqual([...master.toWorkers(), ...master.toApps()], []);
  master.executor(id, 0, 'EXITED', 1);
  const [drained] = master.master.state().workers;
  assert.deepEqual([drained?.state, drained?.coresUsed], ['DECOMMISSIONED', 0]);
  master.fromWorker({ type: 'WorkerDecommissioning', workerId: 'worker-a' }, 'c-a');
  assert.deepEqual(master.effects, []);
});

test('leadership that is revoked ends the process with 0', () => {
  const master = new MasterMachine();
  const [effect] = master.handle({ type: 'RevokedLeadership' });
  assert.ok(effect?.type === 'Exit' && effect.code === 0);
});

test('what is described by one object at a time is plain data', () => {
  const master = new MasterMachine();
  master.worker('a');
  master.app('d', app());
  assert.deepEqual(structuredClone(master.master.state()), master.master.state());
  assert.equal(worker('a').id, 'worker-a');
});
