import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IskraError } from '../../src/base/errors.ts';
import type { CallInfo, RetryIf, UserFunction } from '../../src/executor/async-attempts.ts';
import { AsyncOperator } from '../../src/executor/async-operator.ts';
import { type PermitDesk, RatePermits } from '../../src/executor/rate-permits.ts';
import type { PermitReturn } from '../../src/protocol/rate-limit.ts';
import type { AsyncOp, RetryPlan } from '../../src/protocol/stage-program.ts';
import { arraySource, FakeAsyncTask, readAll, turn, turns } from '../kit/async-task.ts';
import { ManualClock } from '../kit/manual-clock.ts';

interface Options {
  readonly op?: Partial<AsyncOp>;
  readonly retry?: Partial<RetryPlan>;
  readonly retryIf?: RetryIf;
  readonly clock?: ManualClock;
  readonly permits?: RatePermits;
}

function operator(f: UserFunction, records: readonly unknown[], options: Options = {}): AsyncOperator {
  const retry = options.retry && { times: 1, delayMs: 100, maxDelayMs: 10_000, retryIf: null, ...options.retry };
  const op: AsyncOp = {
    op: 'mapAsync',
    f: 0,
    concurrency: 4,
    ordered: true,
    retry: retry ?? null,
    timeoutMs: null,
    rateLimit: null,
    callSite: 'mapAsync at app.ts:12',
    ...options.op,
  };
  const task = new FakeAsyncTask(options.clock);
  const { retryIf = null, permits = null } = options;
  return new AsyncOperator(op, f, arraySource(records), task, { retryIf, permits });
}

/** The times, since the first, at which a function that always fails is called. */
async function timesOfCalls(error: unknown, retry: Partial<RetryPlan>): Promise<number[]> {
  const clock = new ManualClock();
  const times: number[] = [];
  const f = async (): Promise<never> => {
    times.push(clock.now());
    throw error;
  };
  let ended = false;
  const all = readAll(operator(f, [1], { retry, clock })).catch(() => {
    ended = true;
  });
  for (let i = 0; i < 100_000 && !ended; i++) {
    await turn();
    clock.advance(clock.numTimers > 0 ? 10 : 0);
  }
  await all;
  return times;
}

test('a call that fails is made again as often as allowed, and then its own error is the answer', async () => {
  const tries = new Map<unknown, number>();
  const f = async (record: unknown): Promise<unknown> => {
    const n = (tries.get(record) ?? 0) + 1;
    tries.set(record, n);
    if (n <= (record as number)) throw new Error(`try ${n} of ${record}`);
    return record;
  };
  const retry = { times: 1, delayMs: 0 };
  assert.deepEqual(await readAll(operator(f, [0, 1], { retry })), [0, 1]);
  await assert.rejects(readAll(operator(f, [5], { retry })), /try 2 of 5/);
});

test('a call is told which attempt it is', async () => {
  const attempts: number[] = [];
  const f = async (_: unknown, { attempt }: CallInfo): Promise<number> => {
    attempts.push(attempt);
    if (attempt < 2) throw new Error('again');
    return attempt;
  };
  assert.deepEqual(await readAll(operator(f, ['x'], { retry: { times: 5, delayMs: 0 } })), [2]);
  assert.deepEqual(attempts, [0, 1, 2]);
});

test('pauses double up to the longest, each shortened by up to half', async () => {
  const times = await timesOfCalls(new Error('busy'), { times: 6, delayMs: 100, maxDelayMs: 1000 });
  assert.equal(times.length, 7);
  const pauses = times.slice(1).map((t, i) => t - (times[i] as number));
  for (const [i, most] of [100, 200, 400, 800, 1000, 1000].entries()) {
    const pause = pauses[i] as number;
    assert.ok(pause >= most / 2 && pause <= most + 20, `pause ${i} was ${pause} ms`);
  }
  assert.notEqual(pauses[4], pauses[5]);
});

test('an error that says when to come back is obeyed, also beyond the longest pause', async () => {
  const busy = Object.assign(new Error('429'), { retryAfterMs: 30_000 });
  const [, second] = await timesOfCalls(busy, { times: 1, delayMs: 100, maxDelayMs: 1000 });
  assert.ok((second as number) >= 30_000 && (second as number) <= 30_120, `${second}`);
});

