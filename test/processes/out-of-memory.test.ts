import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { IskraCommand } from '../kit/iskra-command.ts';

const iskra = new IskraCommand('memory', {
  'heap.ts': `import { SparkContext } from 'iskra';
export async function main(): Promise<void> {
  const sc = await SparkContext.create();
  const hoard = (v: number): number => {
    const kept: number[][] = [];
    for (;;) kept.push(new Array<number>(100_000).fill(v + 0.5));
  };
  await sc.range(0, 1).map(hoard).count().catch((e: Error) => console.log(e.message.split('\\n')[0]));
  console.log(await sc.range(4).count());
}
`,
  'result.ts': `import { SparkContext } from 'iskra';
export async function main(): Promise<void> {
  const sc = await SparkContext.create();
  await sc.range(0, 1_000_000, 1, 4).collect();
}
`,
});
after(() => iskra.remove());

test('a task that runs out of heap costs its slot, not the driver, and the error names the memory settings', async () => {
  const { code, out, err } = await iskra.run('--master', 'local[1]', '-c', 'spark.driver.memory=64m', 'heap.ts');
  assert.deepEqual([code, iskra.leftOver()], [0, []], err);
  const [message, count] = out.split('\n');
  assert.match(
    message ?? '',
    /^Job aborted due to stage failure: Task 0 in stage 0\.0 failed 4 times, .*SlotLost: the task's thread ran out of heap \(\d+ MiB a slot\): raise spark\.driver\.memory .*, use fewer slots or more partitions/,
  );
  assert.equal(count, '4');
  assert.doesNotMatch(err, /FATAL|JS stacktrace/);
});

test('results larger than spark.driver.maxResultSize abort their job', async () => {
  const { code, err } = await iskra.run('--master', 'local[2]', '-c', 'spark.driver.maxResultSize=1m', 'result.ts');
  assert.deepEqual([code, iskra.leftOver()], [1, []], err);
  assert.match(
    err,
    /^JobFailedError: Job aborted due to stage failure: Total size of serialized results of \d tasks \(\S+ [KM]iB\) is bigger than spark\.driver\.maxResultSize \(1024\.0 KiB\)\n {4}at main \(\S+result\.ts:4:\d+\)\n/,
  );
});
