import { IskraError } from '../base/errors.ts';

/** A block's bytes are not what its writer wrote: a torn file, a wrong offset, a broken disk or network. */
export class CorruptBlockError extends IskraError {
  override readonly name = 'CorruptBlockError';

  /** @param offset where the block starts. @param what what was expected and what was found. */
  constructor(offset: number, what: string) {
    super('CORRUPT_BLOCK', `block at byte ${offset} is corrupt: ${what}; it must be computed or fetched again`, {
      details: { offset },
    });
  }
}

/** A record holds something that cannot travel as data: a function, a symbol, a promise, a proxy … */
export class UnencodableRecordError extends IskraError {
  override readonly name = 'UnencodableRecordError';

  constructor(subject: string, reason: string, cause?: unknown) {
    super('UNENCODABLE_RECORD', `${subject} cannot be encoded: ${reason}`, { cause });
  }
}

/** Thrown inside the folder only: `value` cannot be encoded; the door finds its path and throws the public error. */
export class Refusal extends Error {
  readonly value: unknown;
  readonly reason: string;
  constructor(value: unknown, reason: string) {
    super(reason);
    this.value = value;
    this.reason = reason;
  }
}

/** Thrown inside the folder only: these records do not fit columns (cycles, too deep, too many columns). */
export class NotColumnarSignal extends Error {}

/** The stack may end before the depth limit does, if the caller has used most of it. */
export function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && error.message.includes('call stack');
}

/** Whatever is done with a revoked proxy throws; V8 names the operation. */
export function isRevokedProxy(error: unknown): boolean {
  return error instanceof TypeError && error.message.endsWith('on a proxy that has been revoked');
}
