import { describeFailure, type TaskFailedReason } from '../protocol/task-end-reason.ts';
import type { BarrierSlotsError } from './barrier-checks.ts';
import type { DagEvent } from './dag-events.ts';
import type { DagJobs } from './dag-jobs.ts';
import type { DagTables } from './dag-tables.ts';
import { errorFromData } from './errors.ts';
import type { Stage } from './stage.ts';

type Of<T extends DagEvent['type']> = Extract<DagEvent, { type: T }>;
type JobSubmitted = Of<'JobSubmitted'>;

/**
 * The DAG scheduler's part for barrier stages, whose tasks run all together or not at all.
 *
 * A job that needs more slots than there are is tried again every `barrierCheckIntervalMs`. A task that fails ends the
 * attempt: a map stage loses all outputs and begins anew, a result stage may have had effects and is aborted.
 *
 * Spark: DAGScheduler.handleJobSubmitted (BarrierJobSlotsNumberCheckFailed), handleTaskCompletion (task.isBarrier)
 */
export class DagBarrier {
  readonly #t: DagTables;
  readonly #jobs: DagJobs;

  constructor(tables: DagTables, jobs: DagJobs) {
    this.#t = tables;
    this.#jobs = jobs;
  }

  /** The job's stages need more slots than there are. */
  notEnoughSlots(event: JobSubmitted, error: BarrierSlotsError): void {
    const t = this.#t;
    const { jobId, at } = event;
    const { barrierCheckMaxFailures: max, barrierCheckIntervalMs } = t.settings;
    const numFailedChecks = (t.waitingForSlots.get(jobId)?.numFailedChecks ?? 0) + 1;
    const { requiredSlots, availableSlots } = error;
    const slots = `requires ${requiredSlots} slots, but only ${availableSlots} are available`;
    const left = max - numFailedChecks + 1;
    t.log('warn', `Barrier stage in job ${jobId} ${slots}. Will retry up to ${left} more times`);
    if (numFailedChecks > max) {
      t.waitingForSlots.delete(jobId);
      const failure = { code: 'JOB_NOT_STARTED', message: error.message, cause: error } as const;
      t.want({ type: 'JobFailed', jobId, failure });
      return;
    }
    t.waitingForSlots.set(jobId, { event, numFailedChecks, at: at + barrierCheckIntervalMs });
    t.want({ type: 'WakeAt', at: at + barrierCheckIntervalMs, why: 'CheckBarrierSlots' });
  }

  /** Jobs to be submitted again by now. */
  due(at: number): JobSubmitted[] {
    const due: JobSubmitted[] = [];
    for (const job of this.#t.waitingForSlots.values()) if (job.at <= at) due.push({ ...job.event, at });
    return due;
  }

  /** A task of a barrier stage ended, and not well; not for fetch failures. */
  taskFailed(stage: Stage, event: Of<'CompletionEvent'>, reason: TaskFailedReason): void {
    const t = this.#t;
    const { at, stageAttemptId, task } = event;
    if (stageAttemptId !== stage.latestAttempt || stageAttemptId <= stage.lastIgnoredAttempt) {
      t.log('info', `Ignoring the failure of a task of ${stage}, attempt ${stageAttemptId}: that attempt is over`);
      return;
    }
    const kind = stage.work.kind === 'Result' ? 'ResultTask' : 'ShuffleMapTask';
    const name = `${kind}(${stage.id}, ${task.partition})`;
    const message = `Stage failed because barrier task ${name} finished unsuccessfully.\n${describeFailure(reason)}`;
    const cause = reason.kind === 'ExceptionFailure' ? errorFromData(reason.error) : undefined;
    const why = `Task ${name} from barrier stage ${stage} failed.`;
    t.want({ type: 'CancelTasks', stageId: stage.id, interrupt: true, reason: why });
    if (stage.state === 'running') this.#jobs.finishStage(stage, at, message);
    stage.failedAttempts.add(stageAttemptId);
    const limit = t.settings.maxConsecutiveStageAttempts;
    if (stage.failedAttempts.size >= limit) {
      const times = `${stage} has failed the maximum allowable number of times: ${limit}.`;
      this.#jobs.abort(stage, at, `${times} Most recent failure reason: ${message}`, cause);
      return;
    }
    this.beginAnew(stage, at, message, cause);
  }

  /** The attempt has failed: nothing of it counts. */
  beginAnew(stage: Stage, at: number, message: string, cause?: unknown): void {
    stage.ignoreAttempts();
    if (stage.dependency === null) {
      const failure = `Could not recover from a failed barrier ResultStage. Most recent failure reason: ${message}`;
      this.#jobs.abort(stage, at, failure, cause);
      return;
    }
    this.#t.mapOutputs.unregisterAllMapOutputs(stage.dependency.shuffleId);
    this.#t.resubmitLater(stage, at);
  }
}
