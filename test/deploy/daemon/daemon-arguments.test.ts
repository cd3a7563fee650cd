import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  type DaemonMachine,
  type MasterArguments,
  masterArguments,
  shuffleServiceArguments,
  type WorkerArguments,
  workerArguments,
} from '../../../src/deploy/daemon/daemon-arguments.ts';
import { parseDaemonOptions } from '../../../src/deploy/daemon/daemon-options.ts';

const folder = mkdtempSync(join(tmpdir(), 'iskra-daemon-arguments-'));
after(() => rmSync(folder, { recursive: true }));
const warnings: string[] = [];

function machine(env: DaemonMachine['env'] = {}): DaemonMachine {
  const warn = (message: string): void => void warnings.push(message);
  return { env, workingFolder: folder, cores: 8, memory: 16_384, address: '10.1.2.3', warn };
}

const master = (argv: readonly string[], env: DaemonMachine['env'] = {}): Promise<MasterArguments> =>
  masterArguments(parseDaemonOptions('master', argv), machine(env));

const worker = (argv: readonly string[], env: DaemonMachine['env'] = {}): Promise<WorkerArguments> =>
  workerArguments(parseDaemonOptions('worker', [...argv, 'spark://m:7077']), machine(env));

test('a master without arguments listens on localhost, at the ports that everybody knows', async () => {
  const { host, bindAddress, port, webUiPort, publicHost, loopbackByDefault } = await master([]);
  assert.deepEqual(
    { host, bindAddress, port, webUiPort, publicHost, loopbackByDefault },
    {
      host: 'localhost',
      bindAddress: '127.0.0.1',
      port: 7077,
      webUiPort: 8080,
      publicHost: 'localhost',
      loopbackByDefault: true,
    },
  );
});

test('it listens for other hosts when they have to prove who they are, or when the user says that they need not', async () => {
  for (const value of ['true', 'false']) {
    const { host, bindAddress, loopbackByDefault } = await master(['--conf', `spark.authenticate=${value}`]);
    assert.deepEqual([host, bindAddress, loopbackByDefault], ['10.1.2.3', '10.1.2.3', false]);
  }
});

test('a worker without arguments gives all cores and all memory but 1 GiB, under work', async () => {
  const { cores, memory, workDir, port, webUiPort, masters } = await worker([]);
  assert.deepEqual(
    { cores, memory, workDir, port, webUiPort, masters },
    { cores: 8, memory: 15_360, workDir: join(folder, 'work'), port: 0, webUiPort: 8081, masters: ['m:7077'] },
  );
  const small = { ...machine(), memory: 700 };
  assert.equal((await workerArguments(parseDaemonOptions('worker', ['spark://m:1']), small)).memory, 1024);
});

test('options win over the environment, Iskra over Spark there, and the environment over the properties file', async () => {
  const file = join(folder, 'some.conf');
  writeFileSync(file, 'spark.worker.ui.port 5000\nspark.worker.timeout 7s\n');
  const properties = ['--properties-file', file];
  assert.equal((await worker(properties)).webUiPort, 5000);
  const spark = { SPARK_WORKER_WEBUI_PORT: '5001', SPARK_WORKER_CORES: '3', SPARK_WORKER_MEMORY: '2g' };
  assert.equal((await worker(properties, spark)).webUiPort, 5001);
  assert.equal((await worker(properties, spark)).cores, 3);
  const both = { ...spark, ISKRA_WORKER_WEBUI_PORT: '5002', ISKRA_WORKER_CORES: '', ISKRA_WORKER_MEMORY: '512M' };
  const from = await worker(properties, both);
  assert.deepEqual([from.webUiPort, from.cores, from.memory], [5002, 3, 512]);
  const flags = ['--webui-port=5003', '-c', '2', '-m', '1G', '-d', 'here', '-p', '6000', '-h', 'host-b'];
  const given = await worker([...properties, ...flags], both);
  assert.deepEqual(
    [given.webUiPort, given.cores, given.memory, given.workDir, given.port, given.host, given.bindAddress],
    [5003, 2, 1024, join(folder, 'here'), 6000, 'host-b', 'host-b'],
  );
  assert.equal(given.conf.getText('spark.worker.timeout'), '7s');
});

test('hosts, bind addresses and what links say are told apart', async () => {
  const env = { SPARK_MASTER_HOST: 'host-a', SPARK_PUBLIC_DNS: 'cluster.example', SPARK_MASTER_PORT: '7100' };
  const args = await master(['--bind-address', '0.0.0.0'], env);
  assert.deepEqual(
    [args.host, args.bindAddress, args.publicHost, args.port, args.loopbackByDefault],
    ['host-a', '0.0.0.0', 'cluster.example', 7100, false],
  );
  const ip = await master(['-i', '10.0.0.9'], env);
  assert.equal(ip.host, '10.0.0.9');
  const local = await worker([], { SPARK_LOCAL_IP: '10.0.0.8', SPARK_LOCAL_HOSTNAME: 'host-c' });
  assert.deepEqual([local.host, local.bindAddress], ['host-c', '10.0.0.8']);
  const everywhere = await worker([], { SPARK_LOCAL_IP: '0.0.0.0' });
  assert.deepEqual([everywhere.host, everywhere.bindAddress], ['10.1.2.3', '0.0.0.0']);
});

