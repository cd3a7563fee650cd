import { IndexSet } from './index-set.ts';
import { dateText, ifKnown, type LoggedObject } from './logged-values.ts';

export type JobStatus = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'UNKNOWN';

/** What a job was submitted with. */
export interface JobFacts {
  readonly jobId: number;
  readonly name: string;
  readonly description: string | null;
  readonly submissionTime: number | null;
  readonly stageIds: readonly number[];
  readonly group: string | null;
  readonly tags: readonly string[];
  readonly numTasks: number;
}

/** Spark: LiveJob */
export class LiveJob {
  readonly facts: JobFacts;
  status: JobStatus = 'RUNNING';
  completionTime: number | null = null;
  activeTasks = 0;
  completedTasks = 0;
  failedTasks = 0;
  killedTasks = 0;
  skippedTasks = 0;
  activeStages = 0;
  failedStages = 0;
  /** By stage. */
  readonly #completedIndices = new Map<number, IndexSet>();
  readonly completedStages: Set<number> = new Set();
  readonly skippedStages: Set<number> = new Set();
  readonly killedSummary: Map<string, number> = new Map();

  constructor(facts: JobFacts) {
    this.facts = facts;
  }

  get jobId(): number {
    return this.facts.jobId;
  }

  taskCompleted(stageId: number, index: number): void {
    this.completedTasks++;
    let indices = this.#completedIndices.get(stageId);
    if (indices === undefined) {
      indices = new IndexSet();
      this.#completedIndices.set(stageId, indices);
    }
    indices.add(index);
  }

  /** Tasks of which some attempt has ended well. */
  get numCompletedIndices(): number {
    let sum = 0;
    for (const { size } of this.#completedIndices.values()) sum += size;
    return sum;
  }

  /** Spark: JobData */
  toJson(): LoggedObject {
    const { jobId, name, description, submissionTime, stageIds, group, tags, numTasks } = this.facts;
    return {
      jobId,
      name,
      ...ifKnown('description', description),
      ...ifKnown('submissionTime', submissionTime, dateText),
      ...ifKnown('completionTime', this.completionTime, dateText),
      stageIds,
      ...ifKnown('jobGroup', group),
      jobTags: tags,
      status: this.status,
      numTasks,
      numActiveTasks: this.activeTasks,
      numCompletedTasks: this.completedTasks,
      numSkippedTasks: this.skippedTasks,
      numFailedTasks: this.failedTasks,
      numKilledTasks: this.killedTasks,
      numCompletedIndices: this.numCompletedIndices,
      numActiveStages: this.activeStages,
      numCompletedStages: this.completedStages.size,
      numSkippedStages: this.skippedStages.size,
      numFailedStages: this.failedStages,
      killedTasksSummary: Object.fromEntries(this.killedSummary),
    };
  }
}
