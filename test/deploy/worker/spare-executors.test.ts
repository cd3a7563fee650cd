import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from '../../../src/protocol/deploy-description.ts';
import { app, COMMAND } from '../../kit/master-machine.ts';
import { WorkerMachine } from '../../kit/worker-machine.ts';

const SETTING = 'spark.iskra.worker.spareExecutors';

function registered(conf: Record<string, string | number> = {}): WorkerMachine {
  const worker = new WorkerMachine(conf, { spares: true });
  worker.register();
  return worker;
}

/** Launches an executor and says from which spare. */
function spareOf(worker: WorkerMachine, execId: number, command: Partial<Command> = {}): string | null {
  worker.launch(execId, { app: app({ command: { ...COMMAND, ...command } }) });
  worker.handle({ type: 'ExecutorPrepared', key: `app-1/${execId}`, appDirs: ['/tmp/a'] });
  const [start] = worker.all('StartProcess');
  assert.ok(start !== undefined);
  return start.spare;
}
const started = (worker: WorkerMachine): string[] => worker.all('StartSpare').map(({ id }) => id);

test('a spare is started when a master has taken the worker, for an executor of the usual size', () => {
  const worker = new WorkerMachine({}, { spares: true });
  assert.deepEqual(started(worker), []);
  worker.register();
  assert.deepEqual(worker.all('StartSpare'), [
    { type: 'StartSpare', id: 'spare-1', args: ['/iskra/executor.js', '--spare', '8', '1024'] },
  ]);
  worker.wake('SendHeartbeat');
  assert.deepEqual(started(worker), []);
});

test('there are as many as the setting says; 0: none, nor where the program knows nothing of them', () => {
  assert.deepEqual(started(registered({ [SETTING]: 3 })), ['spare-1', 'spare-2', 'spare-3']);
  assert.deepEqual(started(registered({ [SETTING]: 0 })), []);
  const worker = new WorkerMachine();
  worker.register();
  assert.deepEqual(started(worker), []);
  assert.equal(spareOf(worker, 0), null);
});

test('an executor takes the spare; the next one starts when the executor has been up for a moment, and is like it', () => {
  const worker = registered();
  assert.equal(spareOf(worker, 0), 'spare-1');
  assert.deepEqual(worker.all('StartProcess')[0]?.plan.toSpare, ['--executor-id', '0']);
  worker.handle({ type: 'SpareUsed', id: 'spare-1' });
  worker.handle({ type: 'ProcessStarted', key: 'app-1/0' });
  assert.deepEqual(started(worker), []);
  worker.wake('up app-1/0');
  assert.deepEqual(worker.all('StartSpare'), [
    { type: 'StartSpare', id: 'spare-2', args: ['/iskra/executor.js', '--spare', '2', '1024'] },
  ]);
});

test('the next one starts at once when the executor has ended', () => {
  const worker = registered();
  spareOf(worker, 0);
  worker.handle({ type: 'SpareUsed', id: 'spare-1' });
  worker.handle({ type: 'ProcessStarted', key: 'app-1/0' });
  worker.handle({ type: 'ProcessExited', key: 'app-1/0', exitCode: 0 });
  assert.deepEqual(started(worker), ['spare-2']);
});

test('two executors at a time: one gets the spare, and none is started before both are up', () => {
  const worker = registered();
  assert.equal(spareOf(worker, 0), 'spare-1');
  assert.equal(spareOf(worker, 1), null);
  for (const key of ['app-1/0', 'app-1/1']) worker.handle({ type: 'ProcessStarted', key });
  worker.wake('up app-1/0');
  assert.deepEqual(started(worker), []);
  worker.wake('up app-1/1');
  assert.deepEqual(started(worker), ['spare-2']);
});

