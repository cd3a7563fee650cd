import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileBatchSegment, compileGroupSegment } from '../../src/executor/segment-compiler.ts';
import type { NarrowOp } from '../../src/protocol/stage-program.ts';
import type { GroupBlock } from '../../src/shuffle/group-block.ts';

type Group = readonly [key: unknown, ...sides: unknown[][]];

/** What a reader of the shuffle gives for these groups. */
function blockOf(groups: readonly Group[], sides: number): GroupBlock {
  return {
    keys: groups.map(([key]) => key),
    sides: Array.from({ length: sides }, (_, s) => {
      const starts = [0];
      for (const [, ...lists] of groups) starts.push((starts.at(-1) ?? 0) + (lists[s]?.length ?? 0));
      return { values: groups.flatMap(([, ...lists]) => lists[s] ?? []), starts: Int32Array.from(starts) };
    }),
  };
}

const twoSides: readonly Group[] = [
  ['both', [1, 2], ['x', 'y']],
  ['left', [3], []],
  ['right', [], ['z']],
  ...Array.from({ length: 40 }, (_, i): Group => [i, Array(i % 3).fill(i), Array(i % 4).fill(null)]),
  ['last', [undefined], [undefined]],
];

const first: readonly { readonly name: string; readonly ops: readonly NarrowOp[] }[] = [
  ...(['inner', 'left', 'right', 'full'] as const).map((how) => ({
    name: `${how} join`,
    ops: [{ op: 'joinPairs', how } as const],
  })),
  { name: 'subtract', ops: [{ op: 'subtractPairs' }] },
  { name: 'cogroup', ops: [] },
  { name: 'keys of a cogroup', ops: [{ op: 'keys' }] },
  {
    name: 'a filtered and mapped cogroup',
    ops: [
      { op: 'filter', f: 0 },
      { op: 'mapValues', f: 1 },
    ],
  },
  {
    name: 'a filtered and mapped join',
    ops: [
      { op: 'joinPairs', how: 'full' },
      { op: 'filter', f: 0 },
      { op: 'mapValues', f: 1 },
    ],
  },
];
const functions = [([key]: [unknown]) => key !== 7, (value: unknown) => JSON.stringify(value)];

for (const { name, ops } of first)
  test(`${name} over columns of groups equals the one over records`, () => {
    const records = twoSides.map(([key, ...lists]) => [key, lists]);
    const wanted: unknown[] = [];
    compileBatchSegment(ops, { kind: 'push' }, functions)(records, 0, records.length, { out: wanted });
    const got: unknown[] = [];
    const segment = compileGroupSegment(ops, { kind: 'push' }, 2, functions);
    const block = blockOf(twoSides, 2);
    segment(block, 0, 5, { out: got });
    segment(block, 5, twoSides.length, { out: got });
    assert.deepEqual(got, wanted);
  });

test('groups of one side are lists of their own, also when a key has all values of its block or none', () => {
  const segment = compileGroupSegment([], { kind: 'push' }, 1, []);
  for (const groups of [
    [['a', [1, 2]]],
    [
      ['a', [1]],
      ['b', [2, 3]],
    ],
    [
      ['a', []],
      ['b', []],
    ],
    [
      ['a', []],
      ['b', [1]],
    ],
  ] as Group[][]) {
    const out: [unknown, unknown[]][] = [];
    segment(blockOf(groups, 1), 0, groups.length, { out });
    assert.deepEqual(out, groups);
    for (const [key, list] of out) list.push(`of ${key}`);
    assert.deepEqual(
      out,
      groups.map(([key, list]) => [key, [...(list ?? []), `of ${key}`]]),
    );
  }
});