test('-D settings of the environment are read, and what is for a JVM is named', async () => {
  warnings.length = 0;
  const env = {
    SPARK_DAEMON_JAVA_OPTS: '-Dspark.deploy.recoveryMode=FILESYSTEM -Xmx2g',
    SPARK_MASTER_OPTS: '-Dspark.deploy.defaultCores=4',
  };
  const { conf } = await master(['--conf', 'spark.deploy.defaultCores=5'], env);
  assert.equal(conf.getText('spark.deploy.recoveryMode'), 'FILESYSTEM');
  assert.equal(conf.getText('spark.deploy.defaultCores'), '5');
  assert.deepEqual(warnings, ['-Xmx2g in DAEMON_JAVA_OPTS is ignored: there is no JVM; -Dspark.KEY=VALUE is read']);
});

test('a shuffle service listens at the port that applications look for, unless told otherwise', async () => {
  const service = async (argv: readonly string[], env: DaemonMachine['env'] = {}) =>
    shuffleServiceArguments(parseDaemonOptions('shuffle-service', argv), machine(env));
  const { host, port, loopbackByDefault } = await service([]);
  assert.deepEqual([host, port, loopbackByDefault], ['localhost', 7337, true]);
  assert.equal((await service(['--conf', 'spark.shuffle.service.port=7447'])).port, 7447);
  assert.equal((await service([], { SPARK_SHUFFLE_SERVICE_PORT: '7557' })).port, 7557);
  assert.equal((await service(['-p', '0'], { SPARK_SHUFFLE_SERVICE_PORT: '7557' })).port, 0);
  const { conf } = await service([], { SPARK_SHUFFLE_OPTS: '-Dspark.shuffle.service.db.enabled=false' });
  assert.equal(conf.getText('spark.shuffle.service.db.enabled'), 'false');
});

test('several workers on one machine cannot each have a shuffle service', async () => {
  const enabled = ['--conf', 'spark.shuffle.service.enabled=true'];
  assert.equal((await worker(enabled, { SPARK_WORKER_INSTANCES: '1' })).port, 0);
  await assert.rejects(
    worker(enabled, { SPARK_WORKER_INSTANCES: '2' }),
    /no more than one external shuffle service on each host, please set spark\.shuffle\.service\.enabled to false/,
  );
});

test('several masters are one URL', async () => {
  const given = parseDaemonOptions('worker', ['spark://a:1,b:2']);
  assert.deepEqual((await workerArguments(given, machine())).masters, ['a:1', 'b:2']);
});

test('what cannot be is refused by name, value and what to write instead', async () => {
  const cases: readonly [() => Promise<unknown>, RegExp][] = [
    [() => worker(['-m', '0']), /Memory is below 1MB, or missing a M\/G .* --memory is '0': give 1000M or 2G/],
    [() => worker(['-m', '512']), /missing a M\/G/],
    [() => worker(['-m', '0M']), /Memory is below 1MB/],
    [
      () => worker([], { SPARK_WORKER_MEMORY: 'lots' }),
      /SPARK_WORKER_MEMORY is 'lots', but must be a size with its unit/,
    ],
    [
      () => worker([], { ISKRA_WORKER_CORES: '0' }),
      /ISKRA_WORKER_CORES is '0', but must be a whole number of 1 or more/,
    ],
    [() => worker(['-c', '-1']), /--cores is '-1'/],
    [() => worker(['-c', '2.5']), /--cores is '2.5'/],
    [() => master(['-p', '70000']), /--port is '70000', but must be a port: 0 to 65535/],
    [() => master(['--webui-port', 'x']), /--webui-port is 'x'/],
    [() => master(['-h', 'spark://a:7077']), /'spark:\/\/a:7077' is not a host/],
    [
      () => worker(['-h', '0.0.0.0']),
      /'0\.0\.0\.0' is where to listen, .*--bind-address 0\.0\.0\.0, and with --host a name/,
    ],
    [() => master(['spark://a:7077']), /a master takes no arguments, but was given 'spark:\/\/a:7077'/],
    [() => master(['--prot', '1']), /Unrecognized option '--prot'; did you mean --port\?/],
    [() => master(['--port']), /Missing argument for option '--port': give PORT/],
    [() => master(['--daemon=yes']), /--daemon takes no value, but was given 'yes'/],
    [() => master(['--conf', 'spark.x']), /Spark config without '=': spark.x/],
    [() => master(['--conf', 'spark.worker.timeout=soon']), /spark\.worker\.timeout should be time, but was soon/],
    [() => master(['--properties-file', 'nowhere.conf']), /Failed when loading Spark properties from .*nowhere\.conf/],
    [
      async () => workerArguments(parseDaemonOptions('worker', []), machine()),
      /a worker needs its master: give spark:\/\//,
    ],
    [() => worker(['spark://a:1']), /a worker takes one URL, but was also given 'spark:\/\/m:7077'/],
  ];
  for (const [act, expected] of cases) await assert.rejects(async () => act(), expected);
  for (const url of ['http://m:7077', 'spark://m', 'spark://m:7077,', 'spark://m:99999', 'm:7077', 'local[2]'])
    await assert.rejects(
      async () => workerArguments(parseDaemonOptions('worker', [url]), machine()),
      (error) =>
        error instanceof Error && error.message.startsWith(`Invalid master URL: ${url}. Give spark://HOST:PORT`),
    );
});

test('a secret is not taken from arguments, and not repeated', async () => {
  await assert.rejects(master(['--conf', 'spark.authenticate.secret=hush']), (error) => {
    assert.ok(error instanceof Error);
    assert.match(
      error.message,
      /spark\.authenticate\.secret is not taken from arguments.*spark\.authenticate\.secret\.file/,
    );
    return !error.message.includes('hush');
  });
  await master(['--conf', 'spark.authenticate.secret.file=/some/file']);
});
