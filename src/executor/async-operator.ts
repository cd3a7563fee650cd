import type { BatchIterator } from '../base/batch-iterator.ts';
import { IskraError } from '../base/errors.ts';
import { shortInspect } from '../base/value-errors.ts';
import type { AsyncOp } from '../protocol/stage-program.ts';
import { BATCH_SIZE } from './record-iterator.ts';

/** A partition whose batches have to be awaited: what comes out of an async operator. */
export interface AsyncBatchIterator {
  next(): Promise<readonly unknown[] | null>;
  close(): void;
}

/** A synchronous partition seen as an async one. */
export function asAsync(batches: BatchIterator): AsyncBatchIterator {
  return { next: () => Promise.resolve(batches.next()), close: () => batches.close() };
}

type UserFunction = (record: unknown, call: { readonly signal: AbortSignal }) => unknown;

/** First pause before a retry, ms; doubles with each further one. */
const RETRY_PAUSE_MS = 100;
const MAX_RETRY_PAUSE_MS = 10_000;

/**
 * Calls the user's async function on each record, at most `concurrency` at a time, and gives the results as batches: in the
 * records' order, or as they come. Upstream is pulled only as calls finish, so memory holds `concurrency` records in flight
 * and one batch of results, however slow the reader is.
 */
export class AsyncOperator implements AsyncBatchIterator {
  readonly #op: AsyncOp;
  readonly #f: UserFunction;
  readonly #source: AsyncBatchIterator;
  readonly #throwIfKilled: () => void;
  readonly #abort = new AbortController();
  /** Ordered: results by position from the first that has not left; a hole has not come yet. */
  readonly #slots: { done: boolean; results: readonly unknown[] }[] = [];
  #ready: unknown[] = [];
  #batch: readonly unknown[] = [];
  #at = 0;
  #ended = false;
  #inFlight = 0;
  #failure: { readonly error: unknown } | null = null;
  #wake: (() => void) | null = null;

  constructor(op: AsyncOp, f: UserFunction, source: AsyncBatchIterator, throwIfKilled: () => void) {
    this.#op = op;
    this.#f = f;
    this.#source = source;
    this.#throwIfKilled = throwIfKilled;
  }

  async next(): Promise<readonly unknown[] | null> {
    for (;;) {
      this.#throwIfKilled();
      this.#abort.signal.throwIfAborted();
      if (this.#failure !== null) throw this.#failure.error;
      await this.#fill();
      const out = this.#take();
      if (out.length > 0) return out;
      if (this.#ended && this.#inFlight === 0 && this.#slots.length === 0) return null;
      if (this.#failure === null) await new Promise<void>((wake) => this.#sleep(wake));
    }
  }

  close(): void {
    this.#abort.abort(new IskraError('TASK_ENDED', 'the task ended'));
    this.#wake?.();
    this.#source.close();
  }

  /** Wakes on a finished call, and now and then to see whether the task was killed. */
  #sleep(wake: () => void): void {
    const timer = setTimeout(wake, 500);
    this.#wake = () => {
      clearTimeout(timer);
      wake();
    };
  }

  async #fill(): Promise<void> {
    // Results that wait in order behind a slow one count as in flight, or a slow record would let memory grow.
    while (
      !this.#ended &&
      this.#inFlight + this.#slots.length < this.#op.concurrency + BATCH_SIZE &&
      this.#inFlight < this.#op.concurrency
    ) {
      if (this.#at >= this.#batch.length) {
        const batch = await this.#source.next();
        if (batch === null) {
          this.#ended = true;
          return;
        }
        this.#batch = batch;
        this.#at = 0;
        continue;
      }
      this.#start(this.#batch[this.#at++]);
    }
  }

