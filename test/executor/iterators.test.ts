import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BatchIterator } from '../../src/base/batch-iterator.ts';
import { IterableBatches, RecordIterator } from '../../src/executor/record-iterator.ts';
import { compileBatchSegment } from '../../src/executor/segment-compiler.ts';
import { ArrayBatches, ConcatIterator, SegmentIterator } from '../../src/executor/segment-iterator.ts';
import { BlockBatches, DealIterator, GlomIterator, RangeBatches } from '../../src/executor/source-iterators.ts';
import { encodeRecords } from '../../src/rdd/record-blocks.ts';

function drain(batches: BatchIterator): unknown[] {
  const all: unknown[] = [];
  for (let batch = batches.next(); batch !== null; batch = batches.next()) all.push(...batch);
  return all;
}

const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const closes: string[] = [];
const noted = (name: string, records: readonly unknown[]): BatchIterator => {
  const inner = new ArrayBatches(records);
  return {
    next: () => inner.next(),
    close: () => {
      closes.push(name);
    },
  };
};

test('a record iterator gives every record of every batch once, and skips empty batches', () => {
  const batches: (readonly number[])[] = [[1], [], [2, 3], []];
  const iterator = new RecordIterator<number>({ next: () => batches.shift() ?? null, close() {} });
  assert.deepEqual([...iterator], [1, 2, 3]);
  assert.deepEqual(iterator.next(), { value: undefined, done: true });
});

test('what a user function returns becomes batches: arrays, sets and generators alike', () => {
  const many = numbers(5000);
  const source = new ArrayBatches([]);
  assert.deepEqual(drain(new IterableBatches(many, source)), many);
  assert.deepEqual(drain(new IterableBatches(new Set(many), source)), many);
  assert.deepEqual(
    drain(
      new IterableBatches(
        (function* () {
          yield* many;
        })(),
        source,
      ),
    ),
    many,
  );
});

test('closing early runs the finally of a user generator and closes the source', () => {
  let ended = false;
  function* user(): Generator<number> {
    try {
      yield* numbers(100);
    } finally {
      ended = true;
    }
  }
  closes.length = 0;
  const batches = new IterableBatches(user(), noted('source', []));
  batches.next();
  batches.close();
  assert.equal(ended, true);
  assert.deepEqual(closes, ['source']);
});

test('a pulled segment runs the user function on one record before it runs it on many', () => {
  let calls = 0;
  const count = (x: number): number => {
    calls++;
    return x;
  };
  const segment = compileBatchSegment([{ op: 'map', f: 0 }], { kind: 'push' }, [count]);
  const iterator = new SegmentIterator(new ArrayBatches(numbers(2048)), segment);
  assert.deepEqual(iterator.next(), [0]);
  assert.equal(calls, 1);
  assert.deepEqual([0, ...drain(iterator)], numbers(2048));
});

test('concatenated partitions are opened one after another and closed when they are read', () => {
  closes.length = 0;
  const opened: string[] = [];
  const part = (name: string, records: readonly unknown[]) => () => {
    opened.push(name);
    return noted(name, records);
  };
  const all = new ConcatIterator([part('a', [1]), part('b', []), part('c', [2])]);
  assert.deepEqual(all.next(), [1]);
  assert.deepEqual(opened, ['a']);
  assert.deepEqual(drain(all), [2]);
  assert.deepEqual(closes, ['a', 'b', 'c']);
});

test('records dealt round robin go to all partitions evenly, from a start that differs by partition', () => {
  const dealt = drain(new DealIterator(new ArrayBatches(numbers(10)), 0, 4)) as [number, number][];
  const counts = [0, 0, 0, 0];
  for (const [p] of dealt) counts[p] = (counts[p] ?? 0) + 1;
  assert.deepEqual(counts.sort(), [2, 2, 3, 3]);
  assert.deepEqual(
    dealt.map(([, x]) => x),
    numbers(10),
  );
  const starts = new Set(
    numbers(16).map((p) => (drain(new DealIterator(new ArrayBatches([0]), p, 4)) as [number, number][])[0]?.[0]),
  );
  assert.ok(starts.size > 1);
});

test('glom gives one array, also for an empty partition', () => {
  assert.deepEqual(drain(new GlomIterator(new ArrayBatches([1, 2]))), [[1, 2]]);
  assert.deepEqual(drain(new GlomIterator(new ArrayBatches([]))), [[]]);
});

test('a range counts by its step, also downwards', () => {
  assert.deepEqual(drain(new RangeBatches({ start: 5, step: -2, count: 4 })), [5, 3, 1, -1]);
  assert.deepEqual(drain(new RangeBatches({ start: 0, step: 1, count: 5000 })), numbers(5000));
});

test('serializer blocks back to back come out record by record, from several pieces of memory', () => {
  const records = numbers(5000).map((i) => [`k${i}`, i]);
  assert.deepEqual(drain(new BlockBatches([encodeRecords(records, 0, 3000), encodeRecords(records, 3000)])), records);
});
