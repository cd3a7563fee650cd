import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, describe, test } from 'node:test';
import { listFileSplits, type SplitOptions } from '../../src/io/file-splits.ts';
import type { FileSplit } from '../../src/protocol/file-formats.ts';
import { asNobody } from './as-nobody.ts';

const dir = mkdtempSync(join(tmpdir(), 'iskra-splits-'));
after(() => rmSync(dir, { recursive: true, force: true }));
chmodSync(dir, 0o755);

for (const sub of ['flat', 'nested/sub', 'days/2026-01', 'days/2026-02', 'days/_tmp', 'sizes', 'none'])
  mkdirSync(join(dir, sub), { recursive: true });
const put = (name: string, content = 'text\n'): void => writeFileSync(join(dir, name), content);
for (const name of ['b.txt', 'a.txt', '_SUCCESS', '.a.txt.crc', 'with blank.txt', 'p%20q.txt', 'log[1].txt'])
  put(`flat/${name}`);
put('nested/x.txt');
put('nested/sub/y.txt');
for (const day of ['2026-01', '2026-02', '_tmp']) put(`days/${day}/part-0`);
put('flat/empty.txt', '');

const listTextSplits = (path: string, minPartitions: number, options: SplitOptions = {}): readonly FileSplit[] =>
  listFileSplits({ operator: 'textFile', path, minPartitions, content: 'text' }, options);

/** Files of the splits, below the directory, in their order, each once. */
const names = (path: string): string[] => [...new Set(listTextSplits(path, 1).map((s) => relative(dir, s.path)))];
const fails = (path: string, message: RegExp | string): void =>
  assert.throws(
    () => listTextSplits(path, 2),
    (e: Error) => (typeof message === 'string' ? e.message.startsWith(message) : message.test(e.message)),
    `${path}: ${message}`,
  );

