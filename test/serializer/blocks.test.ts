import { deepStrictEqual, equal, ok, throws } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  BLOCK_HEADER_BYTES,
  CorruptBlockError,
  decodeBlock,
  decodePairBlock,
  decodeValue,
  encodeValue,
  RecordEncoder,
  readBlockHeader,
} from '../../src/serializer/serializer.ts';

const encoder = new RecordEncoder();
const rawEncoder = new RecordEncoder({ compression: 'none' });
const copy = (bytes: Uint8Array): Buffer => {
  const own = Buffer.allocUnsafeSlow(bytes.byteLength);
  own.set(bytes);
  return own;
};

const text = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 6 }).map((units) => String.fromCharCode(...units)),
  fc.string({ minLength: 100, maxLength: 300 }),
);
const validDate = fc.date({ noInvalidDate: true });
const leaf = fc.oneof(
  text,
  fc.integer(),
  fc.integer({ min: -200, max: 200 }),
  fc.double(),
  fc.constantFrom(null, undefined, true, false, -0, 0, NaN),
  fc.bigInt(),
  validDate,
  fc.uint8Array({ maxLength: 9 }),
  fc.float64Array({ maxLength: 3 }),
);
const anything = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.array(tie('any'), { maxLength: 4 }),
    fc.sparseArray(tie('any'), { maxNumElements: 3, maxLength: 8 }),
    fc.dictionary(fc.string({ maxLength: 3 }), tie('any'), { maxKeys: 4, noNullPrototype: false }),
    fc.array(fc.tuple(tie('any'), tie('any')), { maxLength: 3 }).map((entries) => new Map(entries)),
    fc.array(tie('any'), { maxLength: 3 }).map((items) => new Set(items)),
  ),
})).any;

/** Rows of one shape: columns, with gaps here and there. */
const kinds: fc.Arbitrary<fc.Arbitrary<unknown>> = fc.letrec<{ shape: fc.Arbitrary<unknown> }>((tie) => ({
  shape: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<fc.Arbitrary<unknown>>(
      text,
      fc.integer(),
      fc.integer({ min: -128, max: 127 }),
      fc.double(),
      fc.boolean(),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      validDate,
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      fc.float64Array({ maxLength: 4 }),
      fc.constantFrom('red', 'green', 'blue'),
    ),
    tie('shape').map((inner) => fc.option(inner)),
    tie('shape').map((inner) => fc.option(fc.option(inner), { nil: undefined })),
    tie('shape').map((inner) => fc.array(inner, { maxLength: 5 })),
    fc.array(tie('shape'), { minLength: 1, maxLength: 3 }).map((parts) => fc.tuple(...parts)),
    fc
      .dictionary(fc.string({ maxLength: 3 }), tie('shape'), { maxKeys: 3, noNullPrototype: true })
      .map((fields) => fc.record(fields)),
  ),
})).shape;

test('any records come back deeply equal', () => {
  fc.assert(
    fc.property(fc.array(anything, { maxLength: 6 }), (records) => {
      deepStrictEqual(decodeBlock(encoder.encode(records, 0, records.length), 0), records);
      deepStrictEqual(decodeValue(encodeValue(records)), records);
    }),
    { numRuns: 300 },
  );
});

test('records of one shape come back deeply equal, also from the middle of an array', () => {
  fc.assert(
    fc.property(
      kinds.chain((kind) => fc.array(kind, { maxLength: 20 })),
      fc.nat(5),
      (records, from) => {
        const start = Math.min(from, records.length);
        deepStrictEqual(decodeBlock(encoder.encode(records, start, records.length), 0), records.slice(start));
      },
    ),
    { numRuns: 300 },
  );
});

