import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AsyncOperator, asAsync, drainAsync } from '../../src/executor/async-operator.ts';
import { ArrayBatches } from '../../src/executor/segment-iterator.ts';
import type { AsyncOp } from '../../src/protocol/stage-program.ts';

type Call = (record: unknown, call: { readonly signal: AbortSignal }) => unknown;

const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

function operator(
  f: Call,
  records: readonly unknown[],
  op: Partial<AsyncOp> = {},
  throwIfKilled = () => {},
): AsyncOperator {
  const all: AsyncOp = { op: 'mapAsync', f: 0, concurrency: 4, ordered: true, retries: 0, timeoutMs: null, ...op };
  return new AsyncOperator(all, f, asAsync(new ArrayBatches(records)), throwIfKilled);
}

/** Promises that the test settles by hand. */
function byHand(): { readonly call: Call; readonly waiting: Map<unknown, (value: unknown) => void> } {
  const waiting = new Map<unknown, (value: unknown) => void>();
  return { waiting, call: (record) => new Promise((resolve) => waiting.set(record, resolve)) };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('results keep the order of the records, whatever call ends first', async () => {
  const { call, waiting } = byHand();
  const all = drainAsync(operator(call, [1, 2, 3], { concurrency: 3 }));
  await turn();
  for (const record of [3, 1, 2]) {
    waiting.get(record)?.(record * 10);
    await turn();
  }
  assert.deepEqual(await all, [10, 20, 30]);
});

test('without order results leave as they come', async () => {
  const { call, waiting } = byHand();
  const all = drainAsync(operator(call, [1, 2, 3], { concurrency: 3, ordered: false }));
  await turn();
  for (const record of [3, 1, 2]) {
    waiting.get(record)?.(record);
    await turn();
  }
  assert.deepEqual(await all, [3, 1, 2]);
});

test('never more calls are in flight than the concurrency allows, and all of it is used', async () => {
  let now = 0;
  let most = 0;
  const f: Call = async (record) => {
    most = Math.max(most, ++now);
    await turn();
    now--;
    return record;
  };
  assert.deepEqual(await drainAsync(operator(f, numbers(100), { concurrency: 7 })), numbers(100));
  assert.equal(most, 7);
});

test('a slow first record does not let results pile up without bound behind it', async () => {
  const { call, waiting } = byHand();
  let started = 0;
  const f: Call = (record, context) => {
    started++;
    return record === 0 ? call(record, context) : record;
  };
  const first = operator(f, numbers(100_000), { concurrency: 8 }).next();
  for (let i = 0; i < 50; i++) await turn();
  assert.ok(started < 5_000, `${started} records were started behind the slow one`);
  waiting.get(0)?.(0);
  assert.equal((await first)?.[0], 0);
});

test('filterAsync keeps records, flatMapAsync spreads results, foreachConcurrent gives none', async () => {
  const even: Call = async (x) => (x as number) % 2 === 0;
  assert.deepEqual(await drainAsync(operator(even, numbers(5), { op: 'filterAsync' })), [0, 2, 4]);
  const twice: Call = async (x) => new Set([x, -(x as number) - 1]);
  assert.deepEqual(await drainAsync(operator(twice, numbers(2), { op: 'flatMapAsync' })), [0, -1, 1, -2]);
  assert.deepEqual(await drainAsync(operator(even, numbers(3), { op: 'foreachConcurrent' })), []);
});

test('a call that fails is tried again as often as allowed, and then its error is the answer', async () => {
  const tries = new Map<unknown, number>();
  const f: Call = async (record) => {
    const n = (tries.get(record) ?? 0) + 1;
    tries.set(record, n);
    if (n <= (record as number)) throw new Error(`try ${n} of ${record}`);
    return record;
  };
  assert.deepEqual(await drainAsync(operator(f, [0, 1], { retries: 1 })), [0, 1]);
  await assert.rejects(drainAsync(operator(f, [5], { retries: 1 })), /try 2 of 5/);
});

test('a call that takes too long fails with its record, and its signal is aborted', async () => {
  let signal: AbortSignal | undefined;
  const f: Call = (_, call) => {
    signal = call.signal;
    return new Promise(() => {});
  };
  await assert.rejects(
    drainAsync(operator(f, ['slow one'], { timeoutMs: 5 })),
    /mapAsync\(\) did not answer within 5 ms for the record 'slow one'/,
  );
  assert.equal(signal?.aborted, true);
});

test('closing aborts the calls in flight', async () => {
  let signal: AbortSignal | undefined;
  const op = operator(
    (_, call) => {
      signal = call.signal;
      return new Promise(() => {});
    },
    [1],
  );
  op.next().catch(() => {});
  await turn();
  op.close();
  assert.equal(signal?.aborted, true);
});

test('a killed task ends at the next result', async () => {
  let killed = false;
  const op = operator(
    async (record) => {
      killed = true;
      return record;
    },
    numbers(3),
    { concurrency: 1 },
    () => {
      if (killed) throw new Error('killed');
    },
  );
  await assert.rejects(drainAsync(op), /killed/);
});
