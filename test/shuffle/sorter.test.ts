import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareValues } from '../../src/base/value-ordering.ts';
import { BoundedHeap } from '../../src/shuffle/bounded-heap.ts';
import { comparatorOf, type KeyOrder, sortPairs } from '../../src/shuffle/sorter.ts';

const orders: KeyOrder[] = [true, false].flatMap((ascending) => [
  { compare: null, ascending },
  { compare: (a, b) => -compareValues(a, b), ascending },
]);

const keyColumns: Record<string, fc.Arbitrary<unknown[]>> = {
  'small ints': fc.array(fc.integer({ min: -20, max: 20 }), { maxLength: 300 }),
  'all ints': fc.array(fc.integer(), { maxLength: 300 }),
  doubles: fc.array(fc.double(), { maxLength: 300 }),
  'doubles that share their upper half': fc.array(
    fc.integer({ min: -99, max: 99 }).map((i) => 1 + i * Number.EPSILON),
    { maxLength: 300 },
  ),
  'large numbers': fc.array(fc.maxSafeInteger(), { maxLength: 300 }),
  'numbers with NaN, infinities and zeros': fc.array(
    fc.constantFrom(Number.NaN, -0, 0, 1, -1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 5e-324, 2 ** 31),
    { minLength: 40, maxLength: 200 },
  ),
  'short strings': fc.array(fc.string({ maxLength: 3 }), { maxLength: 300 }),
  'strings of any unit': fc.array(fc.string({ unit: 'binary', maxLength: 8 }), { maxLength: 300 }),
  'strings with a common beginning': fc.array(
    fc.string({ maxLength: 4 }).map((s) => `user_${s}`),
    { maxLength: 300 },
  ),
  'strings that are almost alike': fc.array(
    fc.constantFrom('aaaa', 'aaaaa', 'aaaab', 'aaaa\u0000', 'aaaaÿ', 'aaaaþ', 'aaaaĀ', ''),
    { minLength: 40, maxLength: 300 },
  ),
  bigints: fc.array(fc.bigInt(), { maxLength: 100 }),
  dates: fc.array(fc.date(), { maxLength: 100 }),
  arrays: fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.string({ maxLength: 1 })), { maxLength: 100 }),
};

for (const [name, columns] of Object.entries(keyColumns))
  test(`pairs are sorted by ${name}, in both directions, equal keys in their old order`, () => {
    fc.assert(
      fc.property(columns, fc.constantFrom(...orders), (keys, order) => {
        const values = keys.map((_, i) => i);
        const compare = comparatorOf(order);
        const wanted = values.slice().sort((a, b) => compare(keys[a], keys[b]) || a - b);
        const sorted = sortPairs(keys, values, order);
        assert.deepEqual(sorted.values, wanted);
        assert.deepEqual(
          sorted.keys,
          wanted.map((i) => keys[i]),
        );
      }),
    );
  });

test('thousands of keys with long groups of equal prefixes are sorted', () => {
  const keys = Array.from({ length: 20_000 }, (_, i) => `pre${'x'.repeat(6)}${(i * 7919) % 1000}`);
  const sorted = sortPairs(keys, keys, { compare: null, ascending: true });
  assert.deepEqual(sorted.keys, keys.slice().sort());
});

const manyKeys: Record<string, (i: number) => number | string> = {
  timestamps: (i) => 1.7e12 + ((i * 7919) % 86_400),
  'negative doubles in narrow bands': (i) => -1 - ((i * 7919) % 1000) * Number.EPSILON,
  'few different strings': (i) =>
    ['', 'a', 'ab', 'abc', 'abcd', 'abcde', 'abcd\u0000', 'ÿÿÿÿ', 'þþþþ'][(i * 7) % 9] as string,
  'strings that are beginnings of each other': (i) => 'a'.repeat((i * 7919) % 997),
  'strings that differ late': (i) => `${'p'.repeat(40)}${(i * 7919) % 997}${'s'.repeat(3)}`,
  'Chinese strings': (i) => String.fromCharCode(0x4e00 + (i % 7), 0x4e00 + ((i * 31) % 11), 0x5e00 + ((i * 17) % 13)),
  'the largest units': (i) => String.fromCharCode(0xfffd + (i % 3), 0xffff - (i % 2), 97 + (i % 5)),
  'emoji and lone surrogates': (i) =>
    ['😀', '😀a', '\ud83d', '\ude00', '😁', 'z', '\uffff', '\uffff\uffff'][i % 8] as string,
};
for (const [name, key] of Object.entries(manyKeys))
  test(`thousands of keys are sorted by ${name}`, () => {
    const keys = Array.from({ length: 3000 }, (_, i) => key(i));
    const rows = keys.map((_, i) => i);
    for (const ascending of [true, false]) {
      const compare = comparatorOf({ compare: null, ascending });
      const wanted = rows.slice().sort((a, b) => compare(keys[a], keys[b]) || a - b);
      assert.deepEqual(sortPairs(keys, rows, { compare: null, ascending }).values, wanted);
    }
  });

test('keys of mixed types have no order and are an error that shows them', () => {
  const keys = [...Array(40).keys(), 'forty'];
  assert.throws(
    () => sortPairs(keys, keys, { compare: null, ascending: true }),
    /number .* string .*differ|string .* number/,
  );
});

test('an inconsistent comparator loses no record', () => {
  let seed = 1;
  const compare = (): number => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    return (seed % 3) - 1;
  };
  const keys = Array.from({ length: 5000 }, (_, i) => i);
  const sorted = sortPairs(keys, keys, { compare, ascending: true });
  assert.deepEqual(
    (sorted.keys as number[]).slice().sort((a, b) => a - b),
    keys,
  );
});

test('the bounded heap keeps the smallest', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 50 })), fc.nat(20), fc.boolean(), (values, limit, ascending) => {
      const compare = comparatorOf({ compare: null, ascending });
      const heap = new BoundedHeap<number>(limit, compare);
      for (const v of values) heap.add(v);
      assert.deepEqual(heap.sorted(), values.slice().sort(compare).slice(0, limit));
    }),
  );
});
