import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { silentLogger } from '../../../src/base/logger.ts';
import { WorkDirs } from '../../../src/deploy/worker/work-dirs.ts';
import { EXECUTOR_MAIN } from '../../../src/protocol/worker-process.ts';
import { sharedSecret } from '../../../src/rpc/security.ts';
import { ManualClock } from '../../kit/manual-clock.ts';
import { app, COMMAND } from '../../kit/master-machine.ts';
import { gone } from '../../kit/processes.ts';
import { until } from '../../kit/until.ts';
import { printed, workerScene } from '../../kit/worker-process.ts';

/** Prints how it came to be; a spare says first what it was told, and does `onOrder` instead of taking it where that is something. */
const program = (onOrder = '', onStart = '') => `
import { Socket } from 'node:net';
let order = null;
if (process.argv[2] === '--spare') {
  ${onStart}
  const socket = new Socket({ fd: 3 });
  let text = '';
  order = await new Promise((resolve) => {
    socket.on('data', (more) => (text += more).endsWith('\\n') && resolve(JSON.parse(text)));
    socket.on('close', () => process.exit());
  });
  ${onOrder}
  socket.removeAllListeners('close');
  socket.write('.', () => socket.destroy());
}
console.log(JSON.stringify({ pid: process.pid, cwd: process.cwd(), argv: process.argv.slice(2), order }));
setInterval(() => {}, 1 << 30);
`;
/** What a spare prints that has not taken its order. */
const HALF = 'half';
/** As long as a test looks. */
const WAITS = 'await new Promise(() => setInterval(() => {}, 1 << 30));';

interface Told {
  readonly pid: number;
  readonly cwd: string;
  readonly argv: readonly string[];
  readonly order: {
    readonly arguments: readonly string[];
    readonly environment: Readonly<Record<string, string>>;
    readonly directory: string;
    readonly title: string;
  } | null;
}

type Options = NonNullable<Parameters<typeof workerScene>[3]>;

async function scene(t: TestContext, source: string, conf: Record<string, string> = {}, more: Options = {}) {
  const here = await workerScene(t, { [EXECUTOR_MAIN]: source }, conf, { hasSpares: true, ...more });
  await here.master.hears('WorkerLatestState');
  const told = async (execId: number): Promise<Told> => {
    let line = HALF;
    await until(async () => {
      line = await printed(join(here.workDir, `app-1/${execId}/stdout`));
      return line !== HALF;
    });
    return JSON.parse(line) as Told;
  };
  const spares = (): string[] => readdirSync(here.workDir).filter((name) => name.startsWith('.spares-'));
  return { ...here, told, spares };
}

for (const rolling of [false, true])
  test(`an executor gets a spare, with its arguments, environment, directory and logs${rolling ? ', which are rolled' : ''}`, async (t) => {
    const { master, workDir, directory, told } = await scene(
      t,
      program(),
      rolling ? { 'spark.executor.logs.rolling.strategy': 'size' } : {},
      { environment: { PATH: process.env['PATH'], OF_THE_WORKER: '1', _SPARK_AUTH_SECRET: 'hush' } },
    );
    master.launch(0, { app: app({ command: { ...COMMAND, environment: { A: '1' } } }) });
    const { order, argv } = await told(0);
    assert.ok(order !== null);
    assert.deepEqual(argv.slice(0, 3), ['--spare', '4', '1024']);
    assert.deepEqual(order.arguments, ['--executor-id', '0']);
    assert.equal(order.directory, join(workDir, 'app-1/0'));
    const { environment } = order;
    assert.deepEqual(
      [environment['A'], environment['OF_THE_WORKER'], environment['PATH']],
      ['1', '1', process.env['PATH']],
    );
    assert.match(environment['SPARK_EXECUTOR_DIRS'] ?? '', new RegExp(`^${directory}/local/executor-`));
    assert.ok(!('_SPARK_AUTH_SECRET' in environment));
    assert.match(order.title, /^\S*node\S* \S*\.mjs --executor-id 0$/);
    const stderr = readFileSync(join(workDir, 'app-1/0/stderr'), 'utf8');
    assert.match(stderr, /^Spark Executor Command: "node" ".*mjs" "--executor-id" "0"\n={40}\n\n/);
    assert.ok(!stderr.includes('--spare'));
    master.send({ type: 'KillExecutor', masterUrl: master.url, appId: 'app-1', execId: 0 });
    const end = await master.ended(0);
    assert.deepEqual([end.state, end.exitStatus, end.message], ['KILLED', 143, 'Command exited with code 143']);
    // The next one was started when this one had ended.
    master.launch(1);
    assert.notEqual((await told(1)).order, null);
  });

