// Workers on several hosts, with a stand-in for ssh that runs commands here: `host-b` is this machine, in another folder for its
// pid files. scripts/check-ssh.mjs does it with a real ssh.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DaemonPlace } from '../kit/daemon-place.ts';
import { fakeSsh } from '../kit/fake-ssh.ts';
import { gone, isAlive } from '../kit/processes.ts';
import { until } from '../kit/until.ts';

const SMALL = { SPARK_WORKER_CORES: '1', SPARK_WORKER_MEMORY: '256m' };
const pidsOf = (out: string): number[] => [...out.matchAll(/ as process (\d+) at /g)].map(([, pid]) => Number(pid));

/** What a host has of its own. */
const ENVIRONMENT = `
ISKRA_PID_DIR=$OTHER_PIDS
ISKRA_WORKER_CORES=1
ISKRA_WORKER_MEMORY=256m
ISKRA_WORKER_WEBUI_PORT=0
ISKRA_WORKER_DIR=$OTHER_PIDS/work
`;

test('start-workers starts the workers of all hosts, stop-workers ends them', async (t) => {
  const place = new DaemonPlace(t, SMALL);
  const others = join(place.folder, 'other');
  const ssh = fakeSsh(place.folder, { 'host-b': `OTHER_PIDS=${others} sh -c "$command"` });
  place.write('conf/workers', 'localhost\nhost-b # elsewhere\n');
  place.write('conf/spark-env.sh', `[ -z "$OTHER_PIDS" ] || {${ENVIRONMENT}}\n`);
  place.write('conf/spark-defaults.conf', 'spark.authenticate false\n');
  place.env['PATH'] = ssh.path;
  const master = await place.run('master', '--daemon', '--host', '127.0.0.1');
  const url = /at (spark:\/\/\S+),/.exec(master.out)?.[1] ?? '';
  const unreachable = await place.run('start-workers', url);
  assert.equal(unreachable.code, 1);
  assert.match(
    unreachable.err,
    /^iskra: host-b of conf\/workers cannot reach a master at 127\.0\.0\.1:\d+: give .*ISKRA_MASTER_HOST/,
  );
  assert.deepEqual(ssh.calls(), ['']);
  // By a name that is not loopback's: whatever it is, it need not be reached for a worker to start.
  const named = `spark://host-a.invalid:7077`;
  const started = await place.run('start-workers', named);
  assert.deepEqual([started.code, started.err], [0, '']);
  assert.match(started.out, /^started worker 1 as process \d+ at /m);
  assert.match(started.out, /^host-b: started worker 1 as process \d+ at /m);
  const pids = pidsOf(started.out);
  assert.equal(pids.length, 2);
  assert.ok(pids.every(isAlive));
  assert.match(readFileSync(`/proc/${pids[1]}/cmdline`, 'latin1'), /host-a\.invalid/);
  assert.ok(existsSync(join(others, 'work')));
  const again = await place.run('start-workers', named);
  assert.equal(again.code, 1);
  assert.match(again.out, /^host-b: iskra: worker 1 running as process \d+\. Stop it first\.$/m);
  assert.match(again.err, /^iskra: worker 1 running as process \d+\. Stop it first\.$/m);
  assert.match(again.err, /^iskra: host-b: ended with exit code 1; why stands above, behind its name$/m);
  const stopped = await place.run('stop-workers');
  assert.deepEqual([stopped.code, stopped.err], [0, '']);
  assert.match(stopped.out, /^stopped worker 1, which was process \d+$/m);
  assert.match(stopped.out, /^host-b: stopped worker 1, which was process \d+$/m);
  await gone(pids);
});

test('a host that cannot be reached is named, and the others have their workers; start-all wants a master that others reach', async (t) => {
  const place = new DaemonPlace(t, SMALL);
  place.env['PATH'] = fakeSsh(place.folder, {}).path;
  place.write('conf/workers', 'localhost\nhost-x\n');
  const refused = await place.run('start-all');
  assert.deepEqual([refused.code, refused.out], [1, '']);
  assert.match(
    refused.err,
    /^iskra: host-x of conf\/workers cannot reach a master at localhost:\d+: give .*ISKRA_MASTER_HOST/,
  );
  const started = await place.run('start-workers', 'spark://host-a.invalid:7077');
  assert.equal(started.code, 1);
  assert.match(started.out, /^started worker 1 as process /m);
  assert.match(started.out, /^host-x: ssh: Could not resolve hostname host-x$/m);
  assert.match(started.err, /^iskra: host-x: ssh did not get there/m);
  const stopped = await place.run('stop-all');
  assert.equal(stopped.code, 1);
  assert.match(stopped.out, /^stopped worker 1, /m);
  assert.match(stopped.err, /^iskra: host-x: ssh did not get there/m);
});

test('decommission-worker has a worker take nothing more', async (t) => {
  const place = new DaemonPlace(t, SMALL);
  const none = await place.run('decommission-worker');
  assert.equal(none.code, 1);
  assert.match(
    none.err,
    /^iskra: no worker runs here in the background; one in the foreground takes: kill -PWR PROCESS$/m,
  );
  const settings = ['--conf', 'spark.decommission.enabled=true'];
  const started = await place.run('worker', '--daemon', ...settings, 'spark://127.0.0.1:1');
  const told = await place.run('decommission-worker');
  assert.deepEqual([told.code, told.err], [0, '']);
  const [pid = 0] = pidsOf(started.out);
  assert.equal(told.out, `decommissioning worker 1, which is process ${pid}; its log says what becomes of it\n`);
  const log = /log in (\S+)/.exec(started.out)?.[1] ?? '';
  await until(() => /ecommission/.test(readFileSync(log, 'utf8')));
  assert.ok(isAlive(pid));
  const waiting = place.start('decommission-worker', '--block-until-exit');
  await new Promise((resolve) => waiting.child.stdout?.once('data', resolve));
  process.kill(pid, 'SIGTERM');
  assert.equal((await waiting.outcome).code, 0);
  await gone([pid]);
});
