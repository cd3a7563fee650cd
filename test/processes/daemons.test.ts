import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DaemonPlace } from '../kit/daemon-place.ts';
import { freePort } from '../kit/free-port.ts';
import { isAlive } from '../kit/processes.ts';
import { until } from '../kit/until.ts';

const pidOf = (out: string, what: string): number =>
  Number(new RegExp(`started ${what} as process (\\d+)`).exec(out)?.[1]);

interface MasterJson {
  readonly status: string;
  readonly aliveworkers: number;
  readonly workers: readonly { readonly id: string; readonly webuiaddress: string }[];
}

async function state(pages: string | undefined): Promise<MasterJson> {
  const response = await fetch(`${pages}/json/`);
  return (await response.json()) as MasterJson;
}

test('a master and a worker in the foreground find each other, and end in good order', async (t) => {
  const place = new DaemonPlace(t);
  const master = place.start('master');
  const url = await master.logged(/Starting Iskra master at (spark:\/\/localhost:\d+)/);
  const worker = place.start('worker', '-c', '3', '-m', '700M', '--conf', 'spark.worker.timout=60s', url);
  await worker.logged(/(spark\.worker\.timout is not a key that Iskra knows; did you mean spark\.worker\.timeout\?)/);
  await worker.logged(/(Successfully registered with master)/);
  await master.logged(/Registering worker localhost:\d+ with (3 cores, 700 MiB RAM)/);
  await master.logged(/(Listening on localhost only)/);
  worker.child.kill('SIGINT');
  assert.equal((await worker.outcome).code, 130);
  await master.logged(/(got disassociated)/);
  const second = place.start('worker', url);
  await second.logged(/(Successfully registered with master)/);
  second.child.kill('SIGHUP');
  const hungUp = await second.outcome;
  assert.equal(hungUp.code, 129);
  assert.match(hungUp.err, /RECEIVED SIGNAL HUP[\s\S]*Worker stopped/);
  master.child.kill('SIGTERM');
  const { code, err } = await master.outcome;
  assert.equal(code, 143);
  assert.match(err, /RECEIVED SIGNAL TERM[\s\S]*The master stops/);
});

test('a daemon says where it serves, is there once, and can be stopped', async (t) => {
  const place = new DaemonPlace(t);
  const started = await place.run('master', '--daemon');
  assert.equal(started.code, 0, started.err);
  const pid = pidOf(started.out, 'master 1');
  const pages = /pages at (\S+),/.exec(started.out)?.[1];
  assert.equal((await state(pages)).status, 'ALIVE');
  const [file] = readdirSync(join(place.folder, 'pids'));
  assert.match(file ?? '', /^iskra-[\w.-]+-master-1\.pid$/);
  assert.equal(readFileSync(join(place.folder, 'pids', file ?? ''), 'utf8'), `${pid}\n`);
  const again = await place.run('master', '--daemon');
  assert.equal(again.code, 1);
  assert.equal(again.err, `iskra: master 1 running as process ${pid}. Stop it first.\n`);
  const stopped = await place.run('stop', 'master');
  assert.deepEqual(stopped, { code: 0, signal: null, out: `stopped master 1, which was process ${pid}\n`, err: '' });
  assert.equal(isAlive(pid), false);
  assert.deepEqual(readdirSync(join(place.folder, 'pids')), []);
  assert.equal((await place.run('stop', 'master')).out, 'no master to stop\n');
  const [log] = readdirSync(join(place.folder, 'logs'));
  assert.match(log ?? '', /^iskra-[\w.-]+-master-1-[\w.-]+\.out$/);
  assert.match(readFileSync(join(place.folder, 'logs', log ?? ''), 'utf8'), /I have been elected leader/);
});

