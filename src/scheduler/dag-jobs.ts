import type { JobId } from '../protocol/ids.ts';
import type { ActiveJob } from './active-job.ts';
import type { DagTables } from './dag-tables.ts';
import type { JobFailure } from './errors.ts';
import type { Stage } from './stage.ts';

/** By what jobs are chosen to be cancelled. */
type JobFacts = Pick<ActiveJob, 'id' | 'properties' | 'stages'>;

const NO_STAGES: ActiveJob['stages'] = new Set();
const JOB_GROUP_ID = 'spark.jobGroup.id';
/** Tags with commas between them. */
const JOB_TAGS = 'spark.job.tags';

const partOfGroup = (groupId: string): string => `part of cancelled job group ${groupId}`;

function jobCancelled(jobId: JobId, reason: string): JobFailure {
  return { code: 'JOB_CANCELLED', message: `Job ${jobId} cancelled ${reason}`.trimEnd(), cause: undefined };
}

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

  cancelGroup(at: number, groupId: string, reason: string | null, cancelFutureJobs: boolean): void {
    if (cancelFutureJobs) this.#refuseGroup(groupId);
    const count = this.cancel(at, (job) => job.properties[JOB_GROUP_ID] === groupId, reason ?? partOfGroup(groupId));
    if (count === 0 && !cancelFutureJobs)
      this.#t.log('warn', `Failed to cancel job group ${groupId}. Cannot find active jobs for it.`);
  }

  cancelTagged(at: number, tag: string, reason: string | null): void {
    const has = (job: JobFacts): boolean => (job.properties[JOB_TAGS] ?? '').split(',').includes(tag);
    const count = this.cancel(at, has, reason ?? `part of cancelled job tags ${tag}`);
    if (count === 0) this.#t.log('warn', `Failed to cancel jobs with tag ${tag}. Cannot find active jobs for it.`);
  }

  /** True, and the job has failed, when its group was cancelled with all that is to come. */
  isRefused(jobId: JobId, properties: Readonly<Record<string, string>>): boolean {
    const groupId = properties[JOB_GROUP_ID];
    if (groupId === undefined || !this.#t.cancelledJobGroups.has(groupId)) return false;
    this.#t.log('info', `Skip running a job that belongs to the cancelled job group ${groupId}`);
    this.#t.want({ type: 'JobFailed', jobId, failure: jobCancelled(jobId, partOfGroup(groupId)) });
    return true;
  }

  #refuseGroup(groupId: string): void {
    const groups = this.#t.cancelledJobGroups;
    groups.add(groupId);
    for (const oldest of groups) {
      if (groups.size <= this.#t.settings.numCancelledJobGroupsToTrack) break;
      groups.delete(oldest);
    }
  }

  /** Active jobs, and those that wait for slots. @returns how many that were. */
  cancel(at: number, which: (job: JobFacts) => boolean, reason: string): number {
    const jobs = [...this.#t.jobs.values()].filter(which);
    for (const job of jobs) this.fail(job, at, jobCancelled(job.id, reason));
    let count = jobs.length;
    for (const [id, { event }] of this.#t.waitingForSlots) {
      if (!which({ id, properties: event.properties, stages: NO_STAGES })) continue;
      this.#t.waitingForSlots.delete(id);
      this.#t.want({ type: 'JobFailed', jobId: id, failure: jobCancelled(id, reason) });
      count++;
    }
    return count;
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
      t.forget(stage);
    }
    if (t.jobs.size > 0) return;
    t.failureEpochs.clear();
    for (const executorId of t.decommissioned.keys()) if (!t.hosts.has(executorId)) t.decommissioned.delete(executorId);
  }
}
