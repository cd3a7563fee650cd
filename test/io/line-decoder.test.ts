import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { serialize } from 'node:v8';
import fc from 'fast-check';
import { LineDecoder } from '../../src/io/line-decoder.ts';

const part = fc.constantFrom('a', 'word ', '\n', '\n', '\r\n', '\r', 'é', '“', '𝄞', '\n\n', 'плотный текст ');
const text = fc.array(part, { maxLength: 60 }).map((parts) => parts.join(''));

describe('line decoder', () => {
  test('gives the lines of the text, whatever was decoded before and however small the pieces', () => {
    fc.assert(
      fc.property(
        fc.array(text, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 60 }),
        (texts, pieceBytes) => {
          const decoder = new LineDecoder(pieceBytes);
          for (const t of texts) {
            // Callers cut the terminator of the last line.
            const body = t.replace(/(\r\n|\n|\r)$/, '');
            assert.deepEqual(decoder.decode(Buffer.from(body)), body.split(/\r\n|\n|\r/));
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test('keeps lines of ASCII one byte wide beside a line that is not', () => {
    const ascii = 'a line of plain text that is long enough\n'.repeat(200);
    const lines = new LineDecoder().decode(Buffer.from(`${ascii}“quoted”\n${ascii.trimEnd()}`));
    assert.equal(lines.length, 401);
    assert.equal(lines[200], '“quoted”');
    assert.equal(lines.filter(isOneByteWide).length > 300, true);
  });
});

/** v8.serialize writes `"` before a string of one-byte characters, `c` before one of two-byte ones. */
const isOneByteWide = (text: string): boolean => serialize(text)[2] === 0x22;
