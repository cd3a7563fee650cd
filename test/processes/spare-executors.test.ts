import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { FakeMaster } from '../kit/fake-master.ts';
import { IskraCommand } from '../kit/iskra-command.ts';
import { IskraWorker } from '../kit/iskra-worker.ts';
import { gone } from '../kit/processes.ts';
import { BUNDLED_EXECUTOR, StandaloneCluster } from '../kit/standalone-cluster.ts';
import { until } from '../kit/until.ts';

const iskra = new IskraCommand('spares', {
  'look.ts': `import { execFileSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { SparkContext } from 'iskra';

const sc = await SparkContext.create();
const seen = await sc.range(0, 8, 1, 8).map((i) => {
  console.log('task ' + i + ' says this');
  console.error('task ' + i + ' complains');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20); // both slots get some
  const { pid, ppid, env, argv, execArgv } = process;
  const files = process.platform === 'linux' ? [0, 1, 2].map((fd) => readlinkSync('/proc/self/fd/' + fd)) : [];
  const child = execFileSync('sh', ['-c', 'pwd; env | sort'], { encoding: 'utf8' });
  const zone = new Date(1e12).getTimezoneOffset();
  return { pid, ppid, cwd: process.cwd(), umask: process.umask(), env: { ...env }, argv, execArgv, files, child, zone };
}).collect();
const shown = execFileSync('ps', ['-o', 'comm=,args=', '-p', String(seen[0]?.pid)], { encoding: 'utf8' }).trim();
console.log(JSON.stringify({ id: sc.applicationId, seen, shown }));
await sc.stop();
`,
  'slow.ts': `import { SparkContext } from 'iskra';
const sc = await SparkContext.create();
const wait = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
console.log('pid ' + (await sc.range(0, 1, 1, 1).map(() => process.pid).first()) + ' of them');
const pids = await sc.range(0, 60, 1, 60).map(() => { wait(20); return process.pid; }).collect();
console.log(pids.length, new Set(pids).size);
await sc.stop();
`,
});
after(() => iskra.remove());

interface Seen {
  readonly pid: number;
  readonly ppid: number;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly zone: number;
}
interface Looked {
  readonly id: string;
  readonly seen: readonly Seen[];
  readonly shown: string;
}

let cluster: StandaloneCluster;
before(async () => {
  cluster = await StandaloneCluster.start({ workers: 0, executor: BUNDLED_EXECUTOR });
  await cluster.addWorker({ cores: 2, memory: 2048, hasSpares: true });
  await cluster.until(({ workers }) => workers.length === 1);
});
after(() => cluster.stop());

/** Spares of a process, by what `ps` shows. */
function sparesOf(worker: number): number[] {
  const lines = execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' }).trim().split('\n');
  return lines.flatMap((line) => {
    const [, pid, ppid, args = ''] = /^ *(\d+) +(\d+) +(.*)$/.exec(line) ?? [];
    return Number(ppid) === worker && / --spare( |$)/.test(args) ? [Number(pid)] : [];
  });
}
async function theSpare(worker = process.pid): Promise<number> {
  let pid: number | undefined;
  await until(() => {
    [pid] = sparesOf(worker);
    return pid !== undefined;
  });
  return pid as number; // until() saw it
}
async function look(url: string, ...settings: string[]): Promise<Looked> {
  const conf = ['spark.ui.showConsoleProgress=false', ...settings].flatMap((each) => ['-c', each]);
  const { code, out, err } = await iskra.run('--master', url, ...conf, 'look.ts');
  assert.equal(code, 0, err);
  return JSON.parse(out) as Looked;
}

