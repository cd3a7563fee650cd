import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMMAND } from '../../kit/master-machine.ts';
import { WorkerMachine } from '../../kit/worker-machine.ts';

function registered(conf: Record<string, string | number> = {}): WorkerMachine {
  const worker = new WorkerMachine(conf);
  worker.register();
  return worker;
}
/** The state that the last event made the worker tell of the driver. */
function told(worker: WorkerMachine): (string | null)[] {
  return worker.sent().flatMap((news) => (news.type === 'DriverStateChanged' ? [news.state, news.exception] : []));
}
const exit = (worker: WorkerMachine, exitCode: number): void => {
  worker.handle({ type: 'ProcessExited', key: 'driver-1', exitCode });
};

test('a driver is prepared, started with its variables, and ends by its exit code', () => {
  for (const [code, state] of [
    [0, 'FINISHED'],
    [1, 'FAILED'],
  ] as const) {
    const worker = registered();
    worker.launchDriver('driver-1', {
      cores: 3,
      memory: 700,
      command: { ...COMMAND, mainClass: 'DriverWrapper', arguments: ['{{WORKER_URL}}', '{{USER_JAR}}', 'x'] },
    });
    assert.deepEqual(worker.effects, [
      {
        type: 'PrepareDriver',
        key: 'driver-1',
        directory: '/work/driver-1',
        appResource: 'file:/app.js',
        resources: {},
      },
    ]);
    worker.handle({ type: 'DriverPrepared', key: 'driver-1', userJar: '/work/driver-1/app.js' });
    const [start] = worker.all('StartProcess');
    assert.deepEqual(start?.plan.args, ['/iskra/driver.js', 'spark://Worker@w1:7001', '/work/driver-1/app.js', 'x']);
    assert.match(start?.plan.stderrHeader ?? '', /^Launch Command: "node" "\/iskra\/driver\.js"/);
    worker.handle({ type: 'ProcessStarted', key: 'driver-1' });
    assert.deepEqual([worker.worker.state().coresUsed, worker.worker.state().memoryUsed], [3, 700]);
    exit(worker, code);
    assert.deepEqual(told(worker), [state, null]);
    assert.deepEqual([worker.worker.state().coresUsed, worker.worker.state().memoryUsed], [0, 0]);
    exit(worker, code);
    assert.deepEqual(told(worker), []);
  }
});

test('what cannot be prepared or spawned is an ERROR with its text, also when supervised', () => {
  for (const event of ['DriverNotPrepared', 'ProcessFailed'] as const) {
    const worker = registered();
    worker.launchDriver('driver-1', { supervise: true });
    if (event === 'ProcessFailed') worker.handle({ type: 'DriverPrepared', key: 'driver-1', userJar: '/j' });
    worker.handle({ type: event, key: 'driver-1', message: 'no such file /x.js' });
    assert.deepEqual(told(worker), ['ERROR', 'no such file /x.js']);
    assert.equal(worker.worker.state().coresUsed, 0);
  }
});

test('a supervised driver that crashes starts again after 1, 2, 4 s, and after 1 s again when it had run for more than 5 s', () => {
  const worker = registered();
  worker.runDriver('driver-1', { supervise: true });
  const waits: number[] = [];
  for (const ran of [0, 0, 0, 5000, 5001, 0]) {
    worker.at += ran;
    exit(worker, 1);
    assert.deepEqual(told(worker), []);
    const before = worker.at;
    worker.wake('restart driver-1');
    assert.equal(worker.all('StartProcess').length, 1);
    waits.push((worker.at - before) / 1000);
    worker.handle({ type: 'ProcessStarted', key: 'driver-1' });
  }
  assert.deepEqual(waits, [1, 2, 4, 8, 1, 2]);
  exit(worker, 0);
  assert.deepEqual(told(worker), ['FINISHED', null]);
});

test('a kill ends the wait of a supervised driver', () => {
  const worker = registered();
  worker.runDriver('driver-1', { supervise: true });
  exit(worker, 1);
  worker.from({ type: 'KillDriver', driverId: 'driver-1' });
  assert.deepEqual(told(worker), ['KILLED', null]);
  assert.equal(worker.timers.has('restart driver-1'), false);
});

test('a kill before the start means that there is none', () => {
  const worker = registered();
  worker.launchDriver('driver-1');
  worker.from({ type: 'KillDriver', driverId: 'driver-1' });
  assert.deepEqual(worker.effects, [{ type: 'EndPreparation', key: 'driver-1' }]);
  worker.handle({ type: 'DriverPrepared', key: 'driver-1', userJar: '/j' });
  assert.deepEqual(worker.all('StartProcess'), []);
  assert.deepEqual(told(worker), ['KILLED', null]);
  worker.launchDriver('driver-2');
  worker.from({ type: 'KillDriver', driverId: 'driver-2' });
  worker.handle({ type: 'DriverNotPrepared', key: 'driver-2', message: 'driver driver-2 was killed' });
  assert.deepEqual(told(worker), ['KILLED', null]);
});

test('a kill asks, kills after the grace, and a supervised driver stays dead', () => {
  const worker = registered({ 'spark.worker.driverTerminateTimeout': '3s' });
  worker.runDriver('driver-1', { supervise: true });
  worker.from({ type: 'KillDriver', driverId: 'driver-1' });
  assert.deepEqual(
    worker.all('SignalProcess').map(({ signal }) => signal),
    ['SIGTERM'],
  );
  worker.wake('kill driver-1');
  assert.equal(worker.at, worker.startedAt + 3000);
  assert.deepEqual(
    worker.all('SignalProcess').map(({ signal }) => signal),
    ['SIGKILL'],
  );
  exit(worker, 137);
  assert.deepEqual(told(worker), ['KILLED', null]);
  assert.deepEqual(
    [...worker.timers.keys()].filter((timer) => timer.includes('driver')),
    [],
  );
});

test('a driver that ends with 0 after it was asked has finished', () => {
  const worker = registered();
  worker.runDriver('driver-1');
  worker.from({ type: 'KillDriver', driverId: 'driver-1' });
  exit(worker, 0);
  assert.deepEqual(told(worker), ['FINISHED', null]);
});

test('one that nothing can end is given up', () => {
  const worker = registered();
  worker.runDriver('driver-1');
  worker.from({ type: 'KillDriver', driverId: 'driver-1' });
  worker.wake('kill driver-1');
  worker.wake('kill driver-1');
  assert.deepEqual(told(worker), ['KILLED', null]);
});
