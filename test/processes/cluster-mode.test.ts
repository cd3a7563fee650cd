import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '../../src/base/logger.ts';
import { SparkConf } from '../../src/config/spark-conf.ts';
import { startRestServer } from '../../src/deploy/rest/rest-server.ts';
import { sharedSecret } from '../../src/rpc/security.ts';
import { masterStateJson } from '../../src/ui/master/master-json.ts';
import { workerPage } from '../../src/ui/worker/worker-page.ts';
import { gone } from '../kit/processes.ts';
import { OPEN } from '../kit/rpc.ts';
import { BUNDLED_DRIVER, BUNDLED_EXECUTOR, StandaloneCluster } from '../kit/standalone-cluster.ts';
import { submitter } from '../kit/submitter.ts';
import { printed as printedLine } from '../kit/worker-process.ts';

const WORKER_MAIN = fileURLToPath(new URL('../kit/worker-main.js', import.meta.url));

const APP = `
  import { existsSync, renameSync, writeFileSync } from 'node:fs';
  const [what = '', file = '', ...rest] = process.argv.slice(2);
  /** Its words are there as a whole, or not at all. */
  const write = (text: string): void => {
    writeFileSync(file + '.new', text);
    renameSync(file + '.new', file);
  };
  const forEver = () => new Promise(() => setInterval(() => {}, 1 << 30));
  console.log('pid', process.pid, 'args', JSON.stringify(rest), 'from', process.argv[1]);
  switch (what) {
    case 'throw': throw new Error('no luck');
    case 'exit': process.exit(3);
    case 'wait': await forEver(); break;
    case 'once': // runs on when it was started before
      if (!existsSync(file)) { write(String(process.pid)); await forEver(); }
      break;
    case 'compute': { // in one call that does not return
      const { spawn } = process.getBuiltinModule('child_process');
      const { pid } = spawn('sleep', ['1000'], { stdio: 'ignore' });
      write(process.pid + ' ' + pid + '\\n');
      for (;;);
    }
    case 'count': {
      const { SparkContext } = await import('iskra');
      const sc = await SparkContext.create();
      console.log('count', await sc.range(0, 1000, 1, 4).map((x: number) => x % 7).distinct().count(), sc.deployMode, sc.appName, sc.conf.getText('spark.driver.host'));
      await sc.stop();
    }
  }
`;

