import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { EXECUTOR_MAIN } from '../../../src/protocol/worker-process.ts';
import { FakeMaster } from '../../kit/fake-master.ts';
import { freePort } from '../../kit/free-port.ts';
import { ManualClock } from '../../kit/manual-clock.ts';
import { app, COMMAND } from '../../kit/master-machine.ts';
import { gone } from '../../kit/processes.ts';
import { addressOf, RawClient, withEnvs } from '../../kit/rpc.ts';
import { until } from '../../kit/until.ts';
import { printed, type WorkerScene, workerScene } from '../../kit/worker-process.ts';

/** Tells its pid and waits to be killed. */
const WAITS = `console.log(process.pid); setInterval(() => {}, 1 << 30);`;

test('a worker registers and beats; its executor is launched, reported, and gives back what it had', async (t) => {
  const { master, worker, workDir, directory } = await workerScene(t, {
    [EXECUTOR_MAIN]: `console.log(process.argv.slice(2).join(' ')); console.error(process.env.SPARK_EXECUTOR_DIRS); process.exit(3);`,
  });
  const { worker: description } = await master.hears('RegisterWorker');
  assert.match(description.id, /^worker-\d{14}-127\.0\.0\.1-\d+$/);
  assert.equal(description.id, worker.workerId);
  await master.hears('Heartbeat');
  master.launch(0);
  const end = await master.ended(0);
  assert.deepEqual([end.state, end.exitStatus, end.message], ['EXITED', 3, 'Command exited with code 3']);
  assert.equal(worker.state().coresUsed, 0);
  assert.equal(readFileSync(join(workDir, 'app-1/0/stdout'), 'utf8'), '--executor-id 0\n');
  const stderr = readFileSync(join(workDir, 'app-1/0/stderr'), 'utf8').split('\n');
  assert.match(stderr[0] ?? '', /^Spark Executor Command: "node" ".*mjs" "--executor-id" "0"$/);
  assert.equal(stderr[1], '='.repeat(40));
  const [appDir = ''] = readdirSync(join(directory, 'local')).filter((name) => name.startsWith('executor-'));
  assert.equal(stderr[3], join(directory, 'local', appDir));
  assert.equal(statSync(join(directory, 'local', appDir)).mode & 0o777, 0o700);
  master.launch(0);
  assert.match((await master.hears('ExecutorStateChanged', ({ state }) => state === 'FAILED')).message ?? '', /exists/);
  master.send({ type: 'ApplicationFinished', appId: 'app-1' });
  await until(() => !existsSync(join(directory, 'local', appDir)));
});

test('an executor that is killed ends with all that it has started', async (t) => {
  const { master, worker, workDir } = await workerScene(t, {
    [EXECUTOR_MAIN]: `import { spawn } from 'node:child_process';
      const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
      console.log(process.pid + ' ' + child.pid);
      setInterval(() => {}, 1 << 30);`,
  });
  await master.hears('RegisterWorker');
  master.launch(0);
  const pids = (await printed(join(workDir, 'app-1/0/stdout'))).split(' ').map(Number);
  assert.equal(worker.state().coresUsed, 1);
  master.send({ type: 'KillExecutor', masterUrl: master.url, appId: 'app-1', execId: 0 });
  const end = await master.ended(0);
  assert.deepEqual([end.state, end.exitStatus], ['KILLED', 143]);
  await gone(pids);
});

test('what an executor has started ends with it, also when it ends by itself', async (t) => {
  const { master, workDir } = await workerScene(t, {
    [EXECUTOR_MAIN]: `import { spawn } from 'node:child_process';
      const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
      console.log(child.pid);
      process.kill(process.pid, 'SIGKILL');`,
  });
  await master.hears('RegisterWorker');
  master.launch(0);
  const end = await master.ended(0);
  assert.deepEqual([end.state, end.exitStatus], ['EXITED', 137]);
  await gone([Number(readFileSync(join(workDir, 'app-1/0/stdout'), 'utf8'))]);
});

test('an executor that ignores SIGTERM is killed when its time is up', async (t) => {
  const clock = new ManualClock(Date.now());
  const { master, workDir } = await workerScene(
    t,
    { [EXECUTOR_MAIN]: `process.on('SIGTERM', () => console.log('no')); ${WAITS}` },
    {},
    { clock },
  );
  await master.hears('RegisterWorker');
  master.launch(0);
  await printed(join(workDir, 'app-1/0/stdout'));
  clock.advance(1000);
  await master.hears('ExecutorStateChanged', ({ state }) => state === 'RUNNING');
  master.send({ type: 'KillExecutor', masterUrl: master.url, appId: 'app-1', execId: 0 });
  await printed(join(workDir, 'app-1/0/stdout'), 2);
  clock.advance(10_000);
  const end = await master.ended(0);
  assert.deepEqual([end.state, end.exitStatus], ['KILLED', 137]);
});

