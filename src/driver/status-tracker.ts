import type { JobId, StageId } from '../protocol/ids.ts';
import type { JobStatusStore } from './job-status-store.ts';

/** Spark: JobExecutionStatus */
export type JobExecutionStatus = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'UNKNOWN';

/** Spark: SparkJobInfo */
export interface SparkJobInfo {
  readonly jobId: JobId;
  readonly stageIds: readonly StageId[];
  readonly status: JobExecutionStatus;
}

/** Spark: SparkStageInfo. `submissionTime` is epoch ms, 0 before it; numbers are of the latest attempt. */
export interface SparkStageInfo {
  readonly stageId: StageId;
  readonly currentAttemptId: number;
  readonly submissionTime: number;
  readonly name: string;
  readonly numTasks: number;
  readonly numActiveTasks: number;
  readonly numCompletedTasks: number;
  readonly numFailedTasks: number;
}

/** Spark: SparkExecutorInfo. Sizes are bytes of cached blocks. */
export interface SparkExecutorInfo {
  readonly executorId: string;
  readonly host: string;
  readonly port: number;
  readonly cacheSize: number;
  readonly numRunningTasks: number;
  readonly totalOnHeapStorageMemory: number;
  readonly usedOnHeapStorageMemory: number;
  readonly totalOffHeapStorageMemory: number;
  readonly usedOffHeapStorageMemory: number;
}

/**
 * What jobs and stages are doing now, for programs that watch themselves. What is over is remembered up to
 * `spark.ui.retainedJobs` and `spark.ui.retainedStages`; of what was forgotten everything is unknown.
 *
 * Spark: SparkStatusTracker
 */
export class SparkStatusTracker {
  readonly #store: JobStatusStore;
  readonly #executors: () => readonly SparkExecutorInfo[];

  /** @internal */
  constructor(store: JobStatusStore, executors: () => readonly SparkExecutorInfo[]) {
    this.#store = store;
    this.#executors = executors;
  }

  /** Jobs of the group, running or over, in no certain order; null: those of no group. */
  getJobIdsForGroup(jobGroup: string | null): JobId[] {
    return this.#store.jobIds((job) => job.group === jobGroup);
  }

  /** Jobs with the tag, running or over. */
  getJobIdsForTag(jobTag: string): JobId[] {
    return this.#store.jobIds((job) => job.tags.has(jobTag));
  }

  getActiveStageIds(): StageId[] {
    return this.#store.activeStageIds();
  }

  getActiveJobIds(): JobId[] {
    return this.#store.jobIds((job) => job.status === 'RUNNING');
  }

  /** Null when no such job is known. */
  getJobInfo(jobId: JobId): SparkJobInfo | null {
    const job = this.#store.job(jobId);
    return job === undefined ? null : { jobId, stageIds: [...job.stageIds], status: job.status };
  }

  /** Null when no such stage is known. */
  getStageInfo(stageId: StageId): SparkStageInfo | null {
    const stage = this.#store.stage(stageId);
    return stage === undefined ? null : { ...stage };
  }

  getExecutorInfos(): SparkExecutorInfo[] {
    return [...this.#executors()];
  }
}
