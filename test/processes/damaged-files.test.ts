import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { IskraCommand } from '../kit/iskra-command.ts';

const FILES = `import { closeSync, existsSync, openSync, readdirSync, readSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { SparkContext, StorageLevel } from 'iskra';
const scratch = process.argv[2] as string;
const filesOf = (pattern: RegExp): string[] =>
  (readdirSync(scratch, { recursive: true }) as string[]).filter((f) => pattern.test(f)).map((f) => scratch + '/' + f);
const middle = (path: string): number => Math.floor(statSync(path).size / 2);
/** Flips a bit of a byte; counted from the end below zero. */
const flip = (path: string, at: number): void => {
  const fd = openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  const position = at < 0 ? statSync(path).size + at : at;
  readSync(fd, byte, 0, 1, position);
  byte[0] = (byte[0] as number) ^ 0x40;
  writeSync(fd, byte, 0, 1, position);
  closeSync(fd);
};
`;

const iskra = new IskraCommand('damaged-files', {
  'shuffle.ts': `${FILES}
export async function main(): Promise<void> {
  const sc = await SparkContext.create();
  const damages: Record<string, () => void> = {
    'first byte': () => { for (const f of filesOf(/shuffle_.*\\.data$/)) flip(f, 0); },
    'in the middle': () => { for (const f of filesOf(/shuffle_.*\\.data$/)) flip(f, middle(f)); },
    'last byte': () => { for (const f of filesOf(/shuffle_.*\\.data$/)) flip(f, -1); },
    'in the index': () => { for (const f of filesOf(/shuffle_.*\\.index$/)) flip(f, 9); },
    'sum of the index': () => { for (const f of filesOf(/shuffle_.*\\.index$/)) flip(f, -1); },
  };
  for (const [name, damage] of Object.entries(damages)) {
    const rdd = sc.range(0, 20_000, 1, 3).map((v) => ['key ' + (v % 1000), 'value number ' + v] as [string, string]).groupByKey(2).mapValues((g) => [...g].length);
    const sum = async (): Promise<number> => (await rdd.values().collect()).reduce((a, b) => a + b, 0);
    const before = await sum();
    damage();
    console.log(name, before, await sum(), await rdd.count());
  }
}
`,
  'cached.ts': `${FILES}
export async function main(): Promise<void> {
  const sc = await SparkContext.create();
  const damages: Record<string, (path: string) => void> = {
    flipped: (path) => flip(path, middle(path)),
    'cut short': (path) => truncateSync(path, middle(path)),
    emptied: (path) => truncateSync(path, 0),
    deleted: (path) => rmSync(path),
  };
  for (const [name, damage] of Object.entries(damages)) {
    const kept = sc.range(0, 20_000, 1, 2).map((v) => 'record ' + v).persist(StorageLevel.DISK_ONLY);
    await kept.count();
    for (const f of filesOf(/\\/rdd_\\d+_1$/)) damage(f);
    // In local[2] a task has one attempt: the first job may fail, and the next one is right.
    for (const job of ['first', 'next']) {
      const told = await kept.map((r) => r.length).sum().then(String, (e: Error) => e.message.split('\\n')[0]);
      console.log(name + ' ' + job + ': ' + told);
    }
    await kept.unpersist(true);
  }
}
`,
  // The first attempt damages the spill it is reading from; argv: scratch, how, a file that says it was done.
  'spill.ts': `${FILES}
export async function main([, how = '', done = '']: string[]): Promise<void> {
  const sc = await SparkContext.create();
  const pairs = sc.range(0, 400_000, 1, 2).map((v) => [(v * 7919) % 400_009, 'a value that is long enough to fill what memory there is ' + v] as [number, string]);
  const damage = (): void => {
    if (how === '' || existsSync(done)) return;
    const files = filesOf(/temp_local_/);
    if (files.length === 0) throw new Error('nothing was spilled');
    writeFileSync(done, '');
    for (const f of files) {
      if (how === 'deleted') rmSync(f);
      else if (how === 'cut short') truncateSync(f, 100_000);
      else for (let at = 100_000; at < statSync(f).size; at += 1000) flip(f, at);
    }
  };
  const sorted = pairs.repartitionAndSortWithinPartitions(1).mapPartitions(function* (records) {
    let n = 0;
    for (const record of records) {
      if (n++ === 0) damage();
      yield record;
    }
  });
  const told = await sorted.mapPartitions(function* (records) {
    let n = 0;
    let last = -1;
    for (const [key] of records) {
      if (key < last) throw new Error('out of order');
      last = key;
      n++;
    }
    yield n;
  }).collect().then(String, (e: Error) => e.message.split('\\n')[0]);
  console.log(told);
}
`,
});
after(() => iskra.remove());