test('start-all starts a master and the workers of this machine, stop-all leaves nothing', async (t) => {
  const place = new DaemonPlace(t, {
    ISKRA_WORKER_INSTANCES: '2',
    SPARK_WORKER_CORES: '1',
    SPARK_WORKER_MEMORY: '256m',
    SPARK_NICENESS: '5',
    SPARK_DAEMON_MEMORY: '200m',
  });
  const started = await place.run('start-all');
  assert.equal(started.code, 0, started.err);
  const pids = ['master 1', 'worker 1', 'worker 2'].map((what) => pidOf(started.out, what));
  assert.ok(pids.every(isAlive), started.out);
  const pages = /started master.*pages at (\S+),/.exec(started.out)?.[1];
  await until(async () => (await state(pages)).aliveworkers >= 2);
  // Links lead to the ports that pages have got.
  for (const { id, webuiaddress } of (await state(pages)).workers)
    assert.equal(((await (await fetch(`${webuiaddress}/json/`)).json()) as { id: string }).id, id);
  const nice = spawnSync('ps', ['-o', 'nice=,args=', '-p', String(pids[1])], { encoding: 'utf8' }).stdout;
  const [, niceness, command = ''] = /^\s*(\d+) (.*)/.exec(nice) ?? [];
  assert.equal(Number(niceness), Math.min(19, getPriority() + 5));
  assert.match(command, /--max-old-space-size=200 /);
  const again = await place.run('start-all');
  assert.equal(again.code, 1);
  assert.equal(again.err.match(/running as process \d+\. Stop it first\./g)?.length, 3, again.err);
  assert.equal(
    (await place.run('stop', '--instance', '2', 'worker')).out,
    `stopped worker 2, which was process ${pids[2]}\n`,
  );
  const stopped = await place.run('stop-all');
  assert.deepEqual([stopped.code, stopped.err], [0, '']);
  assert.deepEqual(pids.map(isAlive), [false, false, false]);
  assert.deepEqual(readdirSync(join(place.folder, 'pids')), []);
});

test('a daemon that is to stay in the foreground does, and one whose settings for that make no sense does not start', async (t) => {
  const stays = new DaemonPlace(t, { SPARK_NO_DAEMONIZE: '1' });
  const master = stays.start('master', '--daemon');
  await master.logged(/(I have been elected leader)/);
  master.child.kill('SIGTERM');
  assert.equal((await master.outcome).code, 143);
  const place = new DaemonPlace(t, { ISKRA_DAEMON_MEMORY: '5m' });
  const { code, err } = await place.run('master', '--daemon');
  assert.equal(code, 1);
  assert.match(err, /DAEMON_MEMORY is '5m', but must be a size of 64m or more, such as 1g/);
  assert.deepEqual(readdirSync(join(place.folder, 'pids')), []);
});

test('a daemon that cannot start says why, and leaves no pid file', async (t) => {
  const blocker = createServer();
  await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
  t.after(() => blocker.close());
  const address = blocker.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const place = new DaemonPlace(t);
  const foreground = await place.run('master', '--port', String(port));
  assert.equal(foreground.code, 1);
  assert.match(foreground.err, new RegExp(`iskra: Port ${port} of 127\\.0\\.0\\.1 is taken, .* with --port\n$`));
  const background = await place.run('master', '--daemon', '--port', String(port));
  assert.equal(background.code, 1);
  assert.match(
    background.err,
    new RegExp(`^iskra: master 1 ended with 1\n[\\s\\S]*Port ${port} of 127[\\s\\S]*full log in `),
  );
  assert.deepEqual(readdirSync(join(place.folder, 'pids')), []);
});

