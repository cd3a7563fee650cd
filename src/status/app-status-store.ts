// What is known of one application: fed with the events of its log, asked by pages and by the REST API.
import type { LoggedEvent } from '../protocol/logged-event.ts';
import { endKind, errorText, killedFor } from './end-reason.ts';
import { DRIVER, ExecutorBook } from './executor-book.ts';
import type { LiveExecutor } from './live-executor.ts';
import { LiveJob } from './live-job.ts';
import type { LiveRDD } from './live-rdd.ts';
import { LiveStage, type StageStatus } from './live-stage.ts';
import { LiveTask } from './live-task.ts';
import { type LoggedObject, listOf, numberOf, objectOf, textOf, textsOf, timeOf } from './logged-values.ts';
import { keepJobs, keepStages, keepTasks, type Retention } from './retention.ts';
import { metric, readMetrics, shuffleReadBytes } from './task-metrics.ts';

/** The application itself, as far as its log has told. */
export interface ApplicationFacts {
  id: string;
  name: string;
  attemptId: string | null;
  user: string;
  startTime: number;
  /** Null: it runs, or ended without a word. */
  endTime: number | null;
  exitCode: number | null;
  sparkVersion: string;
}

type Pairs = readonly (readonly [string, string])[];

interface ResourceProfileInfo {
  readonly id: number;
  readonly executorResources: LoggedObject;
  readonly taskResources: LoggedObject;
}

/**
 * The state of an application as its events tell it, of a bounded size: the oldest jobs, stages and tasks that are over are
 * forgotten, and dead executors, as `retention` says.
 *
 * It is fed with events as logs have them, so that one that runs and one that is read back look the same. An event of a name
 * that it does not know changes nothing.
 *
 * Spark: AppStatusListener, AppStatusStore
 */
export class AppStatusStore {
  readonly #retention: Retention;
  readonly app: ApplicationFacts = {
    id: '',
    name: '',
    attemptId: null,
    user: '',
    startTime: 0,
    endTime: null,
    exitCode: null,
    sparkVersion: '',
  };
  readonly #jobs = new Map<number, LiveJob>();
  readonly #stages = new Map<string, LiveStage>();
  /** Attempts of each stage, ascending. */
  readonly #attempts = new Map<number, LiveStage[]>();
  readonly #tasks = new Map<number, { readonly task: LiveTask; readonly stage: LiveStage }>();
  readonly #book: ExecutorBook;
  readonly #profiles = new Map<number, ResourceProfileInfo>();
  #environment: LoggedObject = {};
  #lastTime = 0;
  #asOf: number | null = null;

  constructor(retention: Retention) {
    this.#retention = retention;
    this.#book = new ExecutorBook(retention.deadExecutors, (id) => objectOf(this.#profiles.get(id)?.taskResources));
  }

  // Questions

  /** The time up to which things are known: what runs has run until then. */
  get now(): number {
    return this.#asOf ?? this.app.endTime ?? this.#lastTime;
  }

  /** Somebody knows better than the events up to when they tell. */
  set now(time: number) {
    this.#asOf = time;
    if (this.app.endTime === null) this.#driverWorkedUntil(time);
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
    return this.#stages.get(`${stageId}.${attemptId}`);
  }

  get executors(): LiveExecutor[] {
    return this.#book.executors;
  }

  executor(id: string): LiveExecutor | undefined {
    return this.#book.executor(id);
  }

  get rdds(): LiveRDD[] {
    return this.#book.rdds;
  }

  rdd(id: number): LiveRDD | undefined {
    return this.#book.rdd(id);
  }