test('a retryAfterMs that is no number of milliseconds is not looked at', async () => {
  for (const retryAfterMs of ['soon', -1, Number.NaN, Number.POSITIVE_INFINITY, null]) {
    const [, second] = await timesOfCalls(Object.assign(new Error('?'), { retryAfterMs }), { times: 1 });
    assert.ok((second as number) <= 120, `${second}`);
  }
  const [, second] = await timesOfCalls('a string was thrown', { times: 1 });
  assert.ok((second as number) <= 120);
});

test('retryIf says which errors to try again, and hears the attempt', async () => {
  const asked: unknown[] = [];
  const retryIf: RetryIf = (error, attempt) => {
    asked.push([(error as Error).message, attempt]);
    return (error as Error).message !== 'not found';
  };
  const f = async (_: unknown, { attempt }: CallInfo): Promise<never> => {
    throw new Error(attempt < 2 ? 'busy' : 'not found');
  };
  await assert.rejects(readAll(operator(f, [1], { retry: { times: 9, delayMs: 0 }, retryIf })), /not found/);
  assert.deepEqual(asked, [
    ['busy', 0],
    ['busy', 1],
    ['not found', 2],
  ]);
});

test('a retryIf that throws, or does not answer at once, fails the operator', async () => {
  const f = async (): Promise<never> => {
    throw new Error('busy');
  };
  const retry = { times: 3, delayMs: 0 };
  const throwing: RetryIf = () => {
    throw new Error('bug in retryIf');
  };
  await assert.rejects(readAll(operator(f, [1], { retry, retryIf: throwing })), /bug in retryIf/);
  await assert.rejects(
    readAll(operator(f, [1], { retry, retryIf: async () => true })),
    /retryIf of mapAsync\(\) must answer at once/,
  );
});

test('a call that takes too long fails with its operator, record and line, and its signal alone is aborted', async () => {
  const clock = new ManualClock();
  const signals: AbortSignal[] = [];
  const f = (record: unknown, { signal }: CallInfo): unknown => {
    signals.push(signal);
    return record === 'slow one' ? new Promise(() => {}) : record;
  };
  const all = readAll(operator(f, ['quick one', 'slow one'], { op: { timeoutMs: 500 }, clock }));
  await turns(2);
  clock.advance(499);
  assert.equal(signals[1]?.aborted, false);
  clock.advance(1);
  await assert.rejects(
    all,
    /mapAsync\(\) did not answer within 500 ms for the record 'slow one' \(timeoutMs of mapAsync at app\.ts:12\)/,
  );
  assert.deepEqual(
    signals.map((signal) => signal.aborted),
    [false, true],
  );
});

test('a call that took too long is made again, and what the first one still answers is not heard', async () => {
  const clock = new ManualClock();
  const answers: ((value: unknown) => void)[] = [];
  const f = (): unknown => new Promise((resolve) => answers.push(resolve));
  const all = readAll(operator(f, [1], { op: { timeoutMs: 50 }, retry: { times: 1, delayMs: 10 }, clock }));
  await turns(2);
  clock.advance(50);
  clock.advance(10);
  assert.equal(answers.length, 2);
  answers[0]?.('late');
  await turns(2);
  answers[1]?.('in time');
  assert.deepEqual(await all, ['in time']);
  assert.equal(clock.numTimers, 0);
});

test('retryIf sees timeouts as errors with a code', async () => {
  const clock = new ManualClock();
  let seen: unknown;
  const retryIf: RetryIf = (error) => {
    seen = IskraError.is(error) && error.code;
    return false;
  };
  const f = (): unknown => new Promise(() => {});
  const all = readAll(operator(f, [1], { op: { timeoutMs: 5 }, retry: {}, retryIf, clock }));
  await turns(2);
  clock.advance(5);
  await assert.rejects(all, /did not answer/);
  assert.equal(seen, 'ASYNC_TIMEOUT');
});

test('closing during a pause leaves no timer and makes no further call', async () => {
  const clock = new ManualClock();
  let calls = 0;
  const f = async (): Promise<never> => {
    calls++;
    throw new Error('busy');
  };
  const op = operator(f, [1], { retry: { times: 5 }, clock });
  void op.next();
  await turns(2);
  assert.equal(clock.numTimers, 1);
  await op.close();
  assert.equal(clock.numTimers, 0);
  clock.advance(10_000);
  assert.equal(calls, 1);
});

