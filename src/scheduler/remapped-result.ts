import type { ErrorData } from '../base/errors.ts';
import type { TaskResult } from '../protocol/task.ts';

/** The result with the stacks of its error passed through `remap`, if there is such. */
export function withRemappedStack(result: TaskResult, remap: ((stack: string) => string) | undefined): TaskResult {
  if (remap === undefined || result.kind !== 'Failed' || result.reason.kind !== 'ExceptionFailure') return result;
  const remapped = (error: ErrorData): ErrorData => ({
    ...error,
    stack: remap(error.stack),
    cause: error.cause === null ? null : remapped(error.cause),
  });
  return { ...result, reason: { ...result.reason, error: remapped(result.reason.error) } };
}
