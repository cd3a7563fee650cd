import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isAddition, pureResultOf, ship, splitFormOf } from '../../src/closure/closure.ts';

type Fn = Parameters<typeof isAddition>[0];

describe('the cutting of a line', () => {
  const plain = { lowerCase: false, trim: false };
  const recognised: readonly [Fn, object][] = [
    [(line: string) => line.split(' '), { separator: ' ', ...plain }],
    [(line: string) => line.split(','), { separator: ',', ...plain }],
    [(l: string) => l.split(/\s+/), { separator: { source: '\\s+', flags: '' }, ...plain }],
    [
      (l: string) => l.toLowerCase().split(/[^\p{L}']+/u),
      { separator: { source: "[^\\p{L}']+", flags: 'u' }, lowerCase: true, trim: false },
    ],
    [
      (l: string) => l.trim().toLowerCase().split(/\s+/),
      { separator: { source: '\\s+', flags: '' }, lowerCase: true, trim: true },
    ],
  ];
  for (const [f, form] of recognised)
    test(`is seen in ${f}`.replaceAll('\n', ' '), () => assert.deepEqual(splitFormOf(f), form));

  const separator = ' ';
  const others: readonly Fn[] = [
    (line: string) => line.split(separator),
    (line: string) => line.split(' ', 3),
    (line: string) => line.split(''.concat(' ')),
    (line: string) => separator.split(line),
    (line: string) => line.toUpperCase().split(' '),
    (line: string) => line?.split(' '),
    (line: string) => {
      const words = line.split(' ');
      return words;
    },
    async (line: string) => line.split(' '),
    (line = 'a b') => line.split(' '),
    (line: string, more: string) => [line.split(' '), more],
    (line: string) => [...line.split(' ')],
    String.prototype.trim.bind('a b'),
    { method: (line: string) => line }.method,
  ];
  for (const f of others) test(`is not seen in ${f}`.replaceAll('\n', ' '), () => assert.equal(splitFormOf(f), null));
});

describe('an addition', () => {
  test('is a sum of both parameters, whatever they are called', () => {
    assert.ok(isAddition((a: number, b: number) => a + b));
    assert.ok(isAddition((x: number, y: number) => y + x));
    assert.ok(
      isAddition(function add(left: number, right: number) {
        return left + right;
      }),
    );
  });
  test('is nothing else', () => {
    const c = 1;
    for (const f of [
      (a: number, b: number) => a - b,
      (a: number, _: number) => a + a,
      (a: number, _: number) => a + c,
      (a: number, b: number) => a + b + c,
      (a: number, b: number) => Math.max(a, b),
      (a: number, b: number, d: number) => a + b + d,
      (...all: number[]) => all.length,
    ])
      assert.ok(!isAddition(f as Fn), String(f));
  });
});

describe('a function of one string', () => {
  const shortest = 4;
  const ending = 'ing';
  const stop = new Set(['the', 'a']);
  const ranks = new Map([['king', 1]]);
  let calls = 0;
  const text = { value: 'a' };

  const pure: readonly [Fn, unknown][] = [
    [(w: string) => w, 'string'],
    [(w: string) => w !== '', 'boolean'],
    [(w: string) => w.length >= shortest && !stop.has(w), 'boolean'],
    [(w: string) => !ranks.has(w.toLowerCase()), 'boolean'],
    [(w: string) => w.endsWith(ending), 'boolean'],
    [(w: string) => /^\p{L}+$/u.test(w), 'boolean'],
    [(w: string) => (w.length > 3 ? w.slice(0, 3) : w), 'string'],
    [(w: string) => [w, 1], ['string', 'number']],
    [(w: string) => [w.charAt(0).toUpperCase(), w.length * 2 + 1], ['string', 'number']],
    [(w: string) => [w === 'x', -1], ['boolean', 'number']],
    [(w: string) => `${w.trim()}!`, 'string'],
    [Boolean, 'boolean'],
  ];
  for (const [f, result] of pure)
    test(`that looks at nothing else is known by what it gives: ${f}`, () =>
      assert.deepEqual(pureResultOf(f, 'string'), result));

  const unknown: readonly Fn[] = [
    (w: string) => `${w}${calls++}`,
    (w: string) => w + calls.toString(),
    (w: string) => w.at(0),
    (w: string) => w[0],
    (w: string) => w.repeat(-1),
    (w: string) => w.split(','),
    (w: string) => text.value + w,
    (w: string) => [w, 1, 2],
    (w: string) => [w, Math.random()],
    (w: string) => [w],
    (w: string) => ({ w }),
    (w: string) => w + 1,
    (w: string) => w.slice(w as unknown as number),
    (w: string) => stop.add(w),
    (w: string) => process.exit(w.length),
    (w: string) => console.log(w),
    (w: string) => w.replace('a', 'b'),
    (w: string) => {
      if (w === '') throw new Error('empty');
      return w;
    },
    () => 'a',
    parseInt as Fn,
  ];
  for (const f of unknown)
    test(`that may do more is not taken for one that does not: ${f}`.replaceAll('\n', ' '), () =>
      assert.equal(pureResultOf(f, 'string'), null),
    );

  test('is judged by the type of what it gets', () => {
    assert.equal(
      pureResultOf((n: number) => n % 2 === 0, 'number'),
      'boolean',
    );
    assert.equal(
      pureResultOf((n: number) => `${n}`.length, 'number'),
      'number',
    );
    assert.equal(
      pureResultOf((w: string) => w.length, 'number'),
      null,
    );
  });

  test('has the values that ship() names, and no others', () => {
    const least = 3;
    const f = (w: string): boolean => w.length > least;
    assert.equal(pureResultOf(f, 'string'), 'boolean');
    assert.equal(pureResultOf(ship(f, { other: 1 }), 'string'), null);
    assert.equal(pureResultOf(ship(f, { least: 5 }), 'string'), 'boolean');
  });

  test('whose set has a method of its own is not known', () => {
    const odd = Object.assign(new Set<string>(), { has: () => Math.random() > 0.5 });
    assert.equal(
      pureResultOf((w: string) => odd.has(w), 'string'),
      null,
    );
  });
});
