import { IskraError } from '../base/errors.ts';

/** A number that is known to lie between two bounds, as far as one can be confident. Spark: BoundedDouble */
export class BoundedDouble {
  readonly mean: number;
  /** 0 to 1: how sure it is that the number lies in between. */
  readonly confidence: number;
  readonly low: number;
  readonly high: number;

  constructor(mean: number, confidence: number, low: number, high: number) {
    this.mean = mean;
    this.confidence = confidence;
    this.low = low;
    this.high = high;
  }

  toString(): string {
    const [low, high] = [this.low, this.high].map((x) => (Number.isFinite(x) ? x.toFixed(3) : String(x)));
    return `[${low}, ${high}]`;
  }
}

/**
 * What is known of a result before its job is done, and the promise of the rest.
 *
 * Spark: PartialResult
 */
export class PartialResult<R> {
  /** As of when the caller was answered. */
  readonly initialValue: R;
  /** True when the job was done by then. */
  readonly isInitialValueFinal: boolean;
  readonly #final: Promise<R>;
  #known: { readonly value: R } | null;
  #hasCompletionHandler = false;
  #hasFailureHandler = false;

  /** @internal @param final settled by the job; null when `initialValue` is the final one. */
  constructor(initialValue: R, final: Promise<R> | null) {
    this.initialValue = initialValue;
    this.isInitialValueFinal = final === null;
    this.#known = final === null ? { value: initialValue } : null;
    this.#final = final ?? Promise.resolve(initialValue);
    // Whoever does not ask for the final value does not want to hear of its failure either.
    this.#final.then(
      (value) => {
        this.#known = { value };
      },
      () => {},
    );
  }

  /** The result of the whole job; rejects when that fails. */
  getFinalValue(): Promise<R> {
    return this.#final;
  }

  /**
   * Calls `handler` with the final value, also when it is there already. One handler a result.
   *
   * @throws IskraError when there is a handler.
   */
  onComplete(handler: (value: R) => void): this {
    if (this.#hasCompletionHandler) throw calledTwice('onComplete');
    this.#hasCompletionHandler = true;
    this.#final.then(
      (value) => guarded(() => handler(value)),
      () => {},
    );
    return this;
  }

  /**
   * Calls `handler` with why the job failed, also when it has already. One handler a result.
   *
   * @throws IskraError when there is a handler.
   */
  onFail(handler: (error: unknown) => void): void {
    if (this.#hasFailureHandler) throw calledTwice('onFail');
    this.#hasFailureHandler = true;
    this.#final.catch((error: unknown) => guarded(() => handler(error)));
  }

  /** Of another type; `f` is called with the initial and with the final value. */
  map<U>(f: (value: R) => U): PartialResult<U> {
    return new PartialResult(f(this.initialValue), this.isInitialValueFinal ? null : this.#final.then(f));
  }

  toString(): string {
    return this.#known === null ? `(partial: ${this.initialValue})` : `(final: ${this.#known.value})`;
  }
}

function calledTwice(method: string): IskraError {
  return new IskraError('UNSUPPORTED_OPERATION', `${method} cannot be called twice`);
}

/** A handler's own error belongs to nobody who waits: it ends up where errors of timers do. */
function guarded(call: () => void): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
