import { IllegalArgumentError, IskraError } from '../base/errors.ts';
import { addCallerFrames } from '../base/stack-frames.ts';
import type { JobId } from '../protocol/ids.ts';
import { asFutureAction } from './as-future-action.ts';
import { doCheckpoint } from './do-checkpoint.ts';
import type { JobHandle, JobRunner } from './job-runner.ts';
import { prepareLineage } from './prepare-lineage.ts';
import type { RDDNode } from './rdd-node.ts';
import type { SinkSpec } from './sink-spec.ts';

/** The result of an action: a promise that knows its jobs and can call them off. Spark: FutureAction */
export interface FutureAction<T> extends Promise<T> {
  /** The jobs started so far; actions such as `take` start several, one after another. */
  readonly jobIds: readonly JobId[];
  /** Stops what runs and rejects the promise. Harmless when it is settled. */
  cancel(reason?: string): void;
  /** It has a result, has failed, or was cancelled. */
  readonly isCompleted: boolean;
  readonly isCancelled: boolean;
  /** How it ended; null before. */
  readonly value: PromiseSettledResult<T> | null;
  /** Calls `listener` once when it ends, soon when it has. A rejection counts as handled then. */
  onComplete(listener: (result: PromiseSettledResult<T>) => void): void;
}

/** What every action accepts as its last argument. */
export interface ActionOptions {
  /** Aborting it cancels the action, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** The action was cancelled by its caller. */
export class ActionCancelledError extends IskraError {
  override readonly name = 'ActionCancelledError';
  constructor(callSite: string, reason: string | undefined) {
    super('ACTION_CANCELLED', `${callSite} was cancelled${reason === undefined ? '' : `: ${reason}`}`);
  }
}

/** One running action: starts its jobs and remembers them. */
export interface Action {
  /** Runs one job, after what the lineage needs first, and before what is marked to be checkpointed. Rejects when cancelled. */
  run(
    node: RDDNode,
    sink: SinkSpec,
    partitions: readonly number[],
    onResult: (index: number, bytes: Uint8Array) => void,
  ): Promise<void>;
  /** What a RangePartitioner in the lineage needs before its `getPartition` answers. */
  prepare(node: RDDNode): Promise<void>;
  /** Calls `cleanUp` when the action is cancelled, before its caller hears of it. What fails otherwise is the body's to catch. */
  onCancelled(cleanUp: () => void): void;
}

/**
 * Starts an action. `body` runs at once up to its first wait, so that its first job stands when this returns.
 *
 * @throws IskraError synchronously when the context is stopped.
 */
export function startAction<T>(
  jobs: JobRunner,
  callSite: string,
  options: ActionOptions | undefined,
  body: (action: Action) => Promise<T>,
): FutureAction<T> {
  jobs.assertNotStopped();
  const signal = options?.signal;
  if (signal !== undefined && typeof signal?.addEventListener !== 'function')
    throw new IllegalArgumentError(`signal of ${callSite.replace(' at ', '() at ')} must be an AbortSignal`);
  const caller: { readonly stack?: string } = {};
  Error.captureStackTrace(caller, startAction);
  const running = new RunningAction(jobs, callSite);
  const { jobIds } = running;
  const cancel = (reason?: string) => running.cancelWith(new ActionCancelledError(callSite, reason), reason);
  return asFutureAction<T>({ jobIds, cancel, isCancelled: () => running.cancelled }, ({ resolve, reject }) => {
    running.reject = reject;
    const abort = (): void => running.cancelWith(signal?.reason, 'its AbortSignal was aborted');
    if (signal?.aborted === true) {
      abort();
      return;
    }
    signal?.addEventListener('abort', abort, { once: true });
    const finish = (): void => {
      running.finished = true;
      signal?.removeEventListener('abort', abort);
    };
    body(running).then(
      (value) => {
        finish();
        resolve(value);
      },
      (error: unknown) => {
        finish();
        addCallerFrames(error, caller);
        reject(error);
      },
    );
  });
}

class RunningAction implements Action {
  readonly jobIds: JobId[] = [];
  finished = false;
  cancelled = false;
  reject: (error: unknown) => void = () => {};
  readonly #jobs: JobRunner;
  readonly #callSite: string;
  readonly #properties: Readonly<Record<string, string>>;
  readonly #stop = new AbortController();
  #cleanUp: () => void = () => {};
  #current: JobHandle | null = null;

  constructor(jobs: JobRunner, callSite: string) {
    this.#jobs = jobs;
    this.#callSite = callSite;
    this.#properties = jobs.localProperties();
  }

  async run(
    node: RDDNode,
    sink: SinkSpec,
    partitions: readonly number[],
    onResult: (index: number, bytes: Uint8Array) => void,
  ): Promise<void> {
    const preparing = this.#prepare(node);
    if (preparing !== null) await preparing;
    await this.#runJob(node, sink, partitions, onResult);
    const checkpointing = doCheckpoint(node, {
      jobs: this.#jobs,
      callSite: this.#callSite,
      properties: this.#properties,
      run: (marked, how, missing) => this.#runJob(marked, how, missing, () => {}),
    });
    if (checkpointing !== null) await checkpointing;
  }

  async #runJob(
    node: RDDNode,
    sink: SinkSpec,
    partitions: readonly number[],
    onResult: (index: number, bytes: Uint8Array) => void,
  ): Promise<void> {
    this.#stop.signal.throwIfAborted();
    // A merge function of the user's that throws must end this job, not the event loop that brings the results.
    let broken: { readonly error: unknown } | null = null;
    const handle = this.#jobs.startJob(node, sink, partitions, {
      callSite: this.#callSite,
      properties: this.#properties,
      onResult: (index, bytes) => {
        if (broken !== null || this.finished) return;
        try {
          onResult(index, bytes);
        } catch (error) {
          broken = { error };
          this.#current?.cancel('a result could not be merged on the driver');
        }
      },
    });
    this.#current = handle;
    this.jobIds.push(handle.jobId);
    try {
      await handle.done;
    } catch (error) {
      if (broken === null) throw error;
    } finally {
      this.#current = null;
    }
    throwBroken(broken);
  }

  async prepare(node: RDDNode): Promise<void> {
    await this.#prepare(node);
  }

  onCancelled(cleanUp: () => void): void {
    this.#cleanUp = cleanUp;
  }

  cancelWith(error: unknown, reason: string | undefined): void {
    if (this.finished) return;
    this.finished = true;
    this.cancelled = true;
    this.#stop.abort(error);
    this.#current?.cancel(reason);
    try {
      this.#cleanUp();
    } finally {
      this.reject(error);
    }
  }

  #prepare(node: RDDNode): Promise<void> | null {
    return prepareLineage(node, this.#jobs, {
      callSite: this.#callSite,
      properties: this.#properties,
      signal: this.#stop.signal,
    });
  }
}

function throwBroken(broken: { readonly error: unknown } | null): void {
  if (broken !== null) throw broken.error;
}
