import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SparkConf } from '../../../src/config/spark-conf.ts';
import { startWorker } from '../../../src/deploy/worker/worker-loop.ts';
import { EXECUTOR_MAIN } from '../../../src/protocol/worker-process.ts';
import { workerScene } from '../../kit/worker-process.ts';

const WAITS = `setInterval(() => {}, 1 << 30);`;

test('executors of one application share its local directories; roots that cannot be used are left out', async (t) => {
  const { master, workDir, directory, lines } = await workerScene(
    t,
    { [EXECUTOR_MAIN]: `process.stdout.write(process.env.SPARK_EXECUTOR_DIRS)` },
    {},
    { localDir: (below) => `${below}/a,/proc/nothing,${below}/b` },
  );
  await master.hears('RegisterWorker');
  master.launch(0);
  master.launch(1);
  await master.ended(0);
  await master.ended(1);
  const [first = '', second] = ['0', '1'].map((id) => readFileSync(join(workDir, 'app-1', id, 'stdout'), 'utf8'));
  assert.equal(first, second);
  assert.deepEqual(
    first.split(':').map((path) => path.replace(/\/executor-[^/]+$/, '')),
    [`${directory}/a`, `${directory}/b`],
  );
  for (const path of first.split(':')) assert.equal(statSync(path).mode & 0o777, 0o700);
  assert.equal(lines.filter((line) => /\/proc\/nothing.*Ignoring this directory\./.test(line)).length, 1);
});

test('a local directory nowhere, a work directory that has gone: the executor FAILED, and says so', async (t) => {
  const { master, worker, workDir } = await workerScene(
    t,
    { [EXECUTOR_MAIN]: WAITS },
    {},
    { localDir: () => '/proc/a,/proc/b' },
  );
  await master.hears('RegisterWorker');
  master.launch(0);
  assert.equal((await master.ended(0)).message, 'No subfolder can be created in /proc/a,/proc/b.');
  rmSync(workDir, { recursive: true });
  writeFileSync(workDir, '');
  master.launch(1);
  assert.match((await master.ended(1)).message ?? '', /^Failed to create directory .*\/app-1\/1: E/);
  master.launchDriver('driver-1');
  assert.match((await master.hears('DriverStateChanged')).exception ?? '', /^Failed to create directory .*driver-1: E/);
  assert.deepEqual([worker.state().coresUsed, worker.state().memoryUsed], [0, 0]);
});

test('an executor whose directory is there already FAILED, and what lies there stays', async (t) => {
  const { master, worker, workDir } = await workerScene(t, { [EXECUTOR_MAIN]: WAITS });
  mkdirSync(join(workDir, 'app-1/0'), { recursive: true });
  writeFileSync(join(workDir, 'app-1/0/stdout'), 'of another one');
  await master.hears('RegisterWorker');
  master.launch(0);
  const { state, message } = await master.ended(0);
  assert.deepEqual([state, message], ['FAILED', `Failed to create directory ${workDir}/app-1/0: it exists`]);
  assert.equal(readFileSync(join(workDir, 'app-1/0/stdout'), 'utf8'), 'of another one');
  assert.deepEqual([worker.state().coresUsed, worker.state().memoryUsed], [0, 0]);
});

test('what executors have left in local directories goes with their worker', async (t) => {
  const { master, worker, directory } = await workerScene(t, {
    [EXECUTOR_MAIN]: `
      import { writeFileSync } from 'node:fs';
      writeFileSync(process.env.SPARK_EXECUTOR_DIRS + '/left', '');
      process.kill(process.pid, 'SIGKILL');`,
  });
  await master.hears('RegisterWorker');
  master.launch(0);
  assert.equal((await master.ended(0)).exitStatus, 137);
  const local = join(directory, 'local');
  const [made = ''] = readdirSync(local);
  assert.deepEqual(readdirSync(join(local, made)).sort(), ['left', 'worker.json']);
  await worker.stop();
  assert.deepEqual(readdirSync(local), []);
});

test('custom resources of an executor and of a driver lie in a file beside it', async (t) => {
  const show = `import { readFileSync } from 'node:fs'; const at = process.argv.indexOf('--resourcesFile');
    console.log(readFileSync(at < 0 ? process.env.ISKRA_DRIVER_RESOURCES_FILE : process.argv[at + 1], 'utf8'));`;
  const { master, workDir } = await workerScene(t, { [EXECUTOR_MAIN]: show, DriverWrapper: show });
  await master.hears('RegisterWorker');
  master.launch(0, { resources: { gpu: ['1', '3'] } });
  await master.ended(0);
  const read = (path: string): unknown => JSON.parse(readFileSync(join(workDir, path, 'stdout'), 'utf8'));
  const allocation = (componentName: string, addresses: string[]) => [
    { id: { componentName, resourceName: 'gpu' }, addresses },
  ];
  assert.deepEqual(read('app-1/0'), allocation('spark.executor', ['1', '3']));
  master.launchDriver('driver-1', { appResource: workDir }, { gpu: ['0'] });
  await master.hears('DriverStateChanged');
  assert.deepEqual(read('driver-1'), allocation('spark.driver', ['0']));
});

test('a work directory that is a file, or cannot be made, ends the start', async (t) => {
  const { directory, workDir, master } = await workerScene(t);
  const file = join(directory, 'file');
  writeFileSync(file, '');
  const start = (path: string) =>
    startWorker({
      ...{ conf: new SparkConf({}), host: '127.0.0.1', port: 0, cores: 1, memory: 1, workDir: path },
      ...{
        masters: [master.hostPort],
        webUiUrl: '',
        resources: {},
        security: { kind: 'none', offLoopback: 'refused' },
      },
      ...{ log: { debug() {}, info() {}, warn() {}, error() {}, enabled: () => false, named: () => assert.fail() } },
      ...{ seed: 1, programs: {} },
    });
  for (const path of [file, join(file, 'below'), '/proc/none'])
    await assert.rejects(start(path), (error: Error) =>
      error.message.startsWith(`Failed to create work directory ${path}: `),
    );
  assert.ok(existsSync(workDir));
});
