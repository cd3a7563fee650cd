import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { oldDirectories } from '../../../src/deploy/worker/old-directories.ts';
import { WorkDirs } from '../../../src/deploy/worker/work-dirs.ts';
import { EXECUTOR_MAIN } from '../../../src/protocol/worker-process.ts';
import { ManualClock } from '../../kit/manual-clock.ts';
import { recordingLogger } from '../../kit/rpc.ts';
import { until } from '../../kit/until.ts';
import { workerScene } from '../../kit/worker-process.ts';

/** Makes files below a directory; all are two minutes old, but for those whose names say that they are new. */
function fill(directory: string, ...paths: readonly string[]): void {
  const old = Date.now() / 1000 - 120;
  for (const path of paths) {
    mkdirSync(join(directory, path, '..'), { recursive: true });
    writeFileSync(join(directory, path), '');
  }
  const age = (path: string): void => {
    for (const entry of readdirSync(path, { withFileTypes: true }))
      if (entry.isDirectory()) age(join(path, entry.name));
      else if (!entry.name.includes('new')) utimesSync(join(path, entry.name), old, old);
    utimesSync(path, old, old);
  };
  age(directory);
}

function workDir(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'work-dirs-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

test('old directories go; plain files, those with something new, and those that are needed stay', () => {
  const entry = (name: string, newest: number, isDirectory = true) => ({ name, isDirectory, newest });
  const entries = [
    entry('old', 10),
    entry('edge', 100),
    entry('new', 101),
    entry('file', 10, false),
    entry('live', 10),
  ];
  assert.deepEqual(oldDirectories(entries, new Set(['live']), 100), ['old']);
});

test('cleaning looks at all that lies below, and follows no link', async (t) => {
  const directory = workDir(t);
  fill(directory, 'app-1/0/stdout', 'app-2/0/deep/new', 'app-3/0/stdout', 'file', 'driver-1/stdout', 'app-4/1/stdout');
  mkdirSync(join(directory, 'app-5'));
  const outside = workDir(t);
  fill(outside, 'precious/file');
  symlinkSync(join(outside, 'precious'), join(directory, 'app-4/link'));
  utimesSync(join(directory, 'app-4'), 1, 1);
  symlinkSync(outside, join(directory, 'link'));
  const removed: string[] = [];
  const dirs = new WorkDirs(directory, [], recordingLogger([]));
  await dirs.clean(
    () => new Set(['driver-1']),
    Date.now() - 60_000,
    (name) => removed.push(name),
  );
  // app-4 has a link that is new; app-5 was made a moment ago.
  assert.deepEqual(removed.sort(), ['app-1', 'app-3']);
  assert.deepEqual(readdirSync(directory).sort(), ['app-2', 'app-4', 'app-5', 'driver-1', 'file', 'link']);
  await dirs.clean(
    () => new Set(),
    Date.now() + 60_000,
    () => {},
  );
  assert.deepEqual(readdirSync(directory).sort(), ['file', 'link']);
  assert.deepEqual(readdirSync(join(outside, 'precious')), ['file']);
});

test('an application that comes back while the work directory is cleaned keeps its directory', async (t) => {
  const directory = workDir(t);
  fill(directory, 'app-1/0/stdout', 'app-2/0/stdout');
  const needed = new Set<string>();
  let asked = 0;
  const dirs = new WorkDirs(directory, [], recordingLogger([]));
  await dirs.clean(
    () => {
      if (++asked === 3) needed.add('app-1').add('app-2');
      return new Set(needed);
    },
    Date.now(),
    assert.fail,
  );
  assert.deepEqual(readdirSync(directory).sort(), ['app-1', 'app-2']);
});

test('a directory that cannot be removed keeps no other from going', async (t) => {
  const directory = workDir(t);
  fill(directory, 'app-1/0/stdout', 'app-2/0/stdout');
  const lines: string[] = [];
  const removed: string[] = [];
  const dirs = new WorkDirs(directory, [], recordingLogger(lines));
  let asked = 0;
  await dirs.clean(
    () => {
      if (++asked === 3) rmSync(join(directory, 'app-1'), { recursive: true }); // somebody else was faster
      return new Set();
    },
    Date.now(),
    (name) => removed.push(name),
  );
  assert.deepEqual(removed, ['app-2']);
  assert.match(lines[0] ?? '', /^Failed to remove .*app-1: ENOENT/);
});

test('a work directory that cannot be listed is an error in the log, and no more', async () => {
  const lines: string[] = [];
  const dirs = new WorkDirs('/no/such/directory', [], recordingLogger(lines));
  await dirs.clean(() => new Set(), 0, assert.fail);
  assert.match(lines.join(), /^App dir cleanup failed: ENOENT/);
  await dirs.remove(['no\0name']);
  assert.match(lines[1] ?? '', /^Failed to remove no.*null bytes/);
});

test('a worker cleans its work directory from time to time, around what runs there', async (t) => {
  const clock = new ManualClock(Date.now());
  const {
    master,
    worker,
    workDir: directory,
  } = await workerScene(
    t,
    { [EXECUTOR_MAIN]: 'setInterval(() => {}, 1 << 30)' },
    { 'spark.worker.cleanup.interval': '10s', 'spark.worker.cleanup.appDataTtl': '60s' },
    { clock },
  );
  fill(directory, 'app-1/7/stdout', 'app-old/0/stdout', 'driver-old/stdout');
  await master.hears('WorkerLatestState');
  master.launch(0);
  await until(() => worker.state().executors.length > 0);
  clock.advance(10_000);
  await until(() => readdirSync(directory).length <= 1);
  assert.deepEqual(readdirSync(directory), ['app-1']);
});

test('a worker beats while its work directory is cleaned', async (t) => {
  const clock = new ManualClock(Date.now());
  const { master, workDir: directory } = await workerScene(
    t,
    {},
    { 'spark.worker.cleanup.interval': '10s', 'spark.worker.cleanup.appDataTtl': '60s', 'spark.worker.timeout': '80s' },
    { clock },
  );
  await master.hears('WorkerLatestState');
  fill(directory, 'app-1/0/stdout');
  const before = master.heard.length;
  clock.advance(10_000); // cleaning begins
  clock.advance(10_000);
  assert.deepEqual(readdirSync(directory), ['app-1']);
  await master.hears('Heartbeat', undefined, before);
  await until(() => readdirSync(directory).length === 0);
});