describe('a driver in the cluster', () => {
  let cluster: StandaloneCluster;
  let folder: string;
  before(async () => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'iskra-cluster-mode-')));
    writeFileSync(join(folder, 'app.ts'), APP);
    cluster = await StandaloneCluster.start({ workers: 2, coresPerWorker: 2, memoryPerWorker: 2048 });
  });
  after(async () => {
    await cluster.stop();
    rmSync(folder, { recursive: true });
  });

  const { submit, inCluster, waiting, stateOf, until, printed, pids } = submitter(() => ({ cluster, folder }));

  test('runs a job with the settings it was submitted with, and finishes', async () => {
    const { code, out, id } = await waiting(
      '--name',
      'from afar',
      '-c',
      'spark.executor.memory=512m',
      'app.ts',
      'count',
    );
    assert.equal(code, 0, out + printed(id, 'stderr'));
    assert.match(out, /^Driver successfully submitted as driver-\d{14}-\d{4}\nState of \S+ is /);
    assert.match(out, /is FINISHED$/);
    assert.match(printed(id), /^count 7 cluster from afar 127\.0\.0\.1$/m);
    const { completedDrivers } = await cluster.state();
    const driver = completedDrivers.find((each) => each.id === id);
    assert.deepEqual(driver?.driver.command.arguments.slice(2), ['app.ts', 'count']);
    assert.equal(driver?.driver.command.environment['SPARK_USER'], 'ann');
  });

  test('has its modules, packages and data with it', async () => {
    const put = (name: string, text: string): void => {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    };
    put('package.json', '{"type":"module"}');
    put('lib/data.txt', 'data');
    put(
      'lib/place.ts',
      `import { readFileSync } from 'node:fs';
       import { twice } from 'twice';
       export function place(x: number): string {
         return [twice(x), readFileSync(new URL('./data.txt', import.meta.url), 'utf8'), import.meta.url].join(' ');
       }`,
    );
    put('node_modules/twice/package.json', '{"name":"twice","version":"1.0.0","type":"module","exports":"./index.js"}');
    put('node_modules/twice/index.js', 'export const twice = (x) => 2 * x;');
    put(
      'travels.ts',
      `import { SparkContext } from 'iskra';
       import { place } from './lib/place.ts';
       console.log('driver', place(1));
       const sc = await SparkContext.create();
       console.log('executor', (await sc.parallelize([2], 1).map(place).collect())[0]);`,
    );
    const { code, out, id } = await waiting('-c', 'spark.executor.memory=512m', 'travels.ts');
    assert.equal(code, 0, out + printed(id, 'stderr'));
    const where = `data file://${realpathSync(cluster.directory)}/work-\\d/cache/trees/\\w+${folder}/lib/place\\.ts`;
    assert.match(printed(id), new RegExp(`^driver 2 ${where}\nexecutor 4 ${where}$`, 'm'));
    const { completedDrivers } = await cluster.state();
    assert.match(
      completedDrivers.find((each) => each.id === id)?.driver.appResource ?? '',
      /^iskra-package:[0-9a-f]{64}$/,
    );
  });

  test('gets its arguments as they are', async () => {
    const { id } = await waiting('app.ts', 'args', '', '{{WORKER_URL}}x', 'ä b', '--kill');
    // What is in braces is for the worker to fill in, as Spark's does.
    assert.match(printed(id), /args \["spark:\/\/Worker@127\.0\.0\.1:\d+x","ä b","--kill"\]/);
  });

  test('fails when the application throws, or ends with another code than 0', async () => {
    const thrown = await waiting('app.ts', 'throw');
    assert.deepEqual([thrown.code, await stateOf(thrown.id)], [1, 'FAILED']);
    assert.match(
      thrown.out,
      /^What it wrote: http:\S+driverId=driver-\S+&logType=stderr, and work\/driver-\S+\/stderr of /m,
    );
    // Source maps: the place is the user's.
    assert.match(printed(thrown.id, 'stderr'), /Error: no luck\n\s+at .*app\.ts:12:/);
    const exited = await waiting('app.ts', 'exit');
    assert.deepEqual([exited.code, await stateOf(exited.id)], [1, 'FAILED']);
  });

  test('that its worker cannot get is an error that says so', async () => {
    const { code, out, id } = await waiting('local:/nowhere/app.mjs');
    assert.deepEqual([code, await stateOf(id)], [1, 'ERROR']);
    assert.match(out, /Exception from cluster was: .*\/nowhere\/app\.mjs/);
    const told = await submit('--status', id);
    assert.equal(told.code, 0);
    assert.match(told.out, /is ERROR\nIt was on 127\.0\.0\.1:\d+ \(worker-\S+\)\nException from cluster was: /);
  });

  test('is left to itself while it runs, and ends when it is killed', async () => {
    const { code, out, id } = await inCluster('app.ts', 'wait');
    assert.equal(code, 0);
    assert.match(out, /Driver running on 127\.0\.0\.1:\d+ \(worker-\S+\)$/);
    await until(() => pids(id).length === 1);
    const killed = await submit('--kill', id);
    assert.deepEqual([killed.code, killed.out], [0, `Kill request for ${id} submitted`]);
    await until(async () => (await stateOf(id)) === 'KILLED');
    const again = await submit('--kill', id);
    assert.deepEqual([again.code, again.out], [1, `Driver ${id} has already finished or does not exist`]);
    const [pid = 0] = pids(id);
    assert.throws(() => process.kill(pid, 0));
  });

  test('that nobody knows is said to be unknown', async () => {
    const told = await submit('--status', 'driver-0');
    assert.deepEqual([told.code, told.out], [1, 'ERROR: Cluster master did not recognize driver-0']);
  });

  test('that is supervised starts again when it is killed from outside', async () => {
    const { id } = await inCluster('--supervise', 'app.ts', 'once', join(folder, 'first'));
    await until(() => existsSync(join(folder, 'first')));
    process.kill(Number(readFileSync(join(folder, 'first'), 'utf8')), 'SIGKILL');
    await until(async () => (await stateOf(id)) === 'FINISHED');
    const [first, second, ...more] = pids(id);
    assert.ok(first !== undefined && second !== undefined && first !== second && more.length === 0);
    assert.equal(printed(id, 'stderr').match(/^Launch Command: /gm)?.length, 2);
  });

  test('waits for a worker with room for it', async () => {
    const { code, out, id } = await inCluster('--driver-cores', '64', 'app.ts', 'args');
    assert.equal(code, 0);
    assert.match(out, /waits: no worker has 64 cores and 256 MiB free for it/);
    await submit('--kill', id);
    assert.equal(await stateOf(id), 'KILLED');
  });

  test('is submitted, looked at and killed over HTTP as well', async () => {
    const rest = await startRestServer({
      conf: new SparkConf({ 'spark.master.rest.enabled': 'true', 'spark.master.rest.port': '0' }),
      ...{ host: '127.0.0.1', masterUrl: cluster.url, security: OPEN, log: silentLogger },
      ask: (type, request) => cluster.master.ask(type, request),
    });
    assert.ok(rest !== null);
    try {
      const over = ['--master', rest.url, '-c', 'spark.master.rest.enabled=true'];
      const counted = await waiting(...over, '-c', 'spark.executor.memory=512m', 'app.ts', 'count');
      assert.equal(counted.code, 0, counted.out + printed(counted.id, 'stderr'));
      assert.match(printed(counted.id), /^count 7 /m);
      const { id } = await inCluster(...over, 'app.ts', 'wait');
      assert.match((await submit(...over, '--status', id)).out, /is RUNNING\nDriver running on /);
      assert.equal((await submit(...over, '--kill', id)).code, 0);
      await until(async () => (await stateOf(id)) === 'KILLED');
    } finally {
      await rest.stop();
    }
  });

  test('is submitted to the master itself where there is no gateway', async () => {
    const { code } = await waiting('-c', 'spark.master.rest.enabled=true', 'app.ts', 'args');
    assert.equal(code, 0);
  });

  test('cannot be submitted where no master is', async () => {
    await assert.rejects(inCluster('--master', 'spark://127.0.0.1:1,127.0.0.1:2', 'app.ts'), {
      code: 'MASTER_NOT_FOUND',
      message:
        /^No master is available: Failed to connect to 127\.0\.0\.1:1: .*; Failed to connect to 127\.0\.0\.1:2: /,
    });
  });

  test('ends with its worker', async () => {
    const worker = await cluster.addWorker({ cores: 8, memory: 256 });
    await cluster.until(({ workers }) => workers.length === 3);
    const { id } = await inCluster('--driver-cores', '8', 'app.ts', 'wait');
    await until(() => pids(id).length === 1);
    await worker.stop();
    const [pid = 0] = pids(id);
    assert.throws(() => process.kill(pid, 0));
  });
});

