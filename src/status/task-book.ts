// The tasks of an application: each counts for its stage, the jobs of that, and its executor.
import type { LoggedEvent } from '../protocol/logged-event.ts';
import type { ExecutorBook } from './executor-book.ts';
import type { LiveExecutor } from './live-executor.ts';
import type { LiveJob } from './live-job.ts';
import type { ExecutorStageSummary, LiveStage } from './live-stage.ts';
import { LiveTask } from './live-task.ts';
import { listOf, numberOf, objectOf } from './logged-values.ts';
import { readTaskChange, readTaskEnd, readTaskFacts, type TaskEnd } from './read-task.ts';
import { keepTasks } from './retention.ts';
import type { StageBook } from './stage-book.ts';
import { metric, readMetrics, shuffleReadBytes } from './task-metrics.ts';

/** Part of AppStatusStore, which hears the events. */
export class TaskBook {
  readonly #running = new Map<number, { readonly task: LiveTask; readonly stage: LiveStage }>();
  readonly #stages: StageBook;
  readonly #executors: ExecutorBook;
  readonly #retained: number;

  /** @param retained of a stage. */
  constructor(retained: number, stages: StageBook, executors: ExecutorBook) {
    this.#retained = retained;
    this.#stages = stages;
    this.#executors = executors;
  }

  /** @returns when it was launched. */
  started(event: LoggedEvent): number {
    const task = new LiveTask(readTaskFacts(objectOf(event['Task Info'])));
    const executor = this.#executors.executor(task.executorId);
    if (executor !== undefined) {
      executor.activeTasks++;
      executor.totalTasks++;
    }
    const stage = this.#stageOf(event);
    if (stage === undefined) return task.launchTime;
    this.#running.set(task.taskId, { task, stage });
    stage.tasks.set(task.taskId, task);
    stage.activeTasks++;
    stage.firstLaunchTime = Math.min(stage.firstLaunchTime ?? task.launchTime, task.launchTime);
    for (const job of stage.jobs) job.activeTasks++;
    keepTasks(stage.tasks, this.#retained);
    return task.launchTime;
  }

  gettingResult(event: LoggedEvent): void {
    const info = objectOf(event['Task Info']);
    this.#running.get(numberOf(info['Task ID'], -1))?.task.update(readTaskChange(info));
  }

  /** Tasks that run, so far. Logs of Spark tell of them in a way of their own, which is passed over. */
  measured(event: LoggedEvent): void {
    for (const each of listOf(event['Metrics Updated']).map(objectOf)) {
      const running = this.#running.get(numberOf(each['Task ID'], -1));
      if (running === undefined || each['Task Metrics'] === undefined) continue;
      const { task, stage } = running;
      const metrics = readMetrics(objectOf(each['Task Metrics']));
      stage.addMetrics(stage.executor(task.executorId), metrics, task.metrics);
      task.metrics = metrics;
    }
  }

  /** @returns when. */
  ended(event: LoggedEvent): number {
    const info = objectOf(event['Task Info']);
    const end = readTaskEnd(event);
    const taskId = numberOf(info['Task ID'], -1);
    const running = this.#running.get(taskId);
    this.#running.delete(taskId);
    // One that was lost after it had ended is told of again.
    const task = running?.task ?? new LiveTask(readTaskFacts(info));
    task.update(readTaskChange(info));
    task.isFinished = true;
    task.errorMessage = end.error;
    const before = task.metrics;
    task.metrics = end.metrics;
    const duration = task.duration(0);
    const stage = this.#stageOf(event);
    if (stage !== undefined) {
      const summary = stage.executor(task.executorId);
      if (running !== undefined) stage.addMetrics(summary, end.metrics, before);
      stage.peaks.update(end.peaks);
      summary.peaks.update(end.peaks);
      summary.taskTime += duration;
      stage.activeTasks--;
      for (const job of stage.jobs) job.activeTasks--;
      count(end, stage, stage.jobs, summary, task.index);
    }
    const executor = this.#executors.executor(task.executorId);
    if (executor !== undefined && executor.removeTime === null) countFor(executor, end, duration);
    return task.launchTime + duration;
  }

  /** Nobody asks for them any more. */
  forget(stage: LiveStage): void {
    for (const taskId of stage.tasks.keys()) this.#running.delete(taskId);
  }

  #stageOf(event: LoggedEvent): LiveStage | undefined {
    return this.#stages.stage(numberOf(event['Stage ID'], -1), numberOf(event['Stage Attempt ID']));
  }
}

function count(
  { kind, killedFor: why }: TaskEnd,
  stage: LiveStage,
  jobs: readonly LiveJob[],
  summary: ExecutorStageSummary,
  index: number,
): void {
  switch (kind) {
    case 'completed':
      stage.completedTasks++;
      stage.completedIndices.add(index);
      summary.succeededTasks++;
      for (const job of jobs) job.taskCompleted(stage.stageId, index);
      return;
    case 'failed':
      stage.failedTasks++;
      summary.failedTasks++;
      for (const job of jobs) job.failedTasks++;
      return;
    case 'killed':
      for (const each of [stage, ...jobs]) {
        each.killedTasks++;
        each.killedSummary.set(why, (each.killedSummary.get(why) ?? 0) + 1);
      }
      summary.killedTasks++;
  }
}

function countFor(executor: LiveExecutor, { kind, metrics, peaks, isResubmitted }: TaskEnd, duration: number): void {
  executor.activeTasks--;
  if (kind === 'completed') executor.completedTasks++;
  else if (kind === 'failed') executor.failedTasks++;
  executor.totalDuration += duration;
  executor.peaks.update(peaks);
  // What was lost later counts where it was made.
  if (isResubmitted) return;
  executor.totalGcTime += metric(metrics, 'jvmGcTime');
  executor.totalInputBytes += metric(metrics, 'inputBytes');
  executor.totalShuffleRead += shuffleReadBytes(metrics);
  executor.totalShuffleWrite += metric(metrics, 'writeBytes');
}
