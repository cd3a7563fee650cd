import { accumulableList } from './accumulables.ts';
import { PeakMetrics, peakDistributions } from './executor-metrics.ts';
import { IndexSet } from './index-set.ts';
import type { LiveJob } from './live-job.ts';
import type { LiveTask } from './live-task.ts';
import { dateText, ifKnown, type LoggedObject, listOf, numberOf, objectOf, textOf, timeOf } from './logged-values.ts';
import {
  addMetrics,
  atQuantiles,
  distributionsJson,
  type MeasuredTask,
  type MeasuredTasks,
  type Metrics,
  metric,
  noMetrics,
  shuffleReadBytes,
  stageMetricsJson,
} from './task-metrics.ts';

export type StageStatus = 'ACTIVE' | 'COMPLETE' | 'FAILED' | 'PENDING' | 'SKIPPED';

/** The tasks that one executor ran of a stage. Spark: LiveExecutorStageSummary */
export class ExecutorStageSummary {
  taskTime = 0;
  failedTasks = 0;
  succeededTasks = 0;
  killedTasks = 0;
  isExcluded = false;
  readonly metrics: Metrics = noMetrics();
  readonly peaks: PeakMetrics = new PeakMetrics();

  toJson(): LoggedObject {
    const of = (name: Parameters<typeof metric>[1]): number => metric(this.metrics, name);
    return {
      taskTime: this.taskTime,
      failedTasks: this.failedTasks,
      succeededTasks: this.succeededTasks,
      killedTasks: this.killedTasks,
      inputBytes: of('inputBytes'),
      inputRecords: of('inputRecords'),
      outputBytes: of('outputBytes'),
      outputRecords: of('outputRecords'),
      shuffleRead: shuffleReadBytes(this.metrics),
      shuffleReadRecords: of('recordsRead'),
      shuffleWrite: of('writeBytes'),
      shuffleWriteRecords: of('writeRecords'),
      memoryBytesSpilled: of('memoryBytesSpilled'),
      diskBytesSpilled: of('diskBytesSpilled'),
      isBlacklistedForStage: this.isExcluded,
      ...ifKnown('peakMemoryMetrics', this.peaks.toJson()),
      isExcludedForStage: this.isExcluded,
    };
  }
}

/** What is asked of a stage beyond its sums. */
export interface StageDetails {
  readonly tasks: readonly LiveTask[] | null;
  readonly executorLogs: (executorId: string) => LoggedObject;
  readonly now: number;
  /** Null: no distributions. */
  readonly quantiles: readonly number[] | null;
}

/** One attempt of a stage. Spark: LiveStage */
export class LiveStage {
  info: LoggedObject;
  readonly stageId: number;
  readonly attemptId: number;
  status: StageStatus = 'PENDING';
  description: string | null = null;
  schedulingPool = 'default';
  /** Those that were running when it was submitted. */
  jobs: LiveJob[] = [];
  activeTasks = 0;
  completedTasks = 0;
  failedTasks = 0;
  killedTasks = 0;
  firstLaunchTime: number | null = null;
  readonly completedIndices: IndexSet = new IndexSet();
  readonly killedSummary: Map<string, number> = new Map();
  readonly metrics: Metrics = noMetrics();
  readonly peaks: PeakMetrics = new PeakMetrics();
  readonly executors: Map<string, ExecutorStageSummary> = new Map();
  readonly tasks: Map<number, LiveTask> = new Map();

  constructor(info: LoggedObject) {
    this.info = info;
    this.stageId = numberOf(info['Stage ID'], -1);
    this.attemptId = numberOf(info['Stage Attempt ID']);
  }

  get name(): string {
    return textOf(this.info['Stage Name']);
  }

  get numTasks(): number {
    return numberOf(this.info['Number of Tasks']);
  }

  get submissionTime(): number | null {
    return timeOf(this.info['Submission Time']);
  }

  get completionTime(): number | null {
    return timeOf(this.info['Completion Time']);
  }

  get failureReason(): string | null {
    const reason = this.info['Failure Reason'];
    return typeof reason === 'string' ? reason : null;
  }

  get resourceProfileId(): number {
    return numberOf(this.info['Resource Profile Id']);
  }

  get accumulables(): LoggedObject[] {
    return accumulableList(this.info['Accumulables']);
  }

  executor(id: string): ExecutorStageSummary {
    let summary = this.executors.get(id);
    if (summary === undefined) {
      summary = new ExecutorStageSummary();
      this.executors.set(id, summary);
    }
    return summary;
  }

  /** Tasks whose numbers count in distributions. */
  measured(now: number): MeasuredTasks {
    const measured: MeasuredTask[] = [];
    const gettingResultTimes: number[] = [];
    for (const task of this.tasks.values()) {
      gettingResultTimes.push(task.metrics === null ? 0 : task.gettingResultTime(now));
      if (task.status !== 'SUCCESS' || task.metrics === null) continue;
      measured.push({
        metrics: task.metrics,
        duration: task.duration(now),
        gettingResultTime: task.gettingResultTime(now),
        schedulerDelay: task.schedulerDelay(now),
      });
    }
    return { measured, gettingResultTimes };
  }