describe('a driver that is supervised', () => {
  let cluster: StandaloneCluster;
  let folder: string;
  before(async () => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'iskra-supervised-')));
    writeFileSync(join(folder, 'app.ts'), APP);
    cluster = await StandaloneCluster.start({ workers: 0 });
  });
  after(async () => {
    await cluster.stop();
    rmSync(folder, { recursive: true });
  });
  const { inCluster, stateOf, until, printed } = submitter(() => ({ cluster, folder }));

  test('starts again elsewhere, under another id, when its worker is killed; the old one ends', async () => {
    const dir = join(folder, 'work');
    const worker = fork(WORKER_MAIN, [cluster.url, dir, BUNDLED_EXECUTOR, BUNDLED_DRIVER], { stdio: 'ignore' });
    await cluster.until(({ workers }) => workers.length === 1);
    const { code, id } = await inCluster('--supervise', 'app.ts', 'once', join(folder, 'first'));
    assert.equal(code, 0);
    await until(() => existsSync(join(folder, 'first')));
    await cluster.addWorker();
    await cluster.until(({ workers }) => workers.length === 2);
    worker.kill('SIGKILL');
    let second = '';
    await cluster.until(({ completedDrivers }) => {
      second = completedDrivers.find((driver) => driver.id !== id && driver.state === 'FINISHED')?.id ?? '';
      return second !== '';
    });
    assert.equal(await stateOf(id), 'RELAUNCHING');
    assert.match(printed(second), /^pid \d+ /m);
    await gone([Number(readFileSync(join(folder, 'first'), 'utf8'))]);
    assert.match(readFileSync(join(dir, id, 'stderr'), 'utf8'), /Lost connection to worker rpc endpoint/);
  });

  test('starts again elsewhere as well when its worker is stopped in good order', async () => {
    const worker = await cluster.addWorker({ cores: 8 });
    await cluster.until(({ workers }) => workers.some(({ worker }) => worker.cores === 8));
    const file = join(folder, 'stopped');
    const { id } = await inCluster('--supervise', '--driver-cores', '8', 'app.ts', 'once', file);
    await until(() => existsSync(file));
    await worker.stop();
    await cluster.addWorker({ cores: 8 });
    await cluster.until(({ completedDrivers }) =>
      completedDrivers.some((driver) => driver.driver.cores === 8 && driver.id !== id && driver.state === 'FINISHED'),
    );
    assert.equal(await stateOf(id), 'RELAUNCHING');
  });
});

