import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { daemonFiles } from '../../../src/deploy/daemon/daemon-environment.ts';
import { isThisHost, workerHosts } from '../../../src/deploy/daemon/hosts-file.ts';
import {
  knownInstances,
  logFile,
  pidFile,
  releasePidFile,
  rotateLog,
  runningPid,
  takePidFile,
} from '../../../src/deploy/daemon/pid-files.ts';
import { stopDaemon } from '../../../src/deploy/daemon/stop-daemon.ts';

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'iskra-pid-files-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

const name = { of: 'worker', instance: 2 } as const;

test('files are called by user, class and number, where the environment says', () => {
  const plain = daemonFiles({ USER: 'ann' }, '/home/ann', '/tmp');
  assert.equal(pidFile(plain, name), '/tmp/iskra-ann-worker-2.pid');
  assert.equal(logFile(plain, name, 'host-a'), '/home/ann/logs/iskra-ann-worker-2-host-a.out');
  const told = daemonFiles(
    { SPARK_PID_DIR: '/run/x', ISKRA_LOG_DIR: '/var/log/x', SPARK_IDENT_STRING: 'a/b', SPARK_LOG_MAX_FILES: '3' },
    '/home/ann',
    '/tmp',
  );
  assert.equal(pidFile(told, name), '/run/x/iskra-a_b-worker-2.pid');
  assert.equal(logFile(told, name, 'host-a'), '/var/log/x/iskra-a_b-worker-2-host-a.out');
  assert.equal(told.maxLogFiles, 3);
});

test('a log makes room for the next one, and the oldest goes', (t) => {
  const folder = scratch(t);
  const log = join(folder, 'x.out');
  for (let run = 1; run <= 4; run++) {
    rotateLog(log, 2);
    writeFileSync(log, `run ${run}`);
  }
  const texts = readdirSync(folder)
    .sort()
    .map((file) => [file, readFileSync(join(folder, file), 'utf8')]);
  assert.deepEqual(texts, [
    ['x.out', 'run 4'],
    ['x.out.1', 'run 3'],
    ['x.out.2', 'run 2'],
  ]);
});

test('a pid file of a process that is gone, or is another program, counts for nothing', async (t) => {
  const files = daemonFiles({ USER: 'ann' }, '/home/ann', scratch(t));
  writeFileSync(pidFile(files, name), `${process.pid}\n`);
  assert.equal(runningPid(files, name), null);
  assert.deepEqual(knownInstances(files, 'worker'), [2]);
  assert.equal(takePidFile(files, name, process.pid), null);
  assert.equal(takePidFile(files, name, 1), process.pid); // who starts it lives
  assert.equal(await stopDaemon(files, name), null);
  assert.deepEqual(knownInstances(files, 'worker'), [2]); // it does not run, and is being started
  releasePidFile(files, name, [1]);
  assert.deepEqual(knownInstances(files, 'worker'), [2]);
  releasePidFile(files, name, [process.pid]);
  assert.deepEqual(knownInstances(files, 'worker'), []);
  writeFileSync(pidFile(files, name), '999999999\n');
  assert.equal(await stopDaemon(files, name), null);
  assert.deepEqual(knownInstances(files, 'worker'), []);
  for (const nonsense of ['', 'x', '-1', '0', '999999999', '1e9'])
    for (const text of [nonsense, `${nonsense} starting`]) {
      writeFileSync(pidFile(files, name), text);
      assert.equal(runningPid(files, name), null, text);
    }
});

test('a daemon is told by its command, its number included, and stopped', async (t) => {
  const folder = scratch(t);
  const program = join(folder, 'iskra.mjs');
  writeFileSync(program, "setInterval(() => {}, 1000); console.log('up');\n");
  const child = spawn(process.execPath, [program, 'worker', 'spark://x:1', '--instance', '2'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = new Promise((resolve) => child.on('exit', (_code, signal) => resolve(signal)));
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const files = daemonFiles({ USER: 'ann' }, '/home/ann', folder);
  for (const instance of [1, 2]) writeFileSync(pidFile(files, { of: 'worker', instance }), `${child.pid}\n`);
  assert.equal(runningPid(files, { of: 'worker', instance: 1 }), null);
  assert.equal(runningPid(files, name), child.pid);
  assert.equal(takePidFile(files, name, 1), child.pid);
  assert.equal(await stopDaemon(files, name), child.pid);
  assert.equal(await ended, 'SIGTERM');
});

test('hosts of workers are lines, and this machine knows itself', (t) => {
  const folder = scratch(t);
  assert.deepEqual(workerHosts({}, folder), ['localhost']);
  mkdirSync(join(folder, 'conf'));
  writeFileSync(join(folder, 'conf', 'workers'), '# ours\nlocalhost\n\n  host-b # the second\n127.0.0.1\n');
  const hosts = workerHosts({}, folder);
  assert.deepEqual(hosts, ['localhost', 'host-b', '127.0.0.1']);
  assert.deepEqual(hosts.map(isThisHost), [true, false, true]);
});
