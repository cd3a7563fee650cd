import { dateText, ifKnown, type LoggedObject } from './logged-values.ts';
import type { TaskChange, TaskFacts } from './read-task.ts';
import { type Metrics, metric, taskMetricsJson } from './task-metrics.ts';

/** One attempt of a task: only what is asked for, since many are kept. Spark: LiveTask, TaskDataWrapper */
export class LiveTask implements TaskFacts {
  readonly taskId: number;
  readonly index: number;
  readonly attempt: number;
  readonly partition: number;
  readonly launchTime: number;
  readonly executorId: string;
  readonly host: string;
  readonly locality: string;
  readonly isSpeculative: boolean;
  errorMessage: string | null = null;
  /** Null while nothing is known. */
  metrics: Metrics | null = null;
  accumulables: readonly LoggedObject[] = [];
  isFinished = false;
  #gettingResultTime = 0;
  #finishTime = 0;
  #outcome: 'SUCCESS' | 'FAILED' | 'KILLED' = 'SUCCESS';

  constructor(facts: TaskFacts) {
    this.taskId = facts.taskId;
    this.index = facts.index;
    this.attempt = facts.attempt;
    this.partition = facts.partition;
    this.launchTime = facts.launchTime;
    this.executorId = facts.executorId;
    this.host = facts.host;
    this.locality = facts.locality;
    this.isSpeculative = facts.isSpeculative;
  }

  /** What may have changed since it began. */
  update({ gettingResultTime, finishTime, outcome, accumulables }: TaskChange): void {
    this.#gettingResultTime = gettingResultTime;
    this.#finishTime = finishTime;
    this.#outcome = outcome;
    if (accumulables.length > 0) this.accumulables = accumulables;
  }

  /** Spark: TaskInfo.status */
  get status(): string {
    if (!this.isFinished) return this.#gettingResultTime > 0 ? 'GET RESULT' : 'RUNNING';
    return this.#outcome;
  }

  /** @param now for one that runs. */
  duration(now: number): number {
    const end = this.isFinished ? this.#finishTime : now;
    return Math.max(0, end - this.launchTime);
  }

  gettingResultTime(now: number): number {
    const from = this.#gettingResultTime;
    return from > 0 ? Math.max(0, this.launchTime + this.duration(now) - from) : 0;
  }

  /** The rest of its time: on the way, waiting for a core. Spark: AppStatusUtils.schedulerDelay */
  schedulerDelay(now: number): number {
    if (this.metrics === null || !this.isFinished) return 0;
    const known = ['executorRunTime', 'executorDeserializeTime', 'resultSerializationTime'] as const;
    let delay = this.duration(now) - this.gettingResultTime(now);
    for (const name of known) delay -= metric(this.metrics, name);
    return Math.max(0, delay);
  }

  /** @param executorLogs of its executor. Spark: TaskData */
  toJson(now: number, executorLogs: LoggedObject): object {
    const fetchStart = this.#gettingResultTime;
    return {
      taskId: this.taskId,
      index: this.index,
      attempt: this.attempt,
      partitionId: this.partition,
      launchTime: dateText(this.launchTime),
      ...ifKnown('resultFetchStart', fetchStart > 0 ? fetchStart : null, dateText),
      duration: this.duration(now),
      executorId: this.executorId,
      host: this.host,
      status: this.status,
      taskLocality: this.locality,
      speculative: this.isSpeculative,
      accumulatorUpdates: this.accumulables,
      ...ifKnown('errorMessage', this.errorMessage),
      ...ifKnown('taskMetrics', this.metrics, taskMetricsJson),
      executorLogs,
      schedulerDelay: this.schedulerDelay(now),
      gettingResultTime: this.gettingResultTime(now),
    };
  }
}
