import { IskraError } from '../base/errors.ts';

export interface ClosureErrorInfo {
  /** Where the shipped function stands, `file:line:column` in the user's own source; empty for values that are not functions. */
  readonly where: string;
  /** The steps from the shipped function to the value in question, outermost first. */
  readonly path: readonly string[];
  readonly why: string;
}

/** A function, or something it captures, cannot be copied to executors, or an executor cannot rebuild it. */
export class ClosureError extends IskraError {
  override readonly name = 'ClosureError';
  readonly where: string;
  readonly path: readonly string[];
  readonly why: string;

  constructor(message: string, info: ClosureErrorInfo, cause?: unknown) {
    super('CLOSURE', message, { cause, details: { where: info.where, path: info.path, why: info.why } });
    this.where = info.where;
    this.path = info.path;
    this.why = info.why;
  }
}

/** An error of the reviving side, where no user source position is known. */
export function reviveError(why: string, cause?: unknown): ClosureError {
  return new ClosureError(why, { where: '', path: [], why }, cause);
}
