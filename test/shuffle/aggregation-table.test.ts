import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { valuesEqual } from '../../src/base/value-equality.ts';
import { hashValue } from '../../src/base/value-hash.ts';
import { AggregationTable, detached } from '../../src/shuffle/aggregation-table.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const held = (m: NodeJS.MemoryUsage): number => m.heapUsed + m.external;

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
  const table = new AggregationTable();
  const keys: number[] = [];
  for (let i = 0; keys.length < 20_000; i++) if ((hashValue(i) & 255) === 7) keys.push(i);
  const startedAt = performance.now();
  for (let round = 0; round < 5; round++) for (const k of keys) table.upsert(k);
  // Linear probing over one slot in 256 would need thousands of steps a key, that is seconds.
  assert.ok(performance.now() - startedAt < 1000);
  assert.equal(table.size, keys.length);
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

test('words cut from large texts do not keep the texts alive', () => {
  const table = new AggregationTable();
  collectGarbage();
  const before = process.memoryUsage();
  // 64 texts of 1 MB; of each the table keeps one word of 20 letters.
  for (let i = 0; i < 64; i++) {
    const text = Buffer.alloc(1 << 20, `${i} abcdefghijklmnopqrstu `).toString('latin1');
    table.upsert(text.slice(0, 20));
  }
  collectGarbage();
  const kept = held(process.memoryUsage()) - held(before);
  assert.ok(kept < 32 << 20, `${kept >> 20} MB are kept`);
  assert.equal(table.size, 64);
});

test('the estimate is within a third of what the keys and values hold', () => {
  const table = new AggregationTable();
  for (let i = 0; i < 50_000; i++) if (table.upsert(`word${i}`) === table.values.length) table.values.push(i);
  // 8-byte slots for key and value, 24 for the text, 4 for the hash, 16 to 32 for the slots.
  const estimate = table.estimatedBytes() / 50_000;
  assert.ok(estimate > 50 && estimate < 110, `${estimate} bytes per key`);
});
