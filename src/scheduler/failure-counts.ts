import type { TaskFailedReason } from '../protocol/task-end-reason.ts';

/** A thread that dies takes its task along; even `local`, where exceptions are not retried, tries such a task again. */
const MIN_SLOT_LOSSES = 4;

/** How often the tasks of one task set have failed: of the few that have failed at all. */
export class FailureCounts {
  readonly #maxFailures: number;
  readonly #failures = new Map<number, number>();
  readonly #slotLosses = new Map<number, number>();

  constructor(maxFailures: number) {
    this.#maxFailures = maxFailures;
  }

  /** @returns how often the task has failed in this way if that is once too often, else 0. */
  count(index: number, reason: TaskFailedReason): number {
    if (!countsAsFailure(reason)) return 0;
    const isSlot = reason.kind === 'SlotLost';
    const counts = isSlot ? this.#slotLosses : this.#failures;
    const times = (counts.get(index) ?? 0) + 1;
    counts.set(index, times);
    return times >= (isSlot ? Math.max(this.#maxFailures, MIN_SLOT_LOSSES) : this.#maxFailures) ? times : 0;
  }

  /** The task has succeeded: should it have to run again, it starts from zero. */
  forget(index: number): void {
    if (this.#failures.size > 0) this.#failures.delete(index);
    if (this.#slotLosses.size > 0) this.#slotLosses.delete(index);
  }
}

/** Whether it is the task's (or its executor's) fault. Spark: TaskFailedReason.countTowardsTaskFailures */
export function countsAsFailure(reason: TaskFailedReason): boolean {
  switch (reason.kind) {
    case 'ExceptionFailure':
    case 'TaskResultLost':
    case 'SlotLost':
      return true;
    case 'ExecutorLostFailure':
      return reason.exitCausedByApp;
    case 'FetchFailed':
    case 'TaskKilled':
    case 'TaskCommitDenied':
    case 'Resubmitted':
      return false;
  }
}
