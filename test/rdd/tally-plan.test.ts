import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { TallyPlan } from '../../src/protocol/stage-program.ts';
import { StorageLevel } from '../../src/protocol/storage-level.ts';
import type { RDD } from '../../src/rdd/rdd.ts';
import { buildStageProgram } from '../../src/rdd/stage-program-builder.ts';
import { ArrayContext } from '../kit/array-context.ts';

const directory = mkdtempSync(join(tmpdir(), 'tally-'));
after(() => rmSync(directory, { recursive: true }));
const path = join(directory, 'text.txt');
writeFileSync(path, 'a b\n');

const sc = new ArrayContext();
const lines = (): RDD<string> => sc.textFile(path, 1);
const words = (): RDD<string> => lines().flatMap((line) => line.split(' '));

/** The plan of the stage before the last shuffle. */
function planOf(counts: RDD<unknown>): TallyPlan | undefined {
  const [shuffle] = counts.node.dependencies;
  assert.ok(shuffle?.kind === 'Shuffle');
  return buildStageProgram({ key: '0.0', node: shuffle.rdd, sink: shuffle, capture: () => new Uint8Array(1) }).tally;
}

const pair = (word: string): [string, number] => [word, 1];
const add = (a: number, b: number): number => a + b;

test('a count of words is recognised, with what stands between', () => {
  const plan = { files: 0, split: { separator: ' ', lowerCase: false, trim: false } };
  const shortest = 3;
  assert.deepEqual(planOf(words().map(pair).reduceByKey(add)), plan);
  const cleaned = words()
    .filter((word) => word.length >= shortest)
    .map((word) => word.toLowerCase())
    .filter((word) => word !== 'the');
  assert.deepEqual(planOf(cleaned.map(pair).reduceByKey(add)), plan);
  const byLength = words().map((word) => [word.length, word.length] as [number, number]);
  assert.deepEqual(planOf(byLength.reduceByKey(add)), plan);
});

test('what is not a sum of numbers by words is not', () => {
  const counted = words().map(pair);
  let seen = 0;
  for (const [what, rdd] of Object.entries<RDD<unknown>>({
    'values that are no numbers': words()
      .map((word) => [word, word] as [string, string])
      .reduceByKey((a, b) => a + b),
    'another function than a sum': counted.reduceByKey((a, b) => Math.max(a, b)),
    'no combining before the shuffle': counted.groupByKey(),
    'a function that remembers': words()
      .filter(() => seen++ % 2 === 0)
      .map(pair)
      .reduceByKey(add),
    'lines that are changed before they are cut': lines()
      .map((line) => line.trim())
      .flatMap((line) => line.split(' '))
      .map(pair)
      .reduceByKey(add),
    'lines that are no words': lines().map(pair).reduceByKey(add),
    'something behind the pairs': counted.mapValues((n) => n + 1).reduceByKey(add),
    'words that are stored': words().persist(StorageLevel.MEMORY_ONLY).map(pair).reduceByKey(add),
    'lines of something else': sc
      .parallelize(['a b'])
      .flatMap((line) => line.split(' '))
      .map(pair)
      .reduceByKey(add),
    'an iterator over all': words()
      .mapPartitions((some) => some)
      .map(pair)
      .reduceByKey(add),
  }))
    assert.equal(planOf(rdd), undefined, what);
});
