import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { TaskId } from '../protocol/ids.ts';
import type { SlotHandle } from './slot-handle.ts';
import type { SlotPool } from './slot-pool.ts';

export interface TaskKillerOptions {
  readonly pool: SlotPool;
  /** How long a killed task may go on before its slot is ended, ms. */
  readonly graceMs: number;
  readonly clock: Clock;
  /** The task ends without having been heard of. */
  readonly onKilled: (taskId: TaskId, reason: string) => void;
  /** Takes what the slot has told and nobody has read. */
  readonly catchUp: (slot: SlotHandle) => void;
  /** Does what happens when time is up, together with all that follows from it. */
  readonly together: (work: () => void) => void;
  readonly log: Logger;
}

/** Ends tasks that are not wanted any more: those that run are told, and lose their slot if they do not listen. */
export class TaskKiller {
  readonly #options: TaskKillerOptions;
  /** Tasks that were told to end, and have not. */
  readonly #told = new Map<TaskId, { readonly reason: string; readonly cancelTimer: () => void }>();

  constructor(options: TaskKillerOptions) {
    this.#options = options;
  }

  kill(taskId: TaskId, reason: string): void {
    const { pool, onKilled } = this.#options;
    if (pool.takeBack(taskId)) {
      onKilled(taskId, reason);
      return;
    }
    const slot = pool.holderOf(taskId);
    if (slot === undefined || this.#told.has(taskId)) return;
    slot.kill(taskId);
    this.#giveGrace(slot, taskId, reason);
  }

  /** A task has ended. @returns why it was killed, if it was. */
  ended(taskId: TaskId): string | undefined {
    const told = this.#told.get(taskId);
    told?.cancelTimer();
    this.#told.delete(taskId);
    return told?.reason;
  }

  close(): void {
    for (const { cancelTimer } of this.#told.values()) cancelTimer();
    this.#told.clear();
  }

  #giveGrace(slot: SlotHandle, taskId: TaskId, reason: string): void {
    const { clock, graceMs, together } = this.#options;
    const cancelTimer = clock.after(graceMs, () => together(() => this.#endStubborn(slot, taskId, reason)));
    this.#told.set(taskId, { reason, cancelTimer });
  }

  /** The task looks at its flag between batches; user code that never comes back is ended with its thread. */
  #endStubborn(slot: SlotHandle, taskId: TaskId, reason: string): void {
    const { pool, graceMs, onKilled, catchUp, log } = this.#options;
    const { tasks } = slot;
    catchUp(slot);
    if (!tasks.has(taskId)) {
      this.#told.delete(taskId);
      return;
    }
    pool.takeBackUnbegun(slot);
    if (tasks.size > 1) {
      // It has begun its next task, so those before have ended: the messages that say so are under way.
      if (tasks.running?.taskId !== taskId) this.#giveGrace(slot, taskId, reason);
      return;
    }
    this.#told.delete(taskId);
    log.warn(`${tasks.running?.name} did not end within ${graceMs} ms of being killed; its slot is replaced`);
    pool.remove(slot);
    tasks.giveUp();
    void slot.terminate();
    pool.launchWaiting();
    onKilled(taskId, reason);
  }
}