test('large blocks of one shape use generated code and grown buffers, and come back deeply equal', () => {
  const shapes: ((i: number) => unknown)[] = [
    (i) => i % 100,
    (i) => i * 1000,
    (i) => i / 7,
    (i) => [`k${i}`, i],
    (i) => ['red', 'green'][i % 2],
    (i) => `city ${i % 700}`,
    (i) => ({
      id: i,
      name: `name ${i}`,
      score: i / 3,
      ok: i % 2 === 0,
      at: new Date(i),
      none: i % 3 ? null : undefined,
    }),
    (i) => ({
      id: i,
      tags: Array.from({ length: i % 4 }, (_, k) => ({ k, v: [i / 7] })),
      in: { a: { b: [i, `${i}`] } },
    }),
    (i) => Float64Array.from({ length: 20 }, (_, k) => k / (i + 1)),
    (i) => (i % 3 === 0 ? { a: i } : i % 3 === 1 ? [`w${i}`, i] : `w${i}`),
    (i) => 'é'.repeat(i % 40),
    (i) => (i % 50 === 0 ? `“${'line '.repeat(5)}”` : 'plain '.repeat(4)),
    (i) => (i === 2900 ? 'one wide 日' : 'é and plain '.repeat(4)),
    (i) => (i === 2900 ? 'one “wide” line of plain text' : 'only plain text '.repeat(4)),
    (i) => (i % 9 === 0 ? '日本 👍'.repeat(3) : 'я'),
    (i) => `${'long text '.repeat(20 + (i % 3))}${i % 5 === 0 ? '日' : ''}`,
    (i) => ({ __proto__x: i, 'a"b\\': i, 7: i }),
    (i) => JSON.parse(`{"__proto__":${i},"b":2}`) as unknown,
    (i) => ({ [`k${i}`]: i }),
    (i) => (i % 3 ? { a: i, b: `x${i}` } : { a: i, c: { d: [i] }, toString: 1 }),
    (i) => (i % 3 ? (JSON.parse(`{"__proto__":${i},"b":2}`) as unknown) : { b: 1 }),
    (i) => BigInt(i) * 10n ** 15n,
  ];
  for (const shape of shapes) {
    const records = Array.from({ length: 3000 }, (_, i) => shape(i));
    for (let round = 0; round < 2; round++)
      deepStrictEqual(decodeBlock(encoder.encode(records, 0, 3000), 0), records, String(shape));
    deepStrictEqual(decodeBlock(new RecordEncoder().encode(records, 0, 3000), 0), records, String(shape));
  }
});

test('encodePairs gives the bytes of encode', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(anything, anything), { maxLength: 6 }), fc.nat(3), (pairs, from) => {
      const start = Math.min(from, pairs.length);
      const keys = pairs.map((pair) => pair[0]);
      const values = pairs.map((pair) => pair[1]);
      const expected = copy(new RecordEncoder().encode(pairs, start, pairs.length));
      const found = new RecordEncoder().encodePairs(keys, values, start, pairs.length);
      ok(expected.equals(found));
      const back = decodePairBlock(found, 0);
      deepStrictEqual(back, { keys: keys.slice(start), values: values.slice(start) });
    }),
  );
});

test('a block that does not hold pairs is refused as pairs', () => {
  for (const records of [[1, 2], [[1, 2, 3]], [[1, 2], [1]], [{ 0: 1, 1: 2 }], ['ab']])
    throws(() => decodePairBlock(encoder.encode(records, 0, records.length), 0), /not \[key, value\]/);
  deepStrictEqual(
    decodePairBlock(
      encoder.encode(
        [
          [1, { a: 1 }],
          ['x', 2],
        ],
        0,
        2,
      ),
      0,
    ),
    {
      keys: [1, 'x'],
      values: [{ a: 1 }, 2],
    },
  );
  deepStrictEqual(decodePairBlock(encoder.encode([], 0, 0), 0), { keys: [], values: [] });
});

const sample = Array.from({ length: 40 }, (_, i) => [
  `key-${i % 7}`,
  { n: i, d: i / 3, t: i % 4 ? 'x' : null, l: [i] },
]);
const repetitive = Array.from({ length: 400 }, (_, i) => [`some longer key ${i % 20}`, i % 20]);

test('a block decodes at any offset, from shared memory, and among other blocks', () => {
  for (const records of [sample, repetitive]) {
    const block = copy(encoder.encode(records, 0, records.length));
    equal(block.length % 8, 0);
    for (const memory of [Buffer.alloc(block.length + 16), Buffer.from(new SharedArrayBuffer(block.length + 16), 0)])
      for (let offset = 0; offset < 9; offset++) {
        memory.set(block, offset);
        deepStrictEqual(decodeBlock(memory, offset), records);
        memory.fill(0xff);
      }
    const [a, b] = [copy(encoder.encode([1, 'a'], 0, 2)), block];
    const file = Buffer.concat([a, b]);
    const next = BLOCK_HEADER_BYTES + readBlockHeader(file, 0).payloadBytes;
    equal(next, a.length);
    deepStrictEqual(decodeBlock(file, next), records);
  }
});

test('decoded records keep nothing of the memory they came from', () => {
  const records = Array.from({ length: 300 }, (_, i) => ({
    i,
    b: Buffer.from([i & 255]),
    f: new Float64Array([i]),
    s: `text ${i}`,
  }));
  const block = copy(rawEncoder.encode(records, 0, 300));
  const back = decodeBlock(block, 0);
  const numbers = copy(rawEncoder.encode([1.5, 2.5], 0, 2));
  const two = decodeBlock(numbers, 0);
  block.fill(0);
  numbers.fill(0);
  deepStrictEqual(back, records);
  deepStrictEqual(two, [1.5, 2.5]);
});

