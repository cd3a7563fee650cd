import { accumulableList } from './accumulables.ts';
import { dateText, ifKnown, type LoggedObject, numberOf, textOf } from './logged-values.ts';
import { type Metrics, metric, taskMetricsJson } from './task-metrics.ts';

/** One attempt of a task. Spark: LiveTask, TaskDataWrapper */
export class LiveTask {
  info: LoggedObject;
  readonly taskId: number;
  errorMessage: string | null = null;
  /** Null while nothing is known. */
  metrics: Metrics | null = null;
  isFinished = false;

  constructor(info: LoggedObject) {
    this.info = info;
    this.taskId = numberOf(info['Task ID'], -1);
  }

  get index(): number {
    return numberOf(this.info['Index']);
  }

  get attempt(): number {
    return numberOf(this.info['Attempt'], 1);
  }

  get launchTime(): number {
    return numberOf(this.info['Launch Time']);
  }

  get executorId(): string {
    return textOf(this.info['Executor ID']);
  }

  get host(): string {
    return textOf(this.info['Host']);
  }

  get locality(): string {
    return textOf(this.info['Locality'], 'ANY');
  }

  /** Spark: TaskInfo.status */
  get status(): string {
    if (!this.isFinished) return numberOf(this.info['Getting Result Time']) > 0 ? 'GET RESULT' : 'RUNNING';
    if (this.info['Failed'] === true) return 'FAILED';
    return this.info['Killed'] === true ? 'KILLED' : 'SUCCESS';
  }

  /** @param now for one that runs. */
  duration(now: number): number {
    const end = this.isFinished ? numberOf(this.info['Finish Time']) : now;
    return Math.max(0, end - this.launchTime);
  }

  gettingResultTime(now: number): number {
    const from = numberOf(this.info['Getting Result Time']);
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

  get accumulables(): LoggedObject[] {
    return accumulableList(this.info['Accumulables']);
  }

  /** @param executorLogs of its executor. Spark: TaskData */
  toJson(now: number, executorLogs: LoggedObject): object {
    const fetchStart = numberOf(this.info['Getting Result Time']);
    return {
      taskId: this.taskId,
      index: this.index,
      attempt: this.attempt,
      partitionId: numberOf(this.info['Partition ID'], -1),
      launchTime: dateText(this.launchTime),
      ...ifKnown('resultFetchStart', fetchStart > 0 ? fetchStart : null, dateText),
      duration: this.duration(now),
      executorId: this.executorId,
      host: this.host,
      status: this.status,
      taskLocality: this.locality,
      speculative: this.info['Speculative'] === true,
      accumulatorUpdates: this.accumulables,
      ...ifKnown('errorMessage', this.errorMessage),
      ...ifKnown('taskMetrics', this.metrics, taskMetricsJson),
      executorLogs,
      schedulerDelay: this.schedulerDelay(now),
      gettingResultTime: this.gettingResultTime(now),
    };
  }
}
