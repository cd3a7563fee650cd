import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Grant,
  LATE_CREDIT_MS,
  LONGEST_WAIT_MS,
  type RateEvent,
  RateLimiter,
  SERVE_EVERY_MS,
} from '../../src/scheduler/rate-limiter.ts';

/** A limiter with a clock that ticks when it wants to be ticked. */
class Driven {
  readonly machine = new RateLimiter();
  readonly granted: { readonly at: number; readonly taskId: number; readonly permits: number }[] = [];
  readonly answers = new Map<number, number>();
  readonly #askers = new Map<number, number>();
  readonly #hungry = new Map<number, () => void>();
  now = 1_000_000;
  #nextAsk = 0;

  ask(taskId: number, want: number, limit: { key?: string; perSecond: number; burst?: number }): number {
    const askId = this.#nextAsk++;
    this.#askers.set(askId, taskId);
    const { key = 'k', perSecond, burst = 1 } = limit;
    this.#do({ type: 'Ask', now: this.now, askId, ask: { taskId, want, limit: { key, perSecond, burst } } });
    return askId;
  }

  /** Asks, and again as soon as it is answered. */
  keepAsking(taskId: number, want: number, limit: { key?: string; perSecond: number; burst?: number }): void {
    this.#hungry.set(taskId, () => this.ask(taskId, want, limit));
    this.ask(taskId, want, limit);
  }

  giveBack(taskId: number, permits: number, key = 'k'): void {
    this.#do({ type: 'Return', now: this.now, returned: { key, taskId, permits } });
  }

  ended(taskId: number): void {
    this.#hungry.delete(taskId);
    this.#do({ type: 'TaskEnded', now: this.now, taskId });
  }

  /** Goes on to `ms` later, ticking when it is due, and `late` ms late. */
  run(ms: number, late = 0): void {
    const end = this.now + ms;
    for (;;) {
      const due = this.machine.wakeAt;
      if (due === null || due + late > end) break;
      this.now = Math.max(this.now, Math.ceil(due + late));
      this.#do({ type: 'Tick', now: this.now });
    }
    this.now = end;
  }

  total(taskId?: number): number {
    let sum = 0;
    for (const grant of this.granted) if (taskId === undefined || grant.taskId === taskId) sum += grant.permits;
    return sum;
  }