  /** What a task has measured. @param summary of the executor that runs it. @param before what it had measured before; null: nothing. */
  addMetrics(summary: ExecutorStageSummary, now: Metrics, before: Metrics | null): void {
    addMetrics(this.metrics, now, before);
    addMetrics(summary.metrics, now, before);
  }

  /** Second copies of slow tasks; null: there were none. Spark: SpeculationStageSummary */
  #speculationJson(): LoggedObject | null {
    const copies = [...this.tasks.values()].filter((task) => task.isSpeculative);
    if (copies.length === 0) return null;
    const number = (status: string): number => copies.filter((task) => task.status === status).length;
    const ended = {
      numCompletedTasks: number('SUCCESS'),
      numFailedTasks: number('FAILED'),
      numKilledTasks: number('KILLED'),
    };
    const numActiveTasks = copies.filter((task) => !task.isFinished).length;
    return { numTasks: copies.length, numActiveTasks, ...ended };
  }

  /** Spark: StageData, and AppStatusStore.newStageData for details. */
  toJson(details: StageDetails | null = null): LoggedObject {
    const { info } = this;
    return {
      status: this.status,
      stageId: this.stageId,
      attemptId: this.attemptId,
      numTasks: this.numTasks,
      numActiveTasks: this.activeTasks,
      numCompleteTasks: this.completedTasks,
      numFailedTasks: this.failedTasks,
      numKilledTasks: this.killedTasks,
      numCompletedIndices: this.completedIndices.size,
      ...ifKnown('submissionTime', this.submissionTime, dateText),
      ...ifKnown('firstTaskLaunchedTime', this.firstLaunchTime, dateText),
      ...ifKnown('completionTime', this.completionTime, dateText),
      ...ifKnown('failureReason', this.failureReason),
      ...stageMetricsJson(this.metrics),
      name: this.name,
      ...ifKnown('description', this.description),
      details: textOf(info['Details']),
      schedulingPool: this.schedulingPool,
      rddIds: listOf(info['RDD Info']).map((rdd) => numberOf(objectOf(rdd)['RDD ID'])),
      accumulatorUpdates: this.accumulables,
      ...this.#tasksJson(details),
      killedTasksSummary: Object.fromEntries(this.killedSummary),
      resourceProfileId: this.resourceProfileId,
      ...ifKnown('peakExecutorMetrics', this.peaks.toJson()),
      ...this.#distributionsJson(details),
      isShufflePushEnabled: info['Shuffle Push Enabled'] === true,
      shuffleMergersCount: numberOf(info['Shuffle Push Mergers Count']),
    };
  }

  #tasksJson(details: StageDetails | null): LoggedObject {
    if (details === null || details.tasks === null) return {};
    const { tasks, executorLogs, now } = details;
    return {
      tasks: Object.fromEntries(tasks.map((task) => [task.taskId, task.toJson(now, executorLogs(task.executorId))])),
      executorSummary: this.executorSummaryJson(),
      ...ifKnown('speculationSummary', this.#speculationJson()),
    };
  }

  executorSummaryJson(): object {
    const sorted = [...this.executors].sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(sorted.map(([id, summary]) => [id, summary.toJson()]));
  }

  #distributionsJson(details: StageDetails | null): LoggedObject {
    if (details === null || details.quantiles === null) return {};
    const { quantiles, now } = details;
    const tasks = this.measured(now);
    const { measured } = tasks;
    return {
      ...(measured.length === 0 ? {} : { taskMetricsDistributions: distributionsJson(tasks, quantiles) }),
      ...(this.executors.size === 0 ? {} : { executorMetricsDistributions: this.#executorDistributions(quantiles) }),
    };
  }

  #executorDistributions(quantiles: readonly number[]): object {
    const summaries = [...this.executors.values()].map((summary) => summary.toJson());
    const by = (name: string): number[] =>
      atQuantiles(
        summaries.map((summary) => numberOf(summary[name])),
        quantiles,
      );
    const names = [
      'taskTime',
      'failedTasks',
      'succeededTasks',
      'killedTasks',
      'inputBytes',
      'inputRecords',
      'outputBytes',
      'outputRecords',
      'shuffleRead',
      'shuffleReadRecords',
      'shuffleWrite',
      'shuffleWriteRecords',
      'memoryBytesSpilled',
      'diskBytesSpilled',
    ];
    const peaks = [...this.executors.values()].map((summary) => summary.peaks).filter((peak) => peak.isKnown);
    return {
      quantiles,
      ...Object.fromEntries(names.map((name) => [name, by(name)])),
      peakMemoryMetrics: peakDistributions(peaks, quantiles),
    };
  }
}
