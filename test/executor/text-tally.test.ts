import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { seededRandom } from '../../src/base/seeded-random.ts';
import { TextTally } from '../../src/executor/text-tally.ts';
import { wordClasses } from '../../src/executor/word-classes.ts';
import type { SplitPlan } from '../../src/protocol/stage-program.ts';

interface Counted {
  readonly words: Map<string, number>;
  readonly lines: number;
  /** Those that were decoded before they were cut. */
  readonly decoded: number;
}

const cut = ({ separator, lowerCase, trim }: SplitPlan, text: string): string[] => {
  let line = text;
  if (trim) line = line.trim();
  if (lowerCase) line = line.toLowerCase();
  return line.split(typeof separator === 'string' ? separator : new RegExp(separator.source, separator.flags));
};

function counted(plan: SplitPlan, chunks: readonly (string | Buffer)[], isWellFormed = true): Counted {
  const classes = wordClasses(plan);
  assert.ok(classes !== null);
  const words = new Map<string, number>();
  let lines = 0;
  let decoded = 0;
  const add = (word: string, times: number): void => void words.set(word, (words.get(word) ?? 0) + times);
  const tally = new TextTally(classes, {
    onLines: (some) => {
      decoded += some.length;
      for (const line of some) for (const word of cut(plan, line)) add(word, 1);
    },
    onWord: add,
    endBatch: () => {},
    read: (n) => {
      lines += n;
    },
  });
  for (const chunk of chunks) tally.add(Buffer.from(chunk), isWellFormed);
  tally.finish();
  return { words, lines, decoded };
}

function expected(plan: SplitPlan, chunks: readonly (string | Buffer)[]): Omit<Counted, 'decoded'> {
  const words = new Map<string, number>();
  let lines = 0;
  for (const chunk of chunks)
    for (const line of String(chunk).split(/\r\n|\n|\r/)) {
      lines++;
      for (const word of cut(plan, line)) words.set(word, (words.get(word) ?? 0) + 1);
    }
  return { words, lines };
}

const by = (separator: string | RegExp, more: Partial<SplitPlan> = {}): SplitPlan => ({
  separator: typeof separator === 'string' ? separator : { source: separator.source, flags: separator.flags },
  ...{ lowerCase: false, trim: false },
  ...more,
});

