import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CallInfo } from '../../src/executor/async-attempts.ts';
import type { AsyncBatchIterator } from '../../src/executor/async-batches.ts';
import { AsyncOperator } from '../../src/executor/async-operator.ts';
import type { AsyncOp } from '../../src/protocol/stage-program.ts';
import { arraySource, countedSource, FakeAsyncTask, readAll, turn, turns } from '../kit/async-task.ts';

type Call = (record: unknown, call: CallInfo) => unknown;

const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

function operator(
  f: Call,
  records: readonly unknown[] | AsyncBatchIterator,
  op: Partial<AsyncOp> = {},
  task = new FakeAsyncTask(),
): AsyncOperator {
  const all: AsyncOp = {
    op: 'mapAsync',
    f: 0,
    concurrency: 4,
    ordered: true,
    retry: null,
    timeoutMs: null,
    rateLimit: null,
    callSite: 'mapAsync at app.ts:1',
    ...op,
  };
  return new AsyncOperator(all, f, 'next' in records ? records : arraySource(records), task);
}

/** Promises that the test settles by hand. */
function byHand(): {
  readonly call: Call;
  readonly waiting: Map<unknown, (value: unknown) => void>;
  readonly rejecting: Map<unknown, (error: Error) => void>;
  readonly signals: AbortSignal[];
} {
  const waiting = new Map<unknown, (value: unknown) => void>();
  const rejecting = new Map<unknown, (error: Error) => void>();
  const signals: AbortSignal[] = [];
  return {
    waiting,
    rejecting,
    signals,
    call: (record, { signal }) => {
      signals.push(signal);
      return new Promise((resolve, reject) => {
        waiting.set(record, resolve);
        rejecting.set(record, reject);
      });
    },
  };
}

test('results keep the order of the records, whatever call ends first', async () => {
  const { call, waiting } = byHand();
  const all = readAll(operator(call, [1, 2, 3], { concurrency: 3 }));
  await turn();
  for (const record of [3, 1, 2]) {
    waiting.get(record)?.(record * 10);
    await turn();
  }
  assert.deepEqual(await all, [10, 20, 30]);
});

test('without order results leave as they come', async () => {
  const { call, waiting } = byHand();
  const all = readAll(operator(call, [1, 2, 3], { concurrency: 3, ordered: false }));
  await turn();
  for (const record of [3, 1, 2]) {
    waiting.get(record)?.(record);
    await turn();
  }
  assert.deepEqual(await all, [3, 1, 2]);
});

test('never more calls are in flight than the concurrency allows, and all of it is used', async () => {
  for (const ordered of [true, false]) {
    let now = 0;
    let most = 0;
    const f: Call = async (record) => {
      most = Math.max(most, ++now);
      await turn();
      now--;
      return record;
    };
    assert.deepEqual(await readAll(operator(f, numbers(100), { concurrency: 7, ordered })), numbers(100));
    assert.equal(most, 7);
  }
});

test('a call that ends lets the next begin while others are under way and nobody reads', async () => {
  const { call, waiting } = byHand();
  const op = operator(call, numbers(10), { concurrency: 2 });
  const first = op.next();
  await turn();
  waiting.get(0)?.('a');
  assert.deepEqual(await first, ['a']);
  assert.ok(waiting.has(2));
  waiting.get(1)?.('b');
  waiting.get(2)?.('c');
  await turn();
  assert.ok(waiting.has(4), 'the fifth call has begun without a reader');
  await op.close();
});

test('plain values, thenables and promises are all taken, for hundreds of thousands of records', async () => {
  // biome-ignore lint/suspicious/noThenProperty: a promise of another library
  const thenable = (x: unknown): unknown => ({ then: (resolve: (value: unknown) => void): void => resolve(x) });
  const kinds: Call[] = [(x) => x, (x) => thenable(x), (x) => Promise.resolve(x)];
  const f: Call = (x, call) => (kinds[(x as number) % 3] as Call)(x, call);
  for (const ordered of [true, false]) {
    const all = await readAll(operator(f, numbers(200_000), { ordered }));
    assert.equal(all.length, 200_000);
    if (ordered) assert.deepEqual(all, numbers(200_000));
  }
});

