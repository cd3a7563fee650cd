import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { after, test } from 'node:test';
import { IskraCommand } from '../kit/iskra-command.ts';

const iskra = new IskraCommand('lost-files', {
  'lost.ts': `import { readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { SparkContext } from 'iskra';
const scratch = process.argv[2] as string;
const shuffleFiles = (end: string): string[] =>
  (readdirSync(scratch, { recursive: true }) as string[]).filter((f) => f.includes('/shuffle_') && f.endsWith(end)).map((f) => scratch + '/' + f);
export async function main(): Promise<void> {
  const sc = await SparkContext.create();
  const sums = () => sc.range(0, 1000, 1, 3).map((v) => ['key ' + (v % 100), v] as [string, number]).reduceByKey((a, b) => a + b);
  const total = async (rdd: ReturnType<typeof sums>): Promise<number> => (await rdd.values().collect()).reduce((a, b) => a + b, 0);
  const cases: Record<string, () => void> = {
    deleted: () => { for (const f of shuffleFiles('')) rmSync(f); },
    'one deleted': () => rmSync(shuffleFiles('.data')[0] as string),
    'no index': () => { for (const f of shuffleFiles('.index')) rmSync(f); },
    overwritten: () => { for (const f of shuffleFiles('.data')) writeFileSync(f, Buffer.alloc(5000, 0x5a)); },
    'cut short': () => { for (const f of shuffleFiles('.data')) truncateSync(f, 40); },
    emptied: () => { for (const f of shuffleFiles('.index')) truncateSync(f, 0); },
  };
  for (const [name, damage] of Object.entries(cases)) {
    const rdd = sums();
    const before = await total(rdd);
    damage();
    console.log(name, before, await total(rdd), (await rdd.count()));
  }
}
`,
  'removed.ts': `import { rmSync } from 'node:fs';
import { SparkContext } from 'iskra';
const scratch = process.argv[2] as string;
export async function main(): Promise<void> {
  const sc = await SparkContext.create();
  const pairs = sc.range(0, 100, 1, 2).map((v) => [v % 3, v] as [number, number]);
  const sums = pairs.reduceByKey((a, b) => a + b);
  console.log(await sums.count());
  rmSync(scratch, { recursive: true });
  for (const job of [() => sums.count(), () => pairs.groupByKey().count()])
    await job().catch((e: Error) => console.log(e.message.split('\\n')[0]));
  console.log(await pairs.count());
}
`,
  'fill.ts': `import { SparkContext } from 'iskra';
export async function main(): Promise<void> {
  const sc = await SparkContext.create();
  const words = sc.range(0, 400_000, 1, 2).map((v) => 'w' + ((v * 7919) % 1_000_003));
  for (const job of [
    () => words.map((w) => [w, 1] as [string, number]).groupByKey().count(),
    () => words.sortBy((w) => w).count(),
    () => words.distinct().count(),
  ]) await job().catch((e: Error & { cause?: { code?: string } }) => console.log(e.cause?.code, e.message.split('\\n')[0]));
  console.log(await words.count());
}
`,
  'count.ts': `import { SparkContext } from 'iskra';
export async function main(): Promise<void> {
  const sc = await SparkContext.create();
  console.log(await sc.range(4).count());
}
`,
});
after(() => iskra.remove());

for (const master of ['local[2]', 'local-cluster[2,1,1024]'])
  test(`shuffle files that are lost or damaged between stages are computed again, and the result is right: ${master}`, async () => {
    const { code, out, err } = await iskra.run('--master', master, 'lost.ts', iskra.scratch);
    assert.deepEqual([code, iskra.leftOver()], [0, []], err);
    const names = ['deleted', 'one deleted', 'no index', 'overwritten', 'cut short', 'emptied'];
    assert.deepEqual(
      out.trimEnd().split('\n'),
      names.map((name) => `${name} 499500 499500 100`),
    );
    assert.match(
      err,
      /^WARN Scheduler: Lost task .*: FetchFailed\((driver@localhost|\d@127\.0\.0\.1), shuffleId=0, mapIndex=\d, mapId=\d, reduceId=\d, message=\n/m,
    );
  });

test('a job whose local directories were removed fails with their name; one without a shuffle still works', async () => {
  const { code, out, err } = await iskra.run('--master', 'local[2]', 'removed.ts', iskra.scratch);
  mkdirSync(iskra.scratch);
  assert.equal(code, 0, err);
  const [first, second, third, last] = out.trimEnd().split('\n');
  assert.deepEqual([first, last], ['3', '100']);
  for (const line of [second, third])
    assert.match(
      line ?? '',
      /^Job aborted .*cannot make \S+scratch\/blockmgr-\S+ for shuffle_\S+: ENOENT: .*; check the disk, and that nobody removes the directories of spark\.local\.dir while an application runs$/,
    );
});

test('a disk that is full fails the job with the file and what can be done, and nothing is left', async () => {
  // Blocks of 512 bytes: a file above 256 KB is refused by the kernel, as a full disk would.
  const { code, out, err } = await iskra.start(['--master', 'local[2]', 'fill.ts'], 'ulimit -f 512').outcome;
  assert.deepEqual([code, iskra.leftOver()], [0, []], err);
  const lines = out.trimEnd().split('\n');
  assert.equal(lines.length, 4, out);
  for (const line of lines.slice(0, 3))
    assert.match(
      line,
      /^SHUFFLE_\w+ Job aborted .*IskraError: cannot write \S+scratch\/blockmgr-\S+ \(after \d+ bytes, EFBIG\): the file is too large for this disk or limit \(ulimit -f\); let spark\.local\.dir name another disk$/,
    );
  assert.equal(lines[3], '400000');
});

test('local directories that cannot be made stop the start, with their names and reasons', async () => {
  iskra.write({ file: '' });
  const outcomes = await Promise.all(
    [iskra.path('file/inside'), '/proc/iskra/inside', ','].map((dir) =>
      iskra.run('--master', 'local[1]', '-c', `spark.local.dir=${dir}`, 'count.ts'),
    ),
  );
  assert.deepEqual(
    outcomes.map(({ code, out }) => `${code} ${out}`),
    ['1 ', '1 ', '0 4\n'],
  );
  for (const { err } of outcomes.slice(0, 2))
    assert.match(
      err,
      /^IskraError: none of the directories of spark\.local\.dir can be used: \S+inside \((ENOTDIR|ENOENT)\b.*\); set spark\.local\.dir to a directory that can be written\n {4}at (async )?main \(/m,
    );
});
