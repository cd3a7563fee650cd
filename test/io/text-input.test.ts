import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { openTextSplit, type TextInputOptions } from '../../src/io/text-input.ts';

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
});
