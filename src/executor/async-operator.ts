import { IskraError } from '../base/errors.ts';
import { shortInspect } from '../base/value-errors.ts';
import type { AsyncOp } from '../protocol/stage-program.ts';
import {
  type AttemptSettings,
  Attempts,
  isThenable,
  LiveCall,
  type RetryIf,
  type UserFunction,
} from './async-attempts.ts';
import type { AsyncBatchIterator } from './async-batches.ts';
import type { AsyncTask } from './async-task.ts';
import type { RatePermits } from './rate-permits.ts';
import { BATCH_SIZE } from './record-iterator.ts';

type Batch = readonly unknown[] | null;

/** While so many results wait for the reader no further call begins. */
const LOOK_AHEAD = 256;

/** After so many batches that were there at once the event loop gets a turn: timers, messages, answers of other calls. */
const BATCHES_A_TURN = 8;

/** Stands where a record has no result. */
const NOTHING = Symbol('nothing');

/** Room for one call under way. Its two functions are made once, not once a call. */
interface Place {
  record: unknown;
  /** The record's number in the partition. */
  seq: number;
  /** What can be stopped of it; null when no call is under way. */
  live: { stop(reason: unknown): void } | null;
  readonly done: (value: unknown) => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Calls the user's async function on each record, at most `concurrency` at a time, and gives the results as batches: in the
 * records' order, or as they come.
 *
 * A call that ends lets the next one begin, until LOOK_AHEAD results wait; in order, finished ones may wait behind a slow one,
 * up to a batch of them. So memory holds `concurrency` records in flight and one batch of results, however slow the reader is.
 * Results leave once a turn of the event loop: calls that answer within microtasks fill a batch, others wait for nothing.
 *
 * The first call that fails for good, the task's death and `close` abort all that are under way, and nothing is heard of them.
 */
export class AsyncOperator implements AsyncBatchIterator {
  readonly #op: AsyncOp;
  readonly #source: AsyncBatchIterator;
  readonly #task: AsyncTask;
  readonly #f: UserFunction;
  /** Null: no retries, no timeout, no limit; then a call is nothing but a call. */
  readonly #attempts: AttemptSettings | null;
  readonly #forgetKill: () => void;
  readonly #places: Place[] = [];
  readonly #free: Place[] = [];
  /** In order: results by seq, in a ring; `#done` says which are there. */
  readonly #results: unknown[];
  readonly #done: Uint8Array;
  readonly #mask: number;
  #first = 0;
  #next = 0;
  /** As they come. */
  #ready: unknown[] = [];
  /** How much waits to be taken: a result is 1, an array of flatMapAsync its length. */
  #weight = 0;
  /** The rest of an iterable that filled a batch. */
  #rest: Iterator<unknown> | null = null;
  #batch: readonly unknown[] = [];
  #at = 0;
  #ended = false;
  #pulling = false;
  #starting = false;
  #closed = false;
  #failure: { readonly error: unknown } | null = null;
  #reader: { readonly give: (batch: Batch) => void; readonly fail: (error: unknown) => void } | null = null;
  #flushing = false;
  #batchesThisTurn = 0;

  constructor(
    op: AsyncOp,
    f: UserFunction,
    source: AsyncBatchIterator,
    task: AsyncTask,
    more: { readonly retryIf?: RetryIf | null; readonly permits?: RatePermits | null } = {},
  ) {
    // Nothing leaves foreachConcurrent, so nothing need wait for its turn.
    this.#op = op.op === 'foreachConcurrent' ? { ...op, ordered: false } : op;
    this.#f = f;
    this.#source = source;
    this.#task = task;
    const { retryIf = null, permits = null } = more;
    const plain = op.retry === null && op.timeoutMs === null && permits === null;
    this.#attempts = plain ? null : { op, f, retryIf, permits, task };
    const ring = this.#op.ordered ? 2 ** Math.ceil(Math.log2(op.concurrency + BATCH_SIZE)) : 0;
    this.#results = new Array(ring);
    this.#done = new Uint8Array(ring);
    this.#mask = ring - 1;
    this.#forgetKill = task.onKilled((error) => this.#fail(error));
  }

