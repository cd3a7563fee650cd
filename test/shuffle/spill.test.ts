import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { BatchIterator } from '../../src/base/batch-iterator.ts';
import { IskraError } from '../../src/base/errors.ts';
import { valuesEqual } from '../../src/base/value-equality.ts';
import { compareValues } from '../../src/base/value-ordering.ts';
import type { CombinePlan } from '../../src/protocol/stage-program.ts';
import { Aggregator } from '../../src/shuffle/aggregator.ts';
import { resolveCombiner } from '../../src/shuffle/combiner.ts';
import { ExternalSorter } from '../../src/shuffle/external-sorter.ts';
import { mergeLoop } from '../../src/shuffle/merge-loops.ts';
import type { PairStream } from '../../src/shuffle/pair-stream.ts';
import { openCoGroupReader, openCombineInPlace } from '../../src/shuffle/shuffle-reader.ts';
import {
  blockFiles,
  calmMemory,
  drain,
  LOCATION,
  newEnv,
  outputsOf,
  type Pair,
  readPartition,
  type ShuffleCase,
  shuffle,
  writeMap,
} from './kit.ts';

const add = (a: number, b: number): number => a + b;
const append = (list: unknown[], v: unknown): unknown[] => {
  list.push(v);
  return list;
};
const concat = (a: unknown[], b: unknown[]): unknown[] => a.concat(b);

/** Each plan, with what plain code makes of all values of a key. */
const plans: {
  readonly plan: CombinePlan;
  readonly functions: readonly unknown[];
  readonly plain: (vs: number[]) => unknown;
}[] = [
  { plan: { kind: 'reduce', f: 0 }, functions: [add], plain: (vs) => vs.reduce(add) },
  { plan: { kind: 'sum' }, functions: [], plain: (vs) => vs.reduce(add) },
  { plan: { kind: 'group' }, functions: [], plain: (vs) => vs.slice().sort(compareValues) },
  { plan: { kind: 'first' }, functions: [], plain: () => 'any' },
  {
    plan: { kind: 'combine', create: 0, mergeValue: 1, mergeCombiners: 2 },
    functions: [(v: unknown) => [v], append, concat],
    plain: (vs) => vs.slice().sort(compareValues),
  },
  {
    plan: { kind: 'aggregate', zero: 0, seqOp: 1, combOp: 2 },
    functions: [[], append, concat],
    plain: (vs) => vs.slice().sort(compareValues),
  },
];

const keys = fc.oneof(
  fc.integer({ min: 0, max: 300 }),
  fc.string({ maxLength: 2 }),
  fc.constantFrom(null, undefined, true, 1.5, Number.NaN, -0, 10n, 'a key of more than thirteen letters'),
  fc.tuple(fc.integer({ min: 0, max: 9 }), fc.string({ maxLength: 1 })),
  fc.integer({ min: 0, max: 9 }).map((ms) => new Date(ms)),
);

function grouped(pairs: readonly Pair[]): { key: unknown; values: number[] }[] {
  const groups: { key: unknown; values: number[] }[] = [];
  for (const [key, value] of pairs) {
    const group = groups.find((g) => valuesEqual(g.key, key));
    if (group === undefined) groups.push({ key, values: [value as number] });
    else group.values.push(value as number);
  }
  return groups;
}

for (const { plan, functions, plain } of plans)
  for (const mapSide of [true, false])
    for (const budget of [64 << 20, 600])
      test(`${plan.kind} ${mapSide ? 'with' : 'without'} map-side combine in ${budget} bytes equals plain code`, (t) => {
        const env = newEnv(t);
        fc.assert(
          fc.property(
            fc.array(fc.array(fc.tuple(keys, fc.integer({ min: 0, max: 9 })), { maxLength: 120 }), { maxLength: 3 }),
            fc.integer({ min: 1, max: 5 }),
            (maps, numPartitions) => {
              const how = { numPartitions, mapSide, combine: plan, functions, budget, batch: 16 };
              const { partitions } = shuffle(env, maps as Pair[][], how);
              const got = partitions.flat();
              const wanted = grouped(maps.flat() as Pair[]);
              assert.equal(got.length, wanted.length);
              for (const [key, value] of got) {
                const group = wanted.find((w) => valuesEqual(w.key, key));
                assert.ok(group !== undefined);
                if (plan.kind === 'first') assert.ok(group.values.includes(value as number));
                else {
                  const plainValue = Array.isArray(value) ? value.slice().sort(compareValues) : value;
                  assert.deepEqual(plainValue, plain(group.values));
                }
              }
            },
          ),
          { numRuns: 25 },
        );
        assert.deepEqual(
          blockFiles(env).filter((f) => !/shuffle_1_\d+_0\.(data|index)$/.test(f)),
          [],
        );
      });

