import type { SeededRandom } from '../base/seeded-random.ts';
import type { ExecutorTable } from './executor-table.ts';
import type { ExecutorState } from './running-task.ts';
import type { TaskSetManager } from './task-set-manager.ts';

/** A set with more tasks than this gets along without being helped to places near its data. */
const MANY_PENDING = 64;

/** Which executors the next round of offers is about: those where something changed, or all that have room. */
export class OfferQueue {
  readonly #executors: ExecutorTable;
  readonly #random: SeededRandom;
  /** Sets for which seek() has been called since the last offers. */
  readonly #seeking = new Set<TaskSetManager>();
  #changed: ExecutorState[] = [];
  #all = false;

  constructor(executors: ExecutorTable, random: SeededRandom) {
    this.#executors = executors;
    this.#random = random;
  }

  get isEmpty(): boolean {
    return !this.#all && this.#changed.length === 0;
  }

  /** All that have room are to be offered. */
  get isFull(): boolean {
    return this.#all;
  }

  addAll(): void {
    this.#all = true;
  }

  add(executor: ExecutorState): void {
    if (executor.isDirty) return;
    executor.isDirty = true;
    this.#changed.push(executor);
  }

  /**
   * The set has a few tasks more that want executors: some at random are offered, and those near the tasks' data. Should
   * that not serve them all executors are, but in a large cluster it mostly does.
   */
  seek(manager: TaskSetManager, tasks: number): void {
    const roomy = this.#executors.withRoom();
    const samples = tasks * 2 + 2;
    if (roomy.length <= samples * 2) {
      this.#all = true;
      return;
    }
    this.#seeking.add(manager);
    for (let i = 0; i < samples; i++) this.add(roomy[this.#random.nextInt(roomy.length)] as ExecutorState);
    if (manager.pendingCount > MANY_PENDING) return;
    manager.forEachPlace(({ host }) => {
      for (const executor of this.#executors.onHost(host)) if (executor.roomIndex >= 0) this.add(executor);
    });
  }

  /** After a round: whether the samples were not enough for a set that was seeking. Forgets those sets. */
  takeUnserved(): boolean {
    if (this.#seeking.size === 0) return false;
    let unserved = false;
    for (const manager of this.#seeking) unserved ||= manager.hasPending;
    this.#seeking.clear();
    return unserved && this.#executors.withRoom().length > 0;
  }

  /**
   * The executors of the round, emptying the queue; in random order, else small jobs would always land on the same few.
   *
   * @param isExcluded null: none is.
   */
  take(isExcluded: ((executor: ExecutorState) => boolean) | null): ExecutorState[] {
    const offers: ExecutorState[] = [];
    for (const executor of this.#all ? this.#executors.withRoom() : this.#changed) {
      if (executor.roomIndex < 0) continue; // not in that list: full, draining or gone
      if (isExcluded === null || !isExcluded(executor)) offers.push(executor);
    }
    this.clear();
    for (let i = offers.length - 1; i > 0; i--) {
      const j = this.#random.nextInt(i + 1);
      const swap = offers[i] as ExecutorState; // i and j are within bounds
      offers[i] = offers[j] as ExecutorState;
      offers[j] = swap;
    }
    return offers;
  }

  /** Nobody wants anything. */
  clear(): void {
    for (const executor of this.#changed) executor.isDirty = false;
    this.#changed = [];
    this.#all = false;
  }
}
