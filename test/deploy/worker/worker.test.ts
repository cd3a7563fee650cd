import assert from 'node:assert/strict';
import { test } from 'node:test';
import { substitute } from '../../../src/deploy/worker/process-plan.ts';
import type { MasterToWorker } from '../../../src/protocol/master-worker.ts';
import { app, COMMAND, driver } from '../../kit/master-machine.ts';
import { MASTER, WorkerMachine } from '../../kit/worker-machine.ts';

function registered(conf: Record<string, string | number> = {}): WorkerMachine {
  const worker = new WorkerMachine(conf);
  worker.register();
  return worker;
}
const used = (worker: WorkerMachine): number[] => [worker.worker.state().coresUsed, worker.worker.state().memoryUsed];
const kill = (execId: number) => ({ type: 'KillExecutor', masterUrl: MASTER, appId: 'app-1', execId }) as const;

test('an executor is prepared, started with its variables, RUNNING after a moment, and EXITED', () => {
  const worker = registered();
  worker.launch(3, {
    resources: { gpu: ['1'] },
    app: app({
      command: {
        ...COMMAND,
        arguments: [
          '--worker-url',
          '{{WORKER_URL}}',
          '{{EXECUTOR_ID}}/{{HOSTNAME}}/{{CORES}}/{{APP_ID}}/{{NOT_KNOWN}}',
        ],
        environment: { A: '1' },
        nodeOptions: ['--max-old-space-size=100', '--my.secret=hush'],
      },
    }),
  });
  assert.deepEqual(worker.effects, [
    { type: 'PrepareExecutor', key: 'app-1/3', directory: '/work/app-1/3', appDirs: null, resources: { gpu: ['1'] } },
  ]);
  assert.deepEqual(used(worker), [2, 1024]);
  assert.deepEqual(worker.worker.state().resourcesUsed, { gpu: ['1'] });
  worker.handle({ type: 'ExecutorPrepared', key: 'app-1/3', appDirs: ['/tmp/a', '/tmp/b'] });
  const [start] = worker.all('StartProcess');
  assert.deepEqual(start?.plan.args, [
    '--max-old-space-size=100',
    '--my.secret=hush',
    '/iskra/executor.js',
    '--worker-url',
    'spark://Worker@w1:7001',
    '3/w1/2/app-1/{{NOT_KNOWN}}',
    '--resourcesFile',
    '/work/app-1/3/resource-executor.json',
  ]);
  assert.deepEqual(start?.plan.environment, {
    A: '1',
    SPARK_EXECUTOR_DIRS: '/tmp/a:/tmp/b',
    SPARK_LOG_URL_STDERR: 'http://w1:8081/logPage/?appId=app-1&executorId=3&logType=stderr',
    SPARK_LOG_URL_STDOUT: 'http://w1:8081/logPage/?appId=app-1&executorId=3&logType=stdout',
  });
  const header = start?.plan.stderrHeader ?? '';
  assert.match(header, /^Spark Executor Command: "node" "--max-old-space-size=100" "--my\.secret=\*+\(redacted\)" /);
  assert.ok(header.endsWith(`\n${'='.repeat(40)}\n\n`) && !header.includes('hush'));
  worker.handle({ type: 'ProcessStarted', key: 'app-1/3' });
  assert.deepEqual(worker.sent(), []);
  worker.wake('up app-1/3');
  const news = { type: 'ExecutorStateChanged', appId: 'app-1', execId: 3 };
  assert.deepEqual(worker.sent(), [{ ...news, state: 'RUNNING', message: null, exitStatus: null }]);
  worker.handle({ type: 'ProcessExited', key: 'app-1/3', exitCode: 7 });
  assert.deepEqual(worker.sent(), [{ ...news, state: 'EXITED', message: 'Command exited with code 7', exitStatus: 7 }]);
  assert.deepEqual(used(worker), [0, 0]);
  assert.deepEqual(worker.all('ExecutorRemoved'), [{ type: 'ExecutorRemoved', appId: 'app-1', execId: '3' }]);
});