test('what cannot be run at all FAILED, with the reason', async (t) => {
  const { master, worker } = await workerScene(t, { [EXECUTOR_MAIN]: WAITS }, {}, { nodePath: '/no/such/node' });
  await master.hears('RegisterWorker');
  master.launch(0);
  const missing = await master.ended(0);
  assert.equal(missing.state, 'FAILED');
  assert.match(
    missing.message ?? '',
    /^Cannot run program "\/no\/such\/node" \(in directory ".*\/app-1\/0"\): .*ENOENT/,
  );
  master.launch(2, { app: app({ command: { ...COMMAND, mainClass: 'org.example.Main' } }) });
  assert.match((await master.ended(2)).message ?? '', /Cannot run program "org\.example\.Main": this worker has/);
  master.launch(3, { app: app({ command: { ...COMMAND, environment: { 'a\0b': '1' } } }) });
  assert.match((await master.ended(3)).message ?? '', /^Cannot run program .*null bytes/);
  assert.equal(worker.state().coresUsed, 0);
});

test('what the system refuses to run FAILED as well', async (t) => {
  const { master, directory } = await workerScene(t, { [EXECUTOR_MAIN]: WAITS });
  await master.hears('RegisterWorker');
  master.launch(0, { app: app({ command: { ...COMMAND, arguments: ['x'.repeat(300_000)] } }) });
  assert.match((await master.ended(0)).message ?? '', /^Cannot run program .*E2BIG/);
  writeFileSync(join(directory, 'plain'), '');
  const other = await workerScene(t, { [EXECUTOR_MAIN]: WAITS }, {}, { nodePath: join(directory, 'plain') });
  await other.master.hears('RegisterWorker');
  other.master.launch(0);
  assert.match((await other.master.ended(0)).message ?? '', /^Cannot run program .*EACCES/);
});

test('a driver ends FINISHED, FAILED, KILLED, or in ERROR when its application is not there', async (t) => {
  const { master, worker, directory, workDir } = await workerScene(t, {
    DriverWrapper: `if (process.argv[3] === 'wait') { ${WAITS} } else process.exit(Number(process.argv[3]));`,
  });
  await master.hears('RegisterWorker');
  const appResource = join(directory, 'app.ts');
  writeFileSync(appResource, '');
  const run = (id: string, argument: string, resource = appResource): void =>
    master.launchDriver(id, {
      appResource: resource,
      command: { ...COMMAND, mainClass: 'DriverWrapper', arguments: ['{{USER_JAR}}', argument] },
    });
  const ended = (id: string) => master.hears('DriverStateChanged', ({ driverId }) => driverId === id);
  run('driver-ok', '0');
  assert.equal((await ended('driver-ok')).state, 'FINISHED');
  run('driver-bad', '7');
  assert.equal((await ended('driver-bad')).state, 'FAILED');
  run('driver-long', 'wait', `file://${appResource}`);
  const pid = Number(await printed(join(workDir, 'driver-long/stdout')));
  assert.deepEqual([worker.state().coresUsed, worker.state().memoryUsed], [1, 512]);
  master.send({ type: 'KillDriver', driverId: 'driver-long' });
  assert.equal((await ended('driver-long')).state, 'KILLED');
  await gone([pid]);
  run('driver-none', '0', '/no/such/app.ts');
  const none = await ended('driver-none');
  assert.deepEqual([none.state, none.exception], ['ERROR', 'File /no/such/app.ts does not exist on this worker']);
  run('driver-web', '0', 'ftp://h/app.ts');
  assert.match((await ended('driver-web')).exception ?? '', /"ftp:\/\/h\/app\.ts" cannot be fetched: give an absolute/);
  const header = readFileSync(join(workDir, 'driver-ok/stderr'), 'utf8');
  assert.match(header, new RegExp(`^Launch Command: "node" ".*" "${appResource}" "0"\n={40}\n`));
  assert.deepEqual([worker.state().coresUsed, worker.state().memoryUsed], [0, 0]);
  assert.equal(worker.state().finishedDrivers.length, 5);
});

