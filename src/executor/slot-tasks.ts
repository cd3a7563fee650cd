import type { AheadCell } from '../protocol/executor-slot.ts';
import type { TaskId } from '../protocol/ids.ts';
import type { TaskDescription } from '../protocol/task.ts';
import { AHEAD_CELLS, slotFlags } from './executor-link.ts';

interface Given {
  readonly task: TaskDescription;
  /** Null: the slot had no other task and need not claim it. */
  readonly cell: AheadCell | null;
}

/**
 * The tasks that a slot has been given and whose end nobody has heard of, in the order in which it comes to them. It runs the first
 * and claims each of the others before it begins it; until then that task can be taken back.
 *
 * The slot may be further than what is known here: it claims the next task before the news of the last one's end is read. So a
 * task's cell goes to no other one before its end was heard, or a claim would be wiped out and the task be lost.
 */
export class SlotTasks {
  readonly #flags: SharedArrayBuffer;
  readonly #given: Given[] = [];
  readonly #freeCells: AheadCell[] = Array.from({ length: AHEAD_CELLS }, (_, i) => AHEAD_CELLS - 1 - i);

  constructor(flags: SharedArrayBuffer) {
    this.#flags = flags;
  }

  get size(): number {
    return this.#given.length;
  }

  /** The first: it runs, or has ended without our having heard. */
  get running(): TaskDescription | null {
    return this.#given[0]?.task ?? null;
  }

  get hasRoom(): boolean {
    return this.#freeCells.length > 0;
  }

  has(taskId: TaskId): boolean {
    return this.#given.some(({ task }) => task.taskId === taskId);
  }

  some(holds: (taskId: TaskId) => boolean): boolean {
    return this.#given.some(({ task }) => holds(task.taskId));
  }

  /** @returns where the slot claims it; only with `hasRoom`. */
  add(task: TaskDescription): AheadCell | null {
    const cell = this.#given.length === 0 ? null : (this.#freeCells.pop() as AheadCell);
    if (cell !== null) slotFlags.sendAhead(this.#flags, task.taskId, cell);
    this.#given.push({ task, cell });
    return cell;
  }

  /** The task has ended, or could not be sent. */
  remove(taskId: TaskId): void {
    const at = this.#given.findIndex(({ task }) => task.taskId === taskId);
    if (at < 0) return;
    const { cell } = this.#given[at] as Given;
    if (at === 0) this.#given.shift();
    else this.#given.splice(at, 1);
    if (cell === null) return;
    slotFlags.takeBack(this.#flags, taskId, cell); // if it was never sent nobody has claimed it
    this.#freeCells.push(cell);
  }

  /** False: the slot has begun it, or never had it. */
  takeBack(taskId: TaskId): boolean {
    const at = this.#given.findIndex(({ task }) => task.taskId === taskId);
    return at >= 0 && this.#takeBackAt(at) !== null;
  }

  /** Up to `most` of the tasks that the slot has not begun, those that it would come to last. In their order. */
  takeBackLast(most: number): TaskDescription[] {
    const taken: TaskDescription[] = [];
    for (let at = this.#given.length - 1; at >= 0 && taken.length < most; at--) {
      // None is skipped: one that was taken back and given again may have run in its old turn, before others.
      const task = this.#takeBackAt(at);
      if (task !== null) taken.push(task);
    }
    return taken.reverse();
  }

  /** What the slot has begun, now that it will tell nothing more. */
  giveUp(): TaskDescription[] {
    return this.#given.splice(0).map(({ task }) => task);
  }

  #takeBackAt(at: number): TaskDescription | null {
    const { task, cell } = this.#given[at] as Given; // callers are within bounds
    if (cell === null || !slotFlags.takeBack(this.#flags, task.taskId, cell)) return null;
    this.#given.splice(at, 1);
    this.#freeCells.push(cell);
    return task;
  }
}
