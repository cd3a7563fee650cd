import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SparkConf } from '../../../src/config/spark-conf.ts';
import { workerSettings } from '../../../src/deploy/worker/worker-settings.ts';
import { MASTER, WorkerMachine } from '../../kit/worker-machine.ts';

test('its id has the time, host and port', () => {
  assert.equal(new WorkerMachine().worker.state().workerId, 'worker-20261121070809-w1-7001');
});

test('its defaults are those of Spark', () => {
  const identity = { host: 'h', port: 1, cores: 1, memory: 1, webUiUrl: '', resources: {}, masters: [], workDir: '/w' };
  const all = workerSettings(new SparkConf(), { ...identity, programs: {}, hasSpares: false }, 0);
  const minute = 60_000;
  assert.deepEqual(
    [all.heartbeatMs, all.initialRegistrationRetries, all.maxRegistrationRetries, all.preferConfiguredMasterAddress],
    [15_000, 6, 16, false],
  );
  assert.deepEqual(
    [all.cleanupEnabled, all.cleanupIntervalMs, all.appDataTtlMs, all.cleanupFilesAfterExecutorExit],
    [true, 30 * minute, 7 * 24 * 60 * minute, true],
  );
  assert.deepEqual(
    [all.retainedExecutors, all.retainedDrivers, all.driverTerminateTimeoutMs, all.decommissionEnabled],
    [1000, 1000, 10_000, false],
  );
});

test('it tries 6 times in short intervals, 10 times in long ones, and gives up at the 17th', () => {
  const worker = new WorkerMachine({}, { masters: ['m1:7077', 'm2:7077'] });
  assert.deepEqual(worker.all('RegisterAt')[0]?.masters, ['m1:7077', 'm2:7077']);
  const spaces: number[] = [];
  for (let tick = 1; tick <= 17; tick++) {
    const before = worker.at;
    worker.wake('ReregisterWithMaster');
    spaces.push(worker.at - before);
    if (tick <= 16) assert.equal(worker.all('RegisterAt').length, 1);
  }
  assert.deepEqual(worker.effects, [{ type: 'Exit', code: 1, message: 'All masters are unresponsive! Giving up.' }]);
  const [short = 0, long = 0] = [spaces[0], spaces[6]];
  assert.deepEqual(spaces, [...new Array(6).fill(short), ...new Array(11).fill(long)]);
  assert.ok(short >= 5000 && short <= 15_000 && long >= 30_000 && long <= 90_000);
});

test('the intervals of workers differ', () => {
  const first = Array.from({ length: 20 }, (_, seed) => {
    const worker = new WorkerMachine({}, { seed });
    return (worker.timers.get('ReregisterWithMaster') ?? 0) - worker.at;
  });
  assert.ok(new Set(first).size > 4);
});

test('once registered it says what runs, beats at once and four times a timeout, and tries no more', () => {
  const worker = new WorkerMachine();
  worker.register();
  assert.deepEqual(
    worker.sent().map(({ type }) => type),
    ['Heartbeat', 'WorkerLatestState'],
  );
  assert.equal(worker.timers.has('ReregisterWithMaster'), false);
  assert.equal(worker.worker.state().masterUrl, MASTER);
  const at = worker.at;
  worker.wake('SendHeartbeat');
  assert.equal(worker.at - at, 15_000);
  assert.deepEqual(worker.sent(), [{ type: 'Heartbeat', workerId: 'worker-20261121070809-w1-7001' }]);
  const quick = new WorkerMachine({ 'spark.worker.timeout': 4 });
  quick.register();
  assert.equal(quick.timers.get('SendHeartbeat'), quick.at + 1000);
});

test('a master in standby is no reason to stop; a failure is one only for a worker that nobody has', () => {
  const worker = new WorkerMachine();
  worker.from({ type: 'MasterInStandby' });
  assert.ok(worker.timers.has('ReregisterWithMaster'));
  worker.register();
  worker.from({ type: 'RegisterWorkerFailed', message: 'late' }, 'm2');
  assert.deepEqual(worker.effects, []);
  const other = new WorkerMachine();
  other.from({ type: 'RegisterWorkerFailed', message: 'no' });
  assert.deepEqual(other.effects, [{ type: 'Exit', code: 1, message: 'Worker registration failed: no' }]);
});

