import { deepStrictEqual, ok, strictEqual, throws } from 'node:assert/strict';
import { before, test } from 'node:test';
import {
  decodeBlock,
  decodePairBlock,
  decodeValue,
  encodeValue,
  installClassCodec,
  RecordEncoder,
  UnencodableRecordError,
} from '../../src/serializer/serializer.ts';

class Point {
  x: number;
  y: number;
  constructor(x: number, y: number) {
    this.x = x;
    this.y = y;
  }
  norm(): number {
    return Math.hypot(this.x, this.y);
  }
}
class Tags extends Set<string> {}
class Table extends Map<string, number> {}
class Row extends Array<number> {}
class AppError extends TypeError {
  readonly code: string;
  constructor(message: string, code: string) {
    super(message, { cause: 'x' });
    this.code = code;
  }
}
class Upper {
  #name = '';
  set name(text: string) {
    this.#name = text.toUpperCase();
  }
  get name(): string {
    return this.#name;
  }
}

const classes = { Point, Tags, Table, Row, AppError, Upper };

before(() =>
  installClassCodec({
    describe(ctor) {
      if (!(ctor.name in classes)) throw new Error(`class ${ctor.name} has #private fields`);
      return Buffer.from(ctor.name);
    },
    revive: (bytes) => classes[Buffer.from(bytes).toString() as keyof typeof classes],
  }),
);

const encoder = new RecordEncoder();
const trip = (records: readonly unknown[]): unknown[] => decodeBlock(encoder.encode(records, 0, records.length), 0);

function sparse(): unknown[] {
  const array = [1];
  array[5] = 2;
  array.length = 9;
  return array;
}
function cyclic(): unknown {
  const node: { a: number; list: unknown[]; self?: unknown } = { a: 1, list: [] };
  node.self = node;
  node.list.push(node);
  return node;
}
function bare(): object {
  return Object.assign(Object.create(null) as object, { a: 1, b: [2] });
}
function extended(): unknown {
  return 'a-b'.match(/(?<l>a)-(b)/);
}
function sticky(): RegExp {
  const r = /a+/gy;
  r.lastIndex = 3;
  return r;
}

const CASES: Record<string, unknown> = {
  undefined: undefined,
  null: null,
  'undefined property': { a: undefined, b: 1 },
  'minus zero': -0,
  'minus zero in an array': [-0, 0, 1],
  NaN: NaN,
  infinities: [Infinity, -Infinity],
  'integers at the borders': [127, 128, -128, -129, 32767, 32768, -32769, 2147483647, 2147483648, -2147483649],
  'unsafe integers': [2 ** 53, -(2 ** 53) - 2],
  bigint: 123456789012345678901234567890n,
  'negative bigint': -5n,
  'bigint at the borders': [2n ** 63n - 1n, -(2n ** 63n), 2n ** 63n],
  date: new Date(5),
  regexp: sticky(),
  map: new Map<unknown, unknown>([
    [1, { a: 2 }],
    ['x', new Map()],
  ]),
  set: new Set([1, 'a', [2]]),
  uint8array: new Uint8Array([1, 2, 3]),
  float64array: new Float64Array([1.5, -0, NaN]),
  bigint64array: new BigInt64Array([1n, -1n]),
  clamped: new Uint8ClampedArray([1, 255]),
  buffer: Buffer.from('hi'),
  'empty buffer': Buffer.alloc(0),
  arraybuffer: new Uint8Array([1, 2, 3]).buffer,
  dataview: new DataView(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2),
  error: new RangeError('boo', { cause: { why: 1 } }),
  'aggregate error': new AggregateError([new Error('a'), 2], 'both'),
  'error with properties': Object.assign(new Error('x'), { code: 'ENOENT' }),
  'sparse array': sparse(),
  'only holes': new Array(5),
  cycle: cyclic(),
  'lone surrogates': '\ud83d',
  'lone surrogates that meet': ['\ud83d', '\ude00'],
  'latin1 text': 'é\u00ff',
  'wide text': 'жük 日本 👍',
  'text with nul': '\u0000a',
  'empty text': '',
  'long text': 'x'.repeat(5000),
  'long wide text': '日本'.repeat(2000),
  'own __proto__': JSON.parse('{"__proto__":1,"a":2}') as unknown,
  'numeric keys': { 2: 'b', 1: 'a', z: 1 },
  'odd keys': { 'a b': 1, '"': 2, '': 3, '\u2028': 4, constructor: 5 },
  'empty object': {},
  'empty array': [],
  nested: [[], [[]], {}, [{ a: [{ b: null }] }]],
  boxed: [Object(3), Object('s'), Object(true), Object(1n)],
  'no prototype': bare(),
  'array with properties': extended(),
  instance: new Point(1, 2),
  'instance in a map': new Map([['p', { at: [new Point(3, 4)] }]]),
  'array subclass': Row.of(1, 2, 3),
  'map subclass': new Table([['a', 1]]),
  'set subclass': new Tags(['a']),
  'error subclass': new AppError('boo', 'E1'),
  'large array of numbers': Array.from({ length: 300 }, (_, i) => i / 3),
  'large array of text': Array.from({ length: 300 }, (_, i) => `t${i}`),
};

for (const [name, value] of Object.entries(CASES)) {
  test(`${name} survives as a value, a record, a field and among other records`, () => {
    deepStrictEqual(decodeValue(encodeValue(value)), value);
    deepStrictEqual(trip([value]), [value]);
    deepStrictEqual(trip([['k', value]]), [['k', value]]);
    const rows = Array.from({ length: 20 }, (_, id) => ({ id, value }));
    deepStrictEqual(trip(rows), rows);
    const mixed = [1, value, 'a', null, value, { value }];
    deepStrictEqual(trip(mixed), mixed);
  });
}