describe('text splits', () => {
  test('of a directory are those of the files directly inside, sorted, without hidden and empty ones', () => {
    const all = ['flat/a.txt', 'flat/b.txt', 'flat/log[1].txt', 'flat/p%20q.txt', 'flat/with blank.txt'];
    for (const path of [
      `${dir}/flat`,
      `${dir}/flat/`,
      `file:${dir}/flat`,
      `file://${dir}/flat`,
      `${dir}//none/../flat`,
    ])
      assert.deepEqual(names(path), all, path);
    assert.deepEqual(names(relative(process.cwd(), join(dir, 'flat'))), all);
    assert.deepEqual(names(`${dir}/none`), []);
  });

  test('of a list follow the list, and commas between braces belong to a glob', () => {
    assert.deepEqual(names(`${dir}/flat/b.txt,${dir}/flat/a.txt`), ['flat/b.txt', 'flat/a.txt']);
    assert.deepEqual(names(`${dir}/flat/{b,a}.txt,${dir}/nested/x.txt`), ['flat/a.txt', 'flat/b.txt', 'nested/x.txt']);
    assert.equal(listTextSplits(`${dir}/flat/a.txt,${dir}/flat/a.txt`, 1).length, 2);
  });

  test('of a glob are those that Hadoop matches', () => {
    const cases: Record<string, string[]> = {
      'flat/?.txt': ['flat/a.txt', 'flat/b.txt'],
      'flat/[a].txt': ['flat/a.txt'],
      'flat/[!a].txt': ['flat/b.txt'],
      'flat/[^b-z].txt': ['flat/a.txt'],
      'flat/*.txt': ['flat/a.txt', 'flat/b.txt', 'flat/log[1].txt', 'flat/p%20q.txt', 'flat/with blank.txt'],
      'flat/log\\[1\\].txt': ['flat/log[1].txt'],
      'flat/{a,{b,c}}.t*': ['flat/a.txt', 'flat/b.txt'],
      '{flat/a.txt,nested/sub}': ['flat/a.txt', 'nested/sub/y.txt'],
      '*/sub': ['nested/sub/y.txt'],
      // A hidden directory on the way is no hidden file; at the end of the pattern it is one.
      'days/*/part-0': ['days/2026-01/part-0', 'days/2026-02/part-0', 'days/_tmp/part-0'],
      'days/*': ['days/2026-01/part-0', 'days/2026-02/part-0'],
      'days/**': ['days/2026-01/part-0', 'days/2026-02/part-0'],
      'days/2026-{01,02}': ['days/2026-01/part-0', 'days/2026-02/part-0'],
    };
    for (const [glob, expected] of Object.entries(cases)) assert.deepEqual(names(`${dir}/${glob}`), expected, glob);
  });

  test('that find nothing are an error in words that Spark users know', () => {
    fails(`${dir}/nope`, `Input path does not exist: file:${dir}/nope\nCheck the path`);
    fails(`${dir}/flat/a.txt/x`, `Input path does not exist: file:${dir}/flat/a.txt/x`);
    fails(`${dir}/flat/_SUCCESS`, /^Input path does not exist: .*\n.*names that begin with _ or \. are hidden/);
    fails(`${dir}/zz*`, `Input Pattern file:${dir}/zz* matches 0 files`);
    fails(
      `${dir}/nope,${dir}/flat,${dir}/zz?`,
      `Input path does not exist: file:${dir}/nope\nInput Pattern file:${dir}/zz? matches 0 files\n`,
    );
    fails('', 'Can not create a Path from an empty string');
    fails(`${dir}/flat,,x`, 'Can not create a Path from an empty string');
  });

  test('refuse what they cannot read, and say what to do', () => {
    fails(`${dir}/nested`, `Not a file: file:${dir}/nested/sub; textFile reads the files directly inside`);
    fails(
      'hdfs://nn:8020/x',
      /^cannot read hdfs:\/\/nn:8020\/x: No FileSystem for scheme "hdfs" is available in this build yet/,
    );
    fails('s3://bucket/x*', /scheme "s3" is available in this build yet/);
    fails('file://host/x', /a file: path names no host/);
    fails('/dev/null', /^Not a file: file:\/dev\/null is a pipe, socket or device/);
    for (const n of [-1, 1.5, Number.NaN])
      assert.throws(() => listTextSplits(`${dir}/flat`, n), /the number of partitions must be a whole number >= 0/);
  });

  test('refuse a broken glob', () => {
    fails(`${dir}/{a`, /^Illegal file pattern .*: Unclosed group in "{a"/);
    fails(`${dir}/[a`, /^Illegal file pattern .*: Unclosed character class in "\[a"/);
    fails(`${dir}/[b-a]`, /^Illegal file pattern .*: Bad character class/);
    fails(`${dir}/*\\`, /^Illegal file pattern .*: Missing escaped character/);
  });

  test('name the directory that may not be listed, and the link that leads nowhere', () => {
    mkdirSync(join(dir, 'locked/in'), { recursive: true });
    chmodSync(join(dir, 'locked'), 0);
    for (const path of ['locked', 'locked/*', 'locked/*/x'])
      assert.throws(
        () => asNobody(() => listTextSplits(`${dir}/${path}`, 1)),
        (e: Error) => e.message === `cannot list the directory file:${dir}/locked: permission denied (EACCES)`,
      );
    assert.throws(
      () => asNobody(() => listTextSplits(`${dir}/locked/in`, 1)),
      /cannot read file:.*locked\/in: permission denied/,
    );
    symlinkSync(join(dir, 'loop'), join(dir, 'loop'));
    fails(`${dir}/loop`, /too many symbolic links \(ELOOP\)/);
  });

  test('have the sizes of Hadoop', () => {
    const sizes: Record<string, number> = {
      a: 10_000_000,
      b: 33_554_432,
      c: 33_554_433,
      d: 36_909_875,
      e: 36_909_876,
      f: 100_000_000,
    };
    for (const [name, size] of Object.entries(sizes)) {
      put(`sizes/${name}`, '');
      truncateSync(join(dir, 'sizes', name), size);
    }
    const lengths = (path: string, n: number): number[] =>
      listTextSplits(`${dir}/sizes/${path}`, n).map((s) => s.end - s.start);
    assert.deepEqual(lengths('a', 1), [10_000_000]);
    assert.deepEqual(lengths('a', 0), [10_000_000]);
    assert.deepEqual(lengths('a', 3), [3_333_333, 3_333_333, 3_333_334]);
    assert.deepEqual(lengths('b', 1), [33_554_432]);
    // A tenth more than a block is still one split, and a crumb never gets its own.
    assert.deepEqual(lengths('c', 1), [33_554_433]);
    assert.deepEqual(lengths('d', 1), [36_909_875]);
    assert.deepEqual(lengths('e', 1), [33_554_432, 3_355_444]);
    assert.deepEqual(lengths('f', 2), [33_554_432, 33_554_432, 32_891_136]);
    assert.deepEqual(lengths('{a,f}', 11), [10_000_000, ...Array.from({ length: 10 }, () => 10_000_000)]);
    assert.deepEqual(
      listTextSplits(`${dir}/sizes/a`, 2).map((s) => [s.start, s.end]),
      [
        [0, 5_000_000],
        [5_000_000, 10_000_000],
      ],
    );
  });

  test('of a .gz file are one, and empty files have one only when asked', () => {
    put('zipped.gz', 'x'.repeat(1000));
    assert.deepEqual(listTextSplits(`${dir}/zipped.gz`, 8), [
      { path: join(dir, 'zipped.gz'), start: 0, end: 1000, compression: 'gzip' },
    ]);
    assert.deepEqual(listTextSplits(`${dir}/flat/empty.txt`, 2), []);
    assert.equal(listTextSplits(`${dir}/flat/empty.txt`, 2, { ignoreEmptySplits: false }).length, 1);
  });
});
