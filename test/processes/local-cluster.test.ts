import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { IskraCommand } from '../kit/iskra-command.ts';
import { gone, isAlive } from '../kit/processes.ts';
import { until } from '../kit/until.ts';

const MASTER = ['--master', 'local-cluster[2,1,1024]'];

const iskra = new IskraCommand('local-cluster', {
  'forever.ts': `import { SparkContext } from 'iskra';
export async function main(): Promise<void> {
  const sc = await SparkContext.create();
  const wait = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  let pids = new Set<number>();
  while (pids.size < 2) pids = new Set(await sc.range(0, 8, 1, 8).map(() => { wait(50); return process.pid; }).collect());
  console.log('executors ' + [...pids].join(' '));
  if (process.argv[2] === 'computes') wait(600_000);
  await sc.range(0, 4, 1, 4).map((x) => { wait(600_000); return x; }).collect();
}
`,
  'exits.ts': `import { SparkContext } from 'iskra';
export async function main(): Promise<void> {
  const sc = await SparkContext.create();
  const wait = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  let pids = new Set<number>();
  while (pids.size < 2) pids = new Set(await sc.range(0, 8, 1, 8).map(() => { wait(50); return process.pid; }).collect());
  process.stdout.write([...pids].join(' '));
  setTimeout(() => {
    if (process.argv[2] === 'calls process.exit') process.exit(7);
    else if (process.argv[2] === 'throws what nobody catches') throw new Error('not caught');
    else void Promise.reject(new Error('not awaited'));
  }, 50);
  await sc.range(0, 4, 1, 4).map((x) => [x, wait(600_000)]).count();
}
`,
  'script.ts': `import { SparkContext } from 'iskra';
const sc = await SparkContext.create();
console.log(await sc.range(100).map((x) => x % 7).distinct().count());
`,
  'kills.ts': `import { SparkContext } from 'iskra';
export async function main(): Promise<void> {
  const sc = await SparkContext.create();
  const pairs = sc.range(0, 400_000, 1, 6).map((x) => ['key ' + (x % 50_021), 'value ' + x] as [string, string]);
  const right = await pairs.reduceByKey((a, b) => (a > b ? a : b), 6).values().map((v) => v.length).sum();
  const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  let random = 42;
  for (let round = 0; round < 6; round++) {
    const pids = [...new Set(await sc.range(0, 8, 1, 8).map(() => process.pid).collect())];
    const job = pairs.reduceByKey((a, b) => (a > b ? a : b), 6).values().map((v) => v.length).sum();
    random = (random * 1103515245 + 12345) % 2147483648;
    await wait(random % 400);
    process.kill(pids[round % pids.length] as number, 'SIGKILL');
    console.log(await job === right ? 'right' : 'wrong');
  }
}
`,
  'exit.ts': `import { SparkContext } from 'iskra';
export async function main(): Promise<void> {
  const sc = await SparkContext.create();
  await sc.range(0, 2, 1, 2).map(() => process.kill(process.pid, 'SIGKILL')).count().catch((e: Error) => console.log(e.message.split('\\n')[0]));
  console.log(await sc.range(10).count());
}
`,
});

after(() => iskra.remove());

for (const [how, signal, code] of [
  ['is killed with -9', 'SIGKILL', null],
  ['is killed with -9 while its program computes', 'SIGKILL', null],
  ['is told to end', 'SIGTERM', 143],
  ['is interrupted', 'SIGINT', 130],
] as const)
  test(`executors end, and clean up, when their driver ${how}`, async () => {
    const { child, outcome, printed } = iskra.start([...MASTER, 'forever.ts', how.split(' ').at(-1) as string]);
    let pids: number[] = [];
    child.stdout?.on('data', (text: string) => {
      const line = /executors (.*)/.exec(text);
      if (line !== null) pids = (line[1] as string).split(' ').map(Number);
    });
    await printed('executors ');
    await until(() => pids.length === 2);
    assert.ok(pids.every(isAlive));
    child.kill(signal);
    await gone(pids);
    assert.equal((await outcome).code, code);
    // What the driver itself had is left to the next start when it was killed.
    const left = iskra.leftOver();
    assert.ok(signal === 'SIGKILL' ? left.length <= 1 : left.length === 0, `${left}`);
  });

for (const [how, expected, says] of [
  ['calls process.exit', 7, /^/],
  ['throws what nobody catches', 1, /^Error: not caught$/m],
  ['rejects a promise that nobody awaits', 1, /^Error: not awaited$/m],
] as const)
  test(`executors end, and leave nothing, when their driver ${how} in the middle of a job`, async () => {
    const { code, out, err } = await iskra.run(...MASTER, 'exits.ts', how);
    assert.equal(code, expected, err);
    assert.match(err, says);
    const pids = out.trim().split(' ').map(Number);
    assert.equal(pids.length, 2);
    await gone(pids);
    assert.deepEqual(iskra.leftOver(), [], err);
  });

test('why executors cannot start is said once by each of them, and once by the job', async () => {
  const { code, err } = await iskra.run(
    ...['--master', 'local-cluster[1,1,1024]', '-c', 'spark.deploy.maxExecutorRetries=1'],
    ...['-c', 'spark.executor.resource.gpu.amount=1'],
    ...['-c', 'spark.executor.resource.gpu.discoveryScript=/no/such/script', 'script.ts'],
  );
  assert.equal(code, 1, err);
  const says = err.split('\n').filter((line) => line.includes("/no/such/script to discover gpu doesn't exist!"));
  assert.deepEqual(
    says.map((line) => line.split(':', 1)[0]),
    ['ERROR Executor 0', 'ERROR Executor 1', 'JobFailedError'],
    err,
  );
});

test('a script that does not stop its context ends, and its executors with it', async () => {
  const { code, out, err } = await iskra.run(...MASTER, 'script.ts');
  assert.deepEqual([code, out, err, iskra.leftOver()], [0, '7\n', '', []]);
});

test('executors killed at any moment of a shuffle cost time, never a result', async () => {
  const { code, out, err } = await iskra.run(...MASTER, '-c', 'spark.shuffle.io.retryWait=50ms', 'kills.ts');
  assert.deepEqual([code, out], [0, 'right\n'.repeat(6)], err);
});

test('a task that crashes its whole process fails its job after four executors, and the next job works', async () => {
  const { code, out, err } = await iskra.run(...MASTER, 'exit.ts');
  assert.equal(code, 0, err);
  const [first, second] = out.split('\n');
  assert.match(
    first ?? '',
    /^Job aborted due to stage failure: Task \d in stage 0\.0 failed 4 times, most recent failure: .*ExecutorLostFailure \(executor \d+ exited caused by one of the running tasks\) Reason: Command was ended by signal SIGKILL/,
  );
  assert.equal(second, '10');
});
