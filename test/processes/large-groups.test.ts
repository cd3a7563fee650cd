import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { IskraCommand } from '../kit/iskra-command.ts';

const iskra = new IskraCommand('groups', {
  // 300 MB of values for one key, where a slot has 256 MiB of heap; other keys are small.
  'groups.ts': `import { SparkContext } from 'iskra';
const text = (v: number): string => String(v).padEnd(2000, 'x');
export async function main([only = '']: string[]): Promise<void> {
  const sc = await SparkContext.create();
  const pairs = sc.range(0, 150_000, 1, 4).map((v) => [v % 20 === 0 ? String(v) : 'hot', text(v)] as [string, string]);
  const small = sc.parallelize([['hot', 1], ['cold', 2]] as [string, number][], 2);
  const cases: Record<string, () => Promise<unknown>> = {
    groupByKey: () => pairs.groupByKey(2).mapValues((g) => [...g].length).count(),
    cogroup: () => pairs.cogroup(small, 2).count(),
    join: () => small.join(pairs, 2).count(),
    aggregateByKey: () => pairs.aggregateByKey([] as string[], (list, v) => { list.push(v); return list; }, (a, b) => a.concat(b), 2).count(),
    numbers: () => sc.range(0, 30_000_000, 1, 2).map((v) => [7, v] as [number, number]).groupByKey(1).mapValues((g) => g.length).count(),
  };
  for (const [name, run] of Object.entries(cases)) {
    if (only !== '' && only !== name) continue;
    const told = await run().then(String, (e: Error & { cause?: { code?: string } }) => e.cause?.code + ' ' + e.message.split('\\n')[0]);
    console.log(name + ': ' + told);
  }
  console.log(await pairs.mapValues((v) => v.length).reduceByKey((a, b) => a + b, 2).count(), await sc.range(4).count());
}
`,
});
after(() => iskra.remove());

const tooLarge = (key: string, what: string): RegExp =>
  new RegExp(
    `^\\w+: GROUP_TOO_LARGE Job aborted due to stage failure: Task \\d in stage \\d+\\.0 failed 1 times, most recent failure: .*GroupTooLargeError: the values of key ${key} are too large to be together in memory: ${what} so far, and \\d+ MiB of the slot's 256 MiB of heap are in use, \\d+ MiB were granted to the task\\. Use reduceByKey, aggregateByKey or combineByKey .* or raise spark\\.executor\\.memory `,
  );
const values = '\\d+ values, which need about \\d+ MiB,';

test('values of one key that do not fit into memory fail the job at once, with the key and what to do', async () => {
  const { code, out, err } = await iskra.run('--master', 'local[2]', '-c', 'spark.driver.memory=64m', 'groups.ts');
  assert.deepEqual([code, iskra.leftOver()], [0, []], err);
  const lines = out.trimEnd().split('\n');
  assert.deepEqual(
    lines.slice(0, -1).map((line) => line.slice(0, line.indexOf(':'))),
    ['groupByKey', 'cogroup', 'join', 'aggregateByKey', 'numbers'],
  );
  for (const line of lines.slice(0, 3)) assert.match(line, tooLarge("'hot'", values));
  assert.match(lines[3] ?? '', tooLarge("'hot'", 'they need about \\d+ MiB'));
  assert.match(lines[4] ?? '', tooLarge('7', values));
  assert.equal(lines.at(-1), '7501 4');
});

test('an executor outlives a group that does not fit', async () => {
  const master = ['--master', 'local-cluster[2,1,64]', '-c', 'spark.executor.memory=64m'];
  const { code, out, err } = await iskra.run(...master, 'groups.ts', 'groupByKey');
  assert.deepEqual([code, iskra.leftOver()], [0, []], err);
  const [line, last] = out.trimEnd().split('\n');
  assert.match(line ?? '', tooLarge("'hot'", values));
  assert.equal(last, '7501 4');
  assert.doesNotMatch(err, /ExecutorLost|SlotLost/);
});
