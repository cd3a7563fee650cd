import type { Logger } from '../base/logger.ts';
import type { JobId, StageId } from '../protocol/ids.ts';
import type { SparkListenerEvent, StageInfo } from '../protocol/spark-listener-event.ts';

/**
 * The story of jobs for a log: what each needs, which of its stages run and end, how long it took. A few lines a stage, none a task.
 *
 * Spark: what DAGScheduler logs at INFO
 */
export class JobLog {
  readonly #log: Logger;
  readonly #jobs = new Map<JobId, { readonly at: number; readonly callSite: string }>();
  readonly #stages = new Map<StageId, number>();

  constructor(log: Logger) {
    this.#log = log;
  }

  hear(event: SparkListenerEvent): void {
    switch (event.type) {
      case 'SparkListenerJobStart':
        if (this.#log.enabled('INFO')) this.#jobStarted(event.jobId, event.stages, event.at);
        return;
      case 'SparkListenerStageSubmitted': {
        if (!this.#log.enabled('INFO')) return;
        const { stage } = event;
        this.#stages.set(stage.stageId, event.at);
        const again = stage.attemptNumber === 0 ? '' : `, attempt ${stage.attemptNumber}`;
        this.#log.info(`Submitting ${stage.numTasks} missing tasks from ${nameOf(stage)}${again}`);
        return;
      }
      case 'SparkListenerStageCompleted': {
        const { stage, failureReason } = event;
        const since = this.#stages.get(stage.stageId);
        if (since === undefined) return;
        this.#stages.delete(stage.stageId);
        const outcome = failureReason === null ? 'finished' : 'failed';
        const why = failureReason === null ? '' : ` due to ${failureReason}`;
        this.#log.info(`${nameOf(stage)} ${outcome} in ${event.at - since} ms${why}`);
        return;
      }
      case 'SparkListenerJobEnd': {
        const { jobId, error } = event;
        const job = this.#jobs.get(jobId);
        if (job === undefined) return;
        this.#jobs.delete(jobId);
        const outcome = error === null ? 'finished' : 'failed';
        this.#log.info(`Job ${jobId} ${outcome}: ${job.callSite}, took ${event.at - job.at} ms`);
        return;
      }
      default:
        return;
    }
  }

  #jobStarted(jobId: JobId, stages: readonly StageInfo[], at: number): void {
    const final = stages.at(-1);
    if (final === undefined) return;
    this.#jobs.set(jobId, { at, callSite: final.name });
    this.#log.info(`Got job ${jobId} (${final.name}) with ${final.numTasks} output partitions`);
    this.#log.info(`Final stage: ${nameOf(final)}`);
    const parents = stages.filter(({ stageId }) => final.parentIds.includes(stageId));
    if (parents.length > 0) this.#log.info(`Parents of final stage: List(${parents.map(nameOf).join(', ')})`);
  }
}

const nameOf = ({ kind, stageId, name }: StageInfo): string => `${kind} ${stageId} (${name})`;
