import { IskraError } from '../base/errors.ts';
import { shortInspect } from '../base/value-errors.ts';
import type { AsyncOp } from '../protocol/stage-program.ts';
import type { AsyncTask } from './async-task.ts';
import type { RatePermits } from './rate-permits.ts';

/** What a user's function is told of a call; rdd/async-functions.ts has the docs. */
export interface CallInfo {
  readonly signal: AbortSignal;
  readonly attempt: number;
}

/**
 * One call under way. Its signal is its own, made when it is first looked at: one that many calls share, as thousands of
 * `fetch` after another, keeps a listener of each until the collector comes by.
 */
export class LiveCall implements CallInfo {
  readonly attempt: number;
  #controller: AbortController | null = null;
  #aborted: { readonly reason: unknown } | null = null;

  constructor(attempt: number) {
    this.attempt = attempt;
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#aborted !== null) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  /** Nobody waits for the call any more. */
  stop(reason: unknown): void {
    this.#aborted ??= { reason };
    this.#controller?.abort(reason);
  }
}

export type UserFunction = (record: unknown, call: CallInfo) => unknown;
export type RetryIf = (error: unknown, attempt: number) => unknown;

/** The longest a timer waits: Node.js makes 1 ms of more. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface AttemptSettings {
  readonly op: AsyncOp;
  readonly f: UserFunction;
  readonly retryIf: RetryIf | null;
  readonly permits: RatePermits | null;
  readonly task: AsyncTask;
}

/**
 * The calls for one record: waits for a permit, calls, counts the time, pauses and calls again. Ends by `done` or `failed`, or
 * not at all after `stop`.
 *
 *   permit? ──► call ──► value ─────────────────────────────► done
 *     ▲           └────► error, or too late ──► again? no ──► failed
 *     └─────────────────── pause ◄───────────── yes
 */
export class Attempts {
  readonly #settings: AttemptSettings;
  readonly #record: unknown;
  readonly #done: (value: unknown) => void;
  readonly #failed: (error: unknown) => void;
  #attempt = 0;
  #live: LiveCall | null = null;
  #cancelTimer: (() => void) | null = null;
  #stopped = false;

  constructor(
    settings: AttemptSettings,
    record: unknown,
    done: (value: unknown) => void,
    failed: (error: unknown) => void,
  ) {
    this.#settings = settings;
    this.#record = record;
    this.#done = done;
    this.#failed = failed;
  }

  start(): void {
    const { permits } = this.#settings;
    if (permits === null) this.#call();
    else
      permits.take(
        () => this.#call(),
        (error) => this.#failed(error),
      );
  }

  /** Nobody waits any more: whatever still comes is ignored. */
  stop(reason: unknown): void {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#live?.stop(reason);
  }

  #call(): void {
    if (this.#stopped) return;
    const attempt = this.#attempt;
    const mine = (): boolean => !this.#stopped && this.#attempt === attempt;
    const live = new LiveCall(attempt);
    this.#live = live;
    const { timeoutMs } = this.#settings.op;
    if (timeoutMs !== null) this.#cancelTimer = this.#settings.task.clock.after(timeoutMs, () => this.#late(attempt));
    const done = (value: unknown): void => {
      if (!mine()) return;
      this.#settle();
      this.#done(value);
    };
    const failed = (error: unknown): void => {
      if (mine()) this.#again(error);
    };
    let answer: unknown;
    try {
      answer = this.#settings.f(this.#record, live);
    } catch (error) {
      failed(error);
      return;
    }
    if (isThenable(answer)) Promise.resolve(answer).then(done, failed);
    else done(answer);
  }

  #late(attempt: number): void {
    if (this.#stopped || this.#attempt !== attempt) return;
    const { op } = this.#settings;
    const error = new IskraError(
      'ASYNC_TIMEOUT',
      `the function passed to ${op.op}() did not answer within ${op.timeoutMs} ms for the record ${shortInspect(this.#record)} (timeoutMs of ${op.callSite})`,
    );
    this.#live?.stop(error);
    this.#again(error);
  }

  #again(error: unknown): void {
    this.#settle();
    const attempt = this.#attempt;
    const { op, retryIf, task } = this.#settings;
    const { retry } = op;
    try {
      if (retry === null || attempt >= retry.times || (retryIf !== null && !decide(retryIf(error, attempt), op))) {
        this.#failed(error);
        return;
      }
    } catch (thrown) {
      this.#failed(thrown);
      return;
    }
    this.#attempt++; // what the last call still does is nobody's business now
    const jitter = task.random.next();
    const hint = retryAfterMs(error);
    const doubled = Math.min(retry.maxDelayMs, retry.delayMs * 2 ** attempt);
    // After a hint a little later, so that not all who were told the same come back at the same moment.
    const pause = hint === null ? doubled * (0.5 + jitter / 2) : hint + retry.delayMs * jitter;
    this.#cancelTimer = task.clock.after(Math.min(LONGEST_TIMER_MS, Math.ceil(pause)), () => this.start());
  }

  #settle(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#live = null;
  }
}

function decide(answer: unknown, op: AsyncOp): boolean {
  if (isThenable(answer))
    throw new IskraError('PROMISE_AS_ANSWER', `retryIf of ${op.op}() must answer at once, but returned a promise`);
  return Boolean(answer);
}

/** What a server asked for, on the error the user made of it. */
function retryAfterMs(error: unknown): number | null {
  if (typeof error !== 'object' || error === null) return null;
  const { retryAfterMs: ms } = error as { readonly retryAfterMs?: unknown };
  return typeof ms === 'number' && ms >= 0 && ms < Number.POSITIVE_INFINITY ? ms : null;
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    value instanceof Promise ||
    (typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function')
  );
}
