/**
 * The root of every error Iskra throws.
 *
 * `code` is stable and searchable, `message` has subject, value and next step, `details` are plain values that may
 * cross a process border. Subclasses exist only for situations that somebody can catch.
 */
export class IskraError extends Error {
  override readonly name: string = 'IskraError';
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: string,
    message: string,
    options: { readonly cause?: unknown; readonly details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
    Object.defineProperty(this, MARK, { value: true });
  }

  /** True for an `IskraError` of any copy of this module: threads and realms each have their own class. */
  static is(value: unknown): value is IskraError {
    return typeof value === 'object' && value !== null && MARK in value;
  }
}

const MARK = Symbol.for('iskra.error');

/** The user passed a value that cannot work. Raised on the driver before any task. Spark: IllegalArgumentException. */
export class IllegalArgumentError extends IskraError {
  override readonly name = 'IllegalArgumentError';
  constructor(message: string, details: Readonly<Record<string, unknown>> = {}) {
    super('ILLEGAL_ARGUMENT', message, { details });
  }
}

/** A rule of our own code is broken: a bug of Iskra, never of the user. */
export class InvariantError extends IskraError {
  override readonly name = 'InvariantError';
  constructor(message: string, details: Readonly<Record<string, unknown>> = {}) {
    super('INVARIANT', `${message} (this is a bug in Iskra; please report it)`, { details });
  }
}

/** An error as data, for crossing a thread or process border. */
export interface ErrorData {
  readonly name: string;
  readonly code: string | null;
  readonly message: string;
  readonly stack: string;
  readonly cause: ErrorData | null;
}

/** Turns anything that was thrown into plain data; never throws itself, whatever odd value it is given. */
export function errorToData(thrown: unknown, depth = 0): ErrorData {
  if (thrown instanceof Error || (typeof thrown === 'object' && thrown !== null && 'message' in thrown)) {
    const e = thrown as { name?: unknown; code?: unknown; message?: unknown; stack?: unknown; cause?: unknown };
    const read = (f: () => unknown): string => {
      try {
        return String(f() ?? '');
      } catch {
        return '';
      }
    };
    const name = read(() => e.name) || 'Error';
    const message = read(() => e.message);
    return {
      name,
      code: typeof e.code === 'string' ? e.code : null,
      message,
      stack: read(() => e.stack) || `${name}: ${message}`,
      cause: e.cause === undefined || depth > 4 ? null : errorToData(e.cause, depth + 1),
    };
  }
  let message: string;
  try {
    message = `a value that is not an Error was thrown: ${String(thrown)}`;
  } catch {
    message = 'a value that is not an Error was thrown';
  }
  return { name: 'Error', code: null, message, stack: message, cause: null };
}