test('a lost link: no heartbeats, all masters once, then the one it had, with a new count and its old id', () => {
  const worker = new WorkerMachine({}, { masters: ['alias:7077', 'm2:7077'] });
  worker.wake('ReregisterWithMaster');
  worker.register();
  worker.run(0);
  worker.handle({ type: 'Disconnected', connection: 'other' });
  assert.deepEqual(worker.effects, []);
  worker.handle({ type: 'Disconnected', connection: 'm1' });
  assert.deepEqual(worker.all('RegisterAt')[0]?.masters, ['alias:7077', 'm2:7077']);
  worker.handle({ type: 'Disconnected', connection: 'm1' }); // again: no second set of attempts
  assert.deepEqual(worker.effects, []);
  worker.wake('SendHeartbeat');
  assert.deepEqual(worker.sent(), []);
  for (let i = 0; i < 16; i++) {
    worker.wake('ReregisterWithMaster');
    assert.deepEqual(worker.all('RegisterAt')[0]?.masters, ['m1:7077']);
  }
  worker.register('m1b', MASTER, true);
  const [state] = worker.sent();
  assert.ok(state?.type === 'WorkerLatestState' && state.executors.length === 1);
  worker.wake('SendHeartbeat');
  assert.equal(worker.all('SendToMaster')[0]?.connection, 'm1b');
});

test('spark.worker.preferConfiguredMasterAddress comes back by the address that it was given', () => {
  const worker = new WorkerMachine({ 'spark.worker.preferConfiguredMasterAddress': 'true' });
  worker.register();
  worker.handle({ type: 'Disconnected', connection: 'm1' });
  worker.wake('ReregisterWithMaster');
  assert.deepEqual(worker.all('RegisterAt')[0]?.masters, ['alias:7077']);
});

test('MasterChanged is followed and answered, also by a worker whose tries go on', () => {
  const worker = new WorkerMachine();
  worker.register();
  worker.run(0);
  worker.runDriver('driver-1');
  worker.handle({ type: 'Disconnected', connection: 'm1' });
  worker.from({ type: 'MasterChanged', masterUrl: 'spark://m2:7077', masterWebUiUrl: 'u' }, 'm2');
  assert.equal(worker.timers.has('ReregisterWithMaster'), false);
  const [answer] = worker.sent();
  assert.ok(answer?.type === 'WorkerSchedulerStateResponse');
  assert.deepEqual(
    [answer.executors.map(({ execId }) => execId), answer.drivers.map(({ driverId }) => driverId)],
    [[0], ['driver-1']],
  );
  assert.equal(worker.worker.state().masterUrl, 'spark://m2:7077');
  // The old master is not obeyed any more.
  worker.launch(1);
  worker.from({ type: 'KillExecutor', masterUrl: MASTER, appId: 'app-1', execId: 0 });
  assert.deepEqual(worker.effects, []);
});

test('ReconnectWorker registers again while executors run on', () => {
  const worker = new WorkerMachine();
  worker.register();
  worker.run(0);
  worker.from({ type: 'ReconnectWorker', masterUrl: MASTER });
  assert.equal(worker.all('RegisterAt').length, 1);
  assert.equal(worker.worker.state().executors.length, 1);
});

test('without a master nothing is told, and what has ended is not in use any more', () => {
  const worker = new WorkerMachine();
  worker.register();
  worker.run(0);
  worker.handle({ type: 'Disconnected', connection: 'm1' });
  worker.handle({ type: 'ProcessExited', key: 'app-1/0', exitCode: 1 });
  assert.deepEqual(worker.sent(), []);
  assert.equal(worker.worker.state().coresUsed, 0);
});

test('of two links to a master the older is closed, so that nothing on its way there is done', () => {
  const worker = new WorkerMachine();
  worker.register('m1');
  worker.register('m1b', MASTER, true);
  assert.deepEqual(worker.all('CloseConnection'), [{ type: 'CloseConnection', connection: 'm1' }]);
  worker.handle({ type: 'Disconnected', connection: 'm1' });
  assert.deepEqual(worker.effects, []);
  worker.register('m1b', MASTER, true);
  assert.deepEqual(worker.all('CloseConnection'), []);
});

test('where the master shows its pages, links to logs lead there', () => {
  for (const [outer, from] of [
    ['', 'http://m1:8080'],
    ['https://front.example/spark/', 'https://front.example/spark'],
  ] as const) {
    const worker = new WorkerMachine({
      'spark.ui.reverseProxy': 'true',
      ...(outer && { 'spark.ui.reverseProxyUrl': outer }),
    });
    worker.register();
    worker.launch(0);
    worker.handle({ type: 'ExecutorPrepared', key: 'app-1/0', appDirs: ['/tmp/a'] });
    assert.equal(
      worker.all('StartProcess')[0]?.plan.environment['SPARK_LOG_URL_STDERR'],
      `${from}/proxy/${worker.worker.state().workerId}/logPage/?appId=app-1&executorId=0&logType=stderr`,
    );
  }
});