  #do(event: RateEvent): void {
    const grants: Grant[] = this.machine.handle(event);
    this.machine.checkInvariants();
    for (const { askId, permits } of grants) {
      assert.ok(!this.answers.has(askId), `ask ${askId} was answered twice`);
      this.answers.set(askId, permits);
      this.granted.push({ at: this.now, taskId: this.#askers.get(askId) as number, permits });
    }
    for (const { askId } of grants) this.#hungry.get(this.#askers.get(askId) as number)?.();
  }
}

test('a burst is granted at once, and then so many a second', () => {
  const d = new Driven();
  const limit = { perSecond: 10, burst: 5 };
  d.ask(1, 5, limit);
  assert.equal(d.total(), 5);
  const next = d.ask(1, 3, limit);
  assert.equal(d.answers.get(next), undefined);
  assert.equal(d.machine.wakeAt, d.now + 100);
  d.run(100);
  assert.equal(d.answers.get(next), 1);
});

test('an ask is answered with what there is, not held until all is there', () => {
  const d = new Driven();
  const ask = d.ask(1, 64, { perSecond: 10, burst: 3 });
  assert.equal(d.answers.get(ask), 3);
});

test('the rate holds over a long time, with ticks that come late', () => {
  for (const late of [0, 1, 7, 15]) {
    const d = new Driven();
    const limit = { perSecond: 300, burst: 1 };
    d.keepAsking(1, 1000, limit);
    d.run(10_000, late);
    assert.ok(Math.abs(d.total() - 3000) <= 10, `${d.total()} permits with ticks ${late} ms late`);
  }
});

test('a pause saves up a burst and no more', () => {
  const d = new Driven();
  const limit = { perSecond: 100, burst: 10 };
  d.ask(1, 10, limit);
  d.run(60_000);
  const ask = d.ask(1, 50, limit);
  assert.equal(d.answers.get(ask), 10);
});

test('after a driver that did not look for a minute, no more than the burst and the late credit is handed out', () => {
  const d = new Driven();
  const limit = { perSecond: 1000, burst: 1 };
  d.ask(1, 1, limit);
  const ask = d.ask(1, 500, limit);
  d.now += 60_000;
  d.run(0);
  assert.equal(d.answers.get(ask), 1 + (1000 * LATE_CREDIT_MS) / 1000);
});

test('rates below one a second work', () => {
  const d = new Driven();
  const limit = { perSecond: 0.5, burst: 1 };
  d.ask(1, 1, limit);
  const ask = d.ask(1, 1, limit);
  d.run(1999);
  assert.equal(d.answers.get(ask), undefined);
  d.run(1);
  assert.equal(d.answers.get(ask), 1);
});

test('an ask that cannot be served is answered with 0 after the longest wait, and may be put again', () => {
  const d = new Driven();
  const limit = { perSecond: 0.001, burst: 1 };
  d.ask(1, 1, limit);
  const ask = d.ask(1, 1, limit);
  d.run(LONGEST_WAIT_MS);
  assert.equal(d.answers.get(ask), 0);
  assert.equal(d.machine.wakeAt, null);
});

test('tasks get equal shares, however much each asks for', () => {
  const d = new Driven();
  const limit = { perSecond: 1000, burst: 1 };
  const wants = new Map([
    [1, 200],
    [2, 5],
    [3, 64],
  ]);
  for (const [taskId, want] of wants) d.keepAsking(taskId, want, limit);
  d.run(9_000);
  for (const taskId of wants.keys())
    assert.ok(Math.abs(d.total(taskId) - 3000) < 150, `task ${taskId} got ${d.total(taskId)}`);
});

test('what one task does not want goes to the others', () => {
  const d = new Driven();
  const limit = { perSecond: 1000, burst: 1 };
  d.ask(9, 1, limit);
  const asks = [d.ask(1, 2, limit), d.ask(2, 50, limit), d.ask(3, 50, limit)];
  d.now += 10;
  d.run(0);
  assert.deepEqual(
    asks.map((ask) => d.answers.get(ask)),
    [2, 4, 4],
  );
});

test('at one permit a time the task that was served longest ago is next', () => {
  const d = new Driven();
  const limit = { perSecond: 10, burst: 1 };
  for (const taskId of [1, 2, 3]) d.keepAsking(taskId, 1, limit);
  d.run(900);
  assert.deepEqual(
    d.granted.map((grant) => grant.taskId),
    // The first had its permit before the others came.
    [1, 1, 2, 3, 1, 2, 3, 1, 2, 3],
  );
});

test('high rates are answered with several permits at a time', () => {
  const d = new Driven();
  const limit = { perSecond: 20_000, burst: 100 };
  d.keepAsking(1, 1000, limit);
  d.run(1000);
  assert.ok(d.total() >= 19_900, `${d.total()}`);
  assert.ok(d.granted.length <= 1000 / SERVE_EVERY_MS + 2, `${d.granted.length} answers`);
});

test('keys have buckets of their own', () => {
  const d = new Driven();
  d.ask(1, 1, { key: 'a', perSecond: 1 });
  const other = d.ask(1, 1, { key: 'b', perSecond: 1 });
  assert.equal(d.answers.get(other), 1);
});

test('what a task that ends gives back, another one gets', () => {
  const d = new Driven();
  const limit = { perSecond: 0.1, burst: 8 };
  d.ask(1, 8, limit);
  const ask = d.ask(2, 8, limit);
  assert.equal(d.answers.get(ask), undefined);
  d.run(SERVE_EVERY_MS);
  d.giveBack(1, 5);
  assert.equal(d.answers.get(ask), 5);
});

test('giving back never makes more than a burst', () => {
  const d = new Driven();
  const limit = { perSecond: 1, burst: 2 };
  d.ask(1, 1, limit);
  d.giveBack(1, 1000);
  const ask = d.ask(2, 10, limit);
  d.run(SERVE_EVERY_MS);
  assert.equal(d.answers.get(ask), 2);
  d.giveBack(7, 3, 'unknown key');
});

test('a task that ends waits no more, and its share goes to the others', () => {
  const d = new Driven();
  const limit = { perSecond: 10, burst: 1 };
  d.ask(1, 1, limit);
  const dead = d.ask(1, 100, limit);
  const alive = d.ask(2, 100, limit);
  d.ended(1);
  assert.equal(d.answers.get(dead), 0);
  d.run(100);
  assert.equal(d.answers.get(alive), 1);
  d.run(1000);
  assert.equal(d.total(1), 1);
});

test('when all tasks of a job have ended nothing is left to wake up for, and full buckets are forgotten', () => {
  const d = new Driven();
  for (let job = 0; job < 100; job++) {
    const key = `job ${job}`;
    d.ask(job, 1, { key, perSecond: 10 });
    d.ask(job, 5, { key, perSecond: 10 });
    d.ended(job);
    d.now += 200;
  }
  assert.equal(d.machine.wakeAt, null);
  d.ask(1000, 1, { key: 'last', perSecond: 10 });
  assert.equal(d.machine.numBuckets, 1);
});

test('a bucket that is not full again is remembered: a new job does not begin with a second burst', () => {
  const d = new Driven();
  d.ask(1, 5, { perSecond: 1, burst: 5 });
  d.ended(1);
  const ask = d.ask(2, 5, { perSecond: 1, burst: 5 });
  assert.equal(d.answers.get(ask), undefined);
});

test('tasks that name other numbers for one key get the lowest of each, until they have ended', () => {
  const d = new Driven();
  d.ask(1, 10, { perSecond: 100, burst: 10 });
  d.ask(2, 1, { perSecond: 1, burst: 1 });
  d.keepAsking(1, 100, { perSecond: 100, burst: 10 });
  d.run(5000);
  assert.ok(d.total() <= 10 + 6, `${d.total()}`);
  d.ended(2);
  const before = d.total();
  d.run(1000);
  assert.ok(d.total() - before >= 95, `${d.total() - before}`);
});

test('a task that asks again before it was answered replaces its ask', () => {
  const d = new Driven();
  const limit = { perSecond: 10, burst: 1 };
  d.ask(1, 1, limit);
  const lost = d.ask(1, 1, limit);
  const again = d.ask(1, 1, limit);
  assert.equal(d.answers.get(lost), 0);
  d.run(100);
  assert.equal(d.answers.get(again), 1);
});

test('a clock that is set back by an hour gives nothing for it, and does not stop the flow', () => {
  const d = new Driven();
  const limit = { perSecond: 10, burst: 1 };
  d.ask(1, 1, limit);
  d.now -= 3_600_000;
  const ask = d.ask(1, 1, limit);
  assert.equal(d.answers.get(ask), undefined);
  d.run(100);
  assert.equal(d.answers.get(ask), 1);
});

test('in no window are there more permits than burst, late credit and rate allow; nobody waits for ever', () => {
  const step = fc.record({
    wait: fc.integer({ min: 0, max: 40 }),
    taskId: fc.integer({ min: 0, max: 4 }),
    act: fc.constantFrom('ask', 'ask', 'ask', 'end'),
    want: fc.integer({ min: 1, max: 40 }),
    late: fc.integer({ min: 0, max: 60 }),
  });
  fc.assert(
    fc.property(
      fc.double({ min: 0.5, max: 3000, noNaN: true }),
      fc.integer({ min: 1, max: 50 }),
      fc.array(step, { maxLength: 60 }),
      (perSecond, burst, steps) => {
        const d = new Driven();
        const asked: number[] = [];
        for (const { wait, taskId, act, want, late } of steps) {
          d.run(wait, late);
          if (act === 'ask') asked.push(d.ask(taskId, want, { perSecond, burst }));
          else d.ended(taskId);
        }
        const list = d.granted;
        for (let i = 0; i < list.length; i++) {
          let sum = 0;
          for (let j = i; j < list.length; j++) {
            sum += list[j]?.permits ?? 0;
            const ms = (list[j]?.at ?? 0) - (list[i]?.at ?? 0);
            assert.ok(sum <= burst + (perSecond * (ms + LATE_CREDIT_MS)) / 1000 + 1e-3, `${sum} in ${ms} ms`);
          }
        }
        d.run(LONGEST_WAIT_MS + 100);
        for (const ask of asked) assert.ok(d.answers.has(ask), `ask ${ask} has no answer`);
      },
    ),
    { numRuns: 300 },
  );
});