test('dozens of spills on both sides change nothing, and are counted', (t) => {
  const env = newEnv(t);
  const pairs = Array.from({ length: 60_000 }, (_, i): Pair => [`key ${(i * 7919) % 20_011}`, 1]);
  const how = { numPartitions: 3, mapSide: true, combine: { kind: 'sum' as const } };
  const large = shuffle(env, [pairs], how);
  const small = shuffle(env, [pairs], { ...how, budget: 100_000, batch: 512 });
  const bySize = (partition: Pair[]): Pair[] => partition.slice().sort((a, b) => compareValues(a[0], b[0]));
  assert.deepEqual(small.partitions.map(bySize), large.partitions.map(bySize));
  assert.equal(large.env.metrics.memoryBytesSpilled, 0);
  assert.ok(small.env.metrics.memoryBytesSpilled > 24 * 80_000, String(small.env.metrics.memoryBytesSpilled));
  assert.ok(small.env.metrics.diskBytesSpilled > 0);
  assert.ok(small.env.metrics.peakExecutionMemoryBytes > 80_000);
});

test('groups keep the order of their values through spills', (t) => {
  const env = newEnv(t);
  const pairs = Array.from({ length: 5000 }, (_, i): Pair => [i % 50, i]);
  const how = { numPartitions: 1, combine: { kind: 'group' as const }, budget: 30_000 };
  const { partitions, env: task } = shuffle(env, [pairs], how);
  assert.ok(task.metrics.memoryBytesSpilled > 0);
  for (const [k, group] of partitions.flat())
    assert.deepEqual(
      group,
      Array.from({ length: 100 }, (_, i) => (k as number) + 50 * i),
    );
});

/** Records as a narrow parent gives them. */
function batches(records: readonly unknown[], closed: () => void = () => {}): BatchIterator {
  let at = 0;
  return {
    next() {
      if (at >= records.length) return null;
      at += 100;
      return records.slice(at - 100, at);
    },
    close: closed,
  };
}

function drainStream(stream: PairStream): Pair[] {
  const all: Pair[] = [];
  for (let b = stream.next(); b !== null; b = stream.next())
    for (const [i, k] of b.keys.entries()) all.push([k, b.values[i]]);
  stream.close();
  return all;
}

test('spilled buckets that do not fit either are cut again', (t) => {
  const env = newEnv(t, 70_000);
  const merge = mergeLoop('test', resolveCombiner({ kind: 'sum' }, []), true);
  const aggregator = new Aggregator(env, merge, 'combiner');
  const n = 120_000;
  for (let from = 0; from < n; from += 1000) {
    const block = Array.from({ length: 1000 }, (_, i) => from + i);
    merge(
      aggregator.table,
      block.map((i) => `k${i % (n / 2)}`),
      block,
    );
    aggregator.endBatch();
  }
  const all = drainStream(aggregator.finish());
  assert.equal(all.length, n / 2);
  for (const [k, v] of all) assert.equal(v, 2 * Number((k as string).slice(1)) + n / 2);
  assert.equal(env.memory.heldBytes, 0);
  assert.deepEqual(blockFiles(env), []);
});

