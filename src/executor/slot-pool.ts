import { errorToData } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { TaskId } from '../protocol/ids.ts';
import type { StageProgram } from '../protocol/stage-program.ts';
import type { TaskDescription } from '../protocol/task.ts';
import type { TaskFailedReason } from '../protocol/task-end-reason.ts';
import type { MemoryWatch } from './memory-watch.ts';
import type { SlotHandle, UnsentTask } from './slot-handle.ts';
import { slotWithFewestTasks, takeFromBusiest } from './task-sharing.ts';

/** Tasks a slot gets of those that wait here, its running one included; others may get free before. */
const TASKS_AT_HAND = 2;

export interface SlotPoolOptions {
  /** Slots at most. */
  readonly cores: number;
  readonly start: (index: number) => SlotHandle;
  readonly memory: Pick<MemoryWatch, 'wake' | 'forget'>;
  /** A task that no slot begins. */
  readonly onFailed: (taskId: TaskId, reason: TaskFailedReason) => void;
  readonly log: Logger;
}

/**
 * The slots of an executor, and which of them gets which task: an idle one, best one that knows the task's program; else one
 * at work gets it ahead, and another one that is free first takes it from there. Slots get what they were given in handOut(),
 * in one message each.
 */
export class SlotPool {
  readonly #options: SlotPoolOptions;
  readonly #slots = new Set<SlotHandle>();
  readonly #idle: SlotHandle[] = [];
  /** Tasks that no slot has room for. */
  readonly #waiting: TaskDescription[] = [];
  readonly #programs = new Map<string, StageProgram>();
  /** Slots without a task that are not idle yet: the driver may have more for them. */
  readonly #emptied = new Set<SlotHandle>();
  #nextSlot = 0;

  constructor(options: SlotPoolOptions) {
    this.#options = options;
  }

  get slots(): ReadonlySet<SlotHandle> {
    return this.#slots;
  }

  get isIdle(): boolean {
    return this.#waiting.length === 0 && [...this.#slots].every((slot) => slot.running === null);
  }

