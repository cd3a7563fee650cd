import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { IskraCommand } from '../kit/iskra-command.ts';

const iskra = new IskraCommand('executor-memory', {
  'count.ts': `import { SparkContext } from 'iskra';
export async function main(): Promise<void> {
  const sc = await SparkContext.create();
  console.log(await sc.range(4).count());
}
`,
  // A partition of 600 MB where a slot has 256 MiB of heap.
  'stream.ts': `import { SparkContext } from 'iskra';
export async function main([dir = '']: string[]): Promise<void> {
  const sc = await SparkContext.create();
  const large = sc.range(0, 300_000, 1, 1).map((v) => String(v).padEnd(2000, 'x'));
  console.log(await large.filter((t) => t[0] !== '9').flatMap((t) => [t, t]).count());
  console.log(await large.mapPartitions(function* (texts) { for (const t of texts) yield t.length; }).sum());
  await large.saveAsTextFile(dir);
  console.log(await sc.textFile(dir, 1).map((t) => t.length).sum());
}
`,
  'heap.ts': `import { SparkContext } from 'iskra';
export async function main(): Promise<void> {
  const sc = await SparkContext.create();
  const arrays = (v: number): number => {
    const kept: number[][] = [];
    for (;;) kept.push(new Array<number>(100_000).fill(v + 0.5));
  };
  const table = (v: number): number => {
    const kept = new Map<number, number[]>();
    for (let i = 0; ; i++) kept.set(i + v, new Array<number>(16).fill(i));
  };
  for (const hoard of [arrays, table]) {
    await sc.range(0, 1, 1, 1).map(hoard).count().catch((e: Error) => console.log(e.message.split('\\n')[0]));
    console.log(await sc.range(0, 10, 1, 4).count());
  }
}
`,
});
after(() => iskra.remove());

const cluster = ['--master', 'local-cluster[1,1,64]', '-c', 'spark.executor.memory=64m'];

for (const master of [['--master', 'local[1]', '-c', 'spark.driver.memory=64m'], cluster])
  test(`a partition larger than memory streams through narrow operators: ${master[1]}`, async () => {
    const { code, out, err } = await iskra.run(
      ...master,
      'stream.ts',
      iskra.path(`out${master.length}${master[1]?.length}`),
    );
    assert.deepEqual([code, iskra.leftOver()], [0, []], err);
    const nines = 1 + 10 + 100 + 1000 + 10_000;
    assert.deepEqual(out, `${2 * (300_000 - nines)}\n600000000\n600000000\n`);
  });

test('tasks that run out of heap cost slots, no executor, and the driver and the next job go on', async () => {
  const { code, out, err } = await iskra.run(...cluster, 'heap.ts');
  assert.deepEqual([code, iskra.leftOver()], [0, []], err);
  const [arrays, next, table, last] = out.trimEnd().split('\n');
  assert.match(
    arrays ?? '',
    /^Job aborted .* failed 4 times, .*SlotLost: the task's thread ran out of heap \(256 MiB a slot\)/,
  );
  assert.match(
    table ?? '',
    /^Job aborted .* failed 4 times, .*SlotLost: the task's thread ran out of heap \(256 MiB a slot\)/,
  );
  assert.deepEqual([next, last], ['10', '10']);
  assert.doesNotMatch(err, /ExecutorLost/);
});

test('a bad spark.executor.memory stops the start with the value and what is allowed', async () => {
  const least = (value: string): string =>
    `iskra: '${value}' in spark.executor.memory is invalid. It must be at least 64m, which a Node heap needs to start`;
  // A value that is no setting is a mistake in the command; one that does not fit is found when the cluster is laid out.
  const cases: readonly (readonly [string, number, string])[] = [
    ['0', 2, least('0')],
    ['-1', 2, least('-1')],
    ['10x', 2, 'iskra: spark.executor.memory should be size, but was 10x: give a size with a unit'],
    [
      '2g',
      1,
      'Asked to launch cluster with 1024 MiB/worker but requested 2048 MiB/executor; lower spark.executor.memory',
    ],
  ];
  for (const [value, exit, message] of cases) {
    const args = ['--master', 'local-cluster[2,1,1024]', '-c', `spark.executor.memory=${value}`, 'count.ts'];
    const { code, out, err } = await iskra.run(...args);
    assert.deepEqual([code, out, iskra.leftOver()], [exit, '', []], value);
    assert.ok(err.includes(message), err);
  }
});