const PLANS: readonly SplitPlan[] = [
  by(' '),
  by(','),
  by('x'),
  by(' ', { lowerCase: true }),
  by(/\s/),
  by(/\s+/),
  by(/\s+/, { trim: true }),
  by(/\s+/, { trim: true, lowerCase: true }),
  by(/\W+/),
  by(/[^\p{L}\p{N}']+/u, { lowerCase: true }),
  by(/[a-f]+/i),
  by(/\|/),
  by(/ +/g),
  by(/[\s,.;]+/),
];

const name = ({ separator, lowerCase, trim }: SplitPlan): string =>
  `${typeof separator === 'string' ? JSON.stringify(separator) : `/${separator.source}/${separator.flags}`}${lowerCase ? ' in lower case' : ''}${trim ? ' trimmed' : ''}`;

describe('words counted as bytes are those counted as strings', () => {
  const corners = [
    '',
    ' ',
    '  ',
    'a',
    ' a',
    'a ',
    ' a  b ',
    '\n',
    ' \n \n',
    'a\r\nb',
    'a\rb\r\n',
    '\r\n\r\n',
    '\t a,b;\n,',
    "it's\nIT'S\nx|y||z",
  ];
  for (const plan of PLANS) {
    test(`at lines of nothing, blanks and terminators: ${name(plan)}`, () => {
      for (const text of corners) {
        const { words, lines } = counted(plan, [text]);
        assert.deepEqual(
          { words: new Map([...words].sort()), lines },
          { words: new Map([...expected(plan, [text]).words].sort()), lines: expected(plan, [text]).lines },
          JSON.stringify(text),
        );
      }
    });
    test(`at random: ${name(plan)}`, () => {
      const random = seededRandom(7);
      const below = (n: number): number => random.nextInt(n);
      const letters = "aAbBcxyzXé€🙂ſKΣ' ,.;|\t-09";
      for (let round = 0; round < 30; round++) {
        const few = round % 3 === 0 ? letters.replace(/[^\0-\x7f]/gu, '') : letters;
        const pool = [...few];
        const chunks = Array.from({ length: 1 + below(4) }, () => {
          let text = '';
          for (let n = below(400); n > 0; n--) {
            const kind = below(12);
            if (kind === 0) text += ['\n', '\r\n', '\r'][below(3)];
            else if (kind < 4) text += ' ';
            else text += pool[below(pool.length)];
          }
          return text.replace(/[\r\n]$/, 'a');
        });
        const { words, lines } = counted(plan, chunks);
        const want = expected(plan, chunks);
        assert.equal(lines, want.lines);
        assert.deepEqual(new Map([...words].sort()), new Map([...want.words].sort()));
      }
    });
  }
});

test('words of one to twenty letters that differ anywhere are told apart, in order of first arrival', () => {
  const words: string[] = [];
  for (let length = 1; length <= 20; length++)
    for (let at = 0; at < length; at++) words.push(`${'m'.repeat(at)}Q${'m'.repeat(length - at - 1)}`);
  const text = `${words.join(' ')}\n${words.join(' ')}`;
  assert.deepEqual(
    [...counted(by(' '), [text]).words],
    words.map((word) => [word, 2]),
  );
});

test('more words than there is room for are told in parts, and none is lost', () => {
  const chunks = Array.from({ length: 50 }, (_, i) =>
    Array.from({ length: 6000 }, (_, j) => `w${(i * 4000 + j) % 150_000}`).join(' '),
  );
  assert.deepEqual(
    new Map([...counted(by(' '), chunks).words].sort()),
    new Map([...expected(by(' '), chunks).words].sort()),
  );
});

test('words of some hundred thousand letters are counted as others are', () => {
  const long = 'x'.repeat(300_000);
  const chunks = [
    `${long} a ${long}`,
    `${long}y b`,
    Array.from({ length: 8 }, (_, i) => `${i}${long.slice(0, 100_000)}`).join(' '),
    `${long} a`,
  ];
  assert.deepEqual(counted(by(' '), chunks).words, expected(by(' '), chunks).words);
});

test('only lines whose letters decide are decoded', () => {
  const ascii = `${'plain words\n'.repeat(1000)}plain`;
  const mixed = `${'plain words\n'.repeat(1000)}ça et là\n${'plain words\n'.repeat(1000)}end`;
  assert.equal(counted(by(/\s+/), [ascii]).decoded, 0);
  const { decoded, words } = counted(by(/\s+/), [mixed]);
  assert.ok(decoded > 0 && decoded < 400, `${decoded} of 2,002 lines`);
  assert.deepEqual(words, expected(by(/\s+/), [mixed]).words);
  // A blank is one whatever stands beside it.
  assert.equal(counted(by(' '), [mixed]).decoded, 0);
});

test('text that is not UTF-8 is decoded: different bytes may stand for one character', () => {
  const bytes = Buffer.from([0x61, 0xff, 0x20, 0x61, 0xfe, 0x20, 0x62]);
  assert.deepEqual(
    [...counted(by(' '), [bytes], false).words],
    [
      ['a\ufffd', 2],
      ['b', 1],
    ],
  );
});

test('what separates more than single characters cannot be cut at bytes', () => {
  for (const separator of [
    '',
    '  ',
    '\n',
    '\r',
    'é',
    '🙂',
    /ab/,
    /a|b/,
    /\b/,
    /(?: )/,
    / */,
    / ?/,
    /(\s)/,
    /^/,
    /./,
    / /y,
    /\x20/,
    /()\1/,
  ])
    assert.equal(wordClasses(by(separator)), null, String(separator));
  assert.equal(wordClasses({ ...by(' '), separator: { source: '[a]', flags: 'v' } }), null);
  assert.equal(wordClasses(by(' ', { trim: true })), null);
  assert.equal(wordClasses(by(/[^a-z]+/, { trim: true })), null);
});
