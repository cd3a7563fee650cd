import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { valuesEqual } from '../../src/base/value-equality.ts';
import { hashValue } from '../../src/base/value-hash.ts';
import { AggregationTable, detached } from '../../src/shuffle/aggregation-table.ts';
import { turn } from '../kit/async-task.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Makes every Int32Array count the elements that are read of it, and throw when they are more than `most`. */
function countReads(most: number): { readonly count: number; stop(): void } {
  const Real = globalThis.Int32Array;
  const reads = {
    count: 0,
    stop: () => {
      globalThis.Int32Array = Real;
    },
  };
  const handler: ProxyHandler<Int32Array> = {
    get(array, name) {
      const value: unknown = Reflect.get(array, name, array);
      if (typeof value === 'function') return value.bind(array);
      if (name !== 'length' && ++reads.count > most)
        throw new assert.AssertionError({ message: `${most} reads are not enough` });
      return value;
    },
    set: (array, name, value) => Reflect.set(array, name, value, array),
  };
  globalThis.Int32Array = new Proxy(Real, {
    construct: (_, [length]) => new Proxy(new Real(length as number), handler),
  });
  return reads;
}

const key = fc.oneof(
  fc.integer({ min: -5, max: 5 }),
  fc.double({ min: -2, max: 2 }),
  fc.constantFrom(Number.NaN, -0, 0, 2 ** 40, null, undefined, true, false, 1n, 2n ** 70n),
  fc.string({ maxLength: 3 }),
  fc.constantFrom(
    'a word of more than thirteen letters',
    'größer als dreizehn Zeichen',
    '日本語の文字列は十三文字より長い',
  ),
  fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 2 }),
  fc.record({ a: fc.integer({ min: 0, max: 2 }), b: fc.constantFrom('x', 'y') }),
  fc.integer({ min: 0, max: 3 }).map((ms) => new Date(ms)),
  fc.uint8Array({ maxLength: 2 }),
);

test('counts by any kind of key are those of a plain list searched by value', () => {
  fc.assert(
    fc.property(fc.array(key, { maxLength: 200 }), (keys) => {
      const table = new AggregationTable();
      const wanted: { key: unknown; count: number }[] = [];
      for (const k of keys) {
        const e = table.upsert(k);
        if (e === table.values.length) table.values.push(1);
        else table.values[e] = (table.values[e] as number) + 1;
        const known = wanted.find((w) => valuesEqual(w.key, k));
        if (known === undefined) wanted.push({ key: k, count: 1 });
        else known.count++;
      }
      assert.equal(table.size, wanted.length);
      assert.deepEqual(
        table.keys,
        wanted.map((w) => w.key),
      );
      assert.deepEqual(
        table.values,
        wanted.map((w) => w.count),
      );
      wanted.forEach((w, e) => {
        assert.equal(table.hashes[e], hashValue(w.key));
        assert.equal(table.find(w.key), e);
      });
    }),
  );
});

test('a hundred thousand keys are all found again after the table grew', () => {
  const table = new AggregationTable();
  for (let i = 0; i < 100_000; i++) assert.equal(table.upsert(`key ${i}`), i);
  for (let i = 0; i < 100_000; i++) assert.equal(table.upsert(`key ${i}`), i);
  assert.equal(table.size, 100_000);
  assert.equal(table.find('key 100000'), -1);
});

test('keys of one reduce partition, whose hashes share their low bits, are found without long searches', () => {
  const keys: number[] = [];
  for (let i = 0; keys.length < 20_000; i++) if ((hashValue(i) & 255) === 7) keys.push(i);
  // Linear probing over one slot in 256 would need thousands of reads a key; half full, and spread, it needs a few.
  const reads = countReads(20 * 5 * keys.length);
  try {
    const table = new AggregationTable();
    for (let round = 0; round < 5; round++) for (const k of keys) table.upsert(k);
    assert.equal(table.size, keys.length);
    assert.ok(reads.count >= 2 * 5 * keys.length, `only ${reads.count} reads were seen`);
  } finally {
    reads.stop();
  }
});

test('clear empties the same arrays, and the table works again', () => {
  const table = new AggregationTable();
  const { keys, values } = table;
  for (let i = 0; i < 5000; i++) if (table.upsert(i) === values.length) values.push(i);
  table.clear();
  assert.equal(table.size, 0);
  assert.equal(table.keys, keys);
  assert.equal(keys.length + values.length, 0);
  assert.equal(table.find(17), -1);
  assert.equal(table.upsert(17), 0);
});

test('long strings are stored as copies with the same text, whatever their letters', () => {
  for (const text of ['short', 'x'.repeat(13), 'ß'.repeat(20), 'Ω'.repeat(20), '😀'.repeat(10), '\ud800'.repeat(15)])
    assert.equal(detached(text), text);
  assert.equal(detached('y'.repeat(10_000)).length, 10_000);
});

test('words cut from large texts do not keep the texts alive', async () => {
  const table = new AggregationTable();
  // Texts below 1 MB are on the heap, whose size after a collection is exact; those above are freed at some later time.
  const letters = Buffer.alloc(512 << 10, 'abcdefghijklmnopqrstu ');
  collectGarbage();
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  // 128 texts of 512 KiB, 64 MB together; of each the table keeps one word of 20 letters.
  for (let i = 0; i < 128; i++) {
    letters.write(`${1000 + i} `);
    table.upsert(letters.toString('latin1').slice(0, 20));
  }
  let kept = Number.POSITIVE_INFINITY;
  // What the compiler and the collector do beside goes sooner or later; what is held does not.
  for (let look = 0; look < 100 && kept >= 8 << 20; look++) {
    await turn();
    collectGarbage();
    kept = process.memoryUsage().heapUsed - before;
  }
  assert.ok(kept < 8 << 20, `${kept >> 20} MB are kept`);
  assert.equal(table.size, 128);
});

test('the estimate is within a third of what the keys and values hold', () => {
  const table = new AggregationTable();
  for (let i = 0; i < 50_000; i++) if (table.upsert(`word${i}`) === table.values.length) table.values.push(i);
  // 8-byte slots for key and value, 24 for the text, 4 for the hash, 16 to 32 for the slots.
  const estimate = table.estimatedBytes() / 50_000;
  assert.ok(estimate > 50 && estimate < 110, `${estimate} bytes per key`);
});
