import type { Logger } from '../base/logger.ts';
import type { JobId, StageId } from '../protocol/ids.ts';
import type { SparkListenerEvent, StageInfo } from '../protocol/spark-listener-event.ts';

/**
 * The story of an application for a log, at INFO: what each job needs, which of its stages run and end, how long it took. A few lines
 * a stage, none a task: they would fill the log.
 *
 * Spark: what DAGScheduler and SparkContext log
 */
export class JobLog {
  readonly #scheduler: Logger;
  readonly #context: Logger;
  readonly #jobs = new Map<JobId, { readonly at: number; readonly callSite: string }>();
  readonly #stages = new Map<StageId, number>();

  constructor(log: Logger) {
    this.#scheduler = log.named('DAGScheduler');
    this.#context = log.named('SparkContext');
  }

  hear(event: SparkListenerEvent): void {
    const log = this.#scheduler;
    switch (event.type) {
      case 'SparkListenerJobStart':
        if (log.enabled('INFO')) this.#jobStarted(event.jobId, event.stages, event.at);
        return;
      case 'SparkListenerStageSubmitted': {
        if (!log.enabled('INFO')) return;
        const { stage, at } = event;
        this.#stages.set(stage.stageId, at);
        const again = stage.attemptNumber === 0 ? '' : `, attempt ${stage.attemptNumber}`;
        log.info(`Submitting ${stage.numTasks} missing tasks from ${nameOf(stage)}${again}`);
        return;
      }
      case 'SparkListenerStageCompleted': {
        const { stage, failureReason, at } = event;
        const since = this.#stages.get(stage.stageId);
        if (since === undefined) return;
        this.#stages.delete(stage.stageId);
        const outcome = failureReason === null ? 'finished' : 'failed';
        const why = failureReason === null ? '' : ` due to ${firstLine(failureReason)}`;
        log.info(`${nameOf(stage)} ${outcome} in ${at - since} ms${why}`);
        return;
      }
      case 'SparkListenerJobEnd': {
        const { jobId, error, at } = event;
        const job = this.#jobs.get(jobId);
        if (job === undefined) return;
        this.#jobs.delete(jobId);
        const outcome = error === null ? 'finished' : 'failed';
        const why = error === null ? '' : `: ${firstLine(error)}`;
        log.info(`Job ${jobId} ${outcome}: ${job.callSite}, took ${at - job.at} ms${why}`);
        return;
      }
      case 'SparkListenerApplicationEnd':
        this.#context.info('Successfully stopped SparkContext');
        return;
      default:
        return;
    }
  }

  #jobStarted(jobId: JobId, stages: readonly StageInfo[], at: number): void {
    const final = stages.at(-1);
    if (final === undefined) return;
    const log = this.#scheduler;
    this.#jobs.set(jobId, { at, callSite: final.name });
    log.info(`Got job ${jobId} (${final.name}) with ${final.numTasks} output partitions`);
    log.info(`Final stage: ${nameOf(final)}`);
    const parents = stages.filter(({ stageId }) => final.parentIds.includes(stageId));
    if (parents.length > 0) log.info(`Parents of final stage: List(${parents.map(nameOf).join(', ')})`);
  }
}

const nameOf = ({ kind, stageId, name }: StageInfo): string => `${kind} ${stageId} (${name})`;

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