test('timers run while a function answers at once, record after record', async () => {
  let fired = 0;
  const timer = setInterval(() => fired++, 1);
  await readAll(operator((x) => x, numbers(1_000_000)));
  clearInterval(timer);
  assert.ok(fired > 3, `${fired} timers fired`);
});

test('a slow first record does not let results pile up without bound behind it', async () => {
  const { call, waiting } = byHand();
  let started = 0;
  const f: Call = (record, context) => {
    started++;
    return record === 0 ? call(record, context) : record;
  };
  const first = operator(f, numbers(100_000), { concurrency: 8 }).next();
  await turns(50);
  assert.ok(started <= 2048 + 8, `${started} records were started behind the slow one`);
  waiting.get(0)?.(0);
  assert.equal((await first)?.[0], 0);
});

test('a slow reader of a big input lets no more than the concurrency and a batch of records begin ahead of it', async () => {
  for (const ordered of [true, false]) {
    let started = 0;
    const source = countedSource(numbers(50_000));
    const f: Call = async (x) => {
      started++;
      return x;
    };
    const op = operator(f, source, { concurrency: 32, ordered });
    let read = 0;
    for (let batch = await op.next(); batch !== null; batch = await op.next()) {
      read += batch.length;
      await turns(3); // a slow reader
      assert.ok(started - read <= 256 + 2 * 32, `${started} calls begun, ${read} records read`);
      assert.ok(source.pulled - started <= 16, `${source.pulled} records pulled, ${started} calls begun`);
    }
    assert.equal(read, 50_000);
  }
});

test('a slow operator holds back a fast one above it', async () => {
  let fast = 0;
  let slow = 0;
  const upper = operator(
    async (x) => {
      fast++;
      return x;
    },
    numbers(20_000),
    { concurrency: 8 },
  );
  const lower = operator(
    async (x) => {
      slow++;
      await turn();
      assert.ok(fast - slow <= 2 * (256 + 2 * 8), `${fast} calls above, ${slow} below`);
      return x;
    },
    upper,
    { concurrency: 4 },
  );
  assert.deepEqual(await readAll(lower), numbers(20_000));
});

test('filterAsync keeps records, flatMapAsync spreads results, foreachConcurrent gives none', async () => {
  for (const ordered of [true, false]) {
    const even: Call = async (x) => (x as number) % 2 === 0;
    assert.deepEqual(await readAll(operator(even, numbers(5), { op: 'filterAsync', ordered })), [0, 2, 4]);
    const twice: Call = async (x) => new Set([x, -(x as number) - 1]);
    assert.deepEqual(await readAll(operator(twice, numbers(2), { op: 'flatMapAsync', ordered })), [0, -1, 1, -2]);
    assert.deepEqual(await readAll(operator(even, numbers(3), { op: 'foreachConcurrent', ordered })), []);
    const none: Call = () => false;
    assert.deepEqual(await readAll(operator(none, numbers(20_000), { op: 'filterAsync', ordered })), []);
  }
});

test('undefined and null are records like others', async () => {
  const values = [undefined, null, 0, ''];
  for (const ordered of [true, false]) {
    assert.deepEqual(await readAll(operator(async (x) => x, values, { ordered })), values);
    const keep = operator(async () => true, values, { op: 'filterAsync', ordered });
    assert.deepEqual(await readAll(keep), values);
  }
});

test('an iterable of flatMapAsync that never ends is read as far as its reader goes, and closed', async () => {
  let closed = 0;
  function* forever(): Generator<number> {
    try {
      for (let i = 0; ; i++) yield i;
    } finally {
      closed++;
    }
  }
  for (const ordered of [true, false]) {
    const op = operator(() => forever(), [1, 2], { op: 'flatMapAsync', ordered });
    assert.equal((await op.next())?.length, 2048);
    assert.equal((await op.next())?.[0], 2048);
    await op.close();
  }
  assert.equal(closed, 2);
});

test('flatMapAsync names what is not iterable', async () => {
  const op = operator(async () => 7, [1], { op: 'flatMapAsync' });
  await assert.rejects(readAll(op), /flatMapAsync\(\) must resolve to an array or another iterable, but gave 7/);
});

