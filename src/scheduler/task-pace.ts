/** Below that a slot that waits for its next task loses more than it works. */
const SHORT_MS = 0.5;
/** Weight of the task that ended last; six tasks that take no time show that a set's tasks are short. */
const WEIGHT = 1 / 8;
/** Longer ones count like this: one of them alone shows that they are not. */
const LONGEST_MS = 8;

/** How long the tasks of a set take, as the last of them that ended did. */
export class TaskPace {
  #averageMs = 1;

  /** @param runMs whole milliseconds; of many short tasks some show one. */
  ended(runMs: number): void {
    this.#averageMs += (Math.min(runMs, LONGEST_MS) - this.#averageMs) * WEIGHT;
  }

  /** Many of them may be sent ahead: whatever else wants the slot does not wait long. */
  get isShort(): boolean {
    return this.#averageMs < SHORT_MS;
  }
}