  /** Starts a slot before the first task needs it: threads take 20 ms, which then overlap with the driver's own start. */
  warmUp(): void {
    if (this.#slots.size === 0) this.#idle.push(this.#newSlot());
  }

  learn(program: StageProgram): void {
    this.#programs.set(program.key, program);
  }

  program(programKey: string): StageProgram | undefined {
    return this.#programs.get(programKey);
  }

  forget(programKey: string): void {
    this.#programs.delete(programKey);
    for (const slot of this.#slots) slot.forget(programKey);
  }

  launch(task: TaskDescription): void {
    const slot = this.#freeSlot(task.programKey);
    if (slot !== null) {
      this.#run(slot, task);
      return;
    }
    // A thread needs some 100 ms to start, and short tasks are done by then: it takes what still waits when it is ready.
    if (this.#slots.size < this.#options.cores) this.#newSlot().ref();
    this.#sendAhead(task);
  }

  /** After a slot is gone: tasks must not wait for it. */
  launchWaiting(): void {
    for (const task of this.#waiting.splice(0)) this.launch(task);
  }

  /** Tasks that would wait for a slot that never comes. */
  giveUpWaiting(): TaskDescription[] {
    return this.#waiting.splice(0);
  }

  /** Gives slots whose tasks have all ended what waits longest, and sends to all what they were given. */
  handOut(): void {
    for (const slot of this.#emptied) this.#becameFree(slot);
    this.#emptied.clear();
    for (const slot of this.#slots) this.#unsent(slot, slot.flush());
  }

  /** @returns false when a slot has begun the task, or none has it. */
  takeBack(taskId: TaskId): boolean {
    const at = this.#waiting.findIndex((task) => task.taskId === taskId);
    if (at >= 0) {
      this.#waiting.splice(at, 1);
      return true;
    }
    const slot = this.holderOf(taskId);
    if (slot?.tasks.takeBack(taskId) !== true) return false;
    this.noteIfEmpty(slot);
    return true;
  }

  holderOf(taskId: TaskId): SlotHandle | undefined {
    for (const slot of this.#slots) if (slot.tasks.has(taskId)) return slot;
    return undefined;
  }

  /** What the slot has not begun waits here again. */
  takeBackUnbegun({ tasks }: SlotHandle): void {
    this.#waiting.unshift(...tasks.takeBackLast(tasks.size));
  }

  ended(slot: SlotHandle, taskId: TaskId): void {
    slot.tasks.remove(taskId);
    // A slot that has just died tells the last of it.
    while (this.#waiting.length > 0 && this.#slots.has(slot) && slot.tasks.size < TASKS_AT_HAND)
      this.#give(slot, this.#waiting.shift() as TaskDescription);
    this.noteIfEmpty(slot);
  }

  noteIfEmpty(slot: SlotHandle): void {
    if (slot.tasks.size === 0 && this.#slots.has(slot)) this.#emptied.add(slot);
  }

  /** The slot is gone, or is about to be ended; its tasks are the caller's affair. */
  remove(slot: SlotHandle): void {
    this.#slots.delete(slot);
    this.#options.memory.forget(slot);
    const at = this.#idle.indexOf(slot);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  async stop(): Promise<void> {
    this.#waiting.length = 0;
    const slots = [...this.#slots];
    this.#slots.clear();
    this.#idle.length = 0;
    await Promise.all(slots.map((slot) => slot.terminate()));
  }

  #newSlot(): SlotHandle {
    const slot = this.#options.start(this.#nextSlot++);
    this.#slots.add(slot);
    return slot;
  }

  /** An idle slot, best one that has the program. */
  #freeSlot(programKey: string): SlotHandle | null {
    const idle = this.#idle;
    for (let i = idle.length - 1; i >= 0; i--) {
      const slot = idle[i] as SlotHandle;
      if (slot.knows(programKey)) {
        idle.splice(i, 1);
        return slot;
      }
    }
    return idle.pop() ?? null;
  }

  /** No slot is idle: the one with the fewest tasks gets it as its last, or it waits here. */
  #sendAhead(task: TaskDescription): void {
    const slot = slotWithFewestTasks(this.#slots, (empty) => this.#emptied.has(empty));
    if (slot === null) this.#waiting.push(task);
    else this.#give(slot, task);
  }

  #run(slot: SlotHandle, task: TaskDescription): void {
    slot.ref();
    this.#options.memory.wake();
    this.#give(slot, task);
  }

  #give(slot: SlotHandle, task: TaskDescription): void {
    const program = this.#programs.get(task.programKey);
    if (program !== undefined) {
      this.#unsent(slot, slot.give(task, program));
      return;
    }
    // Its stage was given up between launch and now.
    this.#options.onFailed(task.taskId, { kind: 'TaskKilled', reason: 'stage is over' });
    this.noteIfEmpty(slot);
  }

  #unsent(slot: SlotHandle, tasks: readonly UnsentTask[]): void {
    for (const { task, error } of tasks) {
      this.#options.log.error('a task could not be sent to its slot', { task: task.name, error: String(error) });
      this.#options.onFailed(task.taskId, { kind: 'ExceptionFailure', error: errorToData(error), retriable: false });
      this.noteIfEmpty(slot);
    }
  }

  /** A slot without a task takes what waits longest: here, or behind the tasks of another slot. */
  #becameFree(slot: SlotHandle): void {
    if (slot.tasks.size > 0 || !this.#slots.has(slot) || this.#idle.includes(slot)) return;
    const next = this.#waiting.splice(0, TASKS_AT_HAND);
    for (const task of next.length > 0 ? next : takeFromBusiest(this.#slots)) this.#run(slot, task);
    if (slot.tasks.size > 0) return;
    slot.unref();
    this.#idle.push(slot);
  }
}