for (const ascending of [true, false])
  for (const custom of [true, false])
    test(`a sort over dozens of runs is ${ascending ? 'ascending' : 'descending'} and stable with ${custom ? 'a custom' : 'the natural'} order`, (t) => {
      const env = newEnv(t, 20_000);
      const order = { compare: custom ? (a: unknown, b: unknown) => compareValues(a, b) : null, ascending };
      const sorter = new ExternalSorter(env, order);
      const keys: number[] = [];
      for (let b = 0; b < 60; b++) {
        const block = Array.from({ length: 500 }, (_, i) => ((b * 500 + i) * 7919) % 5003);
        sorter.add({ keys: block.slice(), values: block.map((_, i) => keys.length + i) });
        keys.push(...block);
      }
      assert.ok(env.metrics.diskBytesSpilled > 0);
      const wanted = keys
        .map((k, i): Pair => [k, i])
        .sort((a, b) => (ascending ? 1 : -1) * compareValues(a[0], b[0]) || compareValues(a[1], b[1]));
      assert.deepEqual(drainStream(sorter.finish()), wanted);
      assert.deepEqual(blockFiles(env), []);
      assert.equal(env.memory.heldBytes, 0);
    });

test('hundreds of runs are merged in several passes', (t) => {
  const env = newEnv(t, 1);
  const sorter = new ExternalSorter(env, { compare: null, ascending: true });
  for (let b = 0; b < 700; b++) sorter.add({ keys: [b % 7, 700 - b], values: [b, b] });
  const got = drainStream(sorter.finish());
  assert.equal(got.length, 1400);
  for (let i = 1; i < got.length; i++) assert.ok(compareValues(got[i - 1]?.[0], got[i]?.[0]) <= 0);
});

test('an inconsistent comparator loses nothing in a merge of runs', (t) => {
  const env = newEnv(t, 2000);
  let seed = 7;
  const compare = (): number => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    return [-1, 0, 1, Number.NaN][seed % 4] as number;
  };
  const sorter = new ExternalSorter(env, { compare, ascending: true });
  for (let b = 0; b < 40; b++) {
    const block = Array.from({ length: 100 }, (_, i) => b * 100 + i);
    sorter.add({ keys: block, values: block });
  }
  const got = drainStream(sorter.finish()).map(([k]) => k as number);
  assert.deepEqual(
    got.sort((a, b) => a - b),
    Array.from({ length: 4000 }, (_, i) => i),
  );
});

test('combine and ordering together, in little memory', (t) => {
  const env = newEnv(t);
  const pairs = Array.from({ length: 30_000 }, (_, i): Pair => [(i * 7919) % 5003, 1]);
  const { partitions } = shuffle(env, [pairs, pairs], {
    numPartitions: 2,
    combine: { kind: 'sum' },
    ordering: { compare: null, ascending: false },
    budget: 60_000,
  });
  for (const partition of partitions)
    for (let i = 1; i < partition.length; i++)
      assert.ok((partition[i - 1]?.[0] as number) > (partition[i]?.[0] as number));
  const counts = new Map<unknown, number>();
  for (const [k, v] of [...pairs, ...pairs]) counts.set(k, (counts.get(k) ?? 0) + (v as number));
  assert.deepEqual(new Map(partitions.flat() as [unknown, number][]), counts);
});

test("what a user's comparator throws reaches the user, and no file stays", (t) => {
  const env = newEnv(t);
  const pairs = Array.from({ length: 1000 }, (_, i): Pair => [i, i]);
  const compare = (): number => {
    throw new TypeError('no idea how to compare');
  };
  const how = { numPartitions: 1, ordering: { compare: 0, ascending: true }, functions: [compare], budget: 5000 };
  assert.throws(() => shuffle(env, [pairs], how), { name: 'TypeError', message: 'no idea how to compare' });
  assert.deepEqual(
    blockFiles(env).filter((f) => f.includes('temp_local')),
    [],
  );
});

test('a task that is killed stops within a block, also while it sorts or merges, and no spill file stays', (t) => {
  const env = newEnv(t);
  const pairs = Array.from({ length: 30_000 }, (_, i): Pair => [`k${(i * 7919) % 20_011}`, i]);
  const outputs = outputsOf([writeMap(env, 0, pairs, { numPartitions: 1 })]);
  const plans: Partial<ShuffleCase>[] = [
    {},
    { combine: { kind: 'group' } },
    { ordering: { compare: null, ascending: true } },
  ];
  for (const plan of plans)
    for (const blocks of [0, 3, 12]) {
      let left = blocks;
      const throwIfKilled = (): void => {
        if (left-- === 0) throw new Error('killed');
      };
      const task = { ...env, memory: calmMemory(100_000), throwIfKilled };
      const read = (): Pair[] => readPartition(task, outputs, 0, { numPartitions: 1, ...plan });
      if (blocks === 12 && plan.combine === undefined && plan.ordering === undefined)
        assert.equal(read().length, pairs.length);
      else assert.throws(read, { message: 'killed' });
      assert.deepEqual(blockFiles(env).length, 2);
      assert.equal(task.memory.heldBytes, 0);
    }
});