  /** Names and values of the section `Spark Properties`, and so on, sorted. */
  environment(section: string): Pairs {
    return textsOf(this.#environment[section]).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  }

  get profiles(): ResourceProfileInfo[] {
    return [...this.#profiles.values()].sort((a, b) => a.id - b.id);
  }

  // Events

  hear(event: LoggedEvent): void {
    const at = timeOf(event['Timestamp']);
    if (at !== null) this.#lastTime = Math.max(this.#lastTime, at);
    // Those without a short name: org.apache.spark.scheduler.SparkListenerExecutorExcluded
    switch (event.Event.replace(/^org\.apache\.spark\.scheduler\./, '')) {
      case 'SparkListenerLogStart':
        this.app.sparkVersion = textOf(event['Spark Version']);
        return;
      case 'SparkListenerApplicationStart':
        this.#applicationStarted(event);
        return;
      case 'SparkListenerApplicationEnd':
        this.#applicationEnded(event);
        return;
      case 'SparkListenerEnvironmentUpdate':
        this.#environment = event;
        return;
      case 'SparkListenerResourceProfileAdded':
        this.#profileAdded(event);
        return;
      case 'SparkListenerExecutorAdded':
        this.#book.executorAdded(event);
        return;
      case 'SparkListenerExecutorRemoved':
        this.#book.executorRemoved(event);
        return;
      case 'SparkListenerBlockManagerAdded':
        this.#book.blockManagerAdded(event);
        return;
      case 'SparkListenerBlockUpdated':
        this.#book.blockUpdated(objectOf(event['Block Updated Info']));
        return;
      case 'SparkListenerUnpersistRDD':
        this.#book.unpersisted(numberOf(event['RDD ID'], -1));
        return;
      case 'SparkListenerJobStart':
        this.#jobStarted(event);
        return;
      case 'SparkListenerJobEnd':
        this.#jobEnded(event);
        return;
      case 'SparkListenerStageSubmitted':
        this.#stageSubmitted(event);
        return;
      case 'SparkListenerStageCompleted':
        this.#stageCompleted(objectOf(event['Stage Info']));
        return;
      case 'SparkListenerTaskStart':
        this.#taskStarted(event);
        return;
      case 'SparkListenerTaskGettingResult': {
        const info = objectOf(event['Task Info']);
        const running = this.#tasks.get(numberOf(info['Task ID'], -1));
        running?.task.update(info);
        return;
      }
      case 'SparkListenerTaskEnd':
        this.#taskEnded(event);
        return;
      case 'SparkListenerStageExecutorMetrics': {
        const stage = this.stage(numberOf(event['Stage ID'], -1), numberOf(event['Stage Attempt ID']));
        const id = textOf(event['Executor ID']);
        const metrics = objectOf(event['Executor Metrics']);
        this.executor(id)?.peaks.update(metrics);
        stage?.peaks.update(metrics);
        stage?.executor(id).peaks.update(metrics);
        return;
      }
      case 'SparkListenerExecutorExcluded':
      case 'SparkListenerExecutorBlacklisted':
        this.#book.excluded(event['executorId'], true);
        return;
      case 'SparkListenerExecutorUnexcluded':
      case 'SparkListenerExecutorUnblacklisted':
        this.#book.excluded(event['executorId'], false);
        return;
      case 'SparkListenerNodeExcluded':
      case 'SparkListenerNodeBlacklisted':
        this.#book.nodeExcluded(event['hostId'], true);
        return;
      case 'SparkListenerNodeUnexcluded':
      case 'SparkListenerNodeUnblacklisted':
        this.#book.nodeExcluded(event['hostId'], false);
        return;
      case 'SparkListenerExecutorExcludedForStage':
        this.#excludedForStage(event, [textOf(event['executorId'])]);
        return;
      case 'SparkListenerNodeExcludedForStage': {
        const there = this.executors.filter(({ host, id }) => host === event['hostId'] && id !== DRIVER);
        this.#excludedForStage(
          event,
          there.map(({ id }) => id),
        );
        return;
      }
      default:
    }
  }

  #applicationStarted(event: LoggedEvent): void {
    const { app } = this;
    app.id = textOf(event['App ID']);
    app.name = textOf(event['App Name']);
    app.attemptId = typeof event['App Attempt ID'] === 'string' ? event['App Attempt ID'] : null;
    app.user = textOf(event['User']);
    app.startTime = numberOf(event['Timestamp']);
    this.#book.tellOfDriver(objectOf(event['Driver Logs']), objectOf(event['Driver Attributes']));
  }

  #applicationEnded(event: LoggedEvent): void {
    this.app.endTime = timeOf(event['Timestamp']);
    this.#driverWorkedUntil(numberOf(this.app.endTime));
    this.app.exitCode = typeof event['ExitCode'] === 'number' ? event['ExitCode'] : null;
  }