// ---- Permits

/** A driver whose answers the test gives. */
class Desk implements PermitDesk {
  readonly asks: { readonly want: number; readonly answer: (permits: number) => void; readonly fail: () => void }[] =
    [];
  readonly returned: PermitReturn[] = [];

  acquire({ want }: { readonly want: number }): Promise<{ readonly permits: number }> {
    return new Promise((resolve, reject) =>
      this.asks.push({
        want,
        answer: (permits) => resolve({ permits }),
        fail: () => reject(new Error('the driver is gone')),
      }),
    );
  }

  giveBack(returned: PermitReturn): void {
    this.returned.push(returned);
  }
}

const limit = { key: 'api', perSecond: 10, burst: 1 };

test('the driver is asked once for all calls that wait, and again for those that got nothing', async () => {
  const desk = new Desk();
  const called: unknown[] = [];
  const permits = new RatePermits(limit, 7, desk);
  const all = readAll(operator(async (x) => called.push(x), [1, 2, 3], { permits }));
  await turns(2);
  assert.deepEqual(
    desk.asks.map((ask) => ask.want),
    [3],
  );
  assert.deepEqual(called, []);
  desk.asks[0]?.answer(2);
  await turns(2);
  assert.deepEqual(called, [1, 2]);
  assert.deepEqual(
    desk.asks.map((ask) => ask.want),
    [3, 1],
  );
  desk.asks[1]?.answer(0); // it may take long
  await turns(2);
  desk.asks[2]?.answer(1);
  assert.deepEqual(await all, [1, 2, 3]);
  permits.close();
  assert.deepEqual(desk.returned, []);
});

test('calls that wait for a permit count as in flight', async () => {
  const desk = new Desk();
  const permits = new RatePermits(limit, 7, desk);
  const op = operator(async (x) => x, [1, 2, 3, 4, 5], { permits, op: { concurrency: 2 } });
  void op.next();
  await turns(2);
  assert.equal(desk.asks[0]?.want, 2);
  await op.close();
});

test('a retry needs a permit of its own', async () => {
  const desk = new Desk();
  const permits = new RatePermits(limit, 7, desk);
  const f = async (_: unknown, { attempt }: CallInfo): Promise<number> => {
    if (attempt === 0) throw new Error('busy');
    return attempt;
  };
  const clock = new ManualClock();
  const all = readAll(operator(f, ['x'], { permits, retry: {}, clock }));
  await turns(2);
  desk.asks[0]?.answer(1);
  await turns(2);
  clock.advance(100);
  await turns(2);
  assert.equal(desk.asks.length, 2);
  desk.asks[1]?.answer(1);
  assert.deepEqual(await all, [1]);
});

test('the time a call waits for its permit does not count for its timeout', async () => {
  const desk = new Desk();
  const clock = new ManualClock();
  const permits = new RatePermits(limit, 7, desk);
  const all = readAll(operator(async (x) => x, ['x'], { permits, clock, op: { timeoutMs: 50 } }));
  await turns(2);
  clock.advance(60_000);
  desk.asks[0]?.answer(1);
  assert.deepEqual(await all, ['x']);
});

test('a task that ends gives back what it did not use, also what comes later', async () => {
  const desk = new Desk();
  const permits = new RatePermits(limit, 7, desk);
  const op = operator(async (x) => x, [1, 2, 3], { permits });
  void op.next();
  await turns(2);
  await op.close();
  permits.close();
  // It wants no more …
  assert.deepEqual(desk.returned, [{ key: 'api', taskId: 7, permits: 0 }]);
  desk.asks[0]?.answer(3);
  await turns(2);
  // … and what was on its way goes back.
  assert.deepEqual(desk.returned.at(-1), { key: 'api', taskId: 7, permits: 3 });
});

test('a driver that is gone fails the calls that wait', async () => {
  const desk = new Desk();
  const permits = new RatePermits(limit, 7, desk);
  const all = readAll(operator(async (x) => x, [1, 2], { permits }));
  await turns(2);
  desk.asks[0]?.fail();
  await assert.rejects(all, /the driver is gone/);
});
