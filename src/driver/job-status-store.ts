import type { ExecutorId, JobId, StageId } from '../protocol/ids.ts';
import type { SparkListenerEvent, StageInfo } from '../protocol/spark-listener-event.ts';
import { JOB_TAGS, parseJobTags } from './job-tags.ts';
import type { JobExecutionStatus } from './status-tracker.ts';

export interface JobStatus {
  readonly stageIds: readonly StageId[];
  readonly group: string | null;
  readonly tags: ReadonlySet<string>;
  status: JobExecutionStatus;
}

export interface StageStatus {
  readonly stageId: StageId;
  currentAttemptId: number;
  submissionTime: number;
  name: string;
  numTasks: number;
  numActiveTasks: number;
  numCompletedTasks: number;
  numFailedTasks: number;
}

export interface StatusRetention {
  /** Jobs that are over, spark.ui.retainedJobs. */
  readonly jobs: number;
  /** spark.ui.retainedStages */
  readonly stages: number;
}

/**
 * What the status tracker answers from: fed with every event of the application, before listeners hear it, so that a program
 * sees a job as over as soon as its action is. What is over is kept in bounded numbers.
 */
export class JobStatusStore {
  readonly #retention: StatusRetention;
  /** Insertion order; the oldest that are over are forgotten first. */
  readonly #jobs = new Map<JobId, JobStatus>();
  readonly #stages = new Map<StageId, StageStatus>();
  readonly #activeStages = new Set<StageId>();
  /** Stages of jobs that are over, in the order in which that happened. */
  readonly #overJobs: JobId[] = [];
  readonly #runningTasks = new Map<ExecutorId, number>();

  constructor(retention: StatusRetention) {
    this.#retention = retention;
  }

  job(jobId: JobId): JobStatus | undefined {
    return this.#jobs.get(jobId);
  }

  stage(stageId: StageId): StageStatus | undefined {
    return this.#stages.get(stageId);
  }

  jobIds(which: (job: JobStatus) => boolean): JobId[] {
    const ids: JobId[] = [];
    for (const [id, job] of this.#jobs) if (which(job)) ids.push(id);
    return ids;
  }

  activeStageIds(): StageId[] {
    return [...this.#activeStages];
  }

  numRunningTasks(executorId: ExecutorId): number {
    return this.#runningTasks.get(executorId) ?? 0;
  }

  onEvent(event: SparkListenerEvent): void {
    switch (event.type) {
      case 'SparkListenerTaskStart': {
        const { executorId } = event.task;
        this.#runningTasks.set(executorId, this.numRunningTasks(executorId) + 1);
        const stage = this.#attempt(event);
        if (stage !== undefined) stage.numActiveTasks++;
        return;
      }
      case 'SparkListenerTaskEnd': {
        const { executorId } = event.task;
        // A map output that is lost after its task's end makes an event of its own.
        if (event.reason.kind === 'Resubmitted') return;
        this.#runningTasks.set(executorId, Math.max(0, this.numRunningTasks(executorId) - 1));
        const stage = this.#attempt(event);
        if (stage === undefined) return;
        stage.numActiveTasks--;
        if (event.reason.kind === 'Success') stage.numCompletedTasks++;
        else if (event.reason.kind !== 'TaskKilled') stage.numFailedTasks++;
        return;
      }
      case 'SparkListenerJobStart': {
        for (const stage of event.stages)
          if (!this.#stages.has(stage.stageId)) this.#stages.set(stage.stageId, newStage(stage));
        this.#jobs.set(event.jobId, {
          stageIds: event.stages.map((stage) => stage.stageId),
          group: event.properties['spark.jobGroup.id'] ?? null,
          tags: parseJobTags(event.properties[JOB_TAGS]),
          status: 'RUNNING',
        });
        return;
      }
      case 'SparkListenerJobEnd': {
        const job = this.#jobs.get(event.jobId);
        if (job === undefined) return;
        job.status = event.error === null ? 'SUCCEEDED' : 'FAILED';
        this.#overJobs.push(event.jobId);
        this.#forget();
        return;
      }
      case 'SparkListenerStageSubmitted': {
        const stage = { ...newStage(event.stage), submissionTime: event.at };
        this.#stages.set(stage.stageId, stage);
        this.#activeStages.add(stage.stageId);
        return;
      }
      case 'SparkListenerStageCompleted':
        this.#activeStages.delete(event.stage.stageId);
        return;
      case 'SparkListenerExecutorRemoved':
        this.#runningTasks.delete(event.executorId);
        return;
      default:
    }
  }

  /** The stage, if the task is one of its latest attempt. */
  #attempt({ stageId, stageAttemptId }: { stageId: StageId; stageAttemptId: number }): StageStatus | undefined {
    const stage = this.#stages.get(stageId);
    return stage?.currentAttemptId === stageAttemptId ? stage : undefined;
  }

  #forget(): void {
    const { jobs, stages } = this.#retention;
    while (this.#overJobs.length > jobs) this.#jobs.delete(this.#overJobs.shift() as JobId); // it is not empty
    if (this.#stages.size <= stages) return;
    const wanted = new Set<StageId>();
    for (const job of this.#jobs.values())
      if (job.status === 'RUNNING') for (const stageId of job.stageIds) wanted.add(stageId);
    let over = this.#stages.size - wanted.size - stages;
    for (const stageId of this.#stages.keys()) {
      if (over <= 0) return;
      if (wanted.has(stageId)) continue;
      this.#stages.delete(stageId);
      over--;
    }
  }
}

function newStage(info: StageInfo): StageStatus {
  return {
    stageId: info.stageId,
    currentAttemptId: info.attemptNumber,
    submissionTime: 0,
    name: info.name,
    numTasks: info.numTasks,
    numActiveTasks: 0,
    numCompletedTasks: 0,
    numFailedTasks: 0,
  };
}
