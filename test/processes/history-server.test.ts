import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DaemonPlace } from '../kit/daemon-place.ts';
import { IskraCommand } from '../kit/iskra-command.ts';

const APPLICATION = `
import { SparkContext } from 'iskra';
const sc = await SparkContext.create({ master: 'local[1]', appName: 'logged' });
console.log(await sc.range(0, 10, 1, 2).map((x) => x + 1).count());
if (process.argv[2] === 'exit') process.exit(3);
await sc.stop();
`;

interface Listed {
  readonly id: string;
  readonly attempts: readonly { readonly completed: boolean }[];
}

test('an application writes its log, and a history server in the foreground shows it', async (t) => {
  const place = new DaemonPlace(t);
  const logs = join(place.folder, 'event logs');
  mkdirSync(logs);
  const app = new IskraCommand('history', { 'app.ts': APPLICATION });
  t.after(() => app.remove());
  const settings = ['-c', 'spark.eventLog.enabled=true', '-c', `spark.eventLog.dir=${logs}`];
  for (const [id, ...args] of [['stopped'], ['exited', 'exit']]) {
    const { code, out } = await app.run(...settings, '-c', `spark.app.id=${id}`, 'app.ts', ...args);
    assert.deepEqual([code, out], [args.length === 0 ? 0 : 3, '10\n']);
  }
  assert.deepEqual(readdirSync(logs).sort(), ['eventlog_v2_exited', 'eventlog_v2_stopped']);
  const server = place.start('history-server', '--port', '0', '-d', 'event logs');
  const port = await server.logged(/started service 'HistoryServerUI' on port (\d+)/);
  const url = `http://127.0.0.1:${port}`;
  const listed = (await (await fetch(`${url}/api/v1/applications`)).json()) as Listed[];
  assert.deepEqual(
    listed.map(({ id, attempts }) => [id, attempts[0]?.completed]).sort(),
    [
      ['exited', true],
      ['stopped', true],
    ],
    'one that leaves by process.exit has an end, too',
  );
  for (const path of ['/', '/history/exited/', '/history/stopped/stages/stage/?id=0&attempt=0', '/health', '/readyz'])
    assert.equal((await fetch(url + path)).status, 200, path);
  assert.match(await (await fetch(`${url}/history/stopped/jobs/`)).text(), /logged - Spark Jobs/);
  server.child.kill('SIGTERM');
  assert.equal((await server.outcome).code, 143);
});

test('a history server in the background has a pid file and a log, and can be stopped', async (t) => {
  const place = new DaemonPlace(t);
  const started = await place.run('history-server', '--daemon', '--port', '0', '--dir', place.folder);
  assert.equal(started.code, 0, started.err);
  let stopped: Awaited<ReturnType<DaemonPlace['run']>>;
  const [, pid = '', url = ''] = /as process (\d+) at (http:\/\/\S+), pages/.exec(started.out) ?? [];
  try {
    assert.equal(((await (await fetch(`${url}/health`)).json()) as { status: string }).status, 'UP');
    const again = await place.run('history-server', '--daemon', '--port', '0', '--dir', place.folder);
    assert.equal(again.err, `iskra: history-server 1 running as process ${pid}. Stop it first.\n`);
  } finally {
    stopped = await place.run('stop', 'history-server');
  }
  assert.equal(stopped.out, `stopped history-server 1, which was process ${pid}\n`);
  const [log] = readdirSync(join(place.folder, 'logs'));
  assert.match(readFileSync(join(place.folder, 'logs', log ?? ''), 'utf8'), /Listening on localhost only/);
});

test('a history server without its directory says so and does not start', async (t) => {
  const place = new DaemonPlace(t);
  const { code, err } = await place.run('history-server', '--port', '0', '--dir', 'none');
  assert.equal(code, 1);
  assert.match(err, /Log directory specified does not exist: file:.*none Did you configure the correct one/);
  const twice = await place.run('history-server', '--dir', 'a', 'b');
  assert.match(twice.err, /the directory of logs was given twice: 'a' and 'b'/);
});

test('an application whose log cannot be written does not start', async (t) => {
  const app = new IskraCommand('history', { 'app.ts': APPLICATION });
  t.after(() => app.remove());
  const settings = ['-c', 'spark.eventLog.enabled=true', '-c', `spark.eventLog.dir=${app.path('none')}`];
  const { code, err } = await app.run(...settings, 'app.ts');
  assert.equal(code, 1);
  assert.match(err, /File file:.*none does not exist: make the directory of spark\.eventLog\.dir/);
});
