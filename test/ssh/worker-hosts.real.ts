// start-workers and stop-workers by a real ssh, to this machine under another name. Run by scripts/check-ssh.mjs.
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { networkInterfaces, userInfo } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DaemonPlace } from '../kit/daemon-place.ts';
import { gone, isAlive } from '../kit/processes.ts';
import { SshServer } from '../kit/ssh-server.ts';
import { until } from '../kit/until.ts';

/** By which this machine is reached, but not as loopback. */
function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  const found = all.find(({ family, internal }) => family === 'IPv4' && !internal);
  assert.ok(found !== undefined, 'this machine has no address besides loopback');
  return found.address;
}

test('workers of two hosts are started, register and are stopped by a real ssh', async (t) => {
  const place = new DaemonPlace(t, { SPARK_WORKER_CORES: '1', SPARK_WORKER_MEMORY: '256m' });
  const server = await SshServer.start(place.folder, ['host-b']);
  t.after(() => server.stop());
  place.env['ISKRA_SSH_OPTS'] = `-F ${server.configFile}`;
  const secret = join(place.folder, 'secret');
  writeFileSync(secret, 'of this test', { mode: 0o600 });
  chmodSync(secret, 0o600);
  place.write('conf/spark-defaults.conf', `spark.authenticate true\nspark.authenticate.secret.file ${secret}\n`);
  place.write('conf/workers', 'localhost\nhost-b\n');
  place.write(
    'conf/spark-env.sh',
    `if [ -n "$SSH_CONNECTION" ]; then
  ISKRA_PID_DIR=${place.folder}/other-pids ISKRA_WORKER_DIR=${place.folder}/other-work
  ISKRA_WORKER_CORES=1 ISKRA_WORKER_MEMORY=256m ISKRA_WORKER_WEBUI_PORT=0 SPARK_LOCAL_DIRS=${place.folder}/local
fi
`,
  );
  place.env['ISKRA_MASTER_HOST'] = ownAddress();
  const started = await place.run('start-all');
  assert.deepEqual([started.code, started.err], [0, '']);
  const pids = [...started.out.matchAll(/ as process (\d+) at /g)].map(([, pid]) => Number(pid));
  assert.equal(pids.length, 3);
  assert.match(started.out, /^host-b: started worker 1 as process /m);
  const log = /started master 1 .*, log in (\S+)/.exec(started.out)?.[1] ?? '';
  await until(() => (readFileSync(log, 'utf8').match(/Registering worker /g) ?? []).length >= 2);
  assert.ok(pids.every(isAlive));
  const stopped = await place.run('stop-all');
  assert.deepEqual([stopped.code, stopped.err], [0, '']);
  assert.match(stopped.out, /^host-b: stopped worker 1, which was process \d+$/m);
  await gone(pids);
});

test('a host that does not let in, or is not there, is named', async (t) => {
  const place = new DaemonPlace(t, { SPARK_WORKER_CORES: '1', SPARK_WORKER_MEMORY: '256m' });
  const server = await SshServer.start(place.folder, ['host-b', 'host-c']);
  t.after(() => server.stop());
  server.forgetKey('host-b');
  server.move('host-c', 1);
  place.env['ISKRA_SSH_OPTS'] = `-F ${server.configFile}`;
  place.write('conf/workers', 'host-b\nhost-c\n');
  const { code, out, err } = await place.run('start-workers', 'spark://host-a.invalid:7077');
  assert.equal(code, 1);
  assert.match(out, new RegExp(`^host-b: ${userInfo().username}@127\\.0\\.0\\.1: Permission denied`, 'm'));
  assert.match(out, /^host-c: ssh: connect to host 127\.0\.0\.1 port 1: Connection refused$/m);
  for (const host of ['host-b', 'host-c']) assert.match(err, new RegExp(`^iskra: ${host}: ssh did not get there`, 'm'));
});
