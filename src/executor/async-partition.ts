import { setMaxListeners } from 'node:events';
import { IskraError } from '../base/errors.ts';
import { shortInspect } from '../base/value-errors.ts';
import { isThenable } from './async-attempts.ts';
import type { AsyncBatchIterator } from './async-batches.ts';
import type { AsyncTask } from './async-task.ts';
import type { RatePermits } from './rate-permits.ts';

type Batch = readonly unknown[] | null;
type Step = IteratorResult<unknown>;

/** The function of mapPartitionsAsync; rdd/async-functions.ts has the docs. */
export type PartitionFunction = (
  records: AsyncIterableIterator<unknown>,
  call: { readonly signal: AbortSignal; permit(): Promise<void> },
) => unknown;

/** Records of a batch that leaves; less when they come slower than the event loop turns. */
const RECORDS_A_BATCH = 256;
/** How long the user's own cleaning up (`finally` of a generator) may take when its reader has stopped early, ms. */
const LONGEST_CLOSE_MS = 10_000;

const TURN = Symbol('turn');

/** A partition as what mapPartitionsAsync makes of it. */
export class AsyncPartition implements AsyncBatchIterator {
  readonly #f: PartitionFunction;
  readonly #records: PulledRecords;
  readonly #source: AsyncBatchIterator;
  readonly #task: AsyncTask;
  readonly #permits: RatePermits | null;
  readonly #abort = new AbortController();
  readonly #forgetKill: () => void;
  #iterator: AsyncIterator<unknown> | Iterator<unknown> | null = null;
  /** A step that was waited for when the batch before left. */
  #pending: Promise<Step> | null = null;
  #fail: ((error: unknown) => void) | null = null;
  #killed: Error | null = null;
  #done = false;
  #closed = false;

  constructor(f: PartitionFunction, source: AsyncBatchIterator, task: AsyncTask, permits: RatePermits | null) {
    this.#f = f;
    this.#source = source;
    this.#task = task;
    this.#permits = permits;
    this.#records = new PulledRecords(source);
    setMaxListeners(0, this.#abort.signal);
    this.#forgetKill = task.onKilled((error) => {
      this.#killed = error;
      this.#abort.abort(error);
      this.#fail?.(error);
    });
  }

  async next(): Promise<Batch> {
    this.#task.throwIfKilled();
    if (this.#done) return null;
    this.#iterator ??= asyncIteratorOf(await this.#unlessKilled(this.#start()));
    const out: unknown[] = [];
    const turn = { waits: false, over: false, wake: (): void => {} };
    while (out.length < RECORDS_A_BATCH) {
      const step = this.#pending ?? this.#iterator.next();
      this.#pending = null;
      let got: Step | typeof TURN;
      if (!isThenable(step)) got = step;
      else if (out.length === 0) got = await this.#unlessKilled(step);
      else {
        // What is there does not wait for a step that takes its time.
        if (!turn.waits) {
          turn.waits = true;
          setImmediate(() => {
            turn.over = true;
            turn.wake();
          });
        }
        got = await new Promise<Step | typeof TURN>((resolve, reject) => {
          this.#fail = reject;
          turn.wake = () => resolve(TURN);
          if (turn.over) turn.wake();
          step.then(resolve, reject);
        });
        if (got === TURN) {
          this.#pending = Promise.resolve(step);
          this.#pending.catch(() => {}); // the next call of next() tells
          return out;
        }
      }
      if (got.done) {
        this.#done = true;
        return out.length === 0 ? null : out;
      }
      out.push(isThenable(got.value) ? await this.#unlessKilled(got.value) : got.value);
    }
    return out;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const early = !this.#done;
    this.#records.end();
    if (early) {
      const reason = new IskraError('TASK_ENDED', 'nobody reads this partition any more');
      if (!this.#abort.signal.aborted) this.#abort.abort(reason);
    }
    try {
      if (early && this.#iterator?.return !== undefined && this.#killed === null)
        await this.#unlessKilled(this.#inTime(Promise.resolve(this.#iterator.return())));
    } finally {
      this.#forgetKill();
      await this.#source.close();
    }
  }

  #start(): unknown {
    const permits = this.#permits;
    return this.#f(this.#records, {
      signal: this.#abort.signal,
      permit: () => (permits === null ? Promise.resolve() : new Promise((go, fail) => permits.take(() => go(), fail))),
    });
  }

  /** Ends at once when the task is killed, whatever the user's promise does. */
  #unlessKilled<T>(value: T | PromiseLike<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#fail = reject;
      if (this.#killed !== null) reject(this.#killed);
      if (value instanceof Promise) value.then(resolve, reject);
      else Promise.resolve(value).then(resolve, reject);
    });
  }

  #inTime(closing: Promise<unknown>): Promise<unknown> {
    let cancel = (): void => {};
    const late = new Promise<void>((resolve) => {
      cancel = this.#task.clock.after(LONGEST_CLOSE_MS, resolve);
    });
    return Promise.race([closing, late]).finally(cancel);
  }
}

/** The records as the user's function sees them. Several readers may pull at the same time: each gets other records. */
class PulledRecords implements AsyncIterableIterator<unknown> {
  readonly #source: AsyncBatchIterator;
  #batch: readonly unknown[] = [];
  #at = 0;
  #ended = false;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(source: AsyncBatchIterator) {
    this.#source = source;
  }

  next(): Promise<Step> {
    if (this.#at < this.#batch.length) return Promise.resolve({ value: this.#batch[this.#at++], done: false });
    const pulled = this.#tail.then(() => this.#pull());
    this.#tail = pulled;
    return pulled;
  }

  /** `for await` left early: nothing to do, the task closes its sources. */
  return(value?: unknown): Promise<Step> {
    this.end();
    return Promise.resolve({ value, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  end(): void {
    this.#ended = true;
    this.#batch = [];
    this.#at = 0;
  }

  async #pull(): Promise<Step> {
    while (this.#at >= this.#batch.length) {
      if (this.#ended) return { value: undefined, done: true };
      const batch = await this.#source.next();
      if (batch === null || this.#ended) {
        this.end();
        continue;
      }
      this.#batch = batch;
      this.#at = 0;
    }
    return { value: this.#batch[this.#at++], done: false };
  }
}

function asyncIteratorOf(answer: unknown): AsyncIterator<unknown> | Iterator<unknown> {
  if (answer !== null && typeof answer === 'object') {
    if (Symbol.asyncIterator in answer) return (answer as AsyncIterable<unknown>)[Symbol.asyncIterator]();
    if (Symbol.iterator in answer) return (answer as Iterable<unknown>)[Symbol.iterator]();
  }
  throw new IskraError(
    'NOT_ITERABLE',
    `the function passed to mapPartitionsAsync() must give an (async) iterable, but it gave ${shortInspect(answer)}`,
  );
}