  #start(record: unknown): void {
    this.#inFlight++;
    const slot = this.#op.ordered ? { done: false, results: [] as readonly unknown[] } : null;
    if (slot !== null) this.#slots.push(slot);
    this.#call(record, 0).then(
      (value) => {
        this.#inFlight--;
        const results = this.#results(record, value);
        if (slot === null) for (const r of results) this.#ready.push(r);
        else {
          slot.done = true;
          slot.results = results;
        }
        this.#wake?.();
      },
      (error: unknown) => {
        this.#inFlight--;
        this.#failure ??= { error };
        this.#wake?.();
      },
    );
  }

  async #call(record: unknown, attempt: number): Promise<unknown> {
    try {
      const value = await this.#withTimeout(record);
      if (this.#op.op === 'flatMapAsync' && !isIterable(value))
        throw new IskraError(
          'NOT_ITERABLE',
          `the function passed to flatMapAsync() must resolve to an array or another iterable, but gave ${shortInspect(value)}`,
        );
      return value;
    } catch (error) {
      if (attempt >= this.#op.retries || this.#abort.signal.aborted) throw error;
      await new Promise<void>((resolve) => {
        setTimeout(resolve, Math.min(MAX_RETRY_PAUSE_MS, RETRY_PAUSE_MS * 2 ** attempt));
      });
      return this.#call(record, attempt + 1);
    }
  }

  async #withTimeout(record: unknown): Promise<unknown> {
    const { timeoutMs } = this.#op;
    if (timeoutMs === null) return this.#f(record, { signal: this.#abort.signal });
    const own = new AbortController();
    const signal = AbortSignal.any([own.signal, this.#abort.signal]);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const error = new IskraError(
          'ASYNC_TIMEOUT',
          `the function passed to ${this.#op.op}() did not answer within ${timeoutMs} ms for the record ${shortInspect(record)}`,
        );
        own.abort(error);
        reject(error);
      }, timeoutMs);
    });
    try {
      return await Promise.race([Promise.resolve(this.#f(record, { signal })), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #results(record: unknown, value: unknown): readonly unknown[] {
    switch (this.#op.op) {
      case 'filterAsync':
        return value ? [record] : [];
      case 'flatMapAsync':
        return Array.isArray(value) ? value : [...(value as Iterable<unknown>)];
      case 'foreachConcurrent':
        return [];
      case 'mapAsync':
      case 'mapPartitionsAsync':
        return [value];
    }
  }

  #take(): readonly unknown[] {
    if (!this.#op.ordered) {
      const out = this.#ready;
      this.#ready = [];
      return out;
    }
    const out: unknown[] = [];
    let n = 0;
    for (let slot = this.#slots[n]; slot?.done && out.length < BATCH_SIZE; slot = this.#slots[++n])
      for (const r of slot.results) out.push(r);
    if (n > 0) this.#slots.splice(0, n);
    return out;
  }
}

function isIterable(value: unknown): boolean {
  return (
    value !== null &&
    value !== undefined &&
    typeof (value as { [Symbol.iterator]?: unknown })[Symbol.iterator] === 'function'
  );
}

/** mapPartitionsAsync: f(async iterator of records) gives an async or plain iterable. */
export async function openPartitionAsync(
  f: (records: AsyncIterable<unknown>) => unknown,
  source: AsyncBatchIterator,
): Promise<AsyncBatchIterator> {
  const records = (async function* (): AsyncGenerator<unknown> {
    for (let batch = await source.next(); batch !== null; batch = await source.next()) yield* batch;
  })();
  const answer = await f(records);
  const iterator = asyncIteratorOf(answer);
  return {
    async next() {
      const out: unknown[] = [];
      while (out.length < BATCH_SIZE) {
        const step = await iterator.next();
        if (step.done) return out.length === 0 ? null : out;
        out.push(step.value);
      }
      return out;
    },
    close() {
      source.close();
    },
  };
}

function asyncIteratorOf(answer: unknown): { next(): Promise<IteratorResult<unknown>> | IteratorResult<unknown> } {
  if (answer !== null && typeof answer === 'object') {
    if (Symbol.asyncIterator in answer) return (answer as AsyncIterable<unknown>)[Symbol.asyncIterator]();
    if (Symbol.iterator in answer) return (answer as Iterable<unknown>)[Symbol.iterator]();
  }
  throw new IskraError(
    'NOT_ITERABLE',
    `the function passed to mapPartitionsAsync() must give an (async) iterable, but it gave ${shortInspect(answer)}`,
  );
}

/** Reads everything; for readers that cannot await. */
export async function drainAsync(source: AsyncBatchIterator): Promise<unknown[]> {
  const all: unknown[] = [];
  for (let batch = await source.next(); batch !== null; batch = await source.next()) for (const r of batch) all.push(r);
  return all;
}
