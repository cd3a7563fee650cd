import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { codecOfPath } from '../../src/io/codecs/codec-names.ts';
import { openFiles, prepareInput } from '../../src/io/open-files.ts';
import type { InputFormat } from '../../src/protocol/file-formats.ts';

// Files that Hadoop's and Spark's own classes wrote: scripts/check-hadoop-files.mjs --golden

const golden = join(import.meta.dirname, '../../../test/golden/files');
const lines = Array.from({ length: 1500 }, (_, i) => `line ${i} ${(i * 7919) % 1000}`);
const pairs = (n: number): [string, number][] => Array.from({ length: n }, (_, i) => [`key ${i} ä`, i * 1_000_003]);

function read(format: InputFormat, name: string, parts = 1): unknown[] {
  const path = join(golden, name);
  const size = statSync(path).size;
  const compression = format.kind === 'text' ? codecOfPath(path) : 'none';
  const records: unknown[] = [];
  for (let i = 0; i < parts; i++) {
    const [start, end] = [Math.floor((size * i) / parts), Math.floor((size * (i + 1)) / parts)];
    const batches = openFiles(format, [{ path, start, end, compression }]);
    for (let batch = batches.next(); batch !== null; batch = batches.next()) records.push(...batch);
    batches.close();
  }
  return records;
}

describe('files of Hadoop', () => {
  for (const extension of ['gz', 'deflate', 'bz2', 'zst', 'lz4', 'snappy'])
    test(`text in .${extension} is read`, () => assert.deepEqual(read({ kind: 'text' }, `lines.${extension}`), lines));

  test('sequence files of every codec are read, whole and in splits', () => {
    const format = { kind: 'sequence', longs: 'number' } as const;
    const names = readdirSync(golden).filter((n) => /^seq-(record|block|none)/.test(n));
    assert.equal(names.length, 11);
    for (const name of names) {
      const expected = pairs(name.startsWith('seq-record') ? 15 : 1000);
      for (const parts of [1, 2, 40]) assert.deepEqual(read(format, name, parts), expected, `${name} in ${parts}`);
    }
    assert.deepEqual(read(format, 'seq-empty'), []);
  });

  test('all classes of values are read', () => {
    const format = { kind: 'sequence', longs: 'number' } as const;
    assert.deepEqual(
      read(format, 'seq-types'),
      [-2, -1, 0, 1, 2].map((i) => [i * 1_000_000, i / 4]),
    );
    assert.deepEqual(
      read(format, 'seq-bytes'),
      [0, 1, 2, 3, 4].map((i) => [i % 2 === 0, Buffer.from([i, 200])]),
    );
    const longs = [0, -1, 127, 128, -112, -113, -129, 65536, 2 ** 40, -(2 ** 40)];
    assert.deepEqual(
      read(format, 'seq-vlong'),
      longs.map((v) => [v, 0.5]),
    );
    assert.deepEqual(
      read({ kind: 'sequence', longs: 'bigint' }, 'seq-vlong'),
      longs.map((v) => [BigInt(v), 0.5]),
    );
  });

  test('a file that is none says at which byte and why', () => {
    const format = { kind: 'sequence', longs: 'number' } as const;
    assert.throws(() => read(format, 'lines.gz'), /lines\.gz is no sequence file, or is damaged, at byte 0: .*SEQ/);
  });
});

describe('a Parquet file of Spark', () => {
  const format = { kind: 'parquet', columns: null, longs: 'number' } as const;
  before(() => prepareInput(format));

  test('is read, with lists, structs, times and decimals', () => {
    const expected = Array.from({ length: 400 }, (_, id) => ({
      id,
      text: String(id),
      d: id / 4,
      list: [id, id + 1],
      inner: { a: id, b: 'x' },
      at: new Date('2026-01-02T03:04:05Z'),
      n: id,
      dec: id,
    }));
    for (const parts of [1, 5]) assert.deepEqual(read(format, 'spark.parquet', parts), expected);
  });
});
