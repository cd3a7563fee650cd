import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { seededRandom } from '../../src/base/seeded-random.ts';
import { type WordClasses, wordClasses } from '../../src/executor/word-classes.ts';
import { WordTally } from '../../src/executor/word-tally.ts';

function classes(separator: string | RegExp, trim = false): WordClasses {
  const found = wordClasses({
    separator: typeof separator === 'string' ? separator : { source: separator.source, flags: separator.flags },
    lowerCase: false,
    trim,
  });
  assert.ok(found !== null);
  return found;
}

class Counts {
  readonly words = new Map<string, number>();
  /** How often words were told, each of which may be told again. */
  told = 0;
  readonly tally: WordTally;

  constructor(separator: string | RegExp = ' ', trim = false) {
    this.tally = new WordTally(classes(separator, trim), (word, times) => {
      this.told++;
      this.words.set(word, (this.words.get(word) ?? 0) + times);
    });
  }
}

function countedByHand(texts: readonly string[], separator: string | RegExp = ' '): Map<string, number> {
  const words = new Map<string, number>();
  for (const text of texts)
    for (const line of text.split('\n'))
      for (const word of line.split(separator)) words.set(word, (words.get(word) ?? 0) + 1);
  return words;
}

function check(texts: readonly string[], counts: Counts = new Counts(), separator: string | RegExp = ' '): Counts {
  for (const text of texts) counts.tally.add(Buffer.from(text));
  counts.tally.finish();
  assert.deepEqual([...counts.words].sort(), [...countedByHand(texts, separator)].sort());
  return counts;
}

test('words that end at any place of 16, 64 and 4,096 bytes are cut there', () => {
  for (const width of [16, 64, 128, 4096])
    for (let more = -2; more <= 2; more++)
      for (let length = 1; length <= 3; length++) {
        const word = 'q'.repeat(width + more - length);
        check([`${word} ${'x'.repeat(length)} ${word} y\n${word} z`]);
      }
});

test('a word may be as long as all of its text, and longer than what is looked at together', () => {
  for (const length of [4095, 4096, 4097, 5000, 8192, 70_000]) check(['a'.repeat(length), `${'a'.repeat(length)} b`]);
});

test('words of one length that differ at one place only are told apart, whatever their length', () => {
  const texts: string[] = [];
  for (let length = 12; length <= 40; length++)
    texts.push(
      Array.from({ length }, (_, at) => `${'m'.repeat(at)}Q${'m'.repeat(length - at - 1)}`).join(' '),
      'm'.repeat(length),
    );
  check([...texts, ...texts]);
});

test('a word with NULs behind it is not the word', () => {
  check(['a a\0 a\0\0 a', 'a\0 \0 \0\0', '\0']);
});

test('letters beyond ASCII come back as they were, beside words of any length', () => {
  check(['é 🙂 größer-als-sechzehn-Zeichen größer a', 'a größer-als-sechzehn-Zeichen é 🙂🙂🙂🙂 zwölfeinhalb']);
});

test('what stands behind a short text, from a longer one before, is not counted', () => {
  const counts = new Counts();
  counts.tally.add(Buffer.from('left over words of a long line '.repeat(100)));
  check(['x'], new Counts());
  counts.tally.finish();
  assert.equal(counts.words.get('left'), 100);
});

test('two tallies at a time know nothing of each other, and neither do those that come after', () => {
  const one = new Counts();
  const other = new Counts(',');
  one.tally.add(Buffer.from('a b a,b'));
  other.tally.add(Buffer.from('a b,a b'));
  one.tally.finish();
  check(['c d c'], new Counts());
  other.tally.finish();
  assert.deepEqual(Object.fromEntries(one.words), { a: 1, b: 1, 'a,b': 1 });
  assert.deepEqual(Object.fromEntries(other.words), { 'a b': 2 });
});

test('a tally that saw nothing tells nothing', () => {
  const counts = new Counts();
  counts.tally.finish();
  assert.equal(counts.words.size, 0);
});

test('more long words than there is room for are told in parts', () => {
  const texts = Array.from({ length: 60 }, (_, i) =>
    Array.from({ length: 1000 }, (_, j) => `${(i * 700 + j) % 30_000}-${'long'.repeat(20)}`).join(' '),
  );
  const { told, words } = check(texts);
  assert.ok(told > words.size, 'some words were told before the end, and came again');
});

test('the empty word is counted where it is one, at random', () => {
  const random = seededRandom(11);
  for (const separator of [' ', /\s/, /\s+/, /[\s,]+/])
    for (let round = 0; round < 50; round++) {
      const texts = Array.from({ length: 3 }, () =>
        Array.from({ length: random.nextInt(200) }, () => 'ab ,\n'[random.nextInt(5)]).join(''),
      );
      check(texts, new Counts(separator), separator);
    }
});

test('any set of separators is told from all other bytes', () => {
  const random = seededRandom(5);
  const ascii = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code)).filter((c) => !/[\n\r]/.test(c));
  for (let round = 0; round < 40; round++) {
    const some = ascii.filter(() => random.nextInt(8) < 1 + (round % 7));
    if (some.length === 0) continue;
    const set = new RegExp(`[${some.map((c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`).join('')}]`);
    // The classes of escapes are not read from the pattern: it is given as it would be, had it been.
    const ofByte = new Uint8Array(256);
    ofByte[10] = 2;
    for (const c of some) ofByte[c.charCodeAt(0)] = 1;
    const counts = new Map<string, number>();
    const tally = new WordTally(
      { ofByte, merging: false, trim: false, lowerCase: false, asciiOnly: false },
      (word, n) => counts.set(word, n),
    );
    const text = `${ascii.join('')}é${[...ascii].reverse().join('')}\n${ascii.join('a')}`;
    tally.add(Buffer.from(text));
    tally.finish();
    assert.deepEqual([...counts].sort(), [...countedByHand([text], set)].sort());
  }
});

test('a Node that may not make code has no kernel, and says so without an error', () => {
  const module = join(import.meta.dirname, '../../src/executor/word-kernel.js');
  const program = `import(${JSON.stringify(module)}).then((m) => process.stdout.write(String(m.hasKernel())))`;
  assert.equal(execFileSync(process.execPath, ['--jitless', '-e', program], { encoding: 'utf8' }), 'false');
  assert.equal(execFileSync(process.execPath, ['-e', program], { encoding: 'utf8' }), 'true');
});
