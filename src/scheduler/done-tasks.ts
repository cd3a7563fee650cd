import type { ExecutorId, TaskId } from '../protocol/ids.ts';

/**
 * Which map tasks of a set succeeded on which executor, for the day when it is lost. As index, task id, index, task id, …: a
 * million records would cost too much for what is rarely read.
 */
export class DoneTasks {
  readonly #byExecutor = new Map<ExecutorId, number[]>();

  add(executorId: ExecutorId, index: number, taskId: TaskId): void {
    const done = this.#byExecutor.get(executorId);
    if (done === undefined) this.#byExecutor.set(executorId, [index, taskId]);
    else done.push(index, taskId);
  }

  /** Calls `visit` with each task that succeeded there, and forgets them. */
  takeEach(executorId: ExecutorId, visit: (index: number, taskId: TaskId) => void): void {
    const done = this.#byExecutor.get(executorId);
    if (done === undefined) return;
    this.#byExecutor.delete(executorId);
    for (let i = 0; i < done.length; i += 2) visit(done[i] as number, done[i + 1] as number); // i + 1 is within bounds
  }
}
