import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { EpochMs } from '../base/clock.ts';
import { IskraError } from '../base/errors.ts';
import type { AheadCell, AskExecutor, FromSlot, SlotAnswer, SlotAsk } from '../protocol/executor-slot.ts';
import type { TaskMetrics } from '../protocol/task-metrics.ts';
import { PROGRESS_BYTES, readProgress, SlotProgress } from './slot-progress.ts';

/** A task was told to end. Not an error of the user: it is reported as TaskKilled. */
export class TaskKilledError extends IskraError {
  override readonly name = 'TaskKilledError';
  constructor(taskId: number) {
    super('TASK_KILLED', `task ${taskId} was killed`);
  }
}

const ANSWER = 0;
const KILLED = 1;
const SPILL = 4;
const TELL = 5;
const AHEAD = 6;
/** Tasks that a slot may have beside the one it was given without a cell. */
export const AHEAD_CELLS = 32;
/** Bytes of the flags; the slot's progress follows. */
const FLAGS_BYTES: number = (AHEAD + AHEAD_CELLS) * 4;
/** How long a slot waits for its executor before it looks again whether its task was killed. */
const WAIT_SLICE_MS = 1000;

/**
 * A slot's line to its executor's main thread: questions that block the slot until the answer is there (some 60 µs), others
 * whose answer comes as a message, and the flag by which a running task learns that it was killed.
 */
export class ExecutorLink {
  readonly #port: MessagePort;
  readonly #flags: Int32Array;
  readonly #send: (message: FromSlot) => void;
  readonly #pending = new Map<number, { resolve: (reply: unknown) => void; reject: (error: Error) => void }>();
  readonly #onKilled = new Set<(taskId: number) => void>();
  #nextAsk = 0;
  /** Called at batch edges. */
  readonly #atBatchEdge: () => void;
  /** Shown to the executor as it is at batch edges. */
  readonly progress: SlotProgress;

  constructor(
    port: MessagePort,
    flags: SharedArrayBuffer,
    send: (message: FromSlot) => void,
    atBatchEdge: () => void = () => {},
  ) {
    this.#port = port;
    this.#flags = new Int32Array(flags, 0, FLAGS_BYTES / 4);
    this.progress = new SlotProgress(flags, FLAGS_BYTES);
    this.#send = send;
    this.#atBatchEdge = atBatchEdge;
  }

  ask<K extends keyof AskExecutor>(name: K, request: AskExecutor[K][0]): AskExecutor[K][1] {
    Atomics.store(this.#flags, ANSWER, 0);
    this.#port.postMessage({ name, request } satisfies SlotAsk);
    // No time limit: the executor has one for what it must ask others, and when it ends it ends its slots.
    // Being woken says nothing: the executor notifies after it has stored, and by then we may wait for its next answer.
    while (Atomics.load(this.#flags, ANSWER) === 0) Atomics.wait(this.#flags, ANSWER, 0, WAIT_SLICE_MS);
    const answer = receiveMessageOnPort(this.#port)?.message as SlotAnswer | undefined;
    if (answer === undefined) throw new IskraError('NO_ANSWER', `the executor gave no answer to ${name}`);
    if (answer.ok === 'killed') throw new TaskKilledError(Atomics.load(this.#flags, KILLED) - 1);
    if (!answer.ok) throw new IskraError('ASK_FAILED', `${name}: ${answer.message}`);
    return answer.reply as AskExecutor[K][1];
  }

  /** For tasks that await: the thread goes on meanwhile. */
  askLater<K extends keyof AskExecutor>(name: K, request: AskExecutor[K][0]): Promise<AskExecutor[K][1]> {
    const askId = this.#nextAsk++;
    return new Promise((resolve, reject) => {
      this.#pending.set(askId, { resolve: resolve as (reply: unknown) => void, reject });
      this.#send({ type: 'AskLater', askId, name, request });
    });
  }

  answered(askId: number, answer: SlotAnswer): void {
    const asked = this.#pending.get(askId);
    this.#pending.delete(askId);
    if (answer.ok === true) asked?.resolve(answer.reply);
    // Whoever awaits learns of the task's death by onKilled.
    else asked?.reject(new IskraError('ASK_FAILED', answer.ok === false ? answer.message : 'the task was killed'));
  }

  /** Calls `listener` with each task that is killed while the thread is not busy; the returned function ends that. */
  onKilled(listener: (taskId: number) => void): () => void {
    this.#onKilled.add(listener);
    return () => this.#onKilled.delete(listener);
  }

  taskKilled(taskId: number): void {
    for (const listener of this.#onKilled) listener(taskId);
  }

  isKilled(taskId: number): boolean {
    return Atomics.load(this.#flags, KILLED) === taskId + 1;
  }

  /** Before a task that was sent ahead begins: false when the executor has taken it back. */
  claim(taskId: number, cell: AheadCell): boolean {
    return Atomics.compareExchange(this.#flags, AHEAD + cell, taskId + 1, 0) === taskId + 1;
  }

  /** True once for each time that the executor asked its tasks to spill. */
  takeSpillRequest(): boolean {
    return Atomics.load(this.#flags, SPILL) === 1 && Atomics.exchange(this.#flags, SPILL, 0) === 1;
  }

  /** True once for each time that the executor asked what the task has added so far. */
  takeTellRequest(): boolean {
    return Atomics.load(this.#flags, TELL) === 1 && Atomics.exchange(this.#flags, TELL, 0) === 1;
  }

  /** Called at batch edges. */
  throwIfKilled(taskId: number): void {
    if (Atomics.load(this.#flags, KILLED) === taskId + 1) throw new TaskKilledError(taskId);
    this.progress.show();
    this.#atBatchEdge();
  }
}

/** The executor's end of the flags. */
export const slotFlags = {
  make: (): SharedArrayBuffer => new SharedArrayBuffer(FLAGS_BYTES + PROGRESS_BYTES),
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
  isKilled(flags: SharedArrayBuffer, taskId: number): boolean {
    return Atomics.load(new Int32Array(flags), KILLED) === taskId + 1;
  },
  /** What the running task has measured so far; null when it is not at work, or between two tasks. */
  progressOf(flags: SharedArrayBuffer, taskId: number, at: EpochMs): TaskMetrics | null {
    return readProgress(flags, FLAGS_BYTES, taskId, at);
  },
  askToSpill(flags: SharedArrayBuffer): void {
    Atomics.store(new Int32Array(flags), SPILL, 1);
  },
  askToTell(flags: SharedArrayBuffer): void {
    Atomics.store(new Int32Array(flags), TELL, 1);
  },
  kill(flags: SharedArrayBuffer, taskId: number): void {
    Atomics.store(new Int32Array(flags), KILLED, taskId + 1);
  },
};
