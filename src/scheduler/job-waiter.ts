import { IskraError } from '../base/errors.ts';
import type { JobId } from '../protocol/ids.ts';
import type { MapOutputStatistics } from './dag-events.ts';
import { JobFailedError, type JobFailure } from './errors.ts';

/** The caller's end of a job: takes its results as they come and settles its promise once. Spark: JobWaiter */
export class JobWaiter {
  readonly jobId: JobId;
  readonly done: Promise<MapOutputStatistics | null>;
  readonly onTaskResult: (outputIndex: number, bytes: Uint8Array) => void;
  #resolve: (mapOutput: MapOutputStatistics | null) => void = () => {};
  #reject: (error: unknown) => void = () => {};

  constructor(jobId: JobId, onTaskResult: (outputIndex: number, bytes: Uint8Array) => void) {
    this.jobId = jobId;
    this.onTaskResult = onTaskResult;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  succeed(mapOutput: MapOutputStatistics | null): void {
    this.#resolve(mapOutput);
  }

  /** A lineage that cannot even be listed fails with its own error, as if the action had thrown it. */
  fail(failure: JobFailure): void {
    const asItIs =
      failure.code === 'JOB_NOT_STARTED' && (failure.cause instanceof Error || IskraError.is(failure.cause));
    this.#reject(asItIs ? failure.cause : new JobFailedError(this.jobId, failure));
  }
}