test('the header tells what is in the block', () => {
  const packed = readBlockHeader(encoder.encode(repetitive, 0, repetitive.length), 0);
  const plain = readBlockHeader(rawEncoder.encode(repetitive, 0, repetitive.length), 0);
  equal(packed.codec, 1);
  equal(plain.codec, 0);
  equal(packed.rows, 400);
  equal(packed.rawBytes, plain.rawBytes);
  ok(packed.payloadBytes < plain.payloadBytes);
});

test('every flipped byte of a block is found', () => {
  for (const block of [copy(rawEncoder.encode(sample, 0, 9)), copy(new RecordEncoder().encode(repetitive, 0, 400))])
    for (let i = 0; i < block.length; i++) {
      const broken = Buffer.from(block);
      broken[i] = (broken[i] as number) ^ (1 << (i % 8));
      throws(() => decodeBlock(broken, 0), CorruptBlockError, `byte ${i}`);
    }
});

test('a block that is cut short says what was expected and what was found', () => {
  const block = copy(encoder.encode(sample, 0, 40));
  throws(() => decodeBlock(block.subarray(0, 10), 0), /block at byte 0 .*expected a header of 24 bytes, found 10/);
  throws(() => decodeBlock(block.subarray(0, block.length - 8), 0), /expected \d+ bytes of payload, found \d+/);
  throws(() => decodeBlock(block, block.length), /found 0/);
  throws(() => decodeBlock(block, 8), CorruptBlockError);
  for (let length = 0; length < block.length; length++)
    throws(() => decodeBlock(block.subarray(0, length), 0), CorruptBlockError);
});

test('incompressible blocks are stored raw, and compressible ones after them are packed again', () => {
  const mixed = new RecordEncoder();
  const noise = Array.from({ length: 400 }, (_, i) => Math.sin(i + 1) * Math.exp(i % 17));
  for (let i = 0; i < 10; i++) equal(readBlockHeader(mixed.encode(noise, 0, 400), 0).codec, 0);
  const codecs = Array.from({ length: 40 }, () => readBlockHeader(mixed.encode(repetitive, 0, 400), 0).codec);
  ok(codecs.indexOf(1) < 16 && codecs.at(-1) === 1);
});

test('records that share objects do not spoil the blocks after them', () => {
  const shared = { a: 1 };
  const own = new RecordEncoder();
  for (let i = 0; i < 30; i++) {
    const [pair] = decodeBlock(own.encode([[shared, shared]], 0, 1), 0) as [[unknown, unknown]];
    ok(pair[0] === pair[1]);
  }
  for (let i = 0; i < 30; i++) deepStrictEqual(decodeBlock(own.encode(sample, 0, 40), 0), sample);
});

const GOLDEN: Record<string, readonly unknown[]> = {
  empty: [],
  numbers: [1, -2, 3],
  int16: [300, -2],
  int32: [70000, 1],
  doubles: [0.5, -0, NaN],
  pairs: [
    ['spark', 1],
    ['iskra', 2],
  ],
  texts: ['Искра', 'a', ''],
  latin1: ['é', 'ü'],
  nullable: [null, 1, undefined],
  structs: [
    { id: 1, ok: true, at: new Date(0) },
    { id: 2, ok: false, at: new Date(1) },
  ],
  lists: [[1], [], [2, 3]],
  bytes: [Buffer.from('ab'), Buffer.from('')],
  vectors: [new Float64Array([1, 2]), new Float64Array([3])],
  bigints: [1n, -1n],
  dictionary: Array.from({ length: 256 }, (_, i) => (i % 2 ? 'odd' : 'even')),
  graph: [{ a: 1 }, [1, 'x', null], new Map([[1, new Set(['y'])]]), 10n ** 20n, /a/g, -5, 0.25],
};

test('blocks written by earlier versions are still read, and still written the same', () => {
  const file = new URL('../../../test/golden/serializer-blocks.txt', import.meta.url);
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  const frozen = new Map(lines.map((line) => line.split(' ') as [string, string]));
  deepStrictEqual([...frozen.keys()], [...Object.keys(GOLDEN), 'lz4']);
  for (const [name, records] of Object.entries(GOLDEN)) {
    const bytes = frozen.get(name) ?? '';
    deepStrictEqual(decodeBlock(Buffer.from(bytes, 'hex'), 0), records, name);
    equal(Buffer.from(rawEncoder.encode(records, 0, records.length)).toString('hex'), bytes, name);
  }
  deepStrictEqual(decodeBlock(Buffer.from(frozen.get('lz4') ?? '', 'hex'), 0), repetitive);
});
