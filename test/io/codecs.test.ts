import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import { codecByName, codecOfHadoopClass, codecOfPath, extensionOf } from '../../src/io/codecs/codec-names.ts';
import { unpackLz4 } from '../../src/io/codecs/lz4-block.ts';
import { prepareSink } from '../../src/io/codecs/open-source.ts';
import { ZstdFrames } from '../../src/io/codecs/zstd-frames.ts';
import { LineWriter, textLines } from '../../src/io/line-writer.ts';
import { openTextSplit } from '../../src/io/text-input.ts';
import type { CodecName } from '../../src/protocol/file-formats.ts';

const dir = mkdtempSync(join(tmpdir(), 'iskra-codecs-'));
after(() => rmSync(dir, { recursive: true, force: true }));
before(() => prepareSink('zstd'));
let files = 0;

const WRITABLE = ['gzip', 'deflate', 'zstd', 'lz4', 'snappy'] as const;
const lines = (n: number): string[] =>
  Array.from({ length: n }, (_, i) => `${i} ${((i * 7919) % 10007).toString(36)} ä ${'x'.repeat(i % 90)}`);

function write(codec: CodecName, records: readonly string[]): string {
  const path = join(dir, `f${files++}${extensionOf(codec)}`);
  const writer = new LineWriter(path, codec, 0, textLines);
  for (let at = 0; at < records.length; at += 1000) writer.write(records.slice(at, at + 1000));
  writer.close();
  return path;
}

function put(name: string, content: Uint8Array): string {
  const path = join(dir, `${files++}${name}`);
  writeFileSync(path, content);
  return path;
}

function read(path: string, start = 0, end = readFileSync(path).length): string[] {
  const batches = openTextSplit({ path, start, end, compression: codecOfPath(path) });
  const found: string[] = [];
  try {
    for (let batch = batches.next(); batch !== null; batch = batches.next()) for (const line of batch) found.push(line);
  } finally {
    batches.close();
  }
  return found;
}

const golden = (name: string): string => join(import.meta.dirname, '../../../test/golden/files', name);

describe('compressed files', () => {
  for (const codec of WRITABLE) {
    test(`${codec}: what is written is read`, () => {
      for (const n of [1, 3, 40_000]) {
        const records = lines(n);
        const path = write(codec, records);
        assert.deepEqual(read(path), records);
        if (n === 40_000) assert.ok(readFileSync(path).length < records.join('\n').length / 1.3, 'it is smaller');
      }
    });

    test(`${codec}: an output without records, and a file of no bytes, have no lines`, () => {
      const path = write(codec, []);
      assert.ok(readFileSync(path).length > 0);
      assert.deepEqual(read(path), []);
      assert.deepEqual(read(put(extensionOf(codec), new Uint8Array(0))), []);
    });

    test(`${codec}: a file that is cut off is an error that names it and the byte`, () => {
      const whole = readFileSync(write(codec, lines(20_000)));
      for (const keep of [whole.length - 3, whole.length >> 1, 10]) {
        const path = put(extensionOf(codec), whole.subarray(0, keep));
        assert.throws(
          () => read(path),
          (e: Error) => {
            assert.match(e.message, /cannot decompress file:.*ends in the middle after \d+ compressed bytes/);
            assert.ok(e.message.includes(path));
            return true;
          },
          `${keep} bytes`,
        );
      }
    });

    test(`${codec}: a file of something else is an error that names it and the byte`, () => {
      const path = put(extensionOf(codec), Buffer.from('this is plain text, whatever the name says\n'.repeat(50)));
      assert.throws(() => read(path), /cannot decompress file:.*near compressed byte \d+ or is not/);
    });

    test(`${codec}: two files one after another are read as one`, () => {
      if (codec === 'deflate') return; // a zlib stream has an end, and Hadoop stops there too
      const [a, b] = [write(codec, ['one']), write(codec, ['two', 'three'])];
      assert.deepEqual(read(put(extensionOf(codec), Buffer.concat([readFileSync(a), readFileSync(b)]))), [
        'one',
        'two',
        'three',
      ]);
    });
  }

  test('gzip and deflate are what zlib makes and takes', () => {
    const records = lines(500);
    const text = `${records.join('\n')}\n`;
    assert.equal(gunzipSync(readFileSync(write('gzip', records))).toString(), text);
    assert.equal(inflateSync(readFileSync(write('deflate', records))).toString(), text);
    assert.deepEqual(read(put('.gz', gzipSync(text))), records);
    assert.deepEqual(read(put('.deflate', deflateSync(text))), records);
  });

  test('the frames of a zstd file are told apart, however it is cut into pieces', () => {
    const frame = readFileSync(golden('lines.zst'));
    const skippable = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9]);
    const file = Buffer.concat([frame, skippable, readFileSync(write('zstd', lines(100))), frame]);
    for (const size of [1, 7, 4096, file.length]) {
      const frames = new ZstdFrames();
      const ends: number[] = [];
      for (let from = 0; from < file.length; from += size) {
        const piece = file.subarray(from, from + size);
        for (let at = 0; at < piece.length; ) {
          at += frames.scan(piece, at);
          if (frames.atEnd) ends.push(from + at);
        }
      }
      assert.deepEqual(ends, [frame.length, frame.length + 11, file.length - frame.length, file.length]);
    }
    assert.throws(() => new ZstdFrames().scan(Buffer.from('plain text'), 0), /no zstd frame/);
  });

  test('a byte that is wrong is found where the format has checksums', () => {
    for (const codec of ['gzip', 'deflate'] as const) {
      const bytes = readFileSync(write(codec, lines(5000)));
      bytes[bytes.length - 2] = (bytes[bytes.length - 2] as number) ^ 0x55;
      assert.throws(() => read(put(extensionOf(codec), bytes)), /cannot decompress/);
    }
  });

  test('an LZ4 block that points outside itself is refused', () => {
    const out = Buffer.alloc(100);
    assert.throws(() => unpackLz4(Buffer.from([0x10, 65, 9, 0]), out, 0), /outside its block/);
    assert.throws(() => unpackLz4(Buffer.from([0xf0, 255]), out, 0), /outside its block/);
    assert.equal(unpackLz4(Buffer.from([0x1f, 65, 1, 0, 5, 0]), out, 0), 25);
    assert.equal(out.toString('latin1', 0, 25), 'A'.repeat(25));
  });
});

