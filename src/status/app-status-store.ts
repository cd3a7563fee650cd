// What is known of one application: fed with the events of its log, asked by pages and by the REST API.
import type { LoggedEvent } from '../protocol/logged-event.ts';
import { DRIVER, ExecutorBook } from './executor-book.ts';
import type { LiveExecutor } from './live-executor.ts';
import type { LiveJob } from './live-job.ts';
import type { LiveRDD } from './live-rdd.ts';
import type { LiveStage } from './live-stage.ts';
import { type LoggedObject, numberOf, objectOf, textOf, textsOf, timeOf } from './logged-values.ts';
import type { Retention } from './retention.ts';
import { StageBook } from './stage-book.ts';
import { TaskBook } from './task-book.ts';

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

/** What events without a short name begin with. */
const PACKAGE = 'org.apache.spark.scheduler.';

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
  readonly #executors: ExecutorBook;
  readonly #stages: StageBook;
  readonly #tasks: TaskBook;
  readonly #profiles = new Map<number, ResourceProfileInfo>();
  #environment: LoggedObject = {};
  #lastTime = 0;
  #asOf: number | null = null;

  constructor(retention: Retention) {
    this.#executors = new ExecutorBook(retention.deadExecutors, (id) =>
      objectOf(this.#profiles.get(id)?.taskResources),
    );
    this.#stages = new StageBook(retention, this.#executors, (stage) => this.#tasks.forget(stage));
    this.#tasks = new TaskBook(retention.tasks, this.#stages, this.#executors);
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
    return this.#stages.jobs;
  }

  job(jobId: number): LiveJob | undefined {
    return this.#stages.job(jobId);
  }

  /** By id and attempt. */
  get stages(): LiveStage[] {
    return this.#stages.stages;
  }

  attemptsOf(stageId: number): readonly LiveStage[] {
    return this.#stages.attemptsOf(stageId);
  }

  stage(stageId: number, attemptId: number): LiveStage | undefined {
    return this.#stages.stage(stageId, attemptId);
  }

  get executors(): LiveExecutor[] {
    return this.#executors.executors;
  }

  executor(id: string): LiveExecutor | undefined {
    return this.#executors.executor(id);
  }

  get rdds(): LiveRDD[] {
    return this.#executors.rdds;
  }

  rdd(id: number): LiveRDD | undefined {
    return this.#executors.rdd(id);
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
    this.#knownUntil(timeOf(event['Timestamp']));
    // Those without a short name: org.apache.spark.scheduler.SparkListenerExecutorExcluded
    switch (event.Event.startsWith(PACKAGE) ? event.Event.slice(PACKAGE.length) : event.Event) {
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
        this.#executors.executorAdded(event);
        return;
      case 'SparkListenerExecutorRemoved':
        this.#executors.executorRemoved(event);
        return;
      case 'SparkListenerBlockManagerAdded':
        this.#executors.blockManagerAdded(event);
        return;
      case 'SparkListenerBlockUpdated':
        this.#executors.blockUpdated(objectOf(event['Block Updated Info']));
        return;
      case 'SparkListenerUnpersistRDD':
        this.#executors.unpersisted(numberOf(event['RDD ID'], -1));
        return;
      case 'SparkListenerJobStart':
        this.#knownUntil(this.#stages.jobStarted(event));
        return;
      case 'SparkListenerJobEnd':
        this.#knownUntil(this.#stages.jobEnded(event));
        return;
      case 'SparkListenerStageSubmitted':
        this.#stages.stageSubmitted(event);
        return;
      case 'SparkListenerStageCompleted':
        this.#knownUntil(this.#stages.stageCompleted(objectOf(event['Stage Info'])));
        return;
      case 'SparkListenerTaskStart':
        this.#knownUntil(this.#tasks.started(event));
        return;
      case 'SparkListenerTaskGettingResult':
        this.#tasks.gettingResult(event);
        return;
      case 'SparkListenerExecutorMetricsUpdate':
        this.#tasks.measured(event);
        return;
      case 'SparkListenerTaskEnd':
        this.#knownUntil(this.#tasks.ended(event));
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
        this.#executors.excluded(event['executorId'], true);
        return;
      case 'SparkListenerExecutorUnexcluded':
      case 'SparkListenerExecutorUnblacklisted':
        this.#executors.excluded(event['executorId'], false);
        return;
      case 'SparkListenerNodeExcluded':
      case 'SparkListenerNodeBlacklisted':
        this.#executors.nodeExcluded(event['hostId'], true);
        return;
      case 'SparkListenerNodeUnexcluded':
      case 'SparkListenerNodeUnblacklisted':
        this.#executors.nodeExcluded(event['hostId'], false);
        return;
      case 'SparkListenerExecutorExcludedForStage':
        this.#stages.excludedForStage(event, [textOf(event['executorId'])]);
        return;
      case 'SparkListenerNodeExcludedForStage': {
        const there = this.executors.filter(({ host, id }) => host === event['hostId'] && id !== DRIVER);
        this.#stages.excludedForStage(
          event,
          there.map(({ id }) => id),
        );
        return;
      }
      default:
    }
  }

  #knownUntil(time: number | null): void {
    if (time !== null && time > this.#lastTime) this.#lastTime = time;
  }

  #applicationStarted(event: LoggedEvent): void {
    const { app } = this;
    app.id = textOf(event['App ID']);
    app.name = textOf(event['App Name']);
    app.attemptId = typeof event['App Attempt ID'] === 'string' ? event['App Attempt ID'] : null;
    app.user = textOf(event['User']);
    app.startTime = numberOf(event['Timestamp']);
    this.#executors.tellOfDriver(objectOf(event['Driver Logs']), objectOf(event['Driver Attributes']));
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
}
