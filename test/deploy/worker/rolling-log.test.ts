import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { type TestContext, test } from 'node:test';
import type { LogRolling } from '../../../src/deploy/worker/log-rolling.ts';
import { RollingLog } from '../../../src/deploy/worker/rolling-log.ts';
import { EXECUTOR_MAIN } from '../../../src/protocol/worker-process.ts';
import { PackedLengths, readLog } from '../../../src/ui/log-files.ts';
import { ManualClock } from '../../kit/manual-clock.ts';
import { gone } from '../../kit/processes.ts';
import { recordingLogger } from '../../kit/rpc.ts';
import { until } from '../../kit/until.ts';
import { printed, workerScene } from '../../kit/worker-process.ts';

const BY_SIZE: LogRolling = {
  ...{ when: { kind: 'size', maxBytes: 10 }, precision: 'millisecond', maxRetainedFiles: null, compress: false },
};
const tick = () => new Promise((resolve) => setImmediate(resolve));

function scene(t: TestContext, rolling: LogRolling) {
  const root = mkdtempSync(join(tmpdir(), 'rolling-log-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const directory = join(root, 'app');
  mkdirSync(directory);
  const clock = new ManualClock(new Date(2015, 0, 1, 12).getTime());
  const lines: string[] = [];
  const log = new RollingLog(directory, 'stdout', rolling, clock, recordingLogger(lines));
  const stream = new PassThrough();
  const followed = log.follow(stream);
  const text = async (): Promise<string> => {
    const part = await readLog(root, ['app'], 'stdout', { offset: 0, byteLength: 1 << 20 }, new PackedLengths(9));
    return 'error' in part ? part.error : part.text;
  };
  const say = async (words: string): Promise<void> => {
    stream.write(words);
    // Not until it is another text: that it becomes also when an old file goes.
    await until(async () => (await text()).endsWith(words));
  };
  return { directory, clock, lines, stream, followed, say, text, names: () => readdirSync(directory).sort() };
}

test('a log goes on in another file when one is full; read, it is one text', async (t) => {
  const { stream, followed, say, names, text, directory, clock } = scene(t, BY_SIZE);
  for (const words of ['12345', '67890', 'abc', 'defghij', 'klm']) {
    await say(words);
    await clock.advance(1);
  }
  stream.end('n');
  await followed;
  assert.deepEqual(names(), ['stdout', 'stdout--2015-01-01--12-00-00--0002', 'stdout--2015-01-01--12-00-00--0004']);
  assert.equal(await text(), '1234567890abcdefghijklmn');
  assert.equal(readFileSync(join(directory, 'stdout'), 'utf8'), 'klmn');
});

test('no file gets too large, however much comes at once', async (t) => {
  const maxBytes = 80 * 1024;
  const { stream, followed, names, text, directory } = scene(t, { ...BY_SIZE, when: { kind: 'size', maxBytes } });
  stream.end('x'.repeat(300_000));
  await followed;
  assert.equal((await text()).length, 300_000);
  assert.deepEqual(
    names().filter((name) => statSync(join(directory, name)).size > maxBytes),
    [],
  );
});

test('full files are packed, old ones go', async (t) => {
  const { stream, followed, say, names, text, clock } = scene(t, {
    ...{ when: { kind: 'time', everyMs: 86_400_000 }, precision: 'day', maxRetainedFiles: 2, compress: true },
  });
  for (const words of ['one', 'two', 'three', 'four']) {
    await say(words);
    await clock.advance(86_400_000);
  }
  stream.end();
  await followed;
  assert.deepEqual(names(), ['stdout', 'stdout--2015-01-03.gz', 'stdout--2015-01-04.gz']);
  assert.equal(await text(), 'twothreefour');
});

test('what cannot be written is dropped with one warning, and nobody waits for it', async (t) => {
  const { stream, followed, directory, lines, names, say, text } = scene(t, BY_SIZE);
  symlinkSync('/dev/full', join(directory, 'stdout'));
  for (let i = 0; i < 100; i++) {
    stream.write('x'.repeat(1000));
    await tick();
  }
  await until(() => lines.length > 0 && stream.readableLength === 0);
  assert.deepEqual(names(), ['stdout']);
  unlinkSync(join(directory, 'stdout'));
  await say('room');
  stream.end();
  await followed;
  assert.match(await text(), /^x*room$/);
  assert.match(lines[0] ?? '', /stdout, and is dropped: ENOSPC/);
  assert.equal(lines.filter((line) => /is dropped/.test(line)).length, 1);
});

test('a directory that has gone, and comes back', async (t) => {
  const { stream, followed, directory, lines, say, text } = scene(t, BY_SIZE);
  rmSync(directory, { recursive: true });
  stream.write('lost');
  await until(() => lines.length > 0);
  mkdirSync(directory);
  await say('found');
  stream.end();
  await followed;
  assert.equal(await text(), 'found');
});

const SIZED = { 'spark.executor.logs.rolling.strategy': 'size', 'spark.executor.logs.rolling.maxSize': '80k' };
const LINE = 'x'.repeat(99);

test('what an executor prints is rolled by its worker, to the last word', async (t) => {
  const { master, workDir } = await workerScene(
    t,
    { [EXECUTOR_MAIN]: `for (let i = 0; i < 3000; i++) console.log('${LINE}'); console.error('the end');` },
    SIZED,
  );
  await master.hears('RegisterWorker');
  master.launch(0);
  assert.equal((await master.ended(0)).exitStatus, 0);
  const directory = join(workDir, 'app-1/0');
  const logs = readdirSync(directory).filter((name) => name.startsWith('stdout'));
  assert.ok(logs.length >= 4);
  for (const name of logs) assert.ok(statSync(join(directory, name)).size <= 80 * 1024);
  const all = await readLog(
    workDir,
    ['app-1', '0'],
    'stdout',
    { offset: 0, byteLength: 1 << 20 },
    new PackedLengths(9),
  );
  assert.ok('text' in all && all.text === `${LINE}\n`.repeat(3000));
  assert.match(readFileSync(join(directory, 'stderr'), 'utf8'), /^Spark Executor Command: .*\n={40}\n\nthe end\n$/s);
});

test('an executor that has left its pipes to somebody is over all the same', async (t) => {
  const { master, workDir } = await workerScene(
    t,
    {
      [EXECUTOR_MAIN]: `import { spawn } from 'node:child_process';
      const child = spawn('sleep', ['1000'], { stdio: 'inherit', detached: true });
      console.log(child.pid);
      process.exit(3);`,
    },
    SIZED,
  );
  await master.hears('RegisterWorker');
  master.launch(0);
  const { exitStatus } = await master.ended(0);
  const pid = Number(await printed(join(workDir, 'app-1/0/stdout')));
  process.kill(pid, 'SIGKILL');
  await gone([pid]);
  assert.equal(exitStatus, 3);
});

test('one that has left them to somebody who prints without end as well', async (t) => {
  const { master } = await workerScene(
    t,
    {
      [EXECUTOR_MAIN]: `import { spawn } from 'node:child_process';
      spawn('yes', { stdio: ['ignore', 'inherit', 'ignore'], detached: true });
      process.exit(3);`,
    },
    SIZED,
  );
  await master.hears('RegisterWorker');
  master.launch(0);
  assert.equal((await master.ended(0)).exitStatus, 3);
});

test('a supervised driver goes on in the file that it had', async (t) => {
  const { master, workDir } = await workerScene(
    t,
    {
      DriverWrapper: `import { existsSync, writeFileSync } from 'node:fs';
      const again = existsSync('once'); writeFileSync('once', '');
      console.log(again ? 'second' : 'first'); process.exit(again ? 0 : 1);`,
    },
    SIZED,
    { fetchApplication: () => Promise.resolve('app.js') },
  );
  await master.hears('RegisterWorker');
  master.launchDriver('driver-1', {
    supervise: true,
    command: { mainClass: 'DriverWrapper', arguments: [], environment: {}, nodeOptions: [] },
  });
  assert.equal((await master.hears('DriverStateChanged')).state, 'FINISHED');
  assert.equal(readFileSync(join(workDir, 'driver-1/stdout'), 'utf8'), 'first\nsecond\n');
});