test('a driver in one call that does not return ends with its worker as well, and so does what it has started', async (t) => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'iskra-computes-')));
  writeFileSync(join(folder, 'app.ts'), APP);
  const cluster = await StandaloneCluster.start({ workers: 0 });
  const dir = join(folder, 'work');
  const worker = fork(WORKER_MAIN, [cluster.url, dir, BUNDLED_EXECUTOR, BUNDLED_DRIVER], { stdio: 'ignore' });
  t.after(async () => {
    worker.kill('SIGKILL');
    await cluster.stop();
    rmSync(folder, { recursive: true });
  });
  await cluster.until(({ workers }) => workers.length === 1);
  const file = join(folder, 'pids');
  const { inCluster } = submitter(() => ({ cluster, folder }));
  const { id } = await inCluster('--supervise', 'app.ts', 'compute', file);
  const pids = (await printedLine(file)).split(' ').map(Number);
  worker.kill('SIGKILL');
  await gone(pids);
  assert.match(
    readFileSync(join(dir, id, 'stderr'), 'utf8'),
    /Lost connection to worker spark:\/\/Worker@127\.0\.0\.1:\d+, and this program has not ended within 2000 ms: killed\./,
  );
  await cluster.until(({ workers }) => workers.every(({ state }) => state === 'DEAD'));
});

describe('a driver in a cluster with a secret', () => {
  const SECRET = 'long-and-secret';
  let cluster: StandaloneCluster;
  let folder: string;
  before(async () => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'iskra-secret-')));
    writeFileSync(join(folder, 'app.ts'), APP);
    cluster = await StandaloneCluster.start({
      ...{ workers: 1, coresPerWorker: 2, memoryPerWorker: 2048 },
      security: sharedSecret(SECRET),
    });
  });
  after(async () => {
    await cluster.stop();
    rmSync(folder, { recursive: true });
  });

  test('has it from its worker, and shows it nowhere', async () => {
    const { waiting, printed } = submitter(() => ({ cluster, folder }), { _SPARK_AUTH_SECRET: SECRET });
    const secured = ['-c', 'spark.authenticate=true', '-c', 'spark.executor.memory=512m'];
    const { code, out, id } = await waiting(...secured, 'app.ts', 'count');
    assert.equal(code, 0, out + printed(id, 'stderr'));
    assert.match(printed(id), /^count 7 /m);
    const state = await cluster.state();
    const shown = [
      ...[out, printed(id), printed(id, 'stderr'), JSON.stringify(masterStateJson(state, 0))],
      ...cluster.workers.map((worker) => workerPage(worker.state(), false)),
    ];
    for (const text of shown) assert.ok(!text.includes(SECRET));
  });

  test('is not taken from who does not know it', async () => {
    const { waiting } = submitter(() => ({ cluster, folder }), { _SPARK_AUTH_SECRET: 'another' });
    await assert.rejects(waiting('-c', 'spark.authenticate=true', 'app.ts'), { code: 'MASTER_NOT_FOUND' });
  });
});