test('one that ends at once was never RUNNING', () => {
  const worker = registered();
  worker.run(0);
  worker.handle({ type: 'ProcessExited', key: 'app-1/0', exitCode: 9 });
  assert.equal(worker.timers.has('up app-1/0'), false);
  assert.equal(worker.sent().length, 1);
});

test('a failure before the start is FAILED with its text, and gives everything back', () => {
  for (const [event, message] of [
    [
      {
        type: 'ExecutorNotPrepared',
        key: 'app-1/0',
        message: 'Failed to create directory /work/app-1/0',
        appDirs: null,
      },
      /create/,
    ],
    [{ type: 'ProcessFailed', key: 'app-1/0', message: 'spawn ENOENT' }, /ENOENT/],
  ] as const) {
    const worker = registered();
    worker.launch(0);
    if (event.type === 'ProcessFailed')
      worker.handle({ type: 'ExecutorPrepared', key: 'app-1/0', appDirs: ['/tmp/a'] });
    worker.handle(event);
    const [news] = worker.sent();
    assert.ok(news?.type === 'ExecutorStateChanged' && news.state === 'FAILED' && message.test(news.message ?? ''));
    assert.deepEqual(used(worker), [0, 0]);
  }
});

test('a program that the worker does not have is FAILED', () => {
  const worker = registered();
  worker.launch(0, { app: app({ command: { ...COMMAND, mainClass: 'constructor' } }) });
  worker.handle({ type: 'ExecutorPrepared', key: 'app-1/0', appDirs: ['/tmp/a'] });
  const [news] = worker.sent();
  assert.ok(news?.type === 'ExecutorStateChanged' && news.state === 'FAILED');
  assert.match(news.message ?? '', /^Cannot run program "constructor"/);
});

test('ids that would leave the work directory are refused', () => {
  const worker = registered();
  for (const appId of ['..', '../x', 'a/b', '']) {
    worker.launch(0, { appId });
    const [news] = worker.sent();
    assert.ok(news?.type === 'ExecutorStateChanged' && news.state === 'FAILED');
  }
  worker.launchDriver('../d');
  const [news] = worker.sent();
  assert.ok(news?.type === 'DriverStateChanged' && news.state === 'ERROR');
  assert.deepEqual(used(worker), [0, 0]);
});

test('a kill asks, then kills, then gives up; the end is told once', () => {
  const worker = registered();
  worker.run(0);
  worker.from(kill(0));
  assert.deepEqual(
    worker.all('SignalProcess').map(({ signal }) => signal),
    ['SIGTERM'],
  );
  worker.from(kill(0));
  assert.deepEqual(worker.effects, []);
  worker.wake('up app-1/0');
  assert.deepEqual(worker.sent(), []);
  worker.wake('kill app-1/0');
  assert.deepEqual(
    worker.all('SignalProcess').map(({ signal }) => signal),
    ['SIGKILL'],
  );
  assert.equal(worker.at, worker.startedAt + 10_000);
  worker.wake('kill app-1/0');
  const [news] = worker.sent();
  assert.ok(news?.type === 'ExecutorStateChanged' && news.state === 'KILLED');
  worker.handle({ type: 'ProcessExited', key: 'app-1/0', exitCode: 137 });
  assert.deepEqual(worker.effects, []);
});

test('a kill that meets an executor on its way ends it there', () => {
  const preparing = registered();
  preparing.launch(0);
  preparing.from(kill(0));
  assert.deepEqual(preparing.effects, []);
  preparing.handle({ type: 'ExecutorPrepared', key: 'app-1/0', appDirs: ['/tmp/a'] });
  assert.deepEqual(preparing.all('StartProcess'), []);
  assert.ok(preparing.sent().some((news) => news.type === 'ExecutorStateChanged' && news.state === 'KILLED'));

  const starting = registered();
  starting.launch(0);
  starting.handle({ type: 'ExecutorPrepared', key: 'app-1/0', appDirs: ['/tmp/a'] });
  starting.from(kill(0));
  starting.handle({ type: 'ProcessStarted', key: 'app-1/0' });
  assert.equal(starting.all('SignalProcess').length, 1);
  starting.handle({ type: 'ProcessExited', key: 'app-1/0', exitCode: 143 });
  const [news] = starting.sent();
  assert.ok(news?.type === 'ExecutorStateChanged' && news.state === 'KILLED' && news.exitStatus === 143);
});