test('an executor that was a spare sees what one sees that was started for the purpose, and prints where that prints', async () => {
  const without = await StandaloneCluster.start({ workers: 0, executor: BUNDLED_EXECUTOR });
  try {
    await without.addWorker({ cores: 2, memory: 2048 });
    await without.until(({ workers }) => workers.length === 1);
    const environment = ['spark.executorEnv.MINE=1', 'spark.executorEnv.HOME=/nowhere'];
    const cold = await look(without.url, ...environment);
    const spare = await theSpare();
    const warm = await look(cluster.url, ...environment);
    assert.deepEqual([...new Set(warm.seen.map(({ pid }) => pid))], [spare]);
    assert.ok(cold.seen.every(({ pid }) => pid !== spare));
    const comparable = ({ id, seen, shown }: Looked, directory: string): unknown =>
      JSON.parse(
        JSON.stringify({ seen: seen.map((each) => ({ ...each, pid: 0 })), shown })
          .replaceAll(id, 'APP')
          .replaceAll(directory, 'DIRECTORY')
          .replace(/127\.0\.0\.1:\d+/g, 'ADDRESS')
          .replace(/executor-[0-9a-f-]{36}/g, 'executor-UUID'),
      );
    assert.deepEqual(comparable(warm, cluster.directory), comparable(cold, without.directory));
    const [first] = warm.seen;
    assert.equal(first?.cwd, join(cluster.directory, 'work-0', warm.id, '0'));
    assert.deepEqual([first?.env['MINE'], first?.env['HOME'], first?.ppid], ['1', '/nowhere', process.pid]);
    const log = (name: string): string => readFileSync(join(first?.cwd ?? '', name), 'utf8');
    assert.equal(
      log('stdout')
        .split('\n')
        .filter((line) => /^task \d says this$/.test(line)).length,
      8,
    );
    assert.match(log('stderr'), /^Spark Executor Command: "node" ".*" "--driver-url" .*\n={40}\n\n/);
    assert.equal(
      log('stderr')
        .split('\n')
        .filter((line) => /^task \d complains$/.test(line)).length,
      8,
    );
  } finally {
    await without.stop();
  }
});

test('an executor with settings that count when a process starts is a process of its own, and the spare stays', async () => {
  const spare = await theSpare();
  for (const [setting, zone] of [
    ['spark.executorEnv.TZ=Asia/Kathmandu', -345],
    ['spark.executorEnv.NODE_OPTIONS=--max-http-header-size=9000', undefined],
  ] as const) {
    const { seen } = await look(cluster.url, setting);
    assert.ok(
      seen.every(
        ({ pid, env }) =>
          pid !== spare && env[setting.slice('spark.executorEnv.'.length, setting.indexOf('='))] !== undefined,
      ),
    );
    if (zone !== undefined) assert.ok(seen.every((each) => each.zone === zone));
  }
  assert.deepEqual(sparesOf(process.pid), [spare]);
});

test('another memory than the spare was made for is no reason for a process of its own', async () => {
  const spare = await theSpare();
  const { seen } = await look(cluster.url, 'spark.executor.memory=1500m', 'spark.executor.cores=1');
  assert.ok(seen.some(({ pid }) => pid === spare));
});

test('an executor that was a spare and is killed with -9 is replaced, and the job ends well', async () => {
  const spare = await theSpare();
  const { outcome, printed } = iskra.start(['--master', cluster.url, 'slow.ts']);
  await printed(`pid ${spare} of them`);
  process.kill(spare, 'SIGKILL');
  const { code, out, err } = await outcome;
  assert.equal(code, 0, err);
  assert.match(out, /\n60 [12]\n$/);
  await gone([spare]);
});

test('spares end when their worker is killed with -9, or told to end, and nothing is left of them', async (t) => {
  const master = await FakeMaster.start();
  t.after(() => master.stop());
  for (const signal of ['SIGKILL', 'SIGTERM', 'SIGKILL'] as const) {
    const worker = new IskraWorker(master.url, iskra.scratch);
    t.after(() => worker.child.kill('SIGKILL'));
    const spare = await Promise.race([theSpare(worker.child.pid), worker.ended]);
    worker.child.kill(signal);
    await gone([spare]);
    await worker.exit;
    // A killed one's directory goes when the next worker starts.
    const left = readdirSync(join(iskra.scratch, 'work')).filter((name) => name.startsWith('.spares-'));
    assert.equal(left.length, signal === 'SIGKILL' ? 1 : 0);
  }
});