test('what a spare has said before is below the header of the log that it becomes', async (t) => {
  const { master, workDir, told } = await scene(t, program('', `process.stderr.write('a warning\\n');`));
  master.launch(0);
  await told(0);
  assert.match(
    readFileSync(join(workDir, 'app-1/0/stderr'), 'utf8'),
    /^Spark Executor Command: .*\n={40}\n\na warning\n$/,
  );
});

test('what a spare is to keep for itself is in no argument', async (t) => {
  const secret = 'of-the-cluster';
  const { master, told } = await scene(t, program(), {}, { security: sharedSecret(secret) });
  master.launch(0, { app: app({ secretSalt: '5a'.repeat(32) }) });
  const { order, argv } = await told(0);
  const { environment = {}, title = '' } = order ?? {};
  assert.ok(environment['_ISKRA_WORKER_ACCESS'] !== undefined && environment['_SPARK_AUTH_SECRET'] !== undefined);
  assert.ok(environment['_SPARK_AUTH_SECRET'] !== secret);
  for (const [name, value] of Object.entries(environment))
    if (/SECRET|ACCESS/.test(name)) assert.ok(!title.includes(value) && !argv.join(' ').includes(value));
});

for (const [how, onOrder] of [
  ['ends when it is told', 'process.exit(7);'],
  ['never answers', WAITS],
])
  test(`a spare that ${how} is not missed: the executor gets a process of its own`, async (t) => {
    const clock = new ManualClock(Date.now());
    const { master, workDir, told, lines } = await scene(
      t,
      program(`console.log('${HALF}'); ${onOrder}`),
      {},
      { clock },
    );
    master.launch(0);
    if (onOrder === WAITS) {
      assert.equal(await printed(join(workDir, 'app-1/0/stdout')), HALF);
      clock.advance(30_000);
    }
    const { order, argv } = await told(0);
    assert.deepEqual([order, argv], [null, ['--executor-id', '0']]);
    assert.match(readFileSync(join(workDir, 'app-1/0/stderr'), 'utf8'), /^Spark Executor Command: .*\n={40}\n\n$/);
    assert.equal(lines.filter((line) => line.includes('A spare executor has ended: ')).length, 1);
  });

test('spares that cannot live are replaced with more and more time between, and executors start without them', async (t) => {
  const clock = new ManualClock(Date.now());
  const { master, told, lines } = await scene(t, program('', 'process.exit(9);'), {}, { clock });
  const ended = () => lines.filter((line) => line.includes('A spare executor has ended: it exited with 9.'));
  await until(() => ended().length >= 1);
  clock.advance(1000);
  await until(() => ended().length >= 2);
  assert.match(ended()[1] ?? '', /The next one starts after 2 s\.$/);
  master.launch(0);
  assert.equal((await told(0)).order, null);
});

test('spares end with the worker, and leave nothing', async (t) => {
  const { worker, workDir, spares } = await scene(
    t,
    program('', `(await import('node:fs')).writeFileSync('spare.' + process.pid, process.pid + '\\n');`),
    { 'spark.iskra.worker.spareExecutors': '2' },
  );
  const files = (): string[] => readdirSync(workDir).filter((name) => name.startsWith('spare.'));
  await until(() => files().length >= 2);
  assert.equal(spares().length, 1);
  await worker.stop();
  await gone(files().map((name) => Number(name.slice('spare.'.length))));
  assert.deepEqual(spares(), []);
});

test('a worker that was killed leaves a directory of spares, which the next one removes', async (t) => {
  const { workDir, spares } = await scene(t, program());
  const [mine = ''] = spares();
  const owner = JSON.parse(readFileSync(join(workDir, mine, 'worker.json'), 'utf8')) as object;
  for (const [name, startedAtTicks] of [
    ['.spares-dead', '1'],
    ['.spares-without', null],
  ] as const) {
    mkdirSync(join(workDir, name));
    if (startedAtTicks !== null)
      writeFileSync(join(workDir, name, 'worker.json'), JSON.stringify({ ...owner, startedAtTicks }));
  }
  new WorkDirs(workDir, [], silentLogger).removeLeftBehind();
  assert.deepEqual(spares().sort(), [mine, '.spares-without'].sort());
});
