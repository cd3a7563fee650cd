import { deepStrictEqual, equal, notEqual, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { valuesEqual } from '../../src/base/value-equality.ts';
import { UnkeyableError, UnorderableError } from '../../src/base/value-errors.ts';
import { hashNumber, hashString, hashValue } from '../../src/base/value-hash.ts';
import { compareValues } from '../../src/base/value-ordering.ts';

class Money {
  readonly amount: number;
  readonly note: string;
  constructor(amount: number, note: string) {
    this.amount = amount;
    this.note = note;
  }
  equals(other: unknown): boolean {
    return other instanceof Money && other.amount === this.amount;
  }
  hashCode(): number {
    return this.amount | 0;
  }
}

const leaf = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.integer(),
  fc.double(),
  fc.constantFrom(0, -0, NaN, null, undefined, true, false, ''),
  fc.bigInt(),
  fc.date({ noInvalidDate: false }),
  fc.uint8Array({ maxLength: 5 }),
  fc.float64Array({ maxLength: 3 }),
  fc.integer({ min: 0, max: 5 }).map((n) => new Money(n, 'a')),
);
const key = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.array(tie('any'), { maxLength: 4 }),
    fc.dictionary(fc.string({ maxLength: 3 }), tie('any'), { maxKeys: 4 }),
  ),
})).any;

/** An equal key that shares nothing with the first: other key order, other zero, Buffer for Uint8Array. */
function twin(value: unknown): unknown {
  if (typeof value === 'number') return value === 0 ? (Object.is(value, -0) ? 0 : -0) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(twin);
  if (value instanceof Date) return new Date(value.getTime());
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (value instanceof Float64Array) return value.slice();
  if (value instanceof Money) return new Money(value.amount, 'another note');
  const fields = Object.entries(value).reverse();
  return Object.fromEntries(fields.map(([k, v]) => [k, twin(v)]));
}

const FROZEN_HASHES: readonly [unknown, number][] = [
  ['', 0],
  ['a', 1009084850],
  ['spark', -1873882838],
  ['Жук 日本', -1136408882],
  ['\ud83d', 1041411513],
  [0, -1832243442],
  [1, 920564995],
  [-1, 996586154],
  [42, -438702384],
  [2147483647, 1449607079],
  [2147483648, 1894030246],
  [0.1, -1611666760],
  [-1.5, -115279683],
  [NaN, 2146959360],
  [Number.POSITIVE_INFINITY, -2118299426],
  [5e-324, -1391790509],
  [2 ** 53, -1682348651],
  [0n, 1067454665],
  [-5n, 114655573],
  [2n ** 63n - 1n, 1174025929],
  [2n ** 100n, -1537819788],
  [true, 1481765933],
  [false, 1284865837],
  [null, 739982445],
  [undefined, 695872825],
  [new Date(0), -647358607],
  [new Date(1700000000000), -1547408680],
  [Buffer.from('abc'), -633143582],
  [new Float64Array([1, 1.5]), -9459962],
  [new BigInt64Array([1n, -1n]), -2121393163],
  [[], 680643730],
  [['a', 1], 1224126634],
  [[[], [null]], -1751606617],
  [{}, -546770057],
  [{ a: 1, b: 'x' }, -1014751547],
  [{ b: 'x', a: 1 }, -1014751547],
  [new Money(7, ''), 415870660],
];

test('equal keys have equal hashes, whatever the order of their properties', () => {
  fc.assert(
    fc.property(key, (a) => {
      const b = twin(a);
      ok(valuesEqual(a, b) && valuesEqual(b, a));
      equal(hashValue(a), hashValue(b));
    }),
  );
});

test('two keys that are equal have equal hashes, and equality is symmetric', () => {
  fc.assert(
    fc.property(key, key, (a, b) => {
      equal(valuesEqual(a, b), valuesEqual(b, a));
      if (valuesEqual(a, b)) equal(hashValue(a), hashValue(b));
    }),
  );
});

test('a hash is an int32', () => {
  fc.assert(fc.property(key, (a) => equal(hashValue(a) | 0, hashValue(a))));
});

test('keys of different types and contents are different keys', () => {
  const different: unknown[] = [
    1,
    1n,
    '1',
    true,
    [1],
    { a: 1 },
    null,
    undefined,
    NaN,
    0,
    '',
    [],
    {},
    [[]],
    { a: undefined },
    { b: 1 },
    [1, 2],
    [2, 1],
    new Date(1),
    new Date(NaN),
    new Uint8Array([1]),
    new Int8Array([1]),
    new Float64Array([1]),
    [undefined],
    [null],
    new Money(1, ''),
    new Money(2, ''),
    2n ** 70n,
    -(2n ** 70n),
    1.5,
    -1.5,
    2 ** 32,
    2 ** 33,
  ];
  for (const [i, a] of different.entries())
    for (const [j, b] of different.entries()) equal(valuesEqual(a, b), i === j, `${String(a)} and ${String(b)}`);
});

