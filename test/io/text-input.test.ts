import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { openTextSplit, type TextInputOptions } from '../../src/io/text-input.ts';
import { asNobody } from './as-nobody.ts';

const dir = mkdtempSync(join(tmpdir(), 'iskra-text-'));
after(() => rmSync(dir, { recursive: true, force: true }));
let files = 0;

function file(content: string | Uint8Array, extension = '.txt'): string {
  const path = join(dir, `in${files++}${extension}`);
  writeFileSync(path, content);
  return path;
}

function read(path: string, start: number, end: number, options: TextInputOptions = {}): string[] {
  const compression = path.endsWith('.gz') ? 'gzip' : 'none';
  const batches = openTextSplit({ path, start, end, compression }, options);
  const lines: string[] = [];
  try {
    for (let batch = batches.next(); batch !== null; batch = batches.next()) lines.push(...batch);
  } finally {
    batches.close();
  }
  return lines;
}

/** Lines of a text and the bytes at which they begin, the slow and plain way. */
function plainLines(bytes: Buffer): { start: number; text: string }[] {
  const lines: { start: number; text: string }[] = [];
  let start = 0;
  while (start < bytes.length) {
    let end = start;
    while (end < bytes.length && bytes[end] !== 10 && bytes[end] !== 13) end++;
    const next = end + (bytes[end] === 13 && bytes[end + 1] === 10 ? 2 : 1);
    lines.push({ start, text: bytes.subarray(start, end).toString('utf8') });
    start = next;
  }
  return lines;
}

const text = fc
  .array(fc.constantFrom('a', 'bc', ' ', '\n', '\n', '\r\n', '\r', 'é', '€', '𝄞', '\n\n', 'long line without end'), {
    maxLength: 40,
  })
  .map((parts) => parts.join(''));

