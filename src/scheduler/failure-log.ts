import { describeFailure, type TaskFailedReason } from '../protocol/task-end-reason.ts';
import type { RunningTask } from './running-task.ts';
import { taskSetName } from './task-set.ts';

/** Distinct errors remembered; a job that fails in more ways than this is logged in full again. */
const MAX_REMEMBERED = 200;

/**
 * Keeps a task set that fails a thousand times in the same way from logging a thousand stacks: the same error is shown
 * in full at most once per interval, in between in one line with a count.
 *
 * Spark: TaskSetManager.recentExceptions
 */
export class FailureLog {
  readonly #intervalMs: number;
  readonly #seen = new Map<string, { count: number; shownAt: number }>();

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** @param isLast the stage is given up with it, whose error says all of this again. */
  line(
    task: RunningTask,
    reason: TaskFailedReason,
    isLast: boolean,
    at: number,
  ): { readonly level: 'info' | 'warn'; readonly text: string } {
    const lost = lostTask(task);
    const full = describeFailure(reason);
    const known = this.#seen.get(full);
    if (known !== undefined && at - known.shownAt < this.#intervalMs) {
      known.count++;
      return { level: 'info', text: `${lost}: ${briefly(reason)} [duplicate ${known.count}]` };
    }
    if (this.#seen.size >= MAX_REMEMBERED) this.#seen.clear();
    this.#seen.set(full, { count: 0, shownAt: at });
    const notCounted =
      reason.kind === 'ExecutorLostFailure' && !reason.exitCausedByApp
        ? '. Not counting this failure towards the maximum number of failures for the task.'
        : '';
    return { level: isLast || notCounted !== '' ? 'info' : 'warn', text: `${lost}: ${full}${notCounted}` };
  }
}

/** `Lost task 1.0 in stage 0.0 (TID 1) (host executor 3)` */
export function lostTask({ info, manager }: RunningTask): string {
  const where = `${info.host} executor ${info.executorId}`;
  return `Lost task ${info.index}.${info.attemptNumber} in stage ${taskSetName(manager.taskSet)} (TID ${info.taskId}) (${where})`;
}

function briefly(reason: TaskFailedReason): string {
  return reason.kind === 'ExceptionFailure' ? `${reason.error.name} (${reason.error.message})` : reason.kind;
}