test('an executor that has to be as its process was started gets one of its own', () => {
  const worker = registered();
  const own: Partial<Command>[] = [
    { nodeOptions: ['--max-old-space-size=100'] },
    ...['NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS', 'UV_THREADPOOL_SIZE', 'LD_PRELOAD', 'LD_LIBRARY_PATH', 'TZ', 'LANG'].map(
      (name) => ({ environment: { [name]: '' } }),
    ),
    { environment: { LC_ALL: 'C', A: '1' } },
    ...['A=B', ''].map((name) => ({ environment: { [name]: 'x' } })),
    { environment: { A: 'a\0b' } },
    { arguments: ['a\0b'] },
    { arguments: ['x'.repeat(100_000)] },
    { mainClass: 'DriverWrapper' },
  ];
  for (const [execId, command] of own.entries()) assert.equal(spareOf(worker, execId, command), null);
  assert.deepEqual(started(worker), []);
  const environment = { A: '1', NODE_ENV: 'production', PATH: '/bin', LANGUAGES: 'x', TZ_NAME: 'x' };
  assert.equal(spareOf(worker, own.length, { environment }), 'spare-1');
});

test('a driver never takes a spare', () => {
  const worker = registered();
  worker.launchDriver('driver-1');
  worker.handle({ type: 'DriverPrepared', key: 'driver-1', userJar: '/x' });
  assert.deepEqual(
    worker.all('StartProcess').map(({ spare }) => spare),
    [null],
  );
});

test('a spare that has ended is replaced after 1, 2, 4 … 60 s; one that was used sets that back', () => {
  const worker = registered();
  const ends = (id: string): number => {
    worker.handle({ type: 'SpareEnded', id, message: 'it exited with 1' });
    assert.deepEqual(started(worker), []);
    const waitMs = (worker.timers.get('StartSpares') ?? 0) - worker.at;
    worker.wake('StartSpares');
    return waitMs;
  };
  const waits = [1, 2, 3, 4, 5, 6, 7, 8].map((number) => ends(`spare-${number}`));
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  assert.deepEqual(started(worker), ['spare-9']);
  assert.equal(spareOf(worker, 0), 'spare-9');
  worker.handle({ type: 'SpareUsed', id: 'spare-9' });
  worker.handle({ type: 'ProcessExited', key: 'app-1/0', exitCode: 0 });
  assert.deepEqual(started(worker), ['spare-10']);
  assert.equal(ends('spare-10'), 1000);
});

test('none is started before its time, whatever happens meanwhile', () => {
  const worker = registered();
  worker.handle({ type: 'SpareEnded', id: 'spare-1', message: 'SIGKILL ended it' });
  assert.equal(spareOf(worker, 0), null);
  worker.handle({ type: 'ProcessStarted', key: 'app-1/0' });
  worker.handle({ type: 'ProcessExited', key: 'app-1/0', exitCode: 0 });
  assert.deepEqual(started(worker), []);
  worker.wake('StartSpares');
  assert.deepEqual(started(worker), ['spare-2']);
});

test('a spare that did not take its order counts as one that has ended, once', () => {
  const worker = registered();
  spareOf(worker, 0);
  worker.handle({ type: 'SpareEnded', id: 'spare-1', message: 'no answer' });
  assert.equal(worker.timers.get('StartSpares'), worker.at + 1000);
  worker.handle({ type: 'ProcessStarted', key: 'app-1/0' });
  worker.handle({ type: 'SpareEnded', id: 'spare-1', message: 'again' });
  worker.handle({ type: 'SpareUsed', id: 'spare-1' });
  assert.equal(worker.timers.get('StartSpares'), worker.at + 1000);
});

test('a worker that stops or is drained ends its spares, and starts none', () => {
  for (const how of ['Stop', 'DecommissionSignal'] as const) {
    const worker = registered({ [SETTING]: 2, 'spark.decommission.enabled': 'true' });
    spareOf(worker, 0);
    worker.handle({ type: 'SpareUsed', id: 'spare-1' });
    worker.handle({ type: 'ProcessStarted', key: 'app-1/0' });
    worker.handle({ type: how });
    assert.deepEqual(worker.all('EndSpare'), [{ type: 'EndSpare', id: 'spare-2' }]);
    worker.handle({ type: 'ProcessExited', key: 'app-1/0', exitCode: 143 });
    assert.deepEqual(started(worker), []);
    assert.equal(worker.timers.has('StartSpares'), false);
    worker.handle({ type: 'SpareEnded', id: 'spare-2', message: 'SIGKILL ended it' });
    assert.equal(worker.timers.has('StartSpares'), false);
  }
});
