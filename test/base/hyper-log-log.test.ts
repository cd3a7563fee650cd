import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DistinctSketch, HyperLogLog } from '../../src/base/hyper-log-log.ts';
import { seededRandom } from '../../src/base/seeded-random.ts';
import { hashValue } from '../../src/base/value-hash.ts';
import { hashValueAgain } from '../../src/base/value-hash-again.ts';

function sketchOf(hll: HyperLogLog, values: Iterable<unknown>): DistinctSketch {
  let sketch = hll.empty();
  for (const value of values) sketch = hll.add(sketch, value);
  return sketch;
}

function* numbers(from: number, count: number): Generator<number> {
  for (let i = 0; i < count; i++) yield from + i;
}

test('the error is within its bound over many seeds and sizes, on average as small as promised, and has no bias', () => {
  for (const p of [4, 8, 11, 14]) {
    const bound = 1.04 / Math.sqrt(2 ** p);
    const hll = new HyperLogLog(p, 0);
    for (const size of [1, 10, 100, 1000, 5000, 40_000]) {
      const runs = size > 4000 ? 40 : 100;
      let squares = 0;
      let sum = 0;
      for (let seed = 0; seed < runs; seed++) {
        const random = seededRandom(seed, p * 1e6 + size);
        let sketch = hll.empty();
        for (let i = 0; i < size; i++)
          sketch = hll.addHash(sketch, random.nextInt(2 ** 32) | 0, random.nextInt(2 ** 32) | 0);
        const error = hll.estimate(sketch) / size - 1;
        // Rounding to a whole number is half a value off. With 16 registers single errors are far from a normal distribution.
        assert.ok(
          p === 4 || Math.abs(error) < 5.5 * bound + 0.5 / size,
          `p ${p}, size ${size}, seed ${seed}: ${error}`,
        );
        squares += error * error;
        sum += error;
      }
      const deviation = Math.sqrt(squares / runs);
      assert.ok(
        deviation < (p === 4 ? 1.5 : 1.3) * bound + 0.5 / size,
        `p ${p}, size ${size}: ${deviation} instead of ${bound}`,
      );
      const bias = sum / runs;
      assert.ok(Math.abs(bias) < (4.5 * bound) / Math.sqrt(runs) + 0.5 / size, `p ${p}, size ${size}: bias ${bias}`);
    }
  }
});

test("values' own hashes are as good: numbers, strings, pairs, doubles, bigints, Dates", () => {
  const hll = new HyperLogLog(12, 0);
  const kinds: Record<string, (i: number) => unknown> = {
    integers: (i) => i,
    negatives: (i) => -i,
    doubles: (i) => i / 7,
    strings: (i) => `user-${i}`,
    pairs: (i) => [i % 1000, `x${Math.floor(i / 1000)}`],
    objects: (i) => ({ id: i, name: 'n' }),
    bigints: (i) => BigInt(i) * 12345678901n,
    dates: (i) => new Date(i * 1000),
    bytes: (i) => Buffer.from(String(i)),
  };
  for (const [kind, make] of Object.entries(kinds))
    for (const size of [500, 20_000]) {
      const values = Array.from({ length: size }, (_, i) => make(i));
      const error = hll.estimate(sketchOf(hll, values)) / size - 1;
      assert.ok(Math.abs(error) < (4 * 1.04) / 64, `${size} ${kind}: ${error}`);
    }
});

test('the second hash agrees on equal values and is unrelated to the first', () => {
  const equal: [unknown, unknown][] = [
    [0, -0],
    [Number.NaN, -Number.NaN],
    [
      { a: 1, b: [2, 'x'] },
      { b: [2, 'x'], a: 1 },
    ],
    [new Date(5), new Date(5)],
    [Buffer.from('ab'), new Uint8Array([97, 98])],
    [10n ** 30n, 10n ** 30n],
  ];
  for (const [a, b] of equal) assert.equal(hashValueAgain(a), hashValueAgain(b));
  const different = [0, 1, '0', '1', 1n, true, false, null, undefined, '', [], {}, [1], ['1'], { a: 1 }, new Date(1)];
  assert.equal(new Set(different.map(hashValueAgain)).size, different.length);
  let sameBits = 0;
  const n = 20_000;
  for (let i = 0; i < n; i++) {
    let x = ~(hashValue(i) ^ hashValueAgain(i));
    for (; x !== 0; x &= x - 1) sameBits++;
  }
  assert.ok(Math.abs(sameBits / n - 16) < 0.2, `${sameBits / n} of 32 bits are the same`);
});

test('small sets are counted almost exactly while they are lists', () => {
  const hll = new HyperLogLog(14, 25);
  for (const size of [0, 1, 2, 50, 1000, 2000]) {
    const sketch = sketchOf(hll, numbers(0, size));
    assert.ok(Array.isArray(sketch));
    assert.ok(Math.abs(hll.estimate(sketch) - size) <= 1, `${size}: ${hll.estimate(sketch)}`);
  }
  assert.ok(sketchOf(hll, numbers(0, 2100)) instanceof Uint8Array);
});

test('a list that became registers has those it would have had from the start', () => {
  for (const [p, sparse] of [
    [4, 4],
    [9, 25],
    [10, 32],
    [12, 13],
    [14, 25],
  ] as const) {
    const dense = new HyperLogLog(p, 0);
    const lists = new HyperLogLog(p, sparse);
    const values = [...numbers(7, 30_000)];
    assert.deepEqual(sketchOf(lists, values), sketchOf(dense, values), `p ${p}, sparse ${sparse}`);
  }
});

test('merging gives the sketch of the union, whatever the sides are, and leaves the other alone', () => {
  for (const [p, sparse] of [
    [9, 0],
    [9, 25],
    [11, 11],
  ] as const) {
    const hll = new HyperLogLog(p, sparse);
    for (const [ours, theirs] of [
      [0, 0],
      [3, 40],
      [10, 5000],
      [5000, 10],
      [5000, 4000],
    ] as const) {
      const a = [...numbers(0, ours)];
      const b = [...numbers(ours >> 1, theirs)];
      const other = sketchOf(hll, b);
      const before = other.slice();
      assert.deepEqual(hll.merge(sketchOf(hll, a), other), sketchOf(hll, [...a, ...b]), `${ours} and ${theirs}`);
      assert.deepEqual(other, before);
    }
  }
});

test('a value that is added again changes nothing', () => {
  const hll = new HyperLogLog(8, 25);
  for (const size of [5, 3000]) {
    const once = sketchOf(hll, numbers(0, size)).slice();
    assert.deepEqual(sketchOf(hll, [...numbers(0, size), ...numbers(0, size)]), once);
  }
});

test('hashes at the ends: all bits zero, all bits one', () => {
  for (const sparse of [0, 4, 25, 32]) {
    const hll = new HyperLogLog(4, sparse);
    let sketch = hll.addHash(hll.empty(), 0, 0);
    sketch = hll.addHash(sketch, -1, -1);
    assert.equal(hll.estimate(sketch), 2);
    sketch = hll.addHash(sketch, 0, 1);
    sketch = hll.addHash(sketch, 1, 0);
    assert.ok(hll.estimate(sketch) >= 2);
    if (sketch instanceof Uint8Array) assert.equal(sketch[0], 61);
  }
});

test('values without equality are refused', () => {
  const hll = new HyperLogLog(8, 0);
  assert.throws(() => hll.add(hll.empty(), new Map()), /cannot be a key/);
});