test('an invalid date stays an invalid date', () => {
  const bad = new Date(NaN);
  for (const back of [decodeValue(encodeValue(bad)), trip([bad])[0], trip([1, bad])[1]])
    ok(back instanceof Date && Number.isNaN(back.getTime()));
});

test('holes stay holes and undefined stays undefined', () => {
  const rows = [
    [1, undefined],
    // biome-ignore lint/suspicious/noSparseArray: it is the case
    [1, , 3],
    [undefined, 2],
  ];
  const back = trip(rows) as unknown[][];
  deepStrictEqual(
    back.map((row) => Object.keys(row)),
    rows.map((row) => Object.keys(row)),
  );
  ok(!('b' in (trip([{ a: 1 }, { a: 1, b: undefined }])[0] as object)));
});

test('the order of properties is kept', () => {
  const rows = [
    { b: 1, a: 2 },
    { b: 3, a: 4 },
    { a: 5, b: 6 },
  ];
  deepStrictEqual(
    trip(rows).map((row) => Object.keys(row as object)),
    rows.map((row) => Object.keys(row)),
  );
});

test('an object that a record holds twice is one object again', () => {
  const shared = { z: 1 };
  const many = Array.from({ length: 600 }, (_, i) => ({ i, left: { deep: [i] }, right: [1, 'x'] as unknown }));
  (many[599] as { right: unknown }).right = (many[599] as { left: unknown }).left;
  const [pair] = trip([[shared, shared]]) as [unknown[]];
  strictEqual(pair?.[0], pair?.[1]);
  const last = trip(many)[599] as { left: unknown; right: unknown };
  strictEqual(last.left, last.right);
  const [list] = trip([[[shared, 1, 2], shared]]) as [[unknown[], unknown]];
  strictEqual(list[0][0], list[1]);
  const key = { k: 1 };
  const block = encoder.encodePairs([key, 1], [[key], 2], 0, 2);
  const { keys, values } = decodePairBlock(block, 0);
  strictEqual((values[0] as unknown[])[0], keys[0]);
});

test('a tree of nodes and a long chain of them survive', () => {
  const tree = (depth: number): unknown => (depth === 0 ? null : { v: depth, l: tree(depth - 1), r: tree(depth - 1) });
  let chain: unknown = null;
  for (let i = 0; i < 900; i++) chain = { i, next: chain };
  const rows = [tree(9), chain];
  deepStrictEqual(trip([tree(8), tree(8)]), [tree(8), tree(8)]);
  const [, back] = trip(rows) as [unknown, { i: number; next: unknown }];
  strictEqual(back.i, 899);
  throws(() => {
    for (let i = 0; i < 200_000; i++) chain = { i, next: chain };
    trip([chain]);
  }, /nested deeper than 1000 levels/);
});

test('instances of a class keep their prototype in every kind of column', () => {
  const rows = Array.from({ length: 2000 }, (_, i) => new Point(i, i / 2));
  const back = trip(rows) as Point[];
  deepStrictEqual(back, rows);
  strictEqual(back[3]?.norm(), rows[3]?.norm());
  const mixed = trip([1, { a: new Point(3, 4) }]) as [number, { a: Point }];
  strictEqual(mixed[1].a.norm(), 5);
});

test('a setter of the class is not called on decode', () => {
  const odd = Object.defineProperty(new Upper(), 'name', {
    value: 'low',
    enumerable: true,
    writable: true,
    configurable: true,
  });
  for (const back of [...trip([odd]), decodeValue(encodeValue(odd))])
    strictEqual(Object.getOwnPropertyDescriptor(back, 'name')?.value, 'low');
});

test('the class codec refuses in its own words', () => {
  class Secret {
    a = 1;
  }
  throws(() => trip([new Secret()]), /class Secret has #private fields/);
  throws(() => trip([[1, [new Secret()]], 2]), /class Secret has #private fields/);
});

const REFUSED: readonly [string, unknown, RegExp][] = [
  ['a function', { user: { callback: function later() {} } }, /record 1 .*part \.user\.callback.*function \(later\)/],
  ['a symbol', ['a', Symbol('s')], /part \[1\].*symbol/],
  ['a promise', { page: Promise.resolve(1) }, /part \.page.*Promise; use mapAsync/],
  ['a proxy', new Proxy({ a: 1 }, {}), /Proxy/],
  ['a weak map', { w: new WeakMap() }, /weak collections/],
  ['a generator', (function* () {})(), /generator/],
  ['a property named by a symbol', { a: { [Symbol('s')]: 1 } }, /part \.a.*named by Symbol\(s\)/],
  ['shared memory', new SharedArrayBuffer(8), /shared memory/],
  ['a prototype of no class', Object.create({ a: 1 }), /not that of a class/],
  ['a function in a map', new Map([['f', () => 1]]), /part \.get\('f'\).*function/],
];
for (const [name, value, message] of REFUSED)
  test(`${name} is refused with its place and the reason`, () => {
    throws(
      () => trip([0, value]),
      (error: unknown) => error instanceof UnencodableRecordError && message.test(error.message),
    );
    throws(() => encodeValue(value), UnencodableRecordError);
    throws(() => encoder.encodePairs(['k'], [value], 0, 1), UnencodableRecordError);
    throws(() => trip(new Array(300).fill(value)), UnencodableRecordError);
    deepStrictEqual(trip([{ still: 'works' }]), [{ still: 'works' }]);
  });