test('what is unknown is passed over: a kill, an exit, a driver', () => {
  const worker = registered();
  worker.from(kill(5));
  assert.deepEqual(worker.effects, []);
  worker.handle({ type: 'ProcessExited', key: 'app-9/9', exitCode: 1 });
  assert.deepEqual(worker.effects, []);
  worker.from({ type: 'KillDriver', driverId: 'driver-x' });
  assert.deepEqual(worker.effects, []);
});

test('a master that another one has followed is not obeyed, by whatever link it comes', () => {
  const worker = registered();
  worker.launch(0);
  const masterUrl = 'spark://m2:7077';
  worker.from({ type: 'MasterChanged', masterUrl, masterWebUiUrl: '' }, 'm2');
  assert.deepEqual(worker.all('CloseConnection'), [{ type: 'CloseConnection', connection: 'm1' }]);
  const before = worker.worker.state();
  const launch: MasterToWorker = {
    ...{ type: 'LaunchExecutor', masterUrl, appId: 'app-1', execId: 1, resourceProfileId: 0, app: app() },
    ...{ cores: 2, memory: 1024, resources: {} },
  };
  const orders: MasterToWorker[] = [
    { ...launch, masterUrl: MASTER },
    launch, // it claims to be the new one
    kill(0),
    { ...kill(0), masterUrl },
    { type: 'LaunchDriver', driverId: 'driver-1', driver: driver(), resources: {} },
    { type: 'KillDriver', driverId: 'driver-0' },
    { type: 'ApplicationFinished', appId: 'app-1' },
    { type: 'DecommissionWorker' },
    { type: 'RegisterWorkerFailed', message: 'no' },
    { type: 'MasterInStandby' },
  ];
  for (const link of ['m1', 'm1-again'])
    for (const order of orders) assert.deepEqual(worker.from(order, link), [], `${order.type} from ${link}`);
  assert.deepEqual(worker.worker.state(), before);
  worker.from(launch, 'm2');
  assert.deepEqual(used(worker), [4, 2048]);
  // What the old one may still cause is that the worker asks all masters who leads.
  worker.from({ type: 'ReconnectWorker', masterUrl: MASTER }, 'm1-again');
  assert.equal(worker.all('RegisterAt').length, 1);
});

test('the directories of an application are made once, and removed when it is over and nothing of it runs', () => {
  const worker = registered();
  worker.launch(0);
  worker.launch(1);
  assert.deepEqual(worker.effects, []); // it waits for those of the first
  worker.handle({ type: 'ExecutorPrepared', key: 'app-1/0', appDirs: ['/tmp/a'] });
  assert.deepEqual(worker.all('PrepareExecutor'), [
    { type: 'PrepareExecutor', key: 'app-1/1', directory: '/work/app-1/1', appDirs: ['/tmp/a'], resources: {} },
  ]);
  worker.handle({ type: 'ExecutorPrepared', key: 'app-1/1', appDirs: ['/tmp/a'] });
  for (const key of ['app-1/0', 'app-1/1']) worker.handle({ type: 'ProcessStarted', key });
  worker.handle({ type: 'ProcessExited', key: 'app-1/0', exitCode: 0 });
  worker.from({ type: 'ApplicationFinished', appId: 'app-1' });
  assert.deepEqual(worker.effects, []);
  worker.handle({ type: 'ProcessExited', key: 'app-1/1', exitCode: 0 });
  assert.deepEqual(worker.all('RemoveDirs'), [{ type: 'RemoveDirs', directories: ['/tmp/a'] }]);
  assert.deepEqual(worker.all('ApplicationRemoved'), [{ type: 'ApplicationRemoved', appId: 'app-1' }]);
  worker.from({ type: 'ApplicationFinished', appId: 'app-1' });
  assert.deepEqual(worker.all('RemoveDirs'), []);
});