test('processes get the environment of the worker and of their command, without the secret of the worker', async (t) => {
  const { master, workDir } = await workerScene(
    t,
    { [EXECUTOR_MAIN]: `console.log(JSON.stringify(process.env))` },
    {},
    {
      environment: {
        PATH: process.env['PATH'],
        MINE: 'mine',
        BOTH: 'w',
        _SPARK_AUTH_SECRET: 's',
        NODE_CHANNEL_FD: '3',
        SPARK_WORKER_OPTS: '-Dspark.authenticate.secret=s',
        ISKRA_DAEMON_JAVA_OPTS: '-Dspark.authenticate.secret=s',
      },
    },
  );
  await master.hears('RegisterWorker');
  master.launch(0, { app: app({ command: { ...COMMAND, environment: { BOTH: 'app', OURS: 'ours' } } }) });
  await master.ended(0);
  const seen = JSON.parse(readFileSync(join(workDir, 'app-1/0/stdout'), 'utf8')) as Record<string, string>;
  const { PATH: _path, SPARK_EXECUTOR_DIRS: _dirs, ...rest } = seen;
  assert.deepEqual(rest, {
    MINE: 'mine',
    BOTH: 'app',
    OURS: 'ours',
    ISKRA_PACKAGE_CACHE: join(workDir, 'cache'),
    SPARK_LOG_URL_STDERR: 'http://127.0.0.1:8081/logPage/?appId=app-1&executorId=0&logType=stderr',
    SPARK_LOG_URL_STDOUT: 'http://127.0.0.1:8081/logPage/?appId=app-1&executorId=0&logType=stdout',
  });
});

test('executors get the secret of their application, and drivers that of the cluster', async (t) => {
  const { applicationSecret, sharedSecret } = await import('../../../src/rpc/security.ts');
  const security = sharedSecret('of the cluster');
  const show = `console.log(process.env._SPARK_AUTH_SECRET);`;
  const { master, worker, workDir } = await workerScene(
    t,
    { [EXECUTOR_MAIN]: show, DriverWrapper: show },
    {},
    { security, fetchApplication: () => Promise.resolve('app.js') },
  );
  await master.hears('RegisterWorker');
  const salt = '0f'.repeat(32);
  master.launch(0, { app: app({ secretSalt: salt }) });
  // Of a driver that sends a secret instead of a salt.
  master.launch(1, { app: app({ command: { ...COMMAND, environment: { _SPARK_AUTH_SECRET: 'its own' } } }) });
  master.launchDriver('driver-1', { command: { ...COMMAND, mainClass: 'DriverWrapper' } });
  await Promise.all([master.ended(0), master.ended(1), master.hears('DriverStateChanged')]);
  const shown = (path: string): string => readFileSync(join(workDir, path, 'stdout'), 'utf8').trim();
  assert.equal(shown('app-1/0'), applicationSecret(security.secret, salt));
  assert.equal(shown('app-1/1'), 'its own');
  assert.equal(shown('driver-1'), 'of the cluster');
  assert.doesNotMatch(JSON.stringify(worker.state()), /of the cluster/);
});

test('a process that needs a secret which its worker does not have is not started, and the master told why', async (t) => {
  const { master } = await workerScene(t, { [EXECUTOR_MAIN]: '' });
  await master.hears('RegisterWorker');
  master.launch(0, { app: app({ secretSalt: '0f'.repeat(32) }) });
  const { state, message } = await master.ended(0);
  assert.equal(state, 'FAILED');
  assert.match(message ?? '', /this worker has no secret .*: start it with spark\.authenticate=true/);
});

test('a secret that is no text cannot be given to a driver', async (t) => {
  const { sharedSecret } = await import('../../../src/rpc/security.ts');
  const fetchApplication = () => Promise.resolve('app.js');
  for (const bytes of [
    [0xff, 0xfe],
    [65, 0, 66],
  ]) {
    const security = sharedSecret(Buffer.from(bytes));
    const { master } = await workerScene(t, { DriverWrapper: '' }, {}, { security, fetchApplication });
    await master.hears('RegisterWorker');
    master.launchDriver('driver-1', { command: { ...COMMAND, mainClass: 'DriverWrapper' } });
    const { state, exception } = await master.hears('DriverStateChanged');
    assert.equal(state, 'ERROR');
    assert.match(exception ?? '', /this one is no text: make it with openssl/);
  }
});

