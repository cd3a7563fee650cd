import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { IskraCommand } from '../kit/iskra-command.ts';
import { gone } from '../kit/processes.ts';
import { BUNDLED_EXECUTOR, StandaloneCluster } from '../kit/standalone-cluster.ts';

const WORKER_MAIN = fileURLToPath(new URL('../kit/worker-main.js', import.meta.url));

const iskra = new IskraCommand('standalone', {
  'count.ts': `import { SparkContext } from 'iskra';
const sc = await SparkContext.create();
const pairs = sc.range(0, 1000, 1, 4).map((x) => [x % 7, 1] as [number, number]);
console.log(sc.applicationId, await pairs.reduceByKey((a, b) => a + b, 2).count());
await sc.stop();
`,
  'forever.ts': `import { SparkContext } from 'iskra';
export async function main(): Promise<void> {
  const sc = await SparkContext.create();
  const wait = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  let pids = new Set<number>();
  while (pids.size < 2) pids = new Set(await sc.range(0, 8, 1, 8).map(() => { wait(50); return process.pid; }).collect());
  console.log('executors ' + [...pids].join(' ') + ' of ' + sc.applicationId);
  await sc.range(0, 4, 1, 4).map((x) => { wait(600_000); return x; }).collect();
}
`,
  'left.ts': `import { SparkContext } from 'iskra';
const sc = await SparkContext.create();
console.log(sc.applicationId, await sc.range(10).count());
if (process.argv[2] !== undefined) process.exit(Number(process.argv[2]));
`,
  'registers.ts': `import { SparkContext } from 'iskra';
export async function main(): Promise<void> {
  console.log('registers');
  await SparkContext.create();
}
`,
  'slow.ts': `import { SparkContext } from 'iskra';
export async function main(): Promise<void> {
  const sc = await SparkContext.create();
  const wait = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  await sc.range(0, 2, 1, 2).map((x) => { wait(300); return x; }).collect();
  console.log('begins');
  const pairs = sc.range(0, 400, 1, 8).map((x) => { wait(2); return [x % 7, 1] as [number, number]; });
  for (let i = 0; i < 2; i++) console.log(await pairs.reduceByKey((a, b) => a + b, 4).values().sum());
}
`,
});
after(() => iskra.remove());

describe('drivers of a standalone cluster', () => {
  let cluster: StandaloneCluster;
  before(async () => {
    cluster = await StandaloneCluster.start({ executor: BUNDLED_EXECUTOR, coresPerWorker: 2, memoryPerWorker: 2048 });
  });
  after(() => cluster.stop());

  test('run side by side', async () => {
    const args = ['--master', cluster.url, '--total-executor-cores', '2', 'count.ts'];
    const outcomes = await Promise.all([iskra.run(...args), iskra.run(...args)]);
    const ids = outcomes.map(({ code, out, err }) => {
      assert.deepEqual([code, err, out.split(' ')[1]], [0, '', '7\n']);
      return out.split(' ')[0] as string;
    });
    assert.equal(new Set(ids).size, 2);
    await cluster.until(({ activeApps }) => activeApps.length === 0);
    for (const id of ids) assert.equal((await cluster.app(id))?.state, 'FINISHED');
  });

  for (const [how, signal, code] of [
    ['is killed with -9', 'SIGKILL', null],
    ['is told to end', 'SIGTERM', 143],
    ['is interrupted', 'SIGINT', 130],
  ] as const)
    test(`leave no executor behind when one ${how}`, async () => {
      const { child, outcome, printed } = iskra.start(['--master', cluster.url, 'forever.ts']);
      let line = '';
      child.stdout?.on('data', (text: string) => {
        line += text;
      });
      await printed(' of app-');
      const [, pids = '', id = ''] = /executors (.*) of (\S+)/.exec(line) ?? [];
      const executors = pids.split(' ').map(Number);
      assert.equal(executors.length, 2);
      child.kill(signal);
      assert.equal((await outcome).code, code);
      await gone(executors);
      await cluster.until(({ activeApps }) => activeApps.length === 0);
      assert.equal((await cluster.app(id))?.state, 'FINISHED');
      await cluster.until(({ workers }) => workers.every(({ coresUsed }) => coresUsed === 0));
    });

  for (const [how, args, expected] of [
    ['has ended without stopping its context', [], 0],
    ['ends the process itself', ['3'], 3],
  ] as const)
    test(`have finished, with the program's exit code, when one ${how}`, async () => {
      const { code, out, err } = await iskra.run('--master', cluster.url, 'left.ts', ...args);
      assert.deepEqual([code, out.split(' ')[1]], [expected, '10\n'], err);
      await cluster.until(
        ({ activeApps, workers }) => activeApps.length === 0 && workers.every((w) => w.coresUsed === 0),
      );
      assert.equal((await cluster.app(out.split(' ')[0] ?? ''))?.state, 'FINISHED');
    });

  for (const [what, settings, text] of [
    [
      'more memory than any worker has',
      ['spark.executor.memory=99g'],
      /resources; check your cluster UI .* \(there is no executor: one needs 1 core, 101376 MiB of memory free on one worker\)/,
    ],
    [
      'fewer cores than an executor has',
      ['spark.cores.max=1', 'spark.executor.cores=2'],
      /Total executor cores: 1 is not divisible by cores per executor: 2, the left cores: 1 will not be allocated[\s\S]*spark\.cores\.max is 1, less than the 2 of spark\.executor\.cores/,
    ],
  ] as const)
    test(`wait, with a warning of what is missing, when one asks for ${what}`, async () => {
      const conf = ['spark.starvation.timeout=100ms', ...settings].flatMap((each) => ['-c', each]);
      const { child, outcome } = iskra.start(['--master', cluster.url, ...conf, 'left.ts']);
      let told = '';
      await new Promise<void>((resolve) => {
        child.stderr?.on('data', (chunk: string) => {
          told += chunk;
          if (text.test(told)) resolve();
        });
        void outcome.then(() => resolve());
      });
      child.kill('SIGTERM');
      assert.equal((await outcome).code, 143, told);
      assert.match(told, text);
    });

  test('end with the reason when their application is removed', async () => {
    const { outcome, printed, child } = iskra.start(['--master', cluster.url, 'forever.ts']);
    let line = '';
    child.stdout?.on('data', (text: string) => {
      line += text;
    });
    await printed(' of app-');
    await cluster.master.ask('RequestKillApplication', { appId: / of (\S+)/.exec(line)?.[1] ?? '' });
    const { code, err } = await outcome;
    assert.equal(code, 1);
    assert.match(err, /Master removed our application: KILLED/);
  });
});