test('an application that comes back keeps its directories, although it was said to be over', () => {
  const worker = registered();
  worker.run(0);
  worker.from({ type: 'ApplicationFinished', appId: 'app-1' });
  worker.launch(1);
  worker.handle({ type: 'ExecutorPrepared', key: 'app-1/1', appDirs: ['/tmp/e1', '/tmp/e2'] });
  worker.handle({ type: 'ProcessStarted', key: 'app-1/1' });
  for (const key of ['app-1/0', 'app-1/1']) {
    worker.handle({ type: 'ProcessExited', key, exitCode: 1 });
    assert.deepEqual([...worker.all('RemoveDirs'), ...worker.all('ApplicationRemoved')], []);
  }
  worker.from({ type: 'ApplicationFinished', appId: 'app-1' });
  assert.equal(worker.all('RemoveDirs').length, 1);
});

test('the directories of an application whose end nobody told go with its directory of the work directory', () => {
  const worker = registered();
  worker.run(0);
  worker.handle({ type: 'DirectoryRemoved', name: 'app-1' });
  assert.deepEqual(worker.effects, []); // it runs by now
  worker.handle({ type: 'ProcessExited', key: 'app-1/0', exitCode: 0 });
  assert.deepEqual(worker.all('RemoveDirs'), []);
  worker.handle({ type: 'DirectoryRemoved', name: 'app-1' });
  assert.deepEqual(worker.all('RemoveDirs'), [{ type: 'RemoveDirs', directories: ['/tmp/e1', '/tmp/e2'] }]);
  assert.deepEqual(worker.all('ApplicationRemoved'), [{ type: 'ApplicationRemoved', appId: 'app-1' }]);
});

test('when they could not be made, the next executor tries', () => {
  const worker = registered();
  worker.launch(0);
  worker.launch(1);
  worker.handle({ type: 'ExecutorNotPrepared', key: 'app-1/0', message: 'no disk', appDirs: null });
  assert.deepEqual(
    worker.all('PrepareExecutor').map(({ key, appDirs }) => [key, appDirs]),
    [['app-1/1', null]],
  );
});

test('finished executors and drivers are trimmed', () => {
  const worker = registered({ 'spark.worker.ui.retainedExecutors': 2, 'spark.worker.ui.retainedDrivers': 2 });
  for (let i = 0; i < 5; i++) {
    worker.run(i);
    worker.handle({ type: 'ProcessExited', key: `app-1/${i}`, exitCode: 0 });
    worker.runDriver(`driver-${i}`);
    worker.handle({ type: 'ProcessExited', key: `driver-${i}`, exitCode: 0 });
    assert.ok(worker.worker.state().finishedExecutors.length <= 2);
  }
  const { finishedExecutors, finishedDrivers } = worker.worker.state();
  assert.deepEqual(
    finishedExecutors.map(({ execId }) => execId),
    [3, 4],
  );
  assert.deepEqual(
    finishedDrivers.map(({ driverId }) => driverId),
    ['driver-3', 'driver-4'],
  );
});

test('cleaning keeps what runs, and comes again', () => {
  const worker = registered({ 'spark.worker.cleanup.interval': 2, 'spark.worker.cleanup.appDataTtl': 60 });
  worker.run(0);
  worker.runDriver('driver-1');
  worker.wake('WorkDirCleanup');
  assert.deepEqual(worker.all('CleanWorkDir'), [
    { type: 'CleanWorkDir', keep: ['app-1', 'driver-1'], olderThan: worker.at - 60_000 },
  ]);
  assert.equal(worker.timers.get('WorkDirCleanup'), worker.at + 2000);
  assert.equal(registered({ 'spark.worker.cleanup.enabled': 'false' }).timers.has('WorkDirCleanup'), false);
});