test('hashes are frozen', () => {
  for (const [value, hash] of FROZEN_HASHES) equal(hashValue(value), hash, `hash of ${String(value)}`);
  equal(hashString('spark'), hashValue('spark'));
  equal(hashNumber(42), hashValue(42));
});

test('hashes of similar strings and numbers spread over 200 partitions', () => {
  for (const make of [(i: number) => `user${i}`, (i: number) => i, (i: number) => i * 1024, (i: number) => [i, 'x']]) {
    const counts = new Array<number>(200).fill(0);
    for (let i = 0; i < 40_000; i++) {
      const p = (hashValue(make(i)) >>> 0) % 200;
      counts[p] = (counts[p] ?? 0) + 1;
    }
    ok(Math.min(...counts) > 130 && Math.max(...counts) < 280, `${Math.min(...counts)}..${Math.max(...counts)}`);
  }
});

test('what has no equality by value is refused by an error that shows it', () => {
  const cyclic: unknown[] = [];
  cyclic.push(cyclic);
  const bad: readonly [unknown, RegExp][] = [
    [() => 1, /function/],
    [{ a: [function callback() {}] }, /its part \[Function: callback\].*function/],
    [new Map([[1, 2]]), /Map\(1\) \{ 1 => 2 \}.*Map or Set/],
    [[new Set()], /Map or Set/],
    [Symbol('s'), /Symbol\(s\).*symbol/],
    [{ [Symbol('s')]: 1 }, /property named by a symbol/],
    [new (class Point {})(), /Point \{\}.*equals\(other\) and hashCode\(\)/],
    [new WeakMap(), /cannot be a key/],
    [cyclic, /contains itself/],
    [{ equals: null, at: /a/ }, /\/a\//],
  ];
  for (const [value, message] of bad)
    throws(
      () => hashValue(value),
      (e: unknown) => e instanceof UnkeyableError && message.test(e.message),
    );
  throws(() => hashValue(Promise.resolve(1)), /mapAsync/);
  throws(() => valuesEqual([new Map()], [new Map()]), UnkeyableError);
  throws(() => hashValue(Object.assign(new Money(1, ''), { hashCode: () => 'x' })), /hashCode\(\) returned x/);
});

const ordered = fc.oneof(fc.double(), fc.constantFrom(0, -0, NaN, 1));
const orderedKinds = [
  ordered,
  fc.string({ unit: 'binary', maxLength: 5 }),
  fc.bigInt(),
  fc.boolean(),
  fc.date({ noInvalidDate: false }),
  fc.array(ordered, { maxLength: 3 }),
  fc.array(fc.array(fc.string({ maxLength: 1 }), { maxLength: 2 }), { maxLength: 2 }),
] as const;

test('the natural order is total: antisymmetric, transitive, zero exactly for equal values', () => {
  for (const kind of orderedKinds)
    fc.assert(
      fc.property(kind, kind, kind, (a, b, c) => {
        const [ab, ba, bc, ac] = [compareValues(a, b), compareValues(b, a), compareValues(b, c), compareValues(a, c)];
        equal(Math.sign(ab), -Math.sign(ba) + 0);
        if (ab <= 0 && bc <= 0) ok(ac <= 0);
        equal(ab === 0, valuesEqual(a, b));
      }),
    );
});

test('strings are ordered by UTF-16 unit, NaN and invalid dates come last, a prefix comes first', () => {
  const sorted = (values: unknown[]): unknown[] => values.sort(compareValues);
  deepStrictEqual(sorted(['b', 'B', 'a', '', 'é', '\uffff', '👍']), ['', 'B', 'a', 'b', 'é', '👍', '\uffff']);
  deepStrictEqual(sorted([NaN, 1, -Infinity, Infinity]), [-Infinity, 1, Infinity, NaN]);
  deepStrictEqual(sorted([[1, 2], [1], [], [0, 9]]), [[], [0, 9], [1], [1, 2]]);
  ok(compareValues(new Date(NaN), new Date(8e15)) > 0);
  equal(compareValues(-0, 0), 0);
  ok(compareValues(false, true) < 0);
});

test('mixed types and values without an order are an error that names both', () => {
  const bad: readonly [unknown, unknown, RegExp][] = [
    [1, 'a', /number 1 and string 'a' cannot be compared: the types differ/],
    [1, 1n, /number 1 and bigint 1n/],
    [1, null, /number 1 and null cannot/],
    [{ a: 1 }, { a: 2 }, /kind object have no natural order \(\{ a: 1 \} and \{ a: 2 \}\)/],
    [[1], ['a'], /number 1 and string 'a'/],
    [new Date(0), 1, /Date .* and number 1/],
    [undefined, undefined, /undefined/],
  ];
  for (const [a, b, message] of bad)
    throws(
      () => compareValues(a, b),
      (e: unknown) => e instanceof UnorderableError && message.test(e.message) && /comparator/.test(e.message),
    );
  notEqual(hashValue([1, 2]), hashValue([2, 1]));
});