test('a worker that is killed with -9 takes its executor along, and the job goes on elsewhere', async () => {
  const cluster = await StandaloneCluster.start({ workers: 1, executor: BUNDLED_EXECUTOR });
  const worker = fork(WORKER_MAIN, [cluster.url, join(cluster.directory, 'work-killed'), BUNDLED_EXECUTOR], {
    silent: true,
  });
  try {
    await cluster.until(({ workers }) => workers.length === 2);
    const { printed, outcome } = iskra.start(['--master', cluster.url, 'slow.ts']);
    await printed('begins');
    worker.kill('SIGKILL');
    const { code, out } = await outcome;
    assert.deepEqual([code, out], [0, 'begins\n400\n400\n']);
    const { workers } = await cluster.state();
    assert.deepEqual(workers.map(({ state }) => state).sort(), ['ALIVE', 'DEAD']);
  } finally {
    worker.kill('SIGKILL');
    await cluster.stop();
  }
});

describe('a driver whose master does not answer', () => {
  test('says so, and ends with code 1', async () => {
    const { code, err } = await iskra.run(
      ...['--master', 'spark://127.0.0.1:1', '-c', 'spark.iskra.standalone.registrationTimeout=100ms', 'registers.ts'],
    );
    assert.equal(code, 1);
    assert.match(
      err,
      /Application has been killed\. Reason: All masters are unresponsive! Giving up\..*127\.0\.0\.1:1/,
    );
  });

  test('can be interrupted meanwhile', async () => {
    const { child, outcome, printed } = iskra.start(['--master', 'spark://127.0.0.1:1', 'registers.ts']);
    await printed('registers');
    await sleep(100);
    child.kill('SIGINT');
    assert.equal((await outcome).code, 130);
  });

  test('does not get past a master URL of another form, or a name that nobody knows', async () => {
    const bad = await iskra.run('--master', 'spark://nowhere', 'registers.ts');
    assert.equal(bad.code, 2);
    assert.match(bad.err, /Could not parse Master URL: 'spark:\/\/nowhere'/);
    const unknown = await iskra.run('--master', 'spark://no-such-host.invalid:7077', 'registers.ts');
    assert.equal(unknown.code, 1);
    assert.match(
      unknown.err,
      /There is no way from here to a master \(no-such-host\.invalid:7077: .*spark\.driver\.host/,
    );
  });
});
