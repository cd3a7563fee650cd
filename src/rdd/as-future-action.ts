import type { JobId } from '../protocol/ids.ts';
import type { FutureAction } from './future-action.ts';

interface Settling<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

interface Work {
  readonly jobIds: readonly JobId[];
  readonly cancel: (reason?: string) => void;
  /** Asked when it has failed. */
  readonly isCancelled: () => boolean;
}

/**
 * A promise that shows how it was settled, beside what its work has to show.
 *
 * How is noted where it is settled: somebody who listened would make a rejection that nobody handles look handled.
 */
export function asFutureAction<T>(work: Work, start: (settling: Settling<T>) => void): FutureAction<T> {
  let settled: PromiseSettledResult<T> | null = null;
  const promise = new Promise<T>((resolve, reject) => {
    start({
      resolve(value) {
        settled ??= { status: 'fulfilled', value };
        resolve(value);
      },
      reject(reason) {
        settled ??= { status: 'rejected', reason };
        reject(reason);
      },
    });
  });
  return Object.defineProperties(promise as FutureAction<T>, {
    jobIds: { value: work.jobIds, enumerable: true },
    cancel: { value: work.cancel },
    value: { get: () => settled },
    isCompleted: { get: () => settled !== null },
    isCancelled: { get: () => settled?.status === 'rejected' && work.isCancelled() },
    onComplete: {
      value(listener: (result: PromiseSettledResult<T>) => void): void {
        promise.then(
          (value) => listener({ status: 'fulfilled', value }),
          (reason: unknown) => listener({ status: 'rejected', reason }),
        );
      },
    },
  });
}
