import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FileRegion } from '../../src/rpc/file-region.ts';
import { decodeValue, encodeValue } from '../../src/rpc/message-codec.ts';

function roundTrip(value: unknown): unknown {
  const { json, tagged, parts } = encodeValue(value);
  const bytes = parts.map((part) => {
    assert.ok(part instanceof Uint8Array);
    return new Uint8Array(part);
  });
  return decodeValue(json, tagged, bytes);
}

const leaf = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.double(),
  fc.integer(),
  fc.bigInt(),
  fc.boolean(),
  // The invalid date has a test of its own: for deepStrictEqual it is not even equal to itself.
  fc.date({ noInvalidDate: true }),
  fc.constantFrom(null, undefined, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 2 ** 53, '$'),
  fc.uint8Array(),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  fc.float64Array(),
  fc.int32Array(),
  fc.bigInt64Array(),
  fc.uint8Array().map((bytes) => new Uint8Array(bytes).buffer),
);
const key = fc.oneof(fc.string(), fc.constantFrom('$', '__proto__', 'toJSON', 'length', 'constructor', ''));
const anything = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.array(tie('value')),
    fc.array(fc.tuple(key, tie('value'))).map((entries) => Object.fromEntries(entries) as Record<string, unknown>),
    fc.array(fc.tuple(tie('value'), tie('value'))).map((entries) => new Map(entries)),
    fc.array(tie('value')).map((elements) => new Set(elements)),
  ),
})).value;

describe('values on their way', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(anything, (value) => {
        assert.deepStrictEqual(roundTrip(value), value);
      }),
      { numRuns: 200 },
    );
  });

  it('may be dates that are none', () => {
    const date = roundTrip({ at: [new Date(Number.NaN)] }) as { at: Date[] };
    assert.ok(date.at[0] instanceof Date);
    assert.ok(Number.isNaN(date.at[0].getTime()));
  });

  it('are JSON as it stands when they have nothing that JSON has not', () => {
    const value = { type: 'LaunchTask', taskId: 3, name: 'ä', list: [1, [null, true], { a: '' }] };
    assert.deepEqual(encodeValue(value), { json: JSON.stringify(value), tagged: false, parts: [] });
  });

  it('take bytes along without a copy', () => {
    const bytes = new Uint8Array([1, 2, 3]);
    const shared = new Uint8Array(new SharedArrayBuffer(4));
    const { parts } = encodeValue({ a: [{ b: bytes }], c: shared });
    assert.equal((parts[0] as Uint8Array).buffer, bytes.buffer);
    assert.equal((parts[1] as Uint8Array).buffer, shared.buffer);
  });

  it('may be file regions, which arrive as bytes', () => {
    const region = new FileRegion('/data/block', 5, 7);
    const { json, tagged, parts } = encodeValue({ block: region });
    assert.deepEqual(parts, [region]);
    assert.deepStrictEqual(decodeValue(json, tagged, [new Uint8Array(7)]), { block: new Uint8Array(7) });
    assert.throws(() => new FileRegion('f', -1, 2), /region of f at -1 of 2 bytes/);
    assert.throws(() => new FileRegion('f', 0, 0.5), /whole numbers/);
  });

  it('do not change what they were made of', () => {
    const value = { list: [undefined, { n: 1n }], map: new Map([[Number.NaN, -0]]) };
    const before = structuredClone(value);
    encodeValue(value);
    assert.deepStrictEqual(value, before);
  });

  it('that are no plain data are refused with the place', () => {
    class Point {}
    assert.throws(
      () => encodeValue({ a: [0, { f: () => 1 }] }),
      /message\.a\[1\]\.f holds a function, which cannot travel/,
    );
    assert.throws(() => encodeValue({ p: new Point() }), /message\.p holds an object of class Point/);
    assert.throws(() => encodeValue(Symbol('x')), /message holds a symbol/);
    assert.throws(() => encodeValue({ toJSON: () => 'no' }), /message\.toJSON holds a function/);
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    assert.throws(() => encodeValue(cycle), /more than 500 levels/);
  });

  it('with tags that make no sense are refused', () => {
    for (const tag of [
      'null',
      '[]',
      '["x"]',
      '["f","1"]',
      '["n","zz"]',
      '["n",1]',
      '["d","x"]',
      '["b",0,0]',
      '["b",99,0]',
      '["m",[1]]',
      '["o",[1]]',
      '["s",1]',
      '{}',
    ]) {
      assert.throws(() => decodeValue(`{"$":${tag}}`, true, []), /unknown tag/, tag);
    }
    assert.throws(() => decodeValue('{', false, []), /not JSON/);
    assert.throws(() => decodeValue('["b"]'.repeat(2), true, []), /not JSON/);
    assert.throws(() => decodeValue(`${'['.repeat(5000)}${']'.repeat(5000)}`, true, []), /too many levels/);
  });

  it('set no prototype, whatever their keys', () => {
    const value = decodeValue('{"__proto__":{"x":{"$":["u"]}}}', true, []) as object;
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
    assert.deepEqual(Object.keys(value), ['__proto__']);
  });
});