test('an iterable that throws fails the operator', async () => {
  const broken = {
    [Symbol.iterator]: () => ({
      next: (): never => {
        throw new Error('broken iterable');
      },
    }),
  };
  for (const ordered of [true, false]) {
    const op = operator(async () => broken, [1, 2], { op: 'flatMapAsync', ordered });
    await assert.rejects(readAll(op), /broken iterable/);
  }
});

test('a source that throws fails the operator, at once or later', async () => {
  const source = (fail: () => never | Promise<never>): AsyncBatchIterator => {
    let n = 0;
    return { next: () => (n++ === 0 ? [1, 2] : fail()), close() {} };
  };
  const sync = source(() => {
    throw new Error('broken source');
  });
  await assert.rejects(readAll(operator(async (x) => x, sync)), /broken source/);
  const later = source(() => Promise.reject(new Error('broken later')));
  await assert.rejects(readAll(operator(async (x) => x, later)), /broken later/);
});

test('a failing call aborts the others at once, and fails the operator without waiting for them', async () => {
  const { call, rejecting, signals } = byHand();
  const source = countedSource(numbers(100));
  const op = operator(call, source, { concurrency: 3 });
  const all = readAll(op);
  await turn();
  rejecting.get(1)?.(new Error('no such user'));
  await assert.rejects(all, /no such user/);
  assert.deepEqual(
    signals.map((signal) => signal.aborted),
    [true, true, true],
  );
  assert.match(`${signals[0]?.reason}`, /another call of the task failed/);
  assert.equal(source.closed, 1);
});

test('a function that throws instead of rejecting fails the operator', async () => {
  const f: Call = () => {
    throw new Error('thrown at once');
  };
  await assert.rejects(readAll(operator(f, [1, 2])), /thrown at once/);
});

test('what calls reject with after the operator has ended is nobody’s unhandled rejection', async () => {
  const unhandled: unknown[] = [];
  const listener = (reason: unknown): void => void unhandled.push(reason);
  process.on('unhandledRejection', listener);
  try {
    for (const op of [{}, { timeoutMs: 1000 }, { retry: { times: 1, delayMs: 1, maxDelayMs: 1, retryIf: null } }]) {
      const f: Call = (record, { signal }) =>
        record === 0
          ? Promise.reject(new Error('first'))
          : new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
      await assert.rejects(readAll(operator(f, numbers(4), op)), /first/);
      const { call, rejecting } = byHand();
      const closed = operator(call, numbers(4), op);
      void closed.next();
      await turn();
      await closed.close();
      for (const reject of rejecting.values()) reject(new Error('late'));
      await turns(3);
    }
    assert.deepEqual(unhandled, []);
  } finally {
    process.off('unhandledRejection', listener);
  }
});

test('closing aborts the calls in flight, closes the source, and forgets the task', async () => {
  const { call, signals } = byHand();
  const source = countedSource([1, 2]);
  const task = new FakeAsyncTask();
  const op = operator(call, source, {}, task);
  void op.next();
  await turn();
  await op.close();
  await op.close();
  assert.equal(signals[0]?.aborted, true);
  assert.equal(source.closed, 1);
  assert.equal(task.numListeners, 0);
});

test('the signal of a call that has ended well is left alone', async () => {
  let signal: AbortSignal | undefined;
  const f: Call = async (x, call) => {
    signal = call.signal;
    return x;
  };
  await readAll(operator(f, [1, 2, 3]));
  assert.equal(signal?.aborted, false);
});

test('a killed task ends while its calls are under way, and they are aborted', async () => {
  const { call, signals } = byHand();
  const task = new FakeAsyncTask();
  const all = readAll(operator(call, numbers(3), {}, task));
  await turn();
  task.kill();
  await assert.rejects(all, /killed/);
  assert.equal(signals[0]?.aborted, true);
});

test('a thousand calls may listen to their signal without a warning', async () => {
  const warnings: Error[] = [];
  const listener = (warning: Error): void => void warnings.push(warning);
  process.on('warning', listener);
  const f: Call = async (x, { signal }) => {
    signal.addEventListener('abort', () => {});
    await turn();
    return x;
  };
  await readAll(operator(f, numbers(1000), { concurrency: 1000 }));
  await turns(2);
  process.off('warning', listener);
  assert.deepEqual(warnings, []);
});
