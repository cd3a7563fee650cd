import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileBatchSegment, compileRangeSegment } from '../../src/executor/segment-compiler.ts';
import type { SinkCode } from '../../src/executor/segment-source.ts';
import type { NarrowOp } from '../../src/protocol/stage-program.ts';
import { AggregationTable } from '../../src/shuffle/aggregation-table.ts';

/** What a run of operators makes of some records. */
function push(records: readonly unknown[], ops: readonly NarrowOp[], functions: readonly unknown[]): unknown[] {
  const out: unknown[] = [];
  compileBatchSegment(ops, { kind: 'push' }, functions)(records, 0, records.length, { out });
  return out;
}

test('map, filter and flatMap run in one loop and give what the array methods give', () => {
  const functions = [(x: number) => x * 3, (x: number) => x % 2 === 0, (x: number) => [x, -x]];
  const ops: NarrowOp[] = [
    { op: 'map', f: 0 },
    { op: 'filter', f: 1 },
    { op: 'flatMap', f: 2 },
  ];
  const input = [1, 2, 3, 4, 5, 6];
  const expected = input
    .map((x) => x * 3)
    .filter((x) => x % 2 === 0)
    .flatMap((x) => [x, -x]);
  assert.deepEqual(push(input, ops, functions), expected);
});

test('a segment looks only at batch[from, to)', () => {
  const out: unknown[] = [];
  compileBatchSegment([], { kind: 'push' }, [])(['a', 'b', 'c', 'd'], 1, 3, { out });
  assert.deepEqual(out, ['b', 'c']);
});

test('flatMap takes any iterable, strings by character, and refuses what is none', () => {
  const set = [{ op: 'flatMap', f: 0 } as const];
  assert.deepEqual(push([1], set, [() => new Set([7, 8])]), [7, 8]);
  assert.deepEqual(push(['ab'], set, [(s: string) => s]), ['a', 'b']);
  assert.throws(
    () => push([1], set, [() => 5]),
    /flatMap\(\) must return an array or another iterable, but it returned 5/,
  );
});

test('pair operators keep the key and change the value', () => {
  const input = [
    ['a', 1],
    ['b', 2],
  ];
  assert.deepEqual(push(input, [{ op: 'mapValues', f: 0 }], [(v: number) => v + 1]), [
    ['a', 2],
    ['b', 3],
  ]);
  assert.deepEqual(push(input, [{ op: 'flatMapValues', f: 0 }], [(v: number) => [v, v]]), [
    ['a', 1],
    ['a', 1],
    ['b', 2],
    ['b', 2],
  ]);
  assert.deepEqual(push(input, [{ op: 'keys' }], []), ['a', 'b']);
  assert.deepEqual(push(input, [{ op: 'values' }], []), [1, 2]);
  assert.deepEqual(
    push(
      [3],
      [
        { op: 'keyBy', f: 0 },
        { op: 'mapValues', f: 1 },
      ],
      [(x: number) => -x, (x: number) => x * 2],
    ),
    [[-3, 6]],
  );
  assert.deepEqual(push(input, [{ op: 'filter', f: 0 }], [([, v]: [string, number]) => v > 1]), [['b', 2]]);
});

test('joins make all pairs of a key, and undefined for a missing side', () => {
  const groups = [
    ['both', [[1, 2], ['x']]],
    ['left only', [[3], []]],
    ['right only', [[], ['y']]],
  ];
  const join = (how: 'inner' | 'left' | 'right' | 'full') => push(groups, [{ op: 'joinPairs', how }], []);
  const both = [
    ['both', [1, 'x']],
    ['both', [2, 'x']],
  ];
  assert.deepEqual(join('inner'), both);
  assert.deepEqual(join('left'), [...both, ['left only', [3, undefined]]]);
  assert.deepEqual(join('right'), [...both, ['right only', [undefined, 'y']]]);
  assert.deepEqual(join('full'), [...both, ['left only', [3, undefined]], ['right only', [undefined, 'y']]]);
});

test('subtract keeps the values of keys that the other side has not', () => {
  const groups = [
    ['a', [[1, 1], []]],
    ['b', [[2], ['there']]],
  ];
  assert.deepEqual(push(groups, [{ op: 'subtractPairs' }], []), [
    ['a', 1],
    ['a', 1],
  ]);
});

