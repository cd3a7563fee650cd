import type { ActiveJob } from './active-job.ts';
import type { DagTables } from './dag-tables.ts';
import type { JobFailure } from './errors.ts';
import type { Stage } from './stage.ts';

/** The DAG scheduler's part that ends jobs, and with them the stages that only they needed. */
export class DagJobs {
  readonly #t: DagTables;

  constructor(tables: DagTables) {
    this.#t = tables;
  }

  succeed(job: ActiveJob, at: number): void {
    const shuffleId = job.finalStage.dependency?.shuffleId;
    const mapOutput =
      shuffleId === undefined ? null : { shuffleId, bytesByPartition: this.#t.mapOutputs.bytesByPartition(shuffleId) };
    this.#end(job, at, `Job ${job.id} is finished.`);
    this.#t.post({ type: 'SparkListenerJobEnd', at, jobId: job.id, error: null });
    this.#t.want({ type: 'JobSucceeded', jobId: job.id, mapOutput });
  }

  fail(job: ActiveJob, at: number, failure: JobFailure): void {
    this.#end(job, at, failure.message);
    this.#t.post({ type: 'SparkListenerJobEnd', at, jobId: job.id, error: failure.message });
    this.#t.want({ type: 'JobFailed', jobId: job.id, failure });
  }

  cancel(at: number, which: (job: ActiveJob) => boolean, reason: string): void {
    for (const job of [...this.#t.jobs.values()].filter(which)) {
      const message = `Job ${job.id} cancelled ${reason}`.trimEnd();
      this.fail(job, at, { code: 'JOB_CANCELLED', message, cause: undefined });
    }
  }

  /** Fails every job that needs the stage. Spark: DAGScheduler.abortStage */
  abort(stage: Stage, at: number, reason: string, cause: unknown): void {
    const message = `Job aborted due to stage failure: ${reason}`;
    for (const jobId of [...stage.jobs].sort((a, b) => a - b)) {
      const job = this.#t.jobs.get(jobId);
      if (job !== undefined) this.fail(job, at, { code: 'STAGE_ABORTED', message, cause });
    }
  }

  /** The running attempt is over, well or not. */
  finishStage(stage: Stage, at: number, failureReason: string | null): void {
    if (failureReason === null) stage.failedAttempts.clear();
    this.#t.enter(stage, 'idle');
    this.#t.post({ type: 'SparkListenerStageCompleted', at, stage: stage.info(), failureReason });
  }

  /** Forgets the job, and the stages that only it needed; what still runs of those is killed. */
  #end(job: ActiveJob, at: number, why: string): void {
    const t = this.#t;
    t.jobs.delete(job.id);
    const stages = [...job.stages].sort((a, b) => a.id - b.id);
    for (const stage of stages) {
      stage.jobs.delete(job.id);
      stage.mapStageJobs.delete(job);
      if (stage.jobs.size > 0) continue;
      // Also of a stage that does not run: tasks of an attempt that failed may.
      if (stage.latestAttempt >= 0)
        t.want({ type: 'CancelTasks', stageId: stage.id, interrupt: job.interruptOnCancel, reason: why });
      if (stage.state === 'running') this.finishStage(stage, at, why);
      t.enter(stage, 'idle');
      t.graph.remove(stage);
      t.want({ type: 'StageForgotten', stageId: stage.id });
    }
    if (t.jobs.size === 0) t.failureEpochs.clear();
  }
}