test('a drained worker refuses executors and drivers, and tells its master when the operator said so', () => {
  const worker = registered({ 'spark.decommission.enabled': 'true' });
  worker.run(0);
  worker.handle({ type: 'DecommissionSignal' });
  assert.deepEqual(worker.sent(), [{ type: 'WorkerDecommissioning', workerId: worker.worker.state().workerId }]);
  worker.launch(1);
  const [refused] = worker.sent();
  assert.ok(refused?.type === 'ExecutorStateChanged' && refused.state === 'FAILED');
  assert.equal(refused.message, 'Asked to launch an executor while decommissioned. Not launching executor.');
  worker.launchDriver('driver-1');
  assert.equal(worker.sent()[0]?.type, 'DriverStateChanged');
  assert.equal(worker.worker.state().executors.length, 1);
  const off = registered();
  off.handle({ type: 'DecommissionSignal' });
  assert.deepEqual(off.effects, []);
});

test('a drained worker says so to each master that it follows', () => {
  const worker = registered({ 'spark.decommission.enabled': 'true' });
  worker.handle({ type: 'Disconnected', connection: 'm1' });
  worker.handle({ type: 'DecommissionSignal' });
  assert.deepEqual(worker.sent(), []);
  const said = { type: 'WorkerDecommissioning', workerId: worker.worker.state().workerId };
  worker.register();
  assert.deepEqual(worker.sent().at(-1), said);
  worker.from({ type: 'MasterChanged', masterUrl: 'spark://m2:7077', masterWebUiUrl: 'http://m2:8080' }, 'm2');
  assert.deepEqual(worker.sent().at(-1), said);
});

test('executors that a stop ends are left to the master, which loses the worker; what is to be launched meanwhile as well', () => {
  const worker = registered();
  worker.run(0);
  worker.run(1);
  worker.from(kill(1));
  worker.handle({ type: 'Stop' });
  worker.launch(2);
  assert.deepEqual(worker.effects, []); // a refusal would bring it back at once
  worker.launchDriver('driver-1');
  assert.deepEqual(worker.effects, []);
  worker.handle({ type: 'ProcessExited', key: 'app-1/0', exitCode: 143 });
  assert.deepEqual(worker.sent(), []);
  worker.handle({ type: 'ProcessExited', key: 'app-1/1', exitCode: 143 });
  const [news] = worker.sent();
  assert.ok(news?.type === 'ExecutorStateChanged' && news.execId === 1 && news.state === 'KILLED');
  assert.ok(worker.worker.idle);
});

test('a supervised driver whose worker stops is left to the master, which starts it elsewhere', () => {
  const worker = registered();
  worker.runDriver('driver-1', { supervise: true });
  worker.runDriver('driver-2', { supervise: true });
  worker.runDriver('driver-3', { supervise: true });
  worker.from({ type: 'KillDriver', driverId: 'driver-2' });
  worker.handle({ type: 'Stop' });
  const told = [
    ['driver-1', 143],
    ['driver-2', 143],
    ['driver-3', 0],
  ].flatMap(([key, exitCode]) => {
    worker.handle({ type: 'ProcessExited', key: key as string, exitCode: exitCode as number });
    return worker.sent();
  });
  assert.deepEqual(told, [
    { type: 'DriverStateChanged', driverId: 'driver-2', state: 'KILLED', exception: null },
    { type: 'DriverStateChanged', driverId: 'driver-3', state: 'FINISHED', exception: null },
  ]);
  assert.ok(worker.worker.idle);
});

test('a stop kills everything and leaves no alarm but those of the kills', () => {
  const worker = registered();
  worker.run(0);
  worker.runDriver('driver-1');
  worker.handle({ type: 'Stop' });
  assert.deepEqual(
    worker.all('SignalProcess').map(({ key }) => key),
    ['app-1/0', 'driver-1'],
  );
  worker.handle({ type: 'ProcessExited', key: 'app-1/0', exitCode: 143 });
  worker.handle({ type: 'ProcessExited', key: 'driver-1', exitCode: 143 });
  assert.ok(worker.worker.idle);
  assert.deepEqual([...worker.timers.keys()], []);
});

test('what stands for a variable is put in once', () => {
  assert.equal(substitute('{{A}}{{B}}', { A: '{{B}}', B: 'b' }), '{{B}}b');
  assert.equal(substitute('{{toString}}', {}), '{{toString}}');
});