test('a master that does not answer keeps nobody from another', async (t) => {
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  t.after(() => silent.close());
  const { port } = silent.address() as { port: number };
  const { master, lines } = await workerScene(t, {}, {}, { moreMasters: [`127.0.0.1:${port}`, '127.0.0.1:1'] });
  await master.hears('WorkerLatestState');
  await until(() => lines.length > 0);
  assert.deepEqual(lines, [
    'Failed to connect to master 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1. Is one running there? It is tried again',
  ]);
});

test('a worker comes back to a master that was restarted, by its id and with what runs', async (t) => {
  const clock = new ManualClock(Date.now());
  const more = { clock, masterPort: await freePort() };
  const { master, worker, workDir, lines } = await workerScene(t, { [EXECUTOR_MAIN]: WAITS }, {}, more);
  await master.hears('RegisterWorker');
  master.launch(0);
  await printed(join(workDir, 'app-1/0/stdout'));
  const { port } = master;
  await master.stop();
  await until(() => lines.some((line) => /ECONNREFUSED/.test(line)));
  const next = await FakeMaster.start({ port });
  t.after(() => next.stop());
  clock.advance(15_000);
  const { worker: description } = await next.hears('RegisterWorker');
  assert.equal(description.id, worker.workerId);
  const { executors } = await next.hears('WorkerLatestState');
  assert.deepEqual(
    executors.map(({ appId, execId, state }) => [appId, execId, state]),
    [['app-1', 0, 'RUNNING']],
  );
  assert.equal(lines.filter((line) => line.startsWith('Connection to master failed! Waiting')).length, 1);
});

test('a worker that a master refuses, or that finds none for long enough, ends with 1', async (t) => {
  const refused = await workerScene(t, {}, {}, { answer: { type: 'RegisterWorkerFailed', message: 'Duplicate' } });
  assert.deepEqual(await refused.worker.finished, { code: 1, message: 'Worker registration failed: Duplicate' });
  const clock = new ManualClock(Date.now());
  const { worker } = await workerScene(t, {}, {}, { clock, masters: ['127.0.0.1:1'] });
  clock.advance(20 * 60_000);
  assert.deepEqual(await worker.finished, { code: 1, message: 'All masters are unresponsive! Giving up.' });
});

test('a worker that is stopped ends its executors and drivers first, and tells of drivers; executors are lost with it', async (t) => {
  const { master, worker, workDir } = await workerScene(t, { [EXECUTOR_MAIN]: WAITS, DriverWrapper: WAITS });
  await master.hears('RegisterWorker');
  master.launch(0);
  master.launchDriver('driver-1', { appResource: workDir });
  const pids = await Promise.all(['app-1/0', 'driver-1'].map((path) => printed(join(workDir, path, 'stdout'))));
  await worker.stop();
  await gone(pids.map(Number));
  assert.deepEqual(await worker.finished, { code: 0, message: 'Worker stopped' });
  assert.equal((await master.hears('DriverStateChanged')).state, 'KILLED');
  assert.equal(
    master.heard.some(
      ({ type, ...news }) => type === 'ExecutorStateChanged' && 'state' in news && news.state !== 'RUNNING',
    ),
    false,
  );
  await worker.stop();
});

for (const [what, end] of [
  ['a worker that stops', ({ worker }) => worker.stop()],
  [
    'a driver that is killed',
    async ({ master }) => {
      master.send({ type: 'KillDriver', driverId: 'driver-1' });
      assert.equal((await master.hears('DriverStateChanged')).state, 'KILLED');
    },
  ],
] as readonly (readonly [string, (scene: WorkerScene) => Promise<void>])[])
  test(`${what} does not wait for an application that is being fetched`, async (t) => {
    let fetching = false;
    let aborted = false;
    const scene = await workerScene(
      t,
      {},
      {},
      {
        fetchApplication: (_resource, _directory, signal) =>
          new Promise((_resolve, reject) => {
            fetching = true;
            signal.addEventListener('abort', () => {
              aborted = true;
              reject(signal.reason);
            });
          }),
      },
    );
    await scene.master.hears('RegisterWorker');
    scene.master.launchDriver('driver-1');
    await until(() => fetching);
    await end(scene);
    assert.ok(aborted);
  });

