import { IllegalArgumentError } from '../base/errors.ts';
import type { AsyncOp, RetryPlan } from '../protocol/stage-program.ts';
import type { AnyFunction } from './dependency.ts';
import type { NarrowPlan } from './nodes/map-partitions-rdd.ts';
import type { RDDNode } from './rdd-node.ts';
import type { Site } from './site.ts';
import { narrow } from './transformations.ts';
import { checkAsyncUserFunction, checkUserFunction, describe, functionPassedTo } from './user-function.ts';

/** A number of calls over time, which all tasks of the operator share, wherever they run. */
export interface RateLimit {
  /** Calls that begin in a second, over time. Fractions are welcome: 0.5 is one call in two seconds. */
  readonly perSecond: number;
  /** Calls that may begin at once after a pause: a tenth of a second's, and at least 1, unless told. */
  readonly burst?: number;
  /**
   * Operators of the application that give the same key share one limit, also over several jobs. Where they name other
   * numbers, the lowest of those that are running holds.
   */
  readonly key?: string;
}

/** How an operator awaits a user's function. All but `rateLimit` counts within one task. */
export interface AsyncOptions {
  /** Calls that may be under way at the same time; 16 unless told. */
  readonly concurrency?: number;
  /** True (the default): results leave in the order of their records; else as they come. */
  readonly ordered?: boolean;
  /** How often a call that rejects, or takes too long, is made again; 0 unless told. */
  readonly retries?: number;
  /**
   * Pause before the first retry, ms; 100 unless told. Each further one is twice as long, and all are shortened by up to half
   * at random. An error's own `retryAfterMs`, if it is a number, is waited for instead.
   */
  readonly retryDelayMs?: number;
  /** The longest such pause, ms; 10,000 unless told. It does not shorten an error's `retryAfterMs`. */
  readonly maxRetryDelayMs?: number;
  /** Says of an error whether to try again; unless told, all are. `attempt` is 0 for the error of the first call. */
  readonly retryIf?: (error: unknown, attempt: number) => boolean;
  /** Milliseconds after which one call counts as failed; never unless told. Waiting for a rate limit does not count. */
  readonly timeoutMs?: number;
  readonly rateLimit?: RateLimit;
}

/** What an async function is told besides its record. */
export interface AsyncCall {
  /** Aborted when nobody waits for the call any more: it took longer than `timeoutMs`, or its task ended. */
  readonly signal: AbortSignal;
  /** 0 for the first call for a record, 1 for the first retry, … */
  readonly attempt: number;
}

/** mapPartitionsAsync awaits in its own way; all that can be told is how often. */
export interface AsyncPartitionOptions {
  readonly rateLimit?: RateLimit;
}

/** What the function of mapPartitionsAsync is told besides its records. */
export interface AsyncPartitionCall {
  /** Aborted when nobody reads the partition any more. */
  readonly signal: AbortSignal;
  /** Resolves when the `rateLimit` allows another call; at once without one. */
  permit(): Promise<void>;
}

const DEFAULT_CONCURRENCY = 16;
/** More than this is a mistake: every call under way costs memory. */
const MAX_CONCURRENCY = 1_000_000;
const DEFAULT_RETRY_DELAY_MS = 100;
const DEFAULT_MAX_RETRY_DELAY_MS = 10_000;
/** What a timer can do, 24 days. */
const MAX_MS = 2 ** 31 - 1;

const RECORD_OPTIONS: ReadonlySet<string> = new Set([
  'concurrency',
  'ordered',
  'retries',
  'retryDelayMs',
  'maxRetryDelayMs',
  'retryIf',
  'timeoutMs',
  'rateLimit',
]);

type Settings = Omit<AsyncOp, 'op' | 'f' | 'retry'> & { readonly retry: Omit<RetryPlan, 'retryIf'> | null };

export function asyncOperator(
  at: Site,
  op: Exclude<AsyncOp['op'], 'mapPartitionsAsync'>,
  f: AnyFunction,
  options: AsyncOptions | undefined,
  preserves: boolean,
): RDDNode {
  checkAsyncUserFunction(f, at.operator);
  const settings = checkOptions(at, options ?? {});
  const retryIf = options?.retryIf;
  if (retryIf !== undefined) checkUserFunction(retryIf, at.operator, 'retryIf');
  const plan: NarrowPlan = (parent, builder) => {
    const ref = builder.ref(f, functionPassedTo(at.operator));
    const { retry } = settings;
    const retryRef = retryIf === undefined ? null : builder.ref(retryIf, functionPassedTo(at.operator, 'retryIf'));
    return {
      kind: 'Async',
      parent,
      op: { ...settings, op, f: ref, retry: retry === null ? null : { ...retry, retryIf: retryRef } },
    };
  };
  return narrow(at, preserves, plan, false, !settings.ordered);
}

