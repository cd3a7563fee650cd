import { type ErrorData, IskraError } from '../base/errors.ts';
import type { JobId } from '../protocol/ids.ts';

/** Why a job ended without its result. */
export interface JobFailure {
  readonly code: 'STAGE_ABORTED' | 'JOB_CANCELLED' | 'JOB_NOT_STARTED' | 'RESULT_HANDLER_FAILED' | 'CONTEXT_STOPPED';
  readonly message: string;
  /** The error behind it, if there is one; undefined otherwise. */
  readonly cause: unknown;
}

/** A job failed or was cancelled. `cause` is the error of the task, or of the driver, that made it fail. Spark: SparkException */
export class JobFailedError extends IskraError {
  override readonly name = 'JobFailedError';
  readonly jobId: JobId;

  constructor(jobId: JobId, failure: JobFailure) {
    super(failure.code, failure.message, { cause: failure.cause, details: { jobId } });
    this.jobId = jobId;
  }
}

/** An error that a task threw, rebuilt on the driver with the task's own name, message and stack. */
export function errorFromData(data: ErrorData): Error {
  const error = new Error(data.message, data.cause === null ? undefined : { cause: errorFromData(data.cause) });
  const shown = { value: data.name, configurable: true, writable: true };
  Object.defineProperty(error, 'name', shown);
  Object.defineProperty(error, 'stack', { ...shown, value: data.stack });
  if (data.code !== null) Object.defineProperty(error, 'code', { ...shown, value: data.code, enumerable: true });
  return error;
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  } catch {
    return 'a value that cannot be shown was thrown';
  }
}