test('ids that would lead out of the work directory, and messages that make no sense, change nothing', async (t) => {
  const { master, worker, directory, lines } = await workerScene(t, { [EXECUTOR_MAIN]: WAITS });
  await master.hears('Heartbeat');
  const before = readdirSync(directory, { recursive: true }).sort();
  for (const appId of ['../../x', '..', '.', 'a/b', '', 'x\0']) master.launch(0, { appId });
  master.launchDriver('../driver');
  await master.hears('DriverStateChanged', ({ state }) => state === 'ERROR');
  assert.equal(master.heard.filter((m) => m.type === 'ExecutorStateChanged' && m.state === 'FAILED').length, 6);
  const worst = [null, 7, {}, { type: 'Nonsense' }, { type: 'KillDriver' }, { type: 'MasterChanged', masterUrl: 'm1' }];
  for (const message of worst) master.send(message as never);
  for (const cores of [-1, 0, 1.5, '2', Number.NaN]) master.launch(0, { cores: cores as number });
  master.launch(0, { app: null as never });
  master.launch(0, { app: app({ command: { ...COMMAND, environment: { A: 1 as never } } }) });
  master.launch(0, { app: app({ secretSalt: 'salt' }) });
  master.send({ type: 'KillDriver', driverId: 'driver-x' });
  await until(() => lines.at(-1) === 'Asked to kill unknown driver driver-x');
  const said = lines.flatMap((line) => /Ignored a message from 127\.0\.0\.1:\d+: (.*)/.exec(line)?.[1] ?? []);
  assert.deepEqual(said.slice(-9), [
    'MasterChanged.masterUrl must be of the form spark://host:port, was "m1"',
    'LaunchExecutor.cores must be a whole number of 1 or more, was -1',
    'LaunchExecutor.cores must be a whole number of 1 or more, was 0',
    'LaunchExecutor.cores must be a whole number of 1 or more, was 1.5',
    'LaunchExecutor.cores must be a whole number of 1 or more, was "2"',
    'LaunchExecutor.cores must be a whole number of 1 or more, was NaN',
    'LaunchExecutor.app must be an object, was null',
    'LaunchExecutor.app.command.environment.A must be text, was 1',
    'LaunchExecutor.app.secretSalt must be 64 hex digits, was "salt"',
  ]);
  assert.equal(said.length, 14);
  const garbage = new RawClient(worker.address.port);
  garbage.socket.write('GET / HTTP/1.1\r\n\r\n');
  await garbage.closed();
  assert.equal(worker.state().coresUsed, 0);
  assert.deepEqual(readdirSync(directory, { recursive: true }).sort(), before);
});

test('a process may watch the worker that started it, and nothing else', async (t) => {
  const { sharedSecret } = await import('../../../src/rpc/security.ts');
  const security = sharedSecret('of the cluster');
  const { master, worker, workDir, lines } = await workerScene(
    t,
    { [EXECUTOR_MAIN]: `console.log(process.env._ISKRA_WORKER_ACCESS); setInterval(() => {}, 1 << 30);` },
    {},
    { security },
  );
  await master.hears('RegisterWorker');
  master.launch(0);
  const access = JSON.parse(await printed(join(workDir, 'app-1/0/stdout'))) as { keyId: string; secret: string };
  const own = sharedSecret(Buffer.from(access.secret, 'hex'), { keyId: access.keyId });
  await withEnvs(async (make) => {
    const executor = await make({ security: own });
    const ref = await executor.connect<{ type: string }, { RequestWorkerState: [null, unknown] }>(
      worker.address,
      'Worker',
    );
    ref.send({ type: 'DecommissionWorker' });
    await assert.rejects(
      ref.ask('RequestWorkerState', null),
      /RequestWorkerState came from a process that this worker has/,
    );
    assert.equal(lines.filter((line) => /it may only watch/.test(line)).length, 1);
    const cluster = await make({ security });
    const open = await cluster.connect<never, { RequestWorkerState: [null, { workerId: string }] }>(
      worker.address,
      'Worker',
    );
    assert.equal((await open.ask('RequestWorkerState', null)).workerId, worker.workerId);
    const app = await make({ port: 0, security });
    assert.ok(addressOf(app).port > 0);
  });
  master.send({ type: 'KillExecutor', masterUrl: master.url, appId: 'app-1', execId: 0 });
  await master.ended(0);
  await withEnvs(async (make) => {
    const late = await make({ security: own });
    await assert.rejects(late.connect(worker.address, 'Worker'), /RpcHandshakeError/);
  });
});

test('a worker that is to be drained tells its master and takes nothing more', async (t) => {
  const { master, worker } = await workerScene(t, { [EXECUTOR_MAIN]: WAITS }, { 'spark.decommission.enabled': 'true' });
  await master.hears('WorkerLatestState');
  worker.decommission();
  assert.equal((await master.hears('WorkerDecommissioning')).workerId, worker.workerId);
  master.launch(0);
  assert.match((await master.ended(0)).message ?? '', /^Asked to launch an executor while decommissioned/);
});
