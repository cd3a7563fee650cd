import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { IskraError } from '../base/errors.ts';
import type { AheadCell, AskExecutor, SlotAnswer, SlotAsk } from '../protocol/executor-slot.ts';

/** A task was told to end. Not an error of the user: it is reported as TaskKilled. */
export class TaskKilledError extends IskraError {
  override readonly name = 'TaskKilledError';
  constructor(taskId: number) {
    super('TASK_KILLED', `task ${taskId} was killed`);
  }
}

const ANSWER = 0;
const KILLED = 1;
const AHEAD = 2;
/** How long a slot waits for its executor before it looks again whether its task was killed. */
const WAIT_SLICE_MS = 1000;

/**
 * A slot's line to its executor's main thread: questions that block the slot until the answer is there (some 60 µs), and
 * the flag by which a running task learns that it was killed.
 */
export class ExecutorLink {
  readonly #port: MessagePort;
  readonly #flags: Int32Array;

  constructor(port: MessagePort, flags: SharedArrayBuffer) {
    this.#port = port;
    this.#flags = new Int32Array(flags);
  }

  ask<K extends keyof AskExecutor>(name: K, request: AskExecutor[K][0]): AskExecutor[K][1] {
    Atomics.store(this.#flags, ANSWER, 0);
    this.#port.postMessage({ name, request } satisfies SlotAsk);
    // No time limit: the executor answers from tables, and when it ends it ends its slots.
    while (Atomics.wait(this.#flags, ANSWER, 0, WAIT_SLICE_MS) === 'timed-out');
    const answer = receiveMessageOnPort(this.#port)?.message as SlotAnswer | undefined;
    if (answer === undefined) throw new IskraError('NO_ANSWER', `the executor gave no answer to ${name}`);
    if (!answer.ok) throw new IskraError('ASK_FAILED', `${name}: ${answer.message}`);
    return answer.reply as AskExecutor[K][1];
  }

  isKilled(taskId: number): boolean {
    return Atomics.load(this.#flags, KILLED) === taskId + 1;
  }

  /** Before a task that was sent ahead begins: false when the executor has taken it back. */
  claim(taskId: number, cell: AheadCell): boolean {
    return Atomics.compareExchange(this.#flags, AHEAD + cell, taskId + 1, 0) === taskId + 1;
  }

  /** Called at batch edges. */
  throwIfKilled(taskId: number): void {
    if (Atomics.load(this.#flags, KILLED) === taskId + 1) throw new TaskKilledError(taskId);
  }
}

/** The executor's end of the flags. */
export const slotFlags = {
  make: (): SharedArrayBuffer => new SharedArrayBuffer(16),
  answer(flags: SharedArrayBuffer): void {
    const view = new Int32Array(flags);
    Atomics.store(view, ANSWER, 1);
    Atomics.notify(view, ANSWER);
  },
  sendAhead(flags: SharedArrayBuffer, taskId: number, cell: AheadCell): void {
    Atomics.store(new Int32Array(flags), AHEAD + cell, taskId + 1);
  },
  /** True: the slot has not begun the task that was sent ahead, and will not. */
  takeBack(flags: SharedArrayBuffer, taskId: number, cell: AheadCell): boolean {
    return Atomics.compareExchange(new Int32Array(flags), AHEAD + cell, taskId + 1, 0) === taskId + 1;
  },
  kill(flags: SharedArrayBuffer, taskId: number): void {
    Atomics.store(new Int32Array(flags), KILLED, taskId + 1);
  },
};
