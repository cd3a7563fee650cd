import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NewsFault } from '../../../src/deploy/worker/worker-events.ts';
import { EXECUTOR_MAIN } from '../../../src/protocol/worker-process.ts';
import { FakeMaster } from '../../kit/fake-master.ts';
import { freePort } from '../../kit/free-port.ts';
import { ManualClock } from '../../kit/manual-clock.ts';
import { COMMAND } from '../../kit/master-machine.ts';
import { until } from '../../kit/until.ts';
import { MASTER, WorkerMachine } from '../../kit/worker-machine.ts';
import { workerScene } from '../../kit/worker-process.ts';

/** A worker whose master acknowledges nothing. */
function unheard(conf: Record<string, string | number> = {}): WorkerMachine {
  const worker = new WorkerMachine(conf);
  worker.answers = false;
  worker.register();
  worker.run(0);
  return worker;
}
const exit = (worker: WorkerMachine, exitCode = 7): void => {
  worker.handle({ type: 'ProcessExited', key: 'app-1/0', exitCode });
};
const told = (worker: WorkerMachine): string[] =>
  worker
    .sent()
    .map((message) => ('state' in message ? `${message.type} ${message.state}` : message.type))
    .filter((text) => text !== 'Heartbeat');
/** The master's answer to what the last event told it. */
function answer(worker: WorkerMachine, fault: NewsFault | null): void {
  for (const { id, connection } of worker.all('TellMaster'))
    worker.handle({ type: 'NewsAnswered', id, connection, fault });
}
const of = (kind: NewsFault['kind']): NewsFault => ({ kind, message: 'why' });

test('what ends while the link to the master is down is told over the next one, before what runs', () => {
  const worker = unheard();
  worker.runDriver('driver-1');
  worker.handle({ type: 'Disconnected', connection: 'm1' });
  worker.wake('up app-1/0');
  assert.deepEqual(told(worker), []);
  exit(worker);
  worker.handle({ type: 'ProcessExited', key: 'driver-1', exitCode: 0 });
  assert.deepEqual(
    worker.effects.filter(({ type }) => type === 'TellMaster'),
    [],
  );
  assert.equal(worker.lines.at(-1), 'info DriverStateChanged(driver-1, FINISHED) is told when the master is back');
  worker.register('m1b');
  assert.deepEqual(told(worker), ['ExecutorStateChanged EXITED', 'DriverStateChanged FINISHED', 'WorkerLatestState']);
  const [news] = worker.sent();
  assert.deepEqual(news, {
    ...{ type: 'ExecutorStateChanged', appId: 'app-1', execId: 0, state: 'EXITED' },
    ...{ message: 'Command exited with code 7', exitStatus: 7 },
  });
});

test('a master that leads next hears of it in the same way', () => {
  const worker = unheard();
  worker.handle({ type: 'Disconnected', connection: 'm1' });
  exit(worker);
  worker.from({ type: 'MasterChanged', masterUrl: 'spark://m2:7077', masterWebUiUrl: '' }, 'm2');
  assert.deepEqual(told(worker), ['ExecutorStateChanged EXITED', 'WorkerSchedulerStateResponse']);
});

test('what was told over a link that broke before the answer is told again, what was acknowledged is not', () => {
  const worker = unheard();
  worker.wake('up app-1/0');
  answer(worker, of('link')); // RUNNING: it is in what runs
  exit(worker);
  const [first] = worker.all('TellMaster');
  answer(worker, of('link'));
  worker.register('m1b');
  assert.deepEqual(told(worker), ['ExecutorStateChanged EXITED', 'WorkerLatestState']);
  const [again] = worker.all('TellMaster');
  assert.deepEqual([first?.connection, again?.connection, again?.id], ['m1', 'm1b', first?.id]);
  // A late answer over the old link is not one to what was told over the new one.
  worker.handle({ type: 'NewsAnswered', id: first?.id ?? '', connection: 'm1', fault: of('timeout') });
  assert.deepEqual([worker.effects, worker.lines], [[], []]);
  worker.handle({ type: 'NewsAnswered', id: again?.id ?? '', connection: 'm1b', fault: null });
  worker.register('m1c');
  assert.deepEqual(told(worker), ['WorkerLatestState']);
});