describe('text input', () => {
  test('lines of all splits together are the lines of the file, wherever the cuts fall and whatever the chunk size', () => {
    fc.assert(
      fc.property(
        text,
        fc.array(fc.nat(60), { maxLength: 4 }),
        fc.integer({ min: 1, max: 70 }),
        (t, cuts, chunkBytes) => {
          const bytes = Buffer.from(t);
          const path = file(bytes);
          const borders = [...new Set([0, ...cuts.filter((c) => c < bytes.length), bytes.length])].sort(
            (a, b) => a - b,
          );
          const expected = plainLines(bytes);
          const all: string[] = [];
          for (let i = 0; i + 1 < borders.length; i++) {
            const [start, end] = [borders[i] as number, borders[i + 1] as number];
            const lines = read(path, start, end, { chunkBytes, batchSize: 3 });
            const owned = expected.filter((l) => l.start <= end && (start === 0 || l.start > start));
            // A CRLF cut in the middle leaves its LF to the next split, which drops it as the end of a line of ours.
            assert.deepEqual(
              lines,
              owned.map((l) => l.text),
              `split [${start}, ${end}) of ${JSON.stringify(t)}`,
            );
            all.push(...lines);
          }
          assert.deepEqual(
            all,
            expected.map((l) => l.text),
          );
        },
      ),
      { numRuns: 400 },
    );
  });

  test('a gzip file gives the same lines as its content, whatever its members and the chunk size', () => {
    fc.assert(
      fc.property(
        fc.array(text, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 70 }),
        (parts, chunkBytes) => {
          const path = file(Buffer.concat(parts.map((p) => gzipSync(p))), '.gz');
          assert.deepEqual(
            read(path, 0, 1, { chunkBytes }),
            plainLines(Buffer.from(parts.join(''))).map((l) => l.text),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  test('a byte order mark at the start of a file is dropped, elsewhere it is text', () => {
    assert.deepEqual(read(file('\ufeffa\n\ufeffb\n'), 0, 9), ['a', '\ufeffb']);
    assert.deepEqual(read(file('\ufeff\nb'), 0, 5), ['', 'b']);
    assert.deepEqual(read(file('\ufeff'), 0, 3), []);
    assert.deepEqual(read(file(gzipSync('\ufeffa\n'), '.gz'), 0, 1), ['a']);
  });

  test('an empty file has no line, one LF is one empty line, and the end of a file ends a line', () => {
    assert.deepEqual(read(file(''), 0, 0), []);
    assert.deepEqual(read(file('\n'), 0, 1), ['']);
    assert.deepEqual(read(file('a\n\nb'), 0, 4), ['a', '', 'b']);
    assert.deepEqual(read(file('', '.gz'), 0, 0), []);
    assert.deepEqual(read(file(gzipSync(''), '.gz'), 0, 20), []);
  });

  test('batches are never longer than asked, and all bytes read are told', () => {
    let bytes = 0;
    const path = file('x\n'.repeat(100_000));
    const batches = openTextSplit(
      { path, start: 0, end: 200_000, compression: 'none' },
      { batchSize: 1000, onBytes: (n) => (bytes += n) },
    );
    let lines = 0;
    for (let batch = batches.next(); batch !== null; batch = batches.next()) {
      assert.ok(batch.length <= 1000);
      lines += batch.length;
    }
    batches.close();
    assert.equal(lines, 100_000);
    assert.equal(bytes, 200_000);
  });

  test('a line of 8 MB is read in one piece and in linear time, and the lines after it too', () => {
    const long = 'x'.repeat(8_000_000);
    const path = file(`first\n${long}\nlast`);
    const lines = read(path, 0, 8_000_011);
    assert.deepEqual(
      lines.map((l) => l.length),
      [5, 8_000_000, 4],
    );
    assert.equal(lines[1] === long, true);
    const zipped = file(gzipSync(`${long}\nlast`), '.gz');
    assert.deepEqual(
      read(zipped, 0, 1).map((l) => l.length),
      [8_000_000, 4],
    );
  });

  test('a line that is too long is an error that names the file and the byte at which it begins', () => {
    const path = file(`short\n${'x'.repeat(5000)}\n`);
    assert.throws(
      () => read(path, 0, 5007, { maxLineBytes: 1000, chunkBytes: 100 }),
      (e: Error) => e.message.startsWith(`the line that begins at byte 6 of file:${path} is longer than 1000 bytes`),
    );
  });

  test('bytes that are not UTF-8 become U+FFFD, and the first of a split is told once with its offset', () => {
    const path = file(Buffer.from([...Buffer.from('gut\nsch'), 0xf6, ...Buffer.from('n\n'), 0xff, 0x0a]));
    const told: unknown[] = [];
    assert.deepEqual(read(path, 0, 12, { onMalformed: (at) => told.push(at), chunkBytes: 9 }), [
      'gut',
      'sch\ufffdn',
      '\ufffd',
    ]);
    assert.deepEqual(told, [{ path, offset: 7 }]);
  });

  test('bytes that are not UTF-8 are an error when asked for, with file and offset', () => {
    const path = file(Buffer.from([0x61, 0x0a, 0xc3, 0x28, 0x0a]));
    assert.throws(
      () => read(path, 0, 5, { malformed: 'error' }),
      (e: Error) => e.message.startsWith(`file:${path} is not UTF-8 at byte 2; convert it`),
    );
  });

  test('members of a gzip file may end exactly where a read ends', () => {
    const stored = gzipSync(Buffer.alloc(32_745, 'a\n'), { level: 0 });
    assert.equal(stored.length, 32 * 1024);
    const path = file(Buffer.concat([stored, stored, gzipSync('end\n')]), '.gz');
    const lines = read(path, 0, 1);
    assert.equal(lines.length, 32_745);
    assert.equal(lines.at(-1), 'aend');
  });

  test('a gzip file that is cut off, damaged or none at all is an error that names it', () => {
    const whole = gzipSync(Buffer.from(Array.from({ length: 5000 }, (_, i) => `line ${i * 7919}\n`).join('')));
    const cut = file(whole.subarray(0, whole.length - 9), '.gz');
    assert.throws(
      () => read(cut, 0, 1),
      (e: Error) => e.message.startsWith(`cannot decompress file:${cut}: it ends in the middle`),
    );
    const damagedBytes = Buffer.from(whole);
    damagedBytes.fill(0xff, 2000, 2100);
    const damaged = file(damagedBytes, '.gz');
    assert.throws(
      () => read(damaged, 0, 1),
      (e: Error) => e.message.startsWith(`cannot decompress file:${damaged}: its content is damaged`),
    );
    const none = file('not gzip at all', '.gz');
    assert.throws(() => read(none, 0, 1), /is not gzip/);
  });

  test('a file that is gone, a directory, or not ours to read is an error with the reason', () => {
    const gone = join(dir, 'gone.txt');
    assert.throws(
      () => read(gone, 0, 1),
      (e: Error) => e.message === `cannot open file:${gone}: no such file or directory (ENOENT)`,
    );
    assert.throws(() => read(dir, 0, 1), /cannot read file:.* at byte 0: it is a directory \(EISDIR\)/);
    const secret = file('x\n');
    chmodSync(secret, 0);
    assert.throws(() => asNobody(() => read(secret, 0, 2)), /cannot open file:.*: permission denied \(EACCES\)/);
  });

  test('an early close releases the file and ends the batches', () => {
    const path = file('a\nb\n');
    const fds = (): number => readdirSync('/dev/fd').length;
    const before = fds();
    const batches = openTextSplit({ path, start: 0, end: 4, compression: 'none' }, { batchSize: 1 });
    assert.deepEqual(batches.next(), ['a']);
    batches.close();
    assert.equal(fds(), before);
    assert.equal(batches.next(), null);
  });
});
