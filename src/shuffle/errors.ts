import { IskraError } from '../base/errors.ts';
import type { ShuffleId, TaskId } from '../protocol/ids.ts';
import type { BlockManagerId } from '../protocol/map-output.ts';

/** Which block of which map output; the fields of the task end reason `FetchFailed`. */
export interface FetchFailure {
  /** Null, as mapId and mapIndex, when no output of the map partition is known at all. */
  readonly location: BlockManagerId | null;
  readonly shuffleId: ShuffleId;
  readonly mapId: TaskId | null;
  readonly mapIndex: number | null;
  readonly reduceId: number;
}

/**
 * A map output could not be read: the map task has to run again, this one is not to blame. The executor turns it into
 * the task end reason `FetchFailed`. Spark: FetchFailedException
 */
export class FetchFailedError extends IskraError {
  override readonly name = 'FetchFailedError';
  readonly failure: FetchFailure;

  constructor(failure: FetchFailure, message: string, cause?: unknown) {
    super('FETCH_FAILED', message, { cause, details: { ...failure } });
    this.failure = failure;
  }
}