test('a link that breaks while nobody has looked at its fault yet is no reason to tell it twice', () => {
  const worker = unheard();
  exit(worker);
  worker.register('m1', MASTER, true); // the same link
  assert.deepEqual(told(worker), ['WorkerLatestState']);
});

test('a master that does not answer in time is told again at once, five times in all; then the worker ends with 1', () => {
  const worker = unheard();
  exit(worker);
  for (let failures = 1; failures < 5; failures++) {
    answer(worker, of('timeout'));
    assert.deepEqual(told(worker), ['ExecutorStateChanged EXITED']);
    assert.equal(
      worker.lines.at(-1),
      `error Failed to send ExecutorStateChanged(app-1/0, EXITED) to Master ${MASTER}, will retry (${failures}/5): why`,
    );
  }
  answer(worker, of('timeout'));
  const message = `Failed to send ExecutorStateChanged(app-1/0, EXITED) to Master ${MASTER} for 5 times. Giving up.`;
  assert.deepEqual(worker.effects, [{ type: 'Exit', code: 1, message }]);
});

test('a master that cannot take it just now is told again after the time in which it had to answer', () => {
  const worker = unheard({ 'spark.rpc.askTimeout': '30s', 'spark.worker.executorStateSync.maxAttempts': 2 });
  exit(worker);
  const { at } = worker;
  const [{ id = '' } = {}] = worker.all('TellMaster');
  answer(worker, of('failed'));
  assert.deepEqual(told(worker), []);
  worker.wake(`tell ${id}`);
  assert.deepEqual([worker.at - at, told(worker)], [30_000, ['ExecutorStateChanged EXITED']]);
  // Over a link that is not there any more nothing is told.
  answer(worker, of('link'));
  worker.handle({ type: 'Woken', timer: `tell ${id}` });
  assert.deepEqual(worker.effects, []);
});

test('what the master does not take is an error in the log, and not told again', () => {
  const worker = unheard();
  exit(worker);
  answer(worker, of('refused'));
  assert.deepEqual(worker.lines, ['error The master does not take ExecutorStateChanged(app-1/0, EXITED): why']);
  worker.register('m1b');
  assert.deepEqual(told(worker), ['WorkerLatestState']);
});

test('a worker that never had a master drops news, with a warning', () => {
  const drained = new WorkerMachine({ 'spark.decommission.enabled': 'true' });
  drained.handle({ type: 'DecommissionSignal' });
  assert.deepEqual(drained.sent(), []);
  assert.equal(
    drained.lines.at(-1),
    'warn Dropping WorkerDecommissioning because the connection to master has not yet been established',
  );
});

test('a driver that ends when its master has just died has ended for the next one', async (t) => {
  const clock = new ManualClock(Date.now());
  const more = { clock, masterPort: await freePort(), fetchApplication: () => Promise.resolve('app.js') };
  const { master, lines } = await workerScene(t, { DriverWrapper: '', [EXECUTOR_MAIN]: '' }, {}, more);
  await master.hears('RegisterWorker');
  let ask = (): void => {};
  const asked = new Promise<void>((resolve) => {
    ask = resolve;
  });
  master.acknowledges = () => {
    ask();
    return new Promise(() => {});
  };
  master.launchDriver('driver-1', { command: { ...COMMAND, mainClass: 'DriverWrapper' } });
  await asked;
  const { port } = master;
  await master.stop();
  await until(() => lines.some((line) => /ECONNREFUSED/.test(line)));
  const next = await FakeMaster.start({ port });
  t.after(() => next.stop());
  clock.advance(15_000);
  await next.hears('WorkerLatestState');
  const types = next.heard.map(({ type }) => type);
  const [news] = next.heard.filter((message) => message.type === 'DriverStateChanged');
  assert.deepEqual(news, { type: 'DriverStateChanged', driverId: 'driver-1', state: 'FINISHED', exception: null });
  assert.ok(types.indexOf('DriverStateChanged') < types.indexOf('WorkerLatestState'));
});