test('lookup compares keys by value', () => {
  const input = [
    [{ id: 1 }, 'one'],
    [{ id: 2 }, 'two'],
  ];
  assert.deepEqual(push(input, [{ op: 'lookup', key: 0 }], [{ id: 2 }]), ['two']);
});

test('a segment stops in the middle of a record when the sink has enough', () => {
  const seen: number[] = [];
  const state = { out: [] as unknown[], limit: 3 };
  const segment = compileBatchSegment([{ op: 'flatMap', f: 0 }], { kind: 'pushUpTo' }, [
    (x: number) => {
      seen.push(x);
      return [x, x];
    },
  ]);
  assert.equal(segment([1, 2, 3, 4], 0, 4, state), false);
  assert.deepEqual(state.out, [1, 1, 2]);
  assert.deepEqual(seen, [1, 2]);
});

test('a range needs no array and gives the same as its numbers', () => {
  const state = { n: 0 };
  const range = compileRangeSegment([{ op: 'filter', f: 0 }], { kind: 'count' }, [(x: number) => x % 3 === 0]);
  assert.equal(range(10, -2, 10, state), true);
  assert.equal(state.n, [10, 8, 6, 4, 2, 0, -2, -4, -6, -8].filter((x) => x % 3 === 0).length);
});

test('reduce carries its accumulator from batch to batch', () => {
  const state = { has: false, acc: undefined as unknown };
  const segment = compileBatchSegment([], { kind: 'reduce', f: 0 }, [(a: number, b: number) => a + b]);
  segment([1, 2], 0, 2, state);
  segment([3], 0, 1, state);
  assert.deepEqual(state, { has: true, acc: 6 });
});

test('combining sinks put each kind of combiner into the table', () => {
  const pairs = [
    ['a', 1],
    ['b', 5],
    ['a', 2],
  ];
  const run = (
    combine: Extract<SinkCode, { kind: 'combine' }>['combine'],
    functions: readonly unknown[],
    zero = () => 0,
  ) => {
    const table = new AggregationTable();
    compileBatchSegment([], { kind: 'combine', combine }, functions)(pairs, 0, pairs.length, { table, zero });
    return table.keys.map((k, i) => [k, table.values[i]]);
  };
  const add = (a: number, b: number): number => a + b;
  assert.deepEqual(run({ kind: 'reduce', f: 0 }, [add]), [
    ['a', 3],
    ['b', 5],
  ]);
  assert.deepEqual(run({ kind: 'sum' }, []), [
    ['a', 3],
    ['b', 5],
  ]);
  assert.deepEqual(run({ kind: 'group' }, []), [
    ['a', [1, 2]],
    ['b', [5]],
  ]);
  assert.deepEqual(run({ kind: 'first' }, []), [
    ['a', 1],
    ['b', 5],
  ]);
  assert.deepEqual(
    run({ kind: 'aggregate', zero: 0, seqOp: 1, combOp: 1 }, [100, add], () => 100),
    [
      ['a', 103],
      ['b', 105],
    ],
  );
  assert.deepEqual(
    run({ kind: 'combine', create: 0, mergeValue: 1, mergeCombiners: 1 }, [
      (v: number) => `${v}`,
      (c: string, v: number) => `${c}+${v}`,
    ]),
    [
      ['a', '1+2'],
      ['b', '5'],
    ],
  );
});

test('a function that returns a promise is refused with the operator that takes it', () => {
  const later = async (x: unknown): Promise<unknown> => x;
  assert.throws(() => push([1], [{ op: 'map', f: 0 }], [later]), /passed to map\(\) returned a promise.*Use mapAsync/);
  assert.throws(() => push([1], [{ op: 'filter', f: 0 }], [later]), /filter\(\) returned a promise.*filterAsync/);
  assert.throws(() => push([1], [{ op: 'flatMap', f: 0 }], [later]), /flatMap\(\) returned a promise.*flatMapAsync/);
});

test('records that are no pairs are shown to whoever asked for pairs', () => {
  assert.throws(
    () => push(['word'], [{ op: 'mapValues', f: 0 }], [(v: unknown) => v]),
    /mapValues needs records that are \[key, value\] arrays, but got 'word'/,
  );
});