  next(): Promise<Batch> | Batch {
    this.#task.throwIfKilled();
    if (this.#failure !== null) throw this.#failure.error;
    this.#start();
    const batch = this.#takeOrFail();
    if (batch.length > 0) {
      if (++this.#batchesThisTurn < BATCHES_A_TURN) return batch;
      this.#batchesThisTurn = 0;
      return new Promise((give) => setImmediate(give, batch));
    }
    if (this.#isOver()) return null;
    return new Promise((give, fail) => {
      this.#reader = { give, fail };
      // What was taken may have been nothing: there is room again.
      this.#start();
      this.#flushSoon();
    });
  }

  close(): Promise<void> | void {
    if (this.#closed) return;
    let closing: Promise<void> | void;
    this.#closed = true;
    this.#forgetKill();
    this.#reader = null;
    this.#stopCalls(new IskraError('TASK_ENDED', 'the task ended, and nobody waits for this call any more'));
    try {
      this.#rest?.return?.();
    } finally {
      closing = this.#source.close();
    }
    return closing;
  }

  // ---- Calls

  #start(): void {
    if (this.#starting || this.#closed || this.#failure !== null) return;
    this.#starting = true;
    try {
      while (this.#mayStart() && this.#hasRecord()) this.#launch(this.#batch[this.#at++]);
    } catch (error) {
      this.#fail(error);
    }
    this.#starting = false;
  }

  #mayStart(): boolean {
    if (this.#free.length === 0 && this.#places.length >= this.#op.concurrency) return false;
    if (this.#failure !== null || this.#closed) return false;
    if (!this.#op.ordered) return this.#weight < LOOK_AHEAD;
    if (this.#next - this.#first >= this.#op.concurrency + BATCH_SIZE) return false;
    return this.#weight < LOOK_AHEAD || this.#done[this.#first & this.#mask] === 0;
  }

  /** Makes sure that a record is at hand; false when there is none, or none yet. */
  #hasRecord(): boolean {
    while (this.#at >= this.#batch.length) {
      if (this.#ended || this.#pulling) return false;
      const pulled = this.#source.next();
      if (pulled instanceof Promise) {
        this.#pulling = true;
        pulled.then(
          (batch) => {
            this.#pulling = false;
            this.#took(batch);
            this.#start();
            this.#flushSoon();
          },
          (error: unknown) => this.#fail(error),
        );
        return false;
      }
      this.#took(pulled);
    }
    return true;
  }

  #took(batch: Batch): void {
    this.#batch = batch ?? [];
    this.#at = 0;
    this.#ended = batch === null;
  }

  #launch(record: unknown): void {
    const place = this.#free.pop() ?? this.#newPlace();
    place.record = record;
    place.seq = this.#next++;
    if (this.#attempts !== null) {
      const attempts = new Attempts(this.#attempts, record, place.done, place.failed);
      place.live = attempts;
      attempts.start();
      return;
    }
    const call = new LiveCall(0);
    place.live = call;
    let answer: unknown;
    try {
      answer = this.#f(record, call);
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (answer instanceof Promise) answer.then(place.done, place.failed);
    else if (isThenable(answer)) Promise.resolve(answer).then(place.done, place.failed);
    else place.done(answer);
  }

  #newPlace(): Place {
    const place: Place = {
      record: undefined,
      seq: 0,
      live: null,
      done: (value) => this.#settled(place, value),
      failed: (error) => this.#fail(error),
    };
    this.#places.push(place);
    return place;
  }

  #settled(place: Place, value: unknown): void {
    if (this.#closed || this.#failure !== null) return;
    const { record, seq } = place;
    place.record = undefined;
    place.live = null;
    this.#free.push(place);
    let result = value;
    let weight = 1;
    switch (this.#op.op) {
      case 'filterAsync':
        result = value ? record : NOTHING;
        break;
      case 'foreachConcurrent':
        result = NOTHING;
        break;
      case 'flatMapAsync':
        if (!isIterable(value)) {
          this.#fail(
            new IskraError(
              'NOT_ITERABLE',
              `the function passed to flatMapAsync() must resolve to an array or another iterable, but gave ${shortInspect(value)}`,
            ),
          );
          return;
        }
        if (Array.isArray(value)) weight = value.length;
        break;
      case 'mapAsync':
      case 'mapPartitionsAsync':
        break;
    }
    if (this.#op.ordered) {
      const at = seq & this.#mask;
      this.#results[at] = result;
      this.#done[at] = 1;
      this.#weight += weight;
    } else if (result !== NOTHING) {
      this.#ready.push(result);
      this.#weight += weight;
    }
    if (this.#starting) return; // the loop goes on
    this.#start();
    this.#flushSoon();
  }

  // ---- Results

  /** What can leave, up to a batch. */
  #take(): unknown[] {
    const out: unknown[] = [];
    if (this.#rest !== null) this.#spread(this.#rest, out);
    if (this.#op.ordered) {
      while (out.length < BATCH_SIZE && this.#rest === null) {
        const at = this.#first & this.#mask;
        if (this.#first === this.#next || this.#done[at] === 0) break;
        const result = this.#results[at];
        this.#results[at] = undefined;
        this.#done[at] = 0;
        this.#first++;
        this.#emit(result, out);
      }
      return out;
    }
    if (this.#op.op !== 'flatMapAsync' && out.length === 0) {
      const all = this.#ready;
      this.#ready = [];
      this.#weight = 0;
      return all;
    }
    let n = 0;
    while (n < this.#ready.length && out.length < BATCH_SIZE && this.#rest === null) this.#emit(this.#ready[n++], out);
    this.#ready.splice(0, n);
    return out;
  }

  #emit(result: unknown, out: unknown[]): void {
    if (this.#op.op !== 'flatMapAsync') {
      this.#weight--;
      if (result !== NOTHING) out.push(result);
    } else if (Array.isArray(result)) {
      this.#weight -= result.length;
      for (let i = 0; i < result.length; i++) out.push(result[i]);
    } else {
      this.#weight--;
      this.#spread((result as Iterable<unknown>)[Symbol.iterator](), out);
    }
  }

  #spread(iterator: Iterator<unknown>, out: unknown[]): void {
    this.#rest = iterator;
    while (out.length < BATCH_SIZE) {
      const step = iterator.next();
      if (step.done) {
        this.#rest = null;
        return;
      }
      out.push(step.value);
    }
  }

  /** An iterable of the user's may throw. */
  #takeOrFail(): unknown[] {
    if (this.#failure !== null) throw this.#failure.error;
    try {
      return this.#take();
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  #isOver(): boolean {
    return (
      this.#ended &&
      this.#at >= this.#batch.length &&
      this.#free.length === this.#places.length &&
      this.#first === (this.#op.ordered ? this.#next : 0) &&
      this.#ready.length === 0 &&
      this.#rest === null
    );
  }

  #flushSoon(): void {
    if (this.#flushing || this.#reader === null) return;
    const some = this.#op.ordered ? this.#done[this.#first & this.#mask] === 1 : this.#ready.length > 0;
    if (!some && !this.#isOver()) return;
    this.#flushing = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#flushing = false;
    this.#batchesThisTurn = 0;
    const reader = this.#reader;
    if (reader === null) return;
    let batch: unknown[];
    try {
      batch = this.#takeOrFail();
    } catch {
      return; // the reader has been told
    }
    if (batch.length > 0 || this.#isOver()) {
      this.#reader = null;
      reader.give(batch.length > 0 ? batch : null);
      return;
    }
    // All that came was nothing: there is room again.
    this.#start();
    this.#flushSoon();
  }

  // ---- The end

  #fail(error: unknown): void {
    if (this.#failure !== null || this.#closed) return;
    this.#failure = { error };
    this.#stopCalls(new IskraError('TASK_ENDED', 'another call of the task failed, or the task was killed'));
    this.#wakeWithFailure();
  }

  #wakeWithFailure(): void {
    const reader = this.#reader;
    this.#reader = null;
    reader?.fail(this.#failure?.error);
  }

  #stopCalls(reason: IskraError): void {
    for (const { live } of this.#places) live?.stop(reason);
  }
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return (
    value !== null &&
    value !== undefined &&
    typeof (value as { [Symbol.iterator]?: unknown })[Symbol.iterator] === 'function'
  );
}
