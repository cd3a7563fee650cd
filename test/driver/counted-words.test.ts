import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { SparkContext } from '../../src/driver/spark-context.ts';
import type { SparkListenerEvent } from '../../src/protocol/spark-listener-event.ts';

const directory = mkdtempSync(join(tmpdir(), 'counted-words-'));
let sc: SparkContext;
before(async () => {
  sc = await SparkContext.create({ master: 'local[2]', appName: 'words', 'spark.log.level': 'OFF' });
});
after(async () => {
  await sc.stop();
  rmSync(directory, { recursive: true, force: true });
});

const TEXT = [
  'It was the best of times, it was the worst of times,',
  '',
  '  an   indented line ',
  'Σίσυφος said: naïve café, ﬁne — “quoted” words',
  'a\tb\tc',
  'the end',
].join('\n');
const LONG = `${TEXT}\n`.repeat(3000);

const file = (name: string, bytes: string | Uint8Array): string => {
  const path = join(directory, name);
  writeFileSync(path, bytes);
  return path;
};
const sorted = (pairs: readonly [unknown, number][]): [unknown, number][] =>
  [...pairs].sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1));
const plainly = (text: string, cut: (line: string) => readonly string[], keep = (_: string): boolean => true) => {
  const counts = new Map<string, number>();
  for (const line of text.split(/\r\n|\n|\r/).slice(0, -1))
    for (const word of cut(line)) if (keep(word)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return sorted([...counts]);
};

test('words are those of plain code, at blanks', async () => {
  const lines = sc.textFile(file('blanks.txt', LONG), 4);
  const counts = lines
    .flatMap((line) => line.split(' '))
    .filter((word) => word !== '')
    .map((word) => [word, 1] as [string, number])
    .reduceByKey((a, b) => a + b);
  assert.deepEqual(
    sorted(await counts.collect()),
    plainly(
      LONG,
      (line) => line.split(' '),
      (word) => word !== '',
    ),
  );
});

test('and at a pattern, in lower case, with what the function captured', async () => {
  const shortest = 4;
  const stop = new Set(['times']);
  const counts = sc
    .textFile(file('pattern.txt', LONG), 3)
    .flatMap((line) => line.toLowerCase().split(/[^\p{L}\p{N}']+/u))
    .filter((word) => word.length >= shortest && !stop.has(word))
    .map((word) => [word, 1] as [string, number])
    .reduceByKey((a, b) => a + b);
  assert.deepEqual(
    sorted(await counts.collect()),
    plainly(
      LONG,
      (line) => line.toLowerCase().split(/[^\p{L}\p{N}']+/u),
      (word) => word.length >= shortest && !stop.has(word),
    ),
  );
});

test('countByValue counts empty words, too; packed files and other ends of lines make no difference', async () => {
  const windows = LONG.replaceAll('\n', '\r\n');
  const plain = new Map(plainly(LONG, (line) => line.split(' ')));
  for (const path of [file('lf.txt', LONG), file('crlf.txt', windows), file('packed.txt.gz', gzipSync(LONG))]) {
    const counts = await sc
      .textFile(path, 2)
      .flatMap((line) => line.split(' '))
      .countByValue();
    assert.deepEqual(new Map([...counts].sort()), new Map([...plain].sort()), path);
  }
});

test('several files, some of which are not UTF-8 or begin with a mark', async () => {
  const bad = Buffer.concat([Buffer.from('good '), Buffer.from([0xff]), Buffer.from(' good\n')]);
  file('many-1.txt', 'good bad\n');
  file('many-2.txt', bad);
  file('many-3.txt', '\ufeffgood\n');
  const counts = await sc
    .textFile(join(directory, 'many-*.txt'), 1)
    .flatMap((line) => line.split(' '))
    .map((word) => [word, 1] as [string, number])
    .reduceByKey((a, b) => a + b)
    .collectAsMap();
  assert.deepEqual(
    new Map([...counts].sort()),
    new Map([
      ['bad', 1],
      ['good', 4],
      ['\ufffd', 1],
    ]),
  );
});

test('sums of other numbers than ones are those of adding one after another', async () => {
  const path = file('numbers.txt', `${'a bb\n'.repeat(1000)}`);
  const sums = sc
    .textFile(path, 1)
    .flatMap((line) => line.split(' '))
    .map((word) => [word, word.length * 0.1] as [string, number])
    .reduceByKey((a, b) => a + b);
  const expected = { a: 0, bb: 0 };
  for (let i = 0; i < 1000; i++) {
    expected.a += 0.1;
    expected.bb += 0.2;
  }
  assert.deepEqual(Object.fromEntries(await sums.collect()), expected);
});

test('lines are counted as records that were read', async () => {
  const path = file('records.txt', LONG);
  await sc.stop();
  sc = await SparkContext.create({ master: 'local[2]', appName: 'lines', 'spark.log.level': 'OFF' });
  let read = 0;
  sc.addSparkListener({
    onEvent: (event: SparkListenerEvent) => {
      if (event.type === 'SparkListenerTaskEnd') read += event.metrics?.inputRecordsRead ?? 0;
    },
  });
  await sc
    .textFile(path, 3)
    .flatMap((line) => line.split(' '))
    .map((word) => [word, 1] as [string, number])
    .reduceByKey((a, b) => a + b)
    .count();
  await sc.stop();
  assert.equal(read, 18_000);
});
