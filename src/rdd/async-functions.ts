import { IllegalArgumentError } from '../base/errors.ts';
import type { AsyncOp } from '../protocol/stage-program.ts';
import type { AnyFunction } from './dependency.ts';
import type { RDDNode } from './rdd-node.ts';
import type { Site } from './site.ts';
import { narrow } from './transformations.ts';
import { checkAsyncUserFunction, describe, functionPassedTo } from './user-function.ts';

/** How an operator awaits a user's function; everything counts within one task. */
export interface AsyncOptions {
  /** Calls that may be under way at the same time; 16 unless told. */
  readonly concurrency?: number;
  /** True (the default): results leave in the order of their records; else as they come. */
  readonly ordered?: boolean;
  /** How often a call that rejects is made again; 0 unless told. */
  readonly retries?: number;
  /** Milliseconds after which one call counts as failed; never unless told. */
  readonly timeoutMs?: number;
}

/** What an async function is told besides its record. */
export interface AsyncCall {
  /** Aborted when nobody waits for the call any more: it took longer than `timeoutMs`, or its task ended. */
  readonly signal: AbortSignal;
}

const DEFAULT_CONCURRENCY = 16;

export function asyncOperator(
  at: Site,
  op: AsyncOp['op'],
  f: AnyFunction,
  options: AsyncOptions | undefined,
  preserves: boolean,
): RDDNode {
  checkAsyncUserFunction(f, at.operator);
  const settings = checkOptions(at.operator, options ?? {});
  const what = functionPassedTo(at.operator);
  return narrow(at, preserves, (parent, builder) => ({
    kind: 'Async',
    parent,
    op: { op, f: builder.ref(f, what), ...settings },
  }));
}

function checkOptions(operator: string, options: AsyncOptions): Omit<AsyncOp, 'op' | 'f'> {
  const { concurrency = DEFAULT_CONCURRENCY, ordered = true, retries = 0, timeoutMs } = options;
  const refuse = (name: string, needs: string, value: unknown): never => {
    throw new IllegalArgumentError(`${name} of ${operator}() must be ${needs}, but is ${describe(value)}`);
  };
  if (!Number.isInteger(concurrency) || concurrency < 1) refuse('concurrency', 'an integer of at least 1', concurrency);
  if (typeof ordered !== 'boolean') refuse('ordered', 'true or false', ordered);
  if (!Number.isInteger(retries) || retries < 0) refuse('retries', 'an integer of at least 0', retries);
  if (timeoutMs !== undefined && !(timeoutMs > 0)) refuse('timeoutMs', 'a positive number', timeoutMs);
  return { concurrency, ordered, retries, timeoutMs: timeoutMs ?? null };
}