  /** A driver works as long as its application. */
  #driverWorkedUntil(time: number): void {
    const driver = this.executor(DRIVER);
    if (driver === undefined) return;
    driver.totalDuration = Math.max(0, time - this.app.startTime);
    driver.totalGcTime = driver.peaks.totalGcTime;
  }

  #profileAdded(event: LoggedEvent): void {
    const id = numberOf(event['Resource Profile Id']);
    const resources = (logged: unknown, shown: (request: LoggedObject) => LoggedObject): LoggedObject =>
      Object.fromEntries(Object.entries(objectOf(logged)).map(([name, request]) => [name, shown(objectOf(request))]));
    this.#profiles.set(id, {
      id,
      executorResources: resources(event['Executor Resource Requests'], (request) => ({
        resourceName: request['Resource Name'],
        amount: request['Amount'],
        discoveryScript: request['Discovery Script'] ?? '',
        vendor: request['Vendor'] ?? '',
      })),
      taskResources: resources(event['Task Resource Requests'], (request) => ({
        resourceName: request['Resource Name'],
        amount: request['Amount'],
      })),
    });
  }

  #excludedForStage(event: LoggedEvent, ids: readonly string[]): void {
    const stage = this.stage(numberOf(event['stageId'], -1), numberOf(event['stageAttemptId']));
    if (stage === undefined) return;
    for (const id of ids) {
      stage.executor(id).isExcluded = true;
      this.executor(id)?.excludedInStages.add(stage.stageId);
    }
  }

  // Jobs and stages

  #jobStarted(event: LoggedEvent): void {
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
    this.#lastTime = Math.max(this.#lastTime, job.facts.submissionTime ?? 0);
    this.#jobs.set(job.jobId, job);
    for (const info of infos) this.#stageOf(info).jobs.push(job);
    keepJobs(this.#jobs, this.#retention.jobs);
  }

  #stageOf(info: LoggedObject): LiveStage {
    const made = new LiveStage(info);
    const known = this.stage(made.stageId, made.attemptId);
    if (known !== undefined) {
      known.info = info;
      return known;
    }
    this.#stages.set(`${made.stageId}.${made.attemptId}`, made);
    const attempts = [...(this.#attempts.get(made.stageId) ?? []), made];
    this.#attempts.set(
      made.stageId,
      attempts.sort((a, b) => a.attemptId - b.attemptId),
    );
    return made;
  }

  #jobEnded(event: LoggedEvent): void {
    const job = this.#jobs.get(numberOf(event['Job ID'], -1));
    if (job === undefined) return;
    for (const stageId of job.facts.stageIds)
      for (const stage of this.attemptsOf(stageId)) {
        if (stage.status !== 'PENDING') continue;
        stage.status = 'SKIPPED';
        job.skippedStages.add(stageId);
        job.skippedTasks += stage.numTasks;
      }
    job.status = objectOf(event['Job Result'])['Result'] === 'JobSucceeded' ? 'SUCCEEDED' : 'FAILED';
    job.completionTime = timeOf(event['Completion Time']);
    this.#lastTime = Math.max(this.#lastTime, job.completionTime ?? 0);
    keepJobs(this.#jobs, this.#retention.jobs);
    this.#forgetStages();
  }

  #forgetStages(): void {
    for (const stage of keepStages(this.#stages, this.#retention.stages)) {
      const left = this.attemptsOf(stage.stageId).filter((attempt) => attempt !== stage);
      if (left.length === 0) this.#attempts.delete(stage.stageId);
      else this.#attempts.set(stage.stageId, left);
      for (const taskId of stage.tasks.keys()) this.#tasks.delete(taskId);
    }
  }

  #stageSubmitted(event: LoggedEvent): void {
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
    this.#book.stageSubmitted(listOf(info['RDD Info']).map(objectOf));
  }

  #stageCompleted(info: LoggedObject): void {
    const stage = this.stage(numberOf(info['Stage ID'], -1), numberOf(info['Stage Attempt ID']));
    if (stage === undefined) return;
    stage.info = info;
    stage.status = completedStatus(stage);
    for (const executor of this.executors) executor.excludedInStages.delete(stage.stageId);
    this.#lastTime = Math.max(this.#lastTime, stage.completionTime ?? 0);
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
  }

  // Tasks

  #taskStarted(event: LoggedEvent): void {
    const stage = this.stage(numberOf(event['Stage ID'], -1), numberOf(event['Stage Attempt ID']));
    const task = new LiveTask(objectOf(event['Task Info']));
    this.#lastTime = Math.max(this.#lastTime, task.launchTime);
    const executor = this.executor(task.executorId);
    if (executor !== undefined) {
      executor.activeTasks++;
      executor.totalTasks++;
    }
    if (stage === undefined) return;
    this.#tasks.set(task.taskId, { task, stage });
    stage.tasks.set(task.taskId, task);
    stage.activeTasks++;
    stage.firstLaunchTime = Math.min(stage.firstLaunchTime ?? task.launchTime, task.launchTime);
    for (const job of stage.jobs) job.activeTasks++;
    keepTasks(stage.tasks, this.#retention.tasks);
  }

  #taskEnded(event: LoggedEvent): void {
    const info = objectOf(event['Task Info']);
    const reason = objectOf(event['Task End Reason']);
    const kind = endKind(reason);
    const taskId = numberOf(info['Task ID'], -1);
    const metrics = readMetrics(objectOf(event['Task Metrics']));
    const peaks = objectOf(event['Task Executor Metrics']);
    const running = this.#tasks.get(taskId);
    this.#tasks.delete(taskId);
    if (running !== undefined) {
      running.task.update(info);
      running.task.isFinished = true;
      running.task.errorMessage = errorText(reason);
      running.task.metrics = metrics;
    }
    const finished = new LiveTask(info);
    finished.isFinished = true;
    const duration = finished.duration(0);
    this.#lastTime = Math.max(this.#lastTime, finished.launchTime + duration);
    const stage = this.stage(numberOf(event['Stage ID'], -1), numberOf(event['Stage Attempt ID']));
    if (stage !== undefined) {
      const summary = stage.executor(finished.executorId);
      if (running !== undefined) stage.addMetrics(finished.executorId, metrics);
      stage.peaks.update(peaks);
      summary.peaks.update(peaks);
      summary.taskTime += duration;
      stage.activeTasks--;
      for (const job of stage.jobs) job.activeTasks--;
      count(kind, stage, stage.jobs, summary, finished.index, reason);
    }
    const executor = this.executor(finished.executorId);
    if (executor === undefined || executor.removeTime !== null) return;
    executor.activeTasks--;
    if (kind === 'completed') executor.completedTasks++;
    else if (kind === 'failed') executor.failedTasks++;
    executor.totalDuration += duration;
    executor.peaks.update(peaks);
    // What was lost later counts where it was made.
    if (reason['Reason'] === 'Resubmitted') return;
    executor.totalGcTime += metric(metrics, 'jvmGcTime');
    executor.totalInputBytes += metric(metrics, 'inputBytes');
    executor.totalShuffleRead += shuffleReadBytes(metrics);
    executor.totalShuffleWrite += metric(metrics, 'writeBytes');
  }
}

/** A stage that was never submitted was not needed. */
function completedStatus(stage: LiveStage): StageStatus {
  if (stage.failureReason !== null) return 'FAILED';
  return stage.submissionTime === null ? 'SKIPPED' : 'COMPLETE';
}

function count(
  kind: ReturnType<typeof endKind>,
  stage: LiveStage,
  jobs: readonly LiveJob[],
  summary: ReturnType<LiveStage['executor']>,
  index: number,
  reason: LoggedObject,
): void {
  const all = [stage, ...jobs];
  switch (kind) {
    case 'completed':
      for (const each of all) each.completedTasks++;
      summary.succeededTasks++;
      stage.completedIndices.add(index);
      for (const job of jobs) job.completedIndices.add(`${stage.stageId}/${index}`);
      return;
    case 'failed':
      for (const each of all) each.failedTasks++;
      summary.failedTasks++;
      return;
    case 'killed': {
      const why = killedFor(reason);
      for (const each of all) {
        each.killedTasks++;
        each.killedSummary.set(why, (each.killedSummary.get(why) ?? 0) + 1);
      }
      summary.killedTasks++;
    }
  }
}