describe('bzip2 files', () => {
  const expected = Array.from({ length: 30_000 }, (_, i) => `line ${i} ${(i * 7919) % 1000}`);

  test('are read, whole and in splits, wherever the cuts fall', () => {
    const path = golden('lines.txt.bz2');
    const size = readFileSync(path).length;
    assert.deepEqual(read(path), expected);
    for (const cuts of [[1], [4], [5], [size >> 1], [size - 1], [3, 9, 100, 20_000, 20_001]]) {
      const borders = [0, ...cuts, size];
      const all: string[] = [];
      for (let i = 0; i + 1 < borders.length; i++) all.push(...read(path, borders[i], borders[i + 1]));
      assert.deepEqual(all, expected, `cuts at ${cuts}`);
    }
  });

  test('of several streams are read as one', () => {
    const bytes = readFileSync(golden('lines.txt.bz2'));
    const twice = put('.bz2', Buffer.concat([bytes, bytes]));
    assert.deepEqual(read(twice), [...expected, ...expected]);
    const [a, b] = [read(twice, 0, bytes.length + 9), read(twice, bytes.length + 9, bytes.length * 2)];
    assert.deepEqual([...a, ...b], [...expected, ...expected]);
  });

  test('that are cut off, damaged or none at all are an error with file and byte', () => {
    const bytes = readFileSync(golden('lines.txt.bz2'));
    for (const keep of [2, 20, bytes.length >> 1, bytes.length - 12])
      assert.throws(() => read(put('.bz2', bytes.subarray(0, keep))), /ends in the middle after \d+ compressed bytes/);
    for (const at of [1, 30, 500, bytes.length >> 1]) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] as number) ^ 0x10;
      assert.throws(() => read(put('.bz2', damaged)), /near compressed byte \d+ or is not bzip2/, `byte ${at}`);
    }
    assert.throws(() => read(put('.bz2', Buffer.from('plain text that is no archive'))), /is not bzip2/);
    assert.deepEqual(read(put('.bz2', new Uint8Array(0))), []);
  });
});

describe('names of codecs', () => {
  test('are short, or those of Hadoop classes, in any case', () => {
    for (const [name, codec] of [
      ['gzip', 'gzip'],
      ['GZIP', 'gzip'],
      ['org.apache.hadoop.io.compress.GzipCodec', 'gzip'],
      ['GzipCodec', 'gzip'],
      ['org.apache.hadoop.io.compress.DefaultCodec', 'deflate'],
      ['org.apache.hadoop.io.compress.DeflateCodec', 'deflate'],
      ['org.apache.hadoop.io.compress.ZStandardCodec', 'zstd'],
      ['org.apache.hadoop.io.compress.Lz4Codec', 'lz4'],
      ['snappy', 'snappy'],
      ['none', 'none'],
      ['uncompressed', 'none'],
      [undefined, 'none'],
    ] as const)
      assert.equal(codecByName(name, 'save'), codec, String(name));
    assert.equal(codecOfHadoopClass('com.acme.LzoCodec'), null);
  });

  test('that are unknown or can only be read are refused with those that work', () => {
    assert.throws(
      () => codecByName('zip', 'saveAsTextFile'),
      /saveAsTextFile\(\): zip is not known.*gzip, deflate, zstd/,
    );
    assert.throws(() => codecByName('bzip2', 'saveAsTextFile'), /bzip2 files can be read, not written/);
    assert.throws(() => codecByName(7, 'saveAsTextFile'), /must be a text/);
  });

  test('of files go by the end of the name', () => {
    assert.equal(codecOfPath('/a.gz/b.txt'), 'none');
    assert.equal(codecOfPath('/a/b.txt.gz'), 'gzip');
    assert.equal(codecOfPath('/a/.gz'), 'gzip');
    assert.equal(codecOfPath('/a/b.bz2'), 'bzip2');
    assert.equal(codecOfPath('/a/b.GZ'), 'none');
  });
});