for (const budget of [64 << 20, 4000])
  test(`cogroup of a shuffle and a narrow side equals plain code in ${budget} bytes`, (t) => {
    const env = newEnv(t);
    const left = Array.from({ length: 3000 }, (_, i): Pair => [`k${i % 700}`, i]);
    const right = Array.from({ length: 900 }, (_, i): Pair => [`k${(i % 300) + 600}`, -i]);
    const outputs = outputsOf([writeMap(env, 3, left, { numPartitions: 1 })]);
    let closed = 0;
    const narrow = batches(right, () => closed++);
    const got = drain(
      openCoGroupReader({ ...env, memory: calmMemory(budget) }, [
        { kind: 'shuffle', shuffleId: 1, reduceId: 0, outputs, localExecutorId: LOCATION.executorId },
        { kind: 'narrow', records: narrow },
      ]),
    );
    const wanted = new Map<unknown, [unknown[], unknown[]]>();
    for (const [side, pairs] of [left, right].entries())
      for (const [k, v] of pairs) {
        if (!wanted.has(k)) wanted.set(k, [[], []]);
        wanted.get(k)?.[side as 0 | 1].push(v);
      }
    assert.deepEqual(new Map(got as [unknown, [unknown[], unknown[]]][]), wanted);
    assert.equal(closed, 1);
    assert.equal(env.metrics.memoryBytesSpilled > 0, budget === 4000);
  });

test('combining in place needs no shuffle, and refuses records that are no pairs', (t) => {
  const env = newEnv(t);
  const read = (batch: unknown[]): Pair[] => {
    return drain(openCombineInPlace(env, { records: batches(batch), combine: { kind: 'sum' }, functions: [] }));
  };
  assert.deepEqual(
    read([
      ['a', 1],
      ['b', 2],
      ['a', 3],
    ]),
    [
      ['a', 4],
      ['b', 2],
    ],
  );
  assert.throws(
    () => read([['a', 1], 'b']),
    (e) => IskraError.is(e) && e.code === 'NOT_PAIRS' && e.message.includes("'b'"),
  );
});

test('groups of tiny, huge and unlike blocks have their values in the order in which they came, spilled or not', (t) => {
  const kinds = [(i: number) => i, (i: number) => i + 0.5, (i: number) => `v${i}`, (i: number) => (i % 2 ? null : [i])];
  const blocks: Pair[][] = [];
  let n = 0;
  for (const [b, length] of [1, 4096, 3, 10_000, 2000, 2000, 2000, 1, 1, 5000].entries()) {
    const value = kinds[b % kinds.length] ?? String;
    blocks.push(Array.from({ length }, (): Pair => [n % 7 === 0 ? 'often' : `k${n % 991}`, value(n++)]));
  }
  const wanted = new Map<unknown, unknown[]>();
  for (const [k, v] of blocks.flat()) wanted.set(k, [...(wanted.get(k) ?? []), v]);
  for (const budget of [64 << 20, 200_000]) {
    const env = newEnv(t, budget);
    let at = 0;
    const records = { next: () => blocks[at++] ?? null, close: () => {} };
    const got = drain(openCombineInPlace(env, { records, combine: { kind: 'group' }, functions: [] }));
    assert.deepEqual(new Map(got), wanted);
    assert.equal(got.length, wanted.size);
    assert.equal(env.memory.heldBytes, 0);
    assert.deepEqual(blockFiles(env), []);
    assert.equal(env.metrics.memoryBytesSpilled > 0, budget === 200_000);
    if (budget > 200_000)
      assert.deepEqual(
        got.map(([k]) => k),
        [...wanted.keys()],
      );
  }
});
