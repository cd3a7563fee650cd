import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import { type Behaviour, numbers } from './behaviour.ts';
import { inDirectory } from './file-behaviours.ts';

class Point {
  readonly x: number;
  readonly y: number;

  constructor(x: number, y: number) {
    this.x = x;
    this.y = y;
  }

  norm(): number {
    return Math.hypot(this.x, this.y);
  }
}

/** Whole files, records of bytes, objects, sequence files, JSON, CSV, Parquet; codecs of outputs. */
export const fileFormatBehaviours: readonly Behaviour[] = [
  [
    'saveAsTextFile takes codecs by short and by Hadoop names, and textFile reads what it wrote',
    inDirectory(async (sc, dir) => {
      const lines = numbers(500).map((i) => `line ${i} ä`);
      const codecs: [string, string][] = [
        ['gzip', '.gz'],
        ['org.apache.hadoop.io.compress.GzipCodec', '.gz'],
        ['org.apache.hadoop.io.compress.DefaultCodec', '.deflate'],
        ['zstd', '.zst'],
        ['lz4', '.lz4'],
        ['org.apache.hadoop.io.compress.SnappyCodec', '.snappy'],
      ];
      for (const [i, [codec, extension]] of codecs.entries()) {
        const out = join(dir, `out${i}`);
        await sc.parallelize(lines, 2).saveAsTextFile(out, codec);
        assert.deepEqual(readdirSync(out).sort(), ['_SUCCESS', `part-00000${extension}`, `part-00001${extension}`]);
        assert.deepEqual(await sc.textFile(out).collect(), lines, codec);
      }
      assert.throws(() => sc.range(1).saveAsTextFile('x', 'bzip2'), /bzip2 files can be read, not written/);
    }),
  ],
  [
    'textFile of a packed file that is cut off fails with the file and the byte',
    inDirectory(async (sc, dir) => {
      const packed = gzipSync('some text\n'.repeat(5000));
      writeFileSync(join(dir, 'a.gz'), packed.subarray(0, packed.length - 9));
      await assert.rejects(
        sc.textFile(join(dir, 'a.gz')).count(),
        /a\.gz: it ends in the middle after \d+ compressed bytes/,
      );
      writeFileSync(join(dir, 'b.deflate'), deflateSync('x\n').fill(7, 2, 5));
      await assert.rejects(sc.textFile(join(dir, 'b.deflate')).count(), /b\.deflate: its content is damaged near/);
    }),
  ],
  [
    'wholeTextFiles gives a record a file, with its path, small ones together',
    inDirectory(async (sc, dir) => {
      for (const i of numbers(10)) writeFileSync(join(dir, `${i}.txt`), `text\nof ${i}\n`);
      writeFileSync(join(dir, '_hidden'), 'x');
      writeFileSync(join(dir, 'z.empty'), '');
      writeFileSync(join(dir, 'z.gz'), gzipSync('packed'));
      const rdd = sc.wholeTextFiles(dir, 3);
      assert.ok(rdd.getNumPartitions() >= 3 && rdd.getNumPartitions() < 10);
      const expected: [string, string][] = numbers(10).map((i) => [`file:${dir}/${i}.txt`, `text\nof ${i}\n`]);
      assert.deepEqual(await rdd.collect(), [...expected, [`file:${dir}/z.empty`, ''], [`file:${dir}/z.gz`, 'packed']]);
      assert.equal(sc.wholeTextFiles(dir, 1).getNumPartitions(), 1);
    }),
  ],
  [
    'binaryFiles gives streams that are read in tasks and on the driver',
    inDirectory(async (sc, dir) => {
      writeFileSync(join(dir, 'a.bin'), Buffer.from([1, 2, 3]));
      writeFileSync(join(dir, 'b.bin'), Buffer.alloc(100_000, 7));
      const sums = sc.binaryFiles(`${dir}/*.bin`).mapValues((stream) => {
        let sum = 0;
        const file = stream.open();
        for (const chunk of file) for (const byte of chunk) sum += byte;
        file.close();
        return [sum, stream.toArray().length];
      });
      assert.deepEqual(await sums.collect(), [
        [`file:${dir}/a.bin`, [6, 3]],
        [`file:${dir}/b.bin`, [700_000, 100_000]],
      ]);
      const [, stream] = (await sc.binaryFiles(`${dir}/a.bin`).first()) as [
        string,
        { toArray(): Buffer; getPath(): string },
      ];
      assert.deepEqual([...stream.toArray()], [1, 2, 3]);
      assert.equal(stream.getPath(), `file:${dir}/a.bin`);
    }),
  ],
  [
    'binaryRecords cuts files into records of a length, which must divide them',
    inDirectory(async (sc, dir) => {
      const bytes = Buffer.from(numbers(3 * 20_000).map((i) => i % 251));
      writeFileSync(join(dir, 'a.bin'), bytes);
      const records = sc.binaryRecords(join(dir, 'a.bin'), 3);
      assert.equal(await records.count(), 20_000);
      assert.deepEqual(Buffer.concat(await records.collect()), bytes);
      assert.throws(
        () => sc.binaryRecords(join(dir, 'a.bin'), 7).getNumPartitions(),
        /60000 bytes, which is not a multiple of the record length 7/,
      );
      assert.throws(() => sc.binaryRecords(join(dir, 'a.bin'), 0), /recordLength.*positive integer/);
      writeFileSync(join(dir, 'empty.bin'), '');
      assert.equal(await sc.binaryRecords(join(dir, 'empty.bin'), 9).count(), 0);
    }),
  ],
  [
    'objectFile gives back what saveAsObjectFile wrote, in splits',
    inDirectory(async (sc, dir) => {
      const records = numbers(6000).map((i) => ({
        id: i,
        tags: new Set([`t${i % 7}`]),
        when: new Date(i),
        big: 2n ** 70n,
      }));
      for (const codec of [undefined, 'lz4']) {
        const out = join(dir, `out-${codec}`);
        await sc.parallelize(records, 2).saveAsObjectFile(out, codec);
        for (const n of [1, 9]) {
          const rdd = sc.objectFile<(typeof records)[0]>(out, n);
          assert.ok(rdd.getNumPartitions() >= n);
          assert.deepEqual(await rdd.collect(), records);
        }
      }
      assert.throws(() => sc.range(1).saveAsObjectFile('x', 'gzip'), /codec of saveAsObjectFile\(\) must be 'lz4'/);
    }),
  ],
  [
    'saveAsObjectFile keeps classes, and partitions without records',
    inDirectory(async (sc, dir) => {
      await sc.parallelize([new Point(3, 4)], 3).saveAsObjectFile(join(dir, 'out'));
      const [point] = await sc.objectFile<Point>(join(dir, 'out')).collect();
      assert.equal(point?.norm(), 5);
    }),
  ],
  [
    'objectFile of a damaged or foreign file is an error with file and byte',
    inDirectory(async (sc, dir) => {
      await sc.parallelize(numbers(5000), 1).saveAsObjectFile(join(dir, 'out'));
      const bytes = readFileSync(join(dir, 'out/part-00000'));
      const put = (name: string, content: Buffer): string => {
        writeFileSync(join(dir, name), content);
        return join(dir, name);
      };
      const flipped = Buffer.from(bytes);
      flipped[5000] = (flipped[5000] as number) ^ 1;
      await assert.rejects(
        sc.objectFile(put('flipped', flipped), 1).count(),
        /flipped is no object file.*at byte \d+: a block: expected checksum 0x[0-9a-f]+, found 0x[0-9a-f]+/,
      );
      await assert.rejects(
        sc.objectFile(put('cut', bytes.subarray(0, -5)), 1).count(),
        /cut is no object file.*ends in the middle of a block/,
      );
      await assert.rejects(
        sc.objectFile(put('text', Buffer.from('hello world\n'.repeat(9))), 1).count(),
        /instead of "ISKRAOBJ"/,
      );
    }),
  ],
  [
    'sequenceFile gives back what saveAsSequenceFile wrote, packed or not, in splits',
    inDirectory(async (sc, dir) => {
      const pairs = numbers(1200).map((i): [string, number] => [`key ${i} ä`, i / 4]);
      let n = 0;
      for (const options of [
        undefined,
        'gzip',
        { codec: 'deflate', compressionType: 'RECORD' as const },
        { codec: 'zstd' },
        { codec: 'lz4', compressionType: 'RECORD' as const },
        { codec: 'snappy' },
      ]) {
        const out = join(dir, `out${n++}`);
        await sc.parallelize(pairs, 2).saveAsSequenceFile(out, options);
        for (const parts of [1, 5])
          assert.deepEqual(await sc.sequenceFile(out, parts).collect(), pairs, JSON.stringify(options));
      }
    }),
  ],
  [
    'saveAsSequenceFile writes all common classes, and says what does not fit',
    inDirectory(async (sc, dir) => {
      const save = async (
        name: string,
        pair: [unknown, unknown],
        options?: { keyClass?: string; valueClass?: string },
      ) => {
        await sc.parallelize<[unknown, unknown]>([pair], 1).saveAsSequenceFile(join(dir, name), options);
        return sc.sequenceFile(join(dir, name)).first();
      };
      assert.deepEqual(await save('a', [1, 2], { keyClass: 'IntWritable', valueClass: 'LongWritable' }), [1, 2]);
      assert.deepEqual(await save('b', [-(2n ** 40n), null]), [-(2 ** 40), null]);
      assert.deepEqual(await save('c', [true, Buffer.from('xyz')]), [true, Buffer.from('xyz')]);
      assert.deepEqual(await save('d', [0.5, 'x'.repeat(300)], { keyClass: 'org.apache.hadoop.io.FloatWritable' }), [
        0.5,
        'x'.repeat(300),
      ]);
      assert.throws(
        () => sc.parallelize([[1, 2]]).saveAsSequenceFile('x', { keyClass: 'MapWritable' }),
        /keyClass.*must be one of Text/,
      );
      await assert.rejects(save('e', [1.5, 'x'], { keyClass: 'IntWritable' }), /1\.5 cannot be written as IntWritable/);
      await assert.rejects(
        // Types refuse it; programs without types come this far.
        sc.parallelize<never>([5 as never], 1).saveAsSequenceFile(join(dir, 'f')),
        /needs records that are \[key, value\] arrays/,
      );
      await assert.rejects(save('g', [2n ** 60n, '']), /a LongWritable holds 1152921504606846976.*longs: 'bigint'/);
      await assert.rejects(sc.sequenceFile(join(dir, 'h'), 1).first(), /does not exist/);
      assert.deepEqual(await sc.sequenceFile(join(dir, 'g'), { longs: 'bigint' }).first(), [2n ** 60n, '']);
    }),
  ],
  [
    'jsonFile gives the value of each line, and names the line that is none',
    inDirectory(async (sc, dir) => {
      const records = numbers(2000).map((i) => ({ id: i, name: `n${i}`, nested: { list: [i, null, true] } }));
      await sc.parallelize(records, 2).saveAsJsonFile(join(dir, 'out'), 'gzip');
      assert.deepEqual(readdirSync(join(dir, 'out')), ['_SUCCESS', 'part-00000.json.gz', 'part-00001.json.gz']);
      assert.deepEqual(await sc.jsonFile(join(dir, 'out')).collect(), records);
      const path = join(dir, 'a.json');
      writeFileSync(path, '{"a":1}\n\n  \n{"a":\n[2]\r\n"text"\n');
      await assert.rejects(
        sc.jsonFile(path, { minPartitions: 1 }).count(),
        /Malformed records.*a\.json, line 4: .*"\{\\"a\\":"/,
      );
      await assert.rejects(sc.jsonFile(path, { minPartitions: 4 }).count(), /a\.json, line 4: /);
      assert.deepEqual(await sc.jsonFile(path, { mode: 'dropMalformed' }).collect(), [{ a: 1 }, [2], 'text']);
      assert.deepEqual(await sc.jsonFile(path, { mode: 'PERMISSIVE' }).collect(), [
        { a: 1 },
        { _corrupt_record: '{"a":' },
        [2],
        'text',
      ]);
      assert.deepEqual(
        await sc
          .jsonFile(path, { mode: 'permissive', columnNameOfCorruptRecord: 'bad' })
          .filter((r) => (r as { bad?: string }).bad !== undefined)
          .collect(),
        [{ bad: '{"a":' }],
      );
      assert.throws(
        () => sc.jsonFile(path, { mode: 'lenient' }),
        /mode of jsonFile\(\) must be one of PERMISSIVE, DROPMALFORMED, FAILFAST/,
      );
      await assert.rejects(
        sc.parallelize([() => 1].map(() => 10n)).saveAsJsonFile(join(dir, 'no')),
        /cannot be made text.*BigInt/,
      );
      assert.equal(existsSync(join(dir, 'no')), false);
    }),
  ],
  [
    'csvFile gives objects by column, with the header of each file left out',
    inDirectory(async (sc, dir) => {
      mkdirSync(join(dir, 'in'));
      writeFileSync(join(dir, 'in/1.csv'), 'id,name,\n1,"a, b",x\n2,,""\n');
      writeFileSync(join(dir, 'in/2.csv'), 'id,name,\n3,"say \\"hi\\"",y');
      const expected = [
        { id: '1', name: 'a, b', _c2: 'x' },
        { id: '2', name: null, _c2: null },
        { id: '3', name: 'say "hi"', _c2: 'y' },
      ];
      for (const minPartitions of [1, 4])
        assert.deepEqual(await sc.csvFile(join(dir, 'in'), { header: true, minPartitions }).collect(), expected);
      assert.deepEqual(await sc.csvFile(join(dir, 'in/2.csv')).collect(), [
        { _c0: 'id', _c1: 'name', _c2: null },
        { _c0: '3', _c1: 'say "hi"', _c2: 'y' },
      ]);
      const piped = join(dir, 'piped.txt');
      writeFileSync(piped, "#c\na|'x|y'|NA\n");
      assert.deepEqual(
        await sc
          .csvFile(piped, { delimiter: '|', quote: "'", nullValue: 'NA', comment: '#', columns: ['p', 'q', 'r'] })
          .collect(),
        [{ p: 'a', q: 'x|y', r: null }],
      );
      assert.throws(() => sc.csvFile(piped, { quote: 'ab' }), /quote of csvFile\(\) must be one character/);
      assert.throws(() => sc.csvFile(piped, { delimiter: '' }), /delimiter of csvFile\(\)/);
    }),
  ],
  [
    'csvFile finds out the types of columns with inferSchema',
    inDirectory(async (sc, dir) => {
      const path = join(dir, 'a.csv');
      const rows = [
        'id,price,is,day,at,mixed,long,none',
        '1,2,true,2024-02-29,2024-02-29 10:30:00Z,1,1,',
        '-2,.5e1,FALSE,2023-01-01,2024-02-29T10:30:00.5+01:00,true,12345678901234567890,',
        '+3,NaN,,,,2024-02-30,,""',
      ];
      writeFileSync(path, rows.join('\n'));
      for (const minPartitions of [1, 4]) {
        const rdd = sc.csvFile<Record<string, unknown>>(path, { header: true, inferSchema: true, minPartitions });
        assert.deepEqual(await rdd.collect(), [
          {
            ...{ id: 1, price: 2, is: true, day: new Date('2024-02-29'), at: new Date('2024-02-29T10:30:00Z') },
            ...{ mixed: '1', long: '1', none: null },
          },
          {
            ...{ id: -2, price: 5, is: false, day: new Date('2023-01-01'), at: new Date('2024-02-29T09:30:00.500Z') },
            ...{ mixed: 'true', long: '12345678901234567890', none: null },
          },
          { id: 3, price: Number.NaN, is: null, day: null, at: null, mixed: '2024-02-30', long: null, none: null },
        ]);
        assert.equal(await rdd.map((row) => row['id'] as number).sum(), 2);
      }
      assert.deepEqual(
        await sc
          .csvFile(join(dir, '*.none'), { inferSchema: true })
          .collect()
          .catch((e: Error) => /none/.test(e.message)),
        true,
      );
      assert.throws(
        () => sc.csvFile(path, { inferSchema: true, samplingRatio: 0 }),
        /samplingRatio of csvFile\(\) must be above 0/,
      );
    }),
  ],
  [
    'csvFile reads a value that is not of the type that a sample showed as its mode says',
    inDirectory(async (sc, dir) => {
      const path = join(dir, 'a.csv');
      // Of four rows a half is looked at: which, is fixed.
      const rows = ['1', '2', '3', '4'];
      const seen: string[][] = [];
      for (let odd = 0; odd < 4; odd++) {
        writeFileSync(path, rows.map((row, i) => (i === odd ? 'x' : row)).join('\n'));
        const options = { inferSchema: true, samplingRatio: 0.5, minPartitions: 1 };
        const read = sc.csvFile<Record<string, unknown>>(path, { ...options, mode: 'PERMISSIVE' });
        const records = await read.collect();
        if (typeof records[(odd + 1) % 4]?.['_c0'] === 'string') continue; // it was in the sample
        seen.push([String(odd)]);
        assert.deepEqual(records[odd], { _c0: null, _corrupt_record: 'x' });
        await assert.rejects(
          sc
            .csvFile(path, options)
            .count()
            .then(() => {}),
          new RegExp(`a\\.csv, line ${odd + 1}: "x" is no number, as column _c0 seemed to have`),
        );
        assert.equal(await sc.csvFile(path, { ...options, mode: 'DROPMALFORMED' }).count(), 3);
      }
      assert.ok(seen.length > 0 && seen.length < 4, `${seen.length} rows were left out of the sample`);
    }),
  ],
  [
    'csvFile fails, fills or drops rows of another length',
    inDirectory(async (sc, dir) => {
      const path = join(dir, 'a.csv');
      writeFileSync(path, 'a,b\n1,2\n3\n4,5,6\n');
      await assert.rejects(
        sc.csvFile(path, { header: true, minPartitions: 3 }).count(),
        /a\.csv, line 3: 1 fields, where 2 are expected/,
      );
      assert.deepEqual(await sc.csvFile(path, { header: true, mode: 'DROPMALFORMED' }).collect(), [{ a: '1', b: '2' }]);
      assert.deepEqual(await sc.csvFile(path, { header: true, mode: 'PERMISSIVE' }).collect(), [
        { a: '1', b: '2' },
        { a: '3', b: null, _corrupt_record: '3' },
        { a: '4', b: '5', _corrupt_record: '4,5,6' },
      ]);
    }),
  ],
  [
    'csvFile reads line breaks in quotes when multiLine is set',
    inDirectory(async (sc, dir) => {
      const path = join(dir, 'a.csv');
      writeFileSync(path, 'id,text\n1,"two\nlines, ""and"" more"\n2,"three\n\nlines"\n');
      const rdd = sc.csvFile(path, { header: true, multiLine: true, escape: '"', minPartitions: 5 });
      assert.equal(rdd.getNumPartitions(), 1);
      assert.deepEqual(await rdd.collect(), [
        { id: '1', text: 'two\nlines, "and" more' },
        { id: '2', text: 'three\n\nlines' },
      ]);
    }),
  ],
  [
    'csvFile gives back what saveAsCsvFile wrote',
    inDirectory(async (sc, dir) => {
      const records = [
        { a: 'plain', b: 'with, comma', c: 'with "quotes"' },
        { a: null, b: 'back\\slash', c: '\\"both\\' },
        { a: ' blanks ', b: 'NULL?', c: 'ü' },
      ];
      for (const options of [
        {},
        { quoteAll: true },
        { escape: '"' },
        { delimiter: ';' },
        { delimiter: '||' },
        { nullValue: '\\N' },
      ]) {
        const out = join(dir, `out${JSON.stringify(options).replace(/\W/g, '_')}`);
        await sc.parallelize(records, 2).saveAsCsvFile(out, { ...options, header: true });
        assert.deepEqual(
          await sc.csvFile(out, { ...options, header: true }).collect(),
          records,
          JSON.stringify(options),
        );
      }
      await sc
        .parallelize(
          [
            ['x', 1, null, true],
            ['', 2.5, 'a\nb', new Date(0)],
          ],
          1,
        )
        .saveAsCsvFile(join(dir, 'arrays'));
      assert.equal(
        readFileSync(join(dir, 'arrays/part-00000.csv'), 'utf8'),
        'x,1,,true\n"",2.5,"a\nb",1970-01-01T00:00:00.000Z\n',
      );
      await sc.parallelize(records, 1).saveAsCsvFile(join(dir, 'some'), { columns: ['c', 'a'], codec: 'gzip' });
      assert.deepEqual(readdirSync(join(dir, 'some')), ['_SUCCESS', 'part-00000.csv.gz']);
      await assert.rejects(
        sc.parallelize([5]).saveAsCsvFile(join(dir, 'no')),
        /records that are arrays or objects, but got 5/,
      );
    }),
  ],
  [
    'parquetFile gives back what saveAsParquetFile wrote, a row group to one task',
    inDirectory(async (sc, dir) => {
      const records = numbers(300).map((i) => ({
        id: BigInt(i),
        name: i % 3 === 0 ? null : `n${i}`,
        score: i / 7,
        ok: i % 2 === 0,
        when: new Date(1_700_000_000_000 + i),
        raw: Uint8Array.from([i % 256]),
        tags: { list: [i, 'x'] },
      }));
      const numbersOf = records.map((r) => ({ ...r, id: Number(r.id) }));
      for (const codec of ['snappy', 'gzip', 'zstd', 'uncompressed']) {
        const out = join(dir, codec);
        await sc.parallelize(records, 2).saveAsParquetFile(out, { codec, rowGroupSize: 40 });
        for (const minPartitions of [1, 7]) {
          const rdd = sc.parquetFile<(typeof numbersOf)[0]>(out, { minPartitions });
          const found = await rdd.collect();
          assert.deepEqual(
            found.map((r) => ({ ...r, raw: Uint8Array.from(r.raw) })),
            numbersOf,
            codec,
          );
        }
      }
      assert.deepEqual(await sc.parquetFile(join(dir, 'gzip'), { columns: ['ok', 'id'], longs: 'bigint' }).take(2), [
        { ok: true, id: 0n },
        { ok: false, id: 1n },
      ]);
      await assert.rejects(
        sc.parquetFile(join(dir, 'gzip'), { columns: ['nope'] }).count(),
        /has no column nope; it has id, name/,
      );
    }),
  ],
  [
    'saveAsParquetFile goes by a schema, and says what does not fit it',
    inDirectory(async (sc, dir) => {
      const schema = { id: 'INT32', n: 'INT64', f: 'FLOAT' } as const;
      await sc.parallelize([{ id: 1, n: 2, f: 0.5 }], 3).saveAsParquetFile(join(dir, 'a'), { schema });
      assert.equal(readdirSync(join(dir, 'a')).filter((f) => f.endsWith('.parquet')).length, 3);
      assert.deepEqual(await sc.parquetFile(join(dir, 'a')).collect(), [{ id: 1, n: 2, f: 0.5 }]);
      await sc.parallelize([{ id: 1 }], 3).saveAsParquetFile(join(dir, 'b'));
      assert.equal(
        readdirSync(join(dir, 'b')).filter((f) => f.endsWith('.parquet')).length,
        1,
        'no file without records',
      );
      await assert.rejects(
        sc.parallelize([{ id: 1.5 }], 1).saveAsParquetFile(join(dir, 'c'), { schema }),
        /record 0 of partition 0: 1\.5 does not fit column id, which is INT32/,
      );
      await assert.rejects(
        sc.parallelize([{ id: 1 }, { id: 'x' }], 1).saveAsParquetFile(join(dir, 'd')),
        /record 1 of partition 0: 'x' does not fit column id, which is DOUBLE/,
      );
      await assert.rejects(sc.parallelize([{ x: 1 }], 1).saveAsParquetFile(join(dir, 'e'), { schema }), /a property x/);
      assert.throws(
        () => sc.parallelize([{ x: 1 }]).saveAsParquetFile('x', { codec: 'lzo' }),
        /codec of saveAsParquetFile\(\) must be snappy/,
      );
      writeFileSync(join(dir, 'bad.parquet'), 'PAR1 this is not PAR1');
      await assert.rejects(
        sc.parquetFile(join(dir, 'bad.parquet'), { minPartitions: 1 }).count(),
        /bad\.parquet is no Parquet file, or is damaged/,
      );
    }),
  ],
];
