import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { type Behaviour, type ContextLike, numbers, sorted } from './behaviour.ts';

export function inDirectory(
  prove: (sc: ContextLike, dir: string) => Promise<void>,
): (sc: ContextLike) => Promise<void> {
  return async (sc) => {
    const dir = mkdtempSync(join(tmpdir(), 'iskra-rdd-'));
    try {
      await prove(sc, dir);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  };
}

/** textFile and saveAsTextFile. */
export const fileBehaviours: readonly Behaviour[] = [
  [
    'textFile gives the lines of a file in order',
    inDirectory(async (sc, dir) => {
      const lines = numbers(1000).map((i) => `line ${i} ä`);
      writeFileSync(join(dir, 'a.txt'), `${lines.join('\n')}\n`);
      for (const n of [1, 2, 7]) {
        const rdd = sc.textFile(join(dir, 'a.txt'), n);
        assert.ok(rdd.getNumPartitions() >= n);
        assert.deepEqual(await rdd.collect(), lines);
      }
    }),
  ],
  [
    'textFile reads directories, globs, comma lists and gzip',
    inDirectory(async (sc, dir) => {
      mkdirSync(join(dir, 'in'));
      writeFileSync(join(dir, 'in', '1.txt'), 'one\n');
      writeFileSync(join(dir, 'in', '2.txt'), 'two');
      writeFileSync(join(dir, 'in', '3.log.gz'), gzipSync('three\nfour\n'));
      assert.deepEqual(await sc.textFile(join(dir, 'in')).collect(), ['one', 'two', 'three', 'four']);
      assert.deepEqual(await sc.textFile(join(dir, 'in', '*.txt')).collect(), ['one', 'two']);
      const list = `${join(dir, 'in', '2.txt')},${join(dir, 'in', '3.log.gz')}`;
      assert.deepEqual(await sc.textFile(list).collect(), ['two', 'three', 'four']);
    }),
  ],
  [
    'textFile of an empty file is empty',
    inDirectory(async (sc, dir) => {
      writeFileSync(join(dir, 'empty'), '');
      assert.deepEqual(await sc.textFile(join(dir, 'empty')).collect(), []);
      assert.equal(await sc.textFile(join(dir, 'empty')).count(), 0);
    }),
  ],
  [
    'textFile is lazy: a missing file is an error of the first use, naming the path',
    inDirectory(async (sc, dir) => {
      const rdd = sc.textFile(join(dir, 'missing.txt')).map((line) => line.length);
      assert.throws(() => rdd.getNumPartitions(), /missing\.txt/);
      await assert.rejects(rdd.count(), /missing\.txt/);
      writeFileSync(join(dir, 'missing.txt'), 'abc\n');
      assert.deepEqual(await rdd.collect(), [3]);
    }),
  ],
  [
    'RDDs of files have their path as name',
    async (sc) => {
      const path = 'some/where.txt';
      for (const rdd of [
        sc.textFile(path),
        sc.wholeTextFiles(path),
        sc.binaryFiles(path),
        sc.binaryRecords(path, 4),
        sc.objectFile(path),
        sc.sequenceFile(path),
      ])
        assert.equal(rdd.name, path);
    },
  ],
  [
    'textFile refuses what is no path at the call',
    async (sc) => {
      assert.throws(() => sc.textFile(''), /path/);
      assert.throws(() => sc.textFile(5 as never), /path/);
    },
  ],
  [
    'words of a text are counted',
    inDirectory(async (sc, dir) => {
      writeFileSync(join(dir, 'a.txt'), 'a b a\nc\n\nb a\n');
      const counts = sc
        .textFile(join(dir, 'a.txt'), 2)
        .flatMap((line) => line.split(' '))
        .filter((w) => w !== '')
        .map((w) => [w, 1])
        .reduceByKey((a, b) => a + b);
      assert.deepEqual(sorted(await counts.collect()), [
        ['a', 3],
        ['b', 2],
        ['c', 1],
      ]);
    }),
  ],
  [
    'saveAsTextFile writes one part a partition and _SUCCESS',
    inDirectory(async (sc, dir) => {
      const out = join(dir, 'deep', 'out');
      await sc.parallelize([1, 2, 3], 2).saveAsTextFile(out);
      assert.deepEqual(readdirSync(out).sort(), ['_SUCCESS', 'part-00000', 'part-00001']);
      assert.equal(readFileSync(join(out, 'part-00000'), 'utf8'), '1\n');
      assert.equal(readFileSync(join(out, 'part-00001'), 'utf8'), '2\n3\n');
    }),
  ],
  [
    'what saveAsTextFile wrote textFile reads',
    inDirectory(async (sc, dir) => {
      const lines = numbers(5000).map((i) => `${i} ü`);
      await sc.parallelize(lines, 3).saveAsTextFile(join(dir, 'out'));
      assert.deepEqual(await sc.textFile(join(dir, 'out')).collect(), lines);
    }),
  ],
  [
    'saveAsTextFile compresses',
    inDirectory(async (sc, dir) => {
      await sc.parallelize(['a', 'b'], 1).saveAsTextFile(join(dir, 'out'), { codec: 'gzip' });
      assert.equal(gunzipSync(readFileSync(join(dir, 'out', 'part-00000.gz'))).toString(), 'a\nb\n');
      assert.throws(() => sc.range(1).saveAsTextFile('x', { codec: 'zip' as 'gzip' }), /codec/);
      assert.throws(() => sc.range(1).saveAsTextFile(''), /path/);
    }),
  ],
  [
    'saveAsTextFile refuses an existing directory and leaves it alone',
    inDirectory(async (sc, dir) => {
      mkdirSync(join(dir, 'out'));
      writeFileSync(join(dir, 'out', 'precious'), 'x');
      await assert.rejects(sc.range(3).saveAsTextFile(join(dir, 'out')), /already exists/);
      assert.deepEqual(readdirSync(join(dir, 'out')), ['precious']);
    }),
  ],
  [
    'every save refuses an existing directory',
    inDirectory(async (sc, dir) => {
      const pairs = sc.parallelize([['a', 1] as [string, number]], 1);
      const expected = { code: 'OUTPUT_EXISTS', message: new RegExp(`^Output directory file:${dir} already exists`) };
      await assert.rejects(pairs.saveAsTextFile(dir), expected);
      await assert.rejects(pairs.saveAsObjectFile(dir), expected);
      await assert.rejects(pairs.saveAsSequenceFile(dir), expected);
      assert.deepEqual(readdirSync(dir), []);
    }),
  ],
  [
    'saveAsTextFile of no partitions writes _SUCCESS only',
    inDirectory(async (sc, dir) => {
      await sc.emptyRDD<string>().saveAsTextFile(join(dir, 'out'));
      assert.deepEqual(readdirSync(join(dir, 'out')), ['_SUCCESS']);
    }),
  ],
  [
    'saveAsTextFile of a null record fails and leaves nothing behind',
    inDirectory(async (sc, dir) => {
      await assert.rejects(sc.parallelize(['a', null], 2).saveAsTextFile(join(dir, 'out')), /null/);
      assert.deepEqual(readdirSync(dir), []);
    }),
  ],
];