test('a daemon whose directories cannot be made says which, and what names another one', async (t) => {
  const place = new DaemonPlace(t, { ISKRA_LOG_DIR: '/proc/iskra/logs' });
  const logs = await place.run('master', '--daemon');
  assert.deepEqual([logs.code, readdirSync(join(place.folder, 'pids'))], [1, []]);
  assert.match(
    logs.err,
    /^iskra: cannot make the directory of logs, \/proc\/iskra\/logs: .*\. Name another one with LOG_DIR\n$/,
  );
  place.write('file', '');
  place.env['ISKRA_PID_DIR'] = join(place.folder, 'file', 'pids');
  const pids = await place.run('master', '--daemon');
  assert.equal(pids.code, 1);
  assert.match(
    pids.err,
    /^iskra: cannot make the directory of pid files, .*ENOTDIR.*\. Name another one with PID_DIR\n$/,
  );
  const records = ['spark.deploy.recoveryMode=FILESYSTEM', 'spark.deploy.recoveryDirectory=/proc/iskra/records'];
  const master = await place.run('master', ...records.flatMap((setting) => ['--conf', setting]));
  assert.equal(master.code, 1);
  assert.match(master.err, /iskra: cannot make \/proc\/iskra\/records .*spark\.deploy\.recoveryDirectory/);
});

test('a daemon that others could reach without a secret does not start, unless told that they may', async (t) => {
  const place = new DaemonPlace(t);
  for (const command of [['master'], ['worker', 'spark://localhost:7077']]) {
    const [name = '', ...rest] = command;
    const refused = await place.run(name, '--bind-address', '0.0.0.0', ...rest);
    assert.equal(refused.code, 1);
    assert.match(refused.err, /would listen on 0\.0\.0\.0, where other hosts can reach it, without authentication/);
  }
  const open = place.start('master', '--bind-address', '0.0.0.0', '--conf', 'spark.authenticate=false');
  await open.logged(/(Starting Iskra master at)/);
  open.child.kill('SIGTERM');
  await open.outcome;
});

test('a worker with another secret is not let in, and the secret is in no argument', async (t) => {
  const place = new DaemonPlace(t);
  place.write('right', 'the right secret\n');
  place.write('wrong', 'a wrong secret\n');
  const secret = (file: string): string[] => [
    ...['--host', 'localhost', '--conf', 'spark.authenticate=true'],
    ...['--conf', `spark.authenticate.secret.file=${join(place.folder, file)}`],
  ];
  const master = place.start('master', ...secret('right'));
  const url = await master.logged(/Starting Iskra master at (spark:\/\/localhost:\d+)/);
  const stranger = place.start('worker', ...secret('wrong'), url);
  await master.logged(/(Refused a connection)/);
  await stranger.logged(/(Failed to connect to master)/);
  const friend = place.start('worker', ...secret('right'), url);
  await friend.logged(/(Successfully registered with master)/);
  for (const { child, outcome } of [stranger, friend, master]) {
    child.kill('SIGTERM');
    assert.doesNotMatch((await outcome).err, /(right|wrong) secret/);
  }
  const inArguments = await place.run('master', '--conf', 'spark.authenticate.secret=hush');
  assert.equal(inArguments.code, 1);
  assert.match(inArguments.err, /spark\.authenticate\.secret is not taken from arguments/);
});

test('a shuffle service is a daemon like others', async (t) => {
  const place = new DaemonPlace(t, { ISKRA_SHUFFLE_SERVICE_PORT: '0' });
  const started = await place.run('shuffle-service', '--daemon', '--conf', `spark.local.dir=${place.folder}/local`);
  assert.equal(started.code, 0, started.err);
  assert.match(started.out, /^started shuffle-service 1 as process \d+ at spark:\/\/localhost:\d+, log in /);
  const pid = pidOf(started.out, 'shuffle-service 1');
  const stopped = await place.run('stop', 'shuffle-service');
  assert.equal(stopped.out, `stopped shuffle-service 1, which was process ${pid}\n`);
  assert.equal(isAlive(pid), false);
});

const COMMANDS = [
  ...['master', 'worker', 'shuffle-service', 'stop', 'start-all', 'stop-all'],
  ...['start-workers', 'stop-workers', 'decommission-worker'],
];

test('bad options are answered with the usage and code 1, --help with code 0', async (t) => {
  const place = new DaemonPlace(t);
  const bad = await place.run('worker', '--core', '2', 'spark://localhost:7077');
  assert.equal(bad.code, 1);
  assert.match(bad.err, /^iskra: Unrecognized option '--core'; did you mean --cores\?\n\nUsage: iskra worker /);
  for (const command of COMMANDS) {
    const help = await place.run(command, '--help');
    assert.deepEqual([help.code, help.err], [0, ''], command);
    assert.match(help.out, new RegExp(`^Usage: iskra ${command}[\\s\\S]*Example`));
  }
  assert.match((await place.run('--help')).out, /\n {2}start-all {2}/);
});

