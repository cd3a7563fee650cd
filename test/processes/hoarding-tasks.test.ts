import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { IskraCommand } from '../kit/iskra-command.ts';

const iskra = new IskraCommand('hoards', {
  // Each grows by pieces that are large, beside what V8 lets a thread have beyond its limit.
  'hoard.ts': `import { SparkContext } from 'iskra';
const hoards: Record<string, (v: number) => number> = {
  map: (v) => { const map = new Map<number, number[]>(); for (let i = v; ; i++) map.set(i, new Array<number>(16).fill(i)); },
  array: (v) => { const list: number[] = []; for (let i = v; ; i++) list.push(i); },
  fill: (v) => { const lists: number[][] = []; for (;;) lists.push(new Array<number>(20_000_000).fill(v)); },
  text: (v) => { const texts: string[] = []; for (let i = v; ; i++) texts.push(Array.from({ length: 50 }, (_, k) => (i + '.' + k).repeat(100_000)).join('-')); },
  buffer: (v) => { const buffers: Buffer[] = []; for (;;) buffers.push(Buffer.alloc(64 << 20, v + 1)); },
};
export async function main([slots = '', ...kinds]: string[]): Promise<void> {
  const sc = await SparkContext.create();
  for (const kind of kinds) {
    const hoard = hoards[kind]!;
    const tasks = Number(slots);
    await sc.range(0, tasks, 1, tasks).map(hoard).count().catch((e: Error) => console.log(kind, e.message.split('\\n')[0]));
    console.log(await sc.range(0, 10, 1, 4).count());
  }
}
`,
  // V8 ends the process, without having been asked for much memory.
  'refused.ts': `import { SparkContext } from 'iskra';
export async function main(): Promise<void> {
  const sc = await SparkContext.create();
  const parts = sc.range(0, 1, 1, 1).map(() => 'a'.repeat(2 ** 27 + 1).split('').length);
  await parts.count().catch((e: Error) => console.log(e.message.split('\\n')[0]));
  console.log(await sc.range(0, 10, 1, 4).count());
}
`,
  // The first task hoards, the second is at work beside it all the time and ends after it.
  'beside.ts': `import { existsSync, writeFileSync } from 'node:fs';
import { SparkContext } from 'iskra';
export async function main([over = '']: string[]): Promise<void> {
  const sc = await SparkContext.create();
  const hoard = sc.range(0, 1, 1, 1).map((v) => { const map = new Map<number, number[]>(); for (let i = v; ; i++) map.set(i, new Array<number>(16).fill(i)); });
  const beside = sc.range(0, 1, 1, 1).map((v) => { while (!existsSync(over)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10); return v + 7; });
  const sum = beside.sum();
  await hoard.count().catch((e: Error) => console.log(e.message.split('\\n')[0]));
  writeFileSync(over, '');
  console.log(await sum);
}
`,
});
after(() => iskra.remove());

const aborted = (kind: string, task: string, why: string): RegExp =>
  new RegExp(
    `^${kind}Job aborted due to stage failure: Task ${task} in stage \\d+\\.0 failed 4 times, .*SlotLost: ${why}`,
  );
const HEAP =
  "the task's thread ran out of heap \\(256 MiB a slot\\): raise spark\\.driver\\.memory \\(spark\\.executor\\.memory on a cluster\\), use fewer slots .*\\. It held \\d+ MiB of objects and \\d+ MiB of buffers$";
const BUFFERS =
  'the executor ran out of memory \\(\\d+ MiB for objects of all slots and cached blocks, \\d+ MiB with buffers\\), .*: raise spark\\.driver\\.memory .* MiB of cached blocks$';

for (const [kinds, why] of [
  [['map', 'array'], HEAP],
  [['fill', 'text'], HEAP],
  [['buffer'], BUFFERS],
] as const)
  test(`a task that hoards, by ${kinds.join(', ')}, fails with what it held and the setting; the driver and its next job go on`, async () => {
    const { code, out, err } = await iskra.run(
      ...['--master', 'local[2]', '-c', 'spark.driver.memory=64m', 'hoard.ts', '1', ...kinds],
    );
    assert.deepEqual([code, iskra.leftOver()], [0, []], err);
    const lines = out.trimEnd().split('\n');
    kinds.forEach((kind, i) => {
      assert.match(lines[2 * i] ?? '', aborted(`${kind} `, '0', why));
      assert.equal(lines[2 * i + 1], '10');
    });
  });

test('functions that hoard in both slots fail their job, and the driver goes on', async () => {
  const { code, out, err } = await iskra.run(
    ...['--master', 'local[2]', '-c', 'spark.driver.memory=64m', 'hoard.ts', '2', 'fill'],
  );
  assert.deepEqual([code, iskra.leftOver()], [0, []], err);
  const [line, count] = out.trimEnd().split('\n');
  assert.match(
    line ?? '',
    aborted('fill ', '[01]', "(the task's thread ran out of heap|the executor ran out of memory) "),
  );
  assert.equal(count, '10');
});

test('a slot that runs out of heap does not take its neighbours along', async () => {
  const cluster = ['--master', 'local-cluster[1,2,64]', '-c', 'spark.executor.memory=64m'];
  const { code, out, err } = await iskra.run(...cluster, 'beside.ts', iskra.path('over'));
  assert.deepEqual([code, iskra.leftOver()], [0, []], err);
  const [line, sum] = out.trimEnd().split('\n');
  assert.match(line ?? '', aborted('', '0', HEAP));
  assert.equal(sum, '7');
  assert.doesNotMatch(err, /ExecutorLost/);
});

test('with executors as processes, a step that V8 ends the process for costs executors, and the driver goes on', async () => {
  const { code, out, err } = await iskra.run('--master', 'local-cluster[1,1,1024]', 'refused.ts');
  assert.deepEqual([code, iskra.leftOver()], [0, []], err);
  const [line, count] = out.trimEnd().split('\n');
  assert.match(
    line ?? '',
    /^Job aborted due to stage failure: Task 0 in stage 0\.0 failed 4 times, .*: ExecutorLostFailure \(executor \d+ exited caused by one of the running tasks\) Reason: /,
  );
  assert.equal(count, '10');
});
