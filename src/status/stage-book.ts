// The jobs of an application and their stages.
import type { LoggedEvent } from '../protocol/logged-event.ts';
import type { ExecutorBook } from './executor-book.ts';
import { LiveJob } from './live-job.ts';
import { LiveStage, type StageStatus } from './live-stage.ts';
import { type LoggedObject, listOf, numberOf, objectOf, textOf, timeOf } from './logged-values.ts';
import { keepJobs, keepStages, type Retention, stagesWithoutTasks } from './retention.ts';

/** Part of AppStatusStore, which hears the events. What it hears returns when that happened; null: that was not told. */
export class StageBook {
  readonly #retention: Retention;
  readonly #executors: ExecutorBook;
  /** Its tasks are not kept any more. */
  readonly #onForgotten: (stage: LiveStage) => void;
  readonly #jobs = new Map<number, LiveJob>();
  /** By id and attempt. */
  readonly #stages = new Map<string, LiveStage>();
  /** Attempts of each stage, ascending. */
  readonly #attempts = new Map<number, readonly LiveStage[]>();

  constructor(retention: Retention, executors: ExecutorBook, onForgotten: (stage: LiveStage) => void) {
    this.#retention = retention;
    this.#executors = executors;
    this.#onForgotten = onForgotten;
  }

  get jobs(): LiveJob[] {
    return [...this.#jobs.values()];
  }

  job(jobId: number): LiveJob | undefined {
    return this.#jobs.get(jobId);
  }

  /** By id and attempt. */
  get stages(): LiveStage[] {
    return [...this.#stages.values()].sort((a, b) => a.stageId - b.stageId || a.attemptId - b.attemptId);
  }

  attemptsOf(stageId: number): readonly LiveStage[] {
    return this.#attempts.get(stageId) ?? [];
  }

  stage(stageId: number, attemptId: number): LiveStage | undefined {
    return this.#attempts.get(stageId)?.find((stage) => stage.attemptId === attemptId);
  }

  jobStarted(event: LoggedEvent): number | null {
    const infos = listOf(event['Stage Infos']).map(objectOf);
    const properties = objectOf(event['Properties']);
    const text = (key: string): string | null => (typeof properties[key] === 'string' ? properties[key] : null);
    const last = infos.reduce<LoggedObject | null>(
      (a, b) => (a === null || numberOf(b['Stage ID']) > numberOf(a['Stage ID']) ? b : a),
      null,
    );
    const tags = (text('spark.job.tags') ?? '').split(',').filter((tag) => tag !== '');
    const job = new LiveJob({
      jobId: numberOf(event['Job ID'], -1),
      name: textOf(last?.['Stage Name']),
      description: text('spark.job.description'),
      submissionTime: timeOf(event['Submission Time']),
      stageIds: listOf(event['Stage IDs']).map((id) => numberOf(id, -1)),
      group: text('spark.jobGroup.id'),
      tags: [...new Set(tags)].sort(),
      numTasks: infos.reduce(
        (sum, info) => sum + (timeOf(info['Completion Time']) === null ? numberOf(info['Number of Tasks']) : 0),
        0,
      ),
    });
    this.#jobs.set(job.jobId, job);
    for (const info of infos) this.#stageOf(info).jobs.push(job);
    keepJobs(this.#jobs, this.#retention.jobs);
    return job.facts.submissionTime;
  }

  #stageOf(info: LoggedObject): LiveStage {
    const made = new LiveStage(info);
    const known = this.stage(made.stageId, made.attemptId);
    if (known !== undefined) {
      known.info = info;
      return known;
    }
    this.#stages.set(`${made.stageId}.${made.attemptId}`, made);
    const attempts = [...this.attemptsOf(made.stageId), made];
    this.#attempts.set(
      made.stageId,
      attempts.sort((a, b) => a.attemptId - b.attemptId),
    );
    return made;
  }

  jobEnded(event: LoggedEvent): number | null {
    const job = this.#jobs.get(numberOf(event['Job ID'], -1));
    if (job === undefined) return null;
    for (const stageId of job.facts.stageIds)
      for (const stage of this.attemptsOf(stageId)) {
        if (stage.status !== 'PENDING') continue;
        stage.status = 'SKIPPED';
        job.skippedStages.add(stageId);
        job.skippedTasks += stage.numTasks;
      }
    job.status = objectOf(event['Job Result'])['Result'] === 'JobSucceeded' ? 'SUCCEEDED' : 'FAILED';
    job.completionTime = timeOf(event['Completion Time']);
    keepJobs(this.#jobs, this.#retention.jobs);
    this.#forgetStages();
    return job.completionTime;
  }

  #forgetStages(): void {
    for (const stage of keepStages(this.#stages, this.#retention.stages)) {
      const left = this.attemptsOf(stage.stageId).filter((attempt) => attempt !== stage);
      if (left.length === 0) this.#attempts.delete(stage.stageId);
      else this.#attempts.set(stage.stageId, left);
      this.#onForgotten(stage);
    }
  }

  stageSubmitted(event: LoggedEvent): void {
    const info = objectOf(event['Stage Info']);
    const properties = objectOf(event['Properties']);
    const stage = this.#stageOf(info);
    stage.status = 'ACTIVE';
    stage.schedulingPool = textOf(properties['spark.scheduler.pool'], 'default');
    const description = properties['spark.job.description'];
    stage.description = typeof description === 'string' ? description : null;
    stage.jobs = this.jobs.filter((job) => job.status === 'RUNNING' && job.facts.stageIds.includes(stage.stageId));
    for (const job of stage.jobs) {
      job.completedStages.delete(stage.stageId);
      job.activeStages++;
    }
    this.#executors.stageSubmitted(listOf(info['RDD Info']).map(objectOf));
  }

  stageCompleted(info: LoggedObject): number | null {
    const stage = this.stage(numberOf(info['Stage ID'], -1), numberOf(info['Stage Attempt ID']));
    if (stage === undefined) return null;
    stage.info = info;
    stage.status = completedStatus(stage);
    for (const executor of this.#executors.executors) executor.excludedInStages.delete(stage.stageId);
    for (const job of stage.jobs) {
      if (stage.status === 'COMPLETE') job.completedStages.add(stage.stageId);
      else if (stage.status === 'FAILED') job.failedStages++;
      else {
        job.skippedStages.add(stage.stageId);
        job.skippedTasks += stage.numTasks;
      }
      job.activeStages--;
    }
    this.#forgetStages();
    const { tasksOfOverStages = Number.POSITIVE_INFINITY } = this.#retention;
    for (const over of stagesWithoutTasks(this.#stages.values(), tasksOfOverStages)) {
      this.#onForgotten(over);
      over.tasks.clear();
    }
    return stage.completionTime;
  }

  /** Executors are not to be used for a stage. */
  excludedForStage(event: LoggedEvent, ids: readonly string[]): void {
    const stage = this.stage(numberOf(event['stageId'], -1), numberOf(event['stageAttemptId']));
    if (stage === undefined) return;
    for (const id of ids) {
      stage.executor(id).isExcluded = true;
      this.#executors.executor(id)?.excludedInStages.add(stage.stageId);
    }
  }
}

/** A stage that was never submitted was not needed. */
function completedStatus(stage: LiveStage): StageStatus {
  if (stage.failureReason !== null) return 'FAILED';
  return stage.submissionTime === null ? 'SKIPPED' : 'COMPLETE';
}
