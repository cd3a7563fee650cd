import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blockFiles, newEnv, type Pair, shuffle } from './kit.ts';

const words = (n: number, distinct: number): Pair[] =>
  Array.from({ length: n }, (_, i) => [`w${(i * 7919) % distinct}`, i % 13]);

const add = (a: number, b: number): number => a + b;

function sums(pairs: readonly Pair[]): Map<unknown, number> {
  const result = new Map<unknown, number>();
  for (const [k, v] of pairs) result.set(k, (result.get(k) ?? 0) + (v as number));
  return result;
}

for (const numPartitions of [1, 3, 8, 200, 2500]) {
  test(`every record arrives once, with ${numPartitions} partitions`, (t) => {
    const env = newEnv(t);
    const maps = [words(5000, 700), [], words(3000, 5)];
    const { partitions } = shuffle(env, maps, { numPartitions });
    const got = partitions.flat().map(String).sort();
    assert.deepEqual(got, maps.flat().map(String).sort());
  });

  for (const mapSide of [true, false])
    test(`reduceByKey over ${numPartitions} partitions, ${mapSide ? 'with' : 'without'} map-side combine, gives the sums`, (t) => {
      const env = newEnv(t);
      const maps = [words(5000, 700), [], words(3000, 5)];
      const { partitions } = shuffle(env, maps, {
        numPartitions,
        mapSide,
        combine: { kind: 'reduce', f: 0 },
        functions: [add],
      });
      assert.deepEqual(new Map(partitions.flat() as [unknown, number][]), sums(maps.flat()));
    });
}

test('a map task leaves one data and one index file, and nothing else', (t) => {
  const env = newEnv(t);
  shuffle(env, [words(200_000, 50_000)], { numPartitions: 4 });
  assert.deepEqual(
    blockFiles(env)
      .map((f) => f.slice(f.lastIndexOf('/') + 1))
      .sort(),
    ['shuffle_1_0_0.data', 'shuffle_1_0_0.index'],
  );
});