for (const master of ['local[2]', 'local-cluster[2,1,1024]']) {
  for (const compress of ['true', 'false'])
    test(`one flipped bit in shuffle files has them computed again: ${master}, compressed: ${compress}`, async () => {
      const args = ['--master', master, '-c', `spark.shuffle.compress=${compress}`, 'shuffle.ts', iskra.scratch];
      const { code, out, err } = await iskra.run(...args);
      assert.deepEqual([code, iskra.leftOver()], [0, []], err);
      const names = ['first byte', 'in the middle', 'last byte', 'in the index', 'sum of the index'];
      assert.deepEqual(
        out.trimEnd().split('\n'),
        names.map((name) => `${name} 20000 20000 1000`),
      );
      assert.match(
        err,
        /FetchFailed\(.*message=\nblock shuffle_\d+_\d+_\d .* was read twice and is corrupt: .*byte \d+/,
      );
      assert.match(err, /cannot be read: the shuffle index \S+\.index cannot be used: its checksum does not fit/);
    });

  test(`a cached block that is damaged on disk never gives a wrong result: ${master}`, async () => {
    const { code, out, err } = await iskra.run('--master', master, 'cached.ts', iskra.scratch);
    assert.deepEqual([code, iskra.leftOver()], [0, []], err);
    const sum = [...Array(20_000).keys()].reduce((a, v) => a + `record ${v}`.length, 0);
    const lines = out.trimEnd().split('\n');
    assert.equal(lines.length, 8, out);
    const damaged =
      /the block file \S+\/rdd_\d+_\d (was damaged in the block|ends in the middle of a block|should have \d+ bytes, but ends) at byte \d+; check the disks of spark\.local\.dir/;
    for (const line of lines)
      if (!line.endsWith(`: ${sum}`)) {
        assert.match(line, /^(flipped|cut short|emptied) first: Job aborted .* failed 1 times, /, line);
        assert.equal(master, 'local[2]', line);
        assert.match(line, damaged);
      }
    assert.match(err + out, damaged);
    assert.equal(lines.filter((line) => line.endsWith(`: ${sum}`)).length, master === 'local[2]' ? 5 : 8, out);
  });
}

for (const how of ['flipped', 'cut short', 'deleted'])
  test(`a spill file that is ${how} under its task costs that attempt, never a wrong result`, async () => {
    const more = ['-c', 'spark.driver.memory=64m', 'spill.ts', iskra.scratch, how];
    const again = await iskra.run('--master', 'local[2,2]', ...more, iskra.path(`${how}-again`));
    assert.deepEqual([again.code, again.out, iskra.leftOver()], [0, '400000\n', []], again.err);
    // A file that is open is there for its task, whoever deletes its name.
    if (how === 'deleted') return;
    assert.match(again.err, /^WARN Scheduler: Lost task .*temp_local_\S+ .*byte \d+/m);
    const once = await iskra.run('--master', 'local[2]', ...more, iskra.path(`${how}-once`));
    assert.match(
      once.out,
      /^Job aborted .* failed 1 times, .*\S+scratch\/blockmgr-\S+temp_local_\S+ .*byte \d+.*spark\.local\.dir/,
    );
  });
