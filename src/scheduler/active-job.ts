import type { JobId } from '../protocol/ids.ts';
import type { Stage } from './stage.ts';

/** A job that has not ended. Spark: ActiveJob */
export class ActiveJob {
  readonly id: JobId;
  /** The result stage, or the map stage of a map-stage job. */
  readonly finalStage: Stage;
  /** RDD partition per output index; empty for a map-stage job. */
  readonly partitions: readonly number[];
  readonly properties: Readonly<Record<string, string>>;
  /** Every stage the job needs, itself included; other jobs may need them too. */
  readonly stages: Set<Stage> = new Set();
  readonly #finished: Uint8Array;
  #numFinished = 0;

  constructor(
    id: JobId,
    finalStage: Stage,
    partitions: readonly number[],
    properties: Readonly<Record<string, string>>,
  ) {
    this.id = id;
    this.finalStage = finalStage;
    this.partitions = partitions;
    this.properties = properties;
    this.#finished = new Uint8Array(partitions.length);
  }

  /** Notes that an output has arrived; false when it had before. */
  finish(output: number): boolean {
    if (this.#finished[output] !== 0) return false;
    this.#finished[output] = 1;
    this.#numFinished++;
    return true;
  }

  hasFinished(output: number): boolean {
    return this.#finished[output] !== 0;
  }

  get isFinished(): boolean {
    return this.#numFinished === this.partitions.length;
  }

  get numFinished(): number {
    return this.#numFinished;
  }

  unfinishedOutputs(): number[] {
    const outputs: number[] = [];
    for (let i = 0; i < this.#finished.length; i++) if (this.#finished[i] === 0) outputs.push(i);
    return outputs;
  }

  /** Whether running tasks are interrupted when the job is cancelled (spark.job.interruptOnCancel). */
  get interruptOnCancel(): boolean {
    return this.properties['spark.job.interruptOnCancel'] === 'true';
  }
}
