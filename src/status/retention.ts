// How much is kept of an application. Spark: AppStatusListener.cleanupJobs, cleanupStages, cleanupTasks
import type { LiveJob } from './live-job.ts';
import type { LiveStage } from './live-stage.ts';
import type { LiveTask } from './live-task.ts';

export interface Retention {
  /** spark.ui.retainedJobs */
  readonly jobs: number;
  /** spark.ui.retainedStages */
  readonly stages: number;
  /** spark.ui.retainedTasks, a stage */
  readonly tasks: number;
  /** Of all stages that are over, for who has other things to keep as well. Absent: as many as there are. */
  readonly tasksOfOverStages?: number;
  /** spark.ui.retainedDeadExecutors */
  readonly deadExecutors: number;
}

/** A tenth at a time, so that not every event has to clean up. Spark: calculateNumberToRemove */
export function numberToRemove(size: number, retained: number): number {
  return size > retained ? Math.min(size, Math.max(Math.floor(retained / 10), size - retained)) : 0;
}

/** Those that are over, the first to end first. */
export function keepJobs(jobs: Map<number, LiveJob>, retained: number): void {
  const excess = numberToRemove(jobs.size, retained);
  if (excess === 0) return;
  const over = [...jobs.values()].filter(({ status }) => status !== 'RUNNING' && status !== 'UNKNOWN');
  over.sort((a, b) => (a.completionTime ?? 0) - (b.completionTime ?? 0));
  for (const { jobId } of over.slice(0, excess)) jobs.delete(jobId);
}

/** @returns those that went. */
export function keepStages(stages: Map<string, LiveStage>, retained: number): LiveStage[] {
  const excess = numberToRemove(stages.size, retained);
  if (excess === 0) return [];
  const over = [...stages.values()].filter(({ status }) => status !== 'ACTIVE' && status !== 'PENDING');
  over.sort((a, b) => (a.completionTime ?? 0) - (b.completionTime ?? 0));
  const gone = over.slice(0, excess);
  for (const { stageId, attemptId } of gone) stages.delete(`${stageId}.${attemptId}`);
  return gone;
}

/** Of a stage: those that have ended, the oldest first; when too few have, the oldest of all. */
export function keepTasks(tasks: Map<number, LiveTask>, retained: number): void {
  let excess = numberToRemove(tasks.size, retained);
  if (excess === 0) return;
  for (const onlyFinished of [true, false])
    for (const [taskId, task] of tasks) {
      if (excess === 0) return;
      if (onlyFinished && !task.isFinished) continue;
      tasks.delete(taskId);
      excess--;
    }
}

/** Those of stages that are over, the last to end first: the others keep their sums. @returns stages whose tasks are too many. */
export function stagesWithoutTasks(stages: Iterable<LiveStage>, retained: number): LiveStage[] {
  const over = [...stages].filter(({ status, tasks }) => tasks.size > 0 && status !== 'ACTIVE' && status !== 'PENDING');
  let left = retained;
  for (const { tasks } of over) left -= tasks.size;
  if (left >= 0) return [];
  over.sort((a, b) => (a.completionTime ?? 0) - (b.completionTime ?? 0));
  return over.filter(({ tasks }) => {
    const isTooMuch = left < 0;
    left += tasks.size;
    return isTooMuch;
  });
}