test('a work directory that is a file ends a worker with code 1', async (t) => {
  const place = new DaemonPlace(t);
  place.write('work', 'not a directory');
  const { code, err } = await place.run('worker', 'spark://localhost:7077');
  assert.equal(code, 1);
  assert.match(err, /Failed to create work directory .*\/work/);
});

test('a master that was killed comes back at its port with what it had', async (t) => {
  const place = new DaemonPlace(t);
  const settings = [
    ...['--conf', 'spark.deploy.recoveryMode=FILESYSTEM'],
    ...['--conf', `spark.deploy.recoveryDirectory=${join(place.folder, 'recovery')}`],
  ];
  const first = await place.run('master', '--daemon', ...settings, '--port', String(await freePort()));
  assert.equal(first.code, 0, first.err);
  const url = /at (spark:\/\/localhost:(\d+)),/.exec(first.out);
  const worker = place.start('worker', '-c', '1', '-m', '256M', url?.[1] ?? '');
  await worker.logged(/(Successfully registered with master)/);
  process.kill(pidOf(first.out, 'master 1'), 'SIGKILL');
  await worker.logged(/(Connection to master failed! Waiting for master to reconnect)/);
  const second = await place.run('master', '--daemon', ...settings, '--port', url?.[2] ?? '');
  assert.equal(second.code, 0, second.err);
  await worker.logged(/(Master has changed, new master is at spark:)/);
  const pages = /pages at (\S+),/.exec(second.out)?.[1];
  await until(async () => (await state(pages)).status === 'ALIVE');
  assert.equal((await state(pages)).aliveworkers, 1);
  worker.child.kill('SIGTERM');
  assert.equal((await worker.outcome).code, 143);
});

test('daemons take variables of conf/spark-env.sh, which has no say where the environment has', async (t) => {
  const place = new DaemonPlace(t, { SPARK_WORKER_CORES: '1' });
  place.write('conf/spark-env.sh', '#!/usr/bin/env bash\nSPARK_WORKER_CORES=9\nexport SPARK_WORKER_MEMORY=300m\n');
  const master = place.start('master');
  const url = await master.logged(/Starting Iskra master at (spark:\/\/localhost:\d+)/);
  const worker = place.start('worker', url);
  await master.logged(/Registering worker localhost:\d+ with (1 cores, 300 MiB RAM)/);
  for (const { child, outcome } of [worker, master]) {
    child.kill('SIGTERM');
    await outcome;
  }
  place.write('conf/spark-env.sh', 'fi\n');
  const broken = await place.run('master');
  assert.equal(broken.code, 1);
  assert.match(broken.err, /^iskra: \S+\/conf\/spark-env\.sh cannot be read: .*spark-env\.sh: .*1: .*\n$/);
  rmSync(join(place.folder, 'conf'), { recursive: true });
});

test('a daemon that was killed leaves a pid file that counts for nothing, nor does that of another program', async (t) => {
  const place = new DaemonPlace(t);
  const pid = pidOf((await place.run('master', '--daemon')).out, 'master 1');
  const pids = join(place.folder, 'pids');
  const file = join(pids, readdirSync(pids)[0] ?? '');
  process.kill(pid, 'SIGKILL');
  assert.equal((await place.run('stop', 'master')).out, 'no master to stop\n');
  assert.deepEqual(readdirSync(pids), []);
  const other = spawn('sleep', ['60']);
  t.after(() => other.kill());
  writeFileSync(file, `${other.pid}\n`);
  assert.equal((await place.run('stop-all')).code, 0);
  assert.equal(isAlive(other.pid as number), true);
  assert.deepEqual(readdirSync(pids), []);
});
