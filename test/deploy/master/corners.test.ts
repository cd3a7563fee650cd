// Corners of the master's tables that no other file has.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../../src/base/seeded-random.ts';
import { SparkConf } from '../../../src/config/spark-conf.ts';
import { Master } from '../../../src/deploy/master/master.ts';
import { masterSettings } from '../../../src/deploy/master/master-settings.ts';
import { app, MasterMachine } from '../../kit/master-machine.ts';
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