export function asyncPartitions(at: Site, f: AnyFunction, options: AsyncPartitionOptions = {}): RDDNode {
  checkAsyncUserFunction(f, at.operator);
  checkNames(
    at.operator,
    options,
    new Set(['rateLimit']),
    'it calls its function once a partition, which awaits as it likes',
  );
  const rateLimit = checkRateLimit(at.operator, options.rateLimit);
  const what = functionPassedTo(at.operator);
  return narrow(at, false, (parent, builder) => ({
    kind: 'Async',
    parent,
    op: {
      op: 'mapPartitionsAsync',
      f: builder.ref(f, what),
      concurrency: 1,
      ordered: true,
      retry: null,
      timeoutMs: null,
      rateLimit,
      callSite: at.callSite,
    },
  }));
}

function refuse(operator: string, name: string, needs: string, value: unknown): never {
  throw new IllegalArgumentError(`${name} of ${operator}() must be ${needs}, but is ${describe(value)}`);
}

function checkNames(operator: string, options: object, known: ReadonlySet<string>, why: string): void {
  if (typeof options !== 'object' || options === null) refuse(operator, 'the options', 'an object', options);
  for (const name of Object.keys(options))
    if (!known.has(name))
      throw new IllegalArgumentError(`${operator}() has no option ${name}; ${why}. Options: ${[...known].join(', ')}`);
}

function checkOptions(at: Site, options: AsyncOptions): Settings {
  const { operator } = at;
  const names = operator === 'foreachConcurrent' ? new Set([...RECORD_OPTIONS, 'signal']) : RECORD_OPTIONS;
  checkNames(operator, options, names, 'look at its spelling');
  const { concurrency = DEFAULT_CONCURRENCY, ordered = true, retries = 0, timeoutMs } = options;
  const { retryDelayMs = DEFAULT_RETRY_DELAY_MS, maxRetryDelayMs = DEFAULT_MAX_RETRY_DELAY_MS } = options;
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > MAX_CONCURRENCY)
    refuse(operator, 'concurrency', 'an integer of at least 1 and at most 1,000,000', concurrency);
  if (typeof ordered !== 'boolean') refuse(operator, 'ordered', 'true or false', ordered);
  if (!Number.isInteger(retries) || retries < 0) refuse(operator, 'retries', 'an integer of at least 0', retries);
  const milliseconds = (name: string, value: number, least: number): void => {
    if (typeof value !== 'number' || !(value >= least && value <= MAX_MS))
      refuse(operator, name, `a number of milliseconds from ${least} to ${MAX_MS}`, value);
  };
  if (timeoutMs !== undefined) milliseconds('timeoutMs', timeoutMs, 1);
  milliseconds('retryDelayMs', retryDelayMs, 0);
  milliseconds('maxRetryDelayMs', maxRetryDelayMs, 0);
  return {
    concurrency,
    ordered,
    retry: retries === 0 ? null : { times: retries, delayMs: retryDelayMs, maxDelayMs: maxRetryDelayMs },
    timeoutMs: timeoutMs ?? null,
    rateLimit: checkRateLimit(operator, options.rateLimit),
    callSite: at.callSite,
  };
}

function checkRateLimit(operator: string, limit: RateLimit | undefined): AsyncOp['rateLimit'] {
  if (limit === undefined) return null;
  checkNames(`rateLimit of ${operator}`, limit, new Set(['perSecond', 'burst', 'key']), 'look at its spelling');
  const { perSecond, key } = limit;
  const positive = typeof perSecond === 'number' && perSecond > 0 && perSecond < Number.POSITIVE_INFINITY;
  if (!positive) refuse(operator, 'rateLimit.perSecond', 'a number above 0', perSecond);
  const burst = limit.burst ?? Math.max(1, perSecond / 10);
  if (!(typeof burst === 'number' && burst >= 1 && burst < Number.POSITIVE_INFINITY))
    refuse(operator, 'rateLimit.burst', 'a number of at least 1', burst);
  if (key !== undefined && (typeof key !== 'string' || key === ''))
    refuse(operator, 'rateLimit.key', 'a string that is not empty', key);
  return { perSecond, burst, key: key ?? null };
}
