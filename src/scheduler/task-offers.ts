import type { ExecutorTable } from './executor-table.ts';
import { Locality } from './locality.ts';
import type { ExecutorState, RunningTask } from './running-task.ts';
import type { TaskSetManager } from './task-set-manager.ts';

/** A set with fewer tasks than this part of the offers is helped to find those near its data. */
const FEW = 4;

/** What becomes of an offer. */
export interface OfferTarget {
  /** The task holds its cores from now on. */
  launch(task: RunningTask): void;
  nextTaskId(): number;
  wakeForLocality(at: number): void;
}

/**
 * One round of offers: brings free cores to the task sets in their order, and each set first to the places that are
 * nearest to its data.
 *
 * Executors may take tasks beyond their cores. Those are given out only when no executor that is offered has a core
 * free, so that work spreads before it queues.
 *
 * Spark: TaskSchedulerImpl.resourceOffers
 */
export class TaskOffers {
  readonly #cpusPerTask: number;
  readonly #executors: ExecutorTable;
  readonly #target: OfferTarget;
  #roundNumber = 0;
  /** The set that was asked last did not want a place that it may use. */
  #refused = false;
  /** Executors of the round that can take another task. */
  #withRoom = 0;

  constructor(cpusPerTask: number, executors: ExecutorTable, target: OfferTarget) {
    this.#cpusPerTask = cpusPerTask;
    this.#executors = executors;
    this.#target = target;
  }

  /**
   * @param offers executors with room, in the order in which they are to be preferred.
   * @param full all executors that are free are among them.
   * @returns the sets that got something, some of them twice.
   */
  make(
    sets: readonly TaskSetManager[],
    offers: readonly ExecutorState[],
    full: boolean,
    at: number,
  ): readonly TaskSetManager[] {
    const launched: TaskSetManager[] = [];
    this.#roundNumber++;
    for (const executor of offers) executor.offeredIn = this.#roundNumber;
    this.#round(sets, offers, false, full, at, launched);
    this.#round(sets, offers, true, full, at, launched);
    return launched;
  }

  /** Offers the executors to one set after the other, until no core, or with `useQueue` no place, is left. */
  #round(
    sets: readonly TaskSetManager[],
    offers: readonly ExecutorState[],
    useQueue: boolean,
    full: boolean,
    at: number,
    launched: TaskSetManager[],
  ): void {
    this.#withRoom = 0;
    for (const executor of offers) if (this.hasRoom(executor, useQueue)) this.#withRoom++;
    for (const manager of sets) {
      if (this.#withRoom === 0) return;
      if (this.#offer(manager, offers, useQueue, full, at)) launched.push(manager);
    }
  }

  hasRoom(executor: ExecutorState, useQueue: boolean): boolean {
    return executor.freeCores + (useQueue ? executor.queue : 0) >= this.#cpusPerTask;
  }

  /** Spark: TaskSchedulerImpl.resourceOfferSingleTaskSet */
  #offer(
    manager: TaskSetManager,
    offers: readonly ExecutorState[],
    useQueue: boolean,
    full: boolean,
    at: number,
  ): boolean {
    let best: Locality | null = null;
    let rejected = false;
    /** The farthest level at which nothing more is to be had. */
    let exhausted = -1;
    this.#refused = false;
    for (const level of manager.levels) {
      if (manager.pendingCount === 0 || this.#withRoom === 0) break;
      // Held back by its timer, the set would be asked for the same again.
      const allowed = manager.allowedLevel(level, at);
      const repeats = allowed <= exhausted;
      if (!repeats) {
        const near = level <= Locality.NODE_LOCAL && manager.pendingCount * FEW < offers.length;
        const found = this.#offerAt(level, manager, near ? this.#nearOffers(manager) : offers, useQueue, at);
        if (found !== null && (best === null || found < best)) best = found;
        exhausted = allowed;
      }
      const waits = manager.pendingCount > 0 && this.#withRoom > 0;
      rejected ||= level === Locality.ANY && waits && (repeats || this.#refused);
    }
    if (rejected) {
      manager.noRejectsSinceReset = false;
      // It was asked just now, so what it says lies ahead.
      const next = manager.nextLocalityAt();
      if (next !== null) this.#target.wakeForLocality(next);
    } else if (best !== null && (full || manager.noRejectsSinceReset)) {
      manager.resetLocalityTimer(at, best);
      manager.noRejectsSinceReset = true;
    }
    return best !== null;
  }

  /**
   * At most one task an executor and pass, so that tasks spread, until nobody takes one.
   *
   * @returns the nearest level at which a task was launched, null when none was.
   */
  #offerAt(
    level: Locality,
    manager: TaskSetManager,
    offers: readonly ExecutorState[],
    useQueue: boolean,
    at: number,
  ): Locality | null {
    const excludes = manager.excluded?.excludesAny === true;
    let best: Locality | null = null;
    let launched: boolean;
    do {
      launched = false;
      for (const executor of offers) {
        if (manager.pendingCount === 0) break;
        if (!this.hasRoom(executor, useQueue) || (excludes && manager.isExcludedFrom(executor))) continue;
        const task = manager.take(executor, level, at, this.#target.nextTaskId());
        if (task === null) {
          this.#refused = true;
          continue;
        }
        launched = true;
        if (best === null || manager.takenAt < best) best = manager.takenAt;
        this.#target.launch(task);
        if (!this.hasRoom(executor, useQueue)) this.#withRoom--;
      }
    } while (launched && manager.pendingCount > 0 && this.#withRoom > 0);
    return best;
  }

  /** Those of the round that some waiting task prefers: a few tasks need not ask a large cluster one by one. */
  #nearOffers(manager: TaskSetManager): ExecutorState[] {
    const near = new Set<ExecutorState>();
    manager.forEachPlace(({ host }) => {
      for (const executor of this.#executors.onHost(host))
        if (executor.offeredIn === this.#roundNumber) near.add(executor);
    });
    return [...near];
  }
}

/**
 * A task of the set that cannot run on any executor there is, -1 when the one that was looked at can. Only one is looked
 * at, one that has failed if there is such: others will be when it is their turn.
 *
 * Spark: TaskSetManager.getCompletelyExcludedTaskIfAny
 */
export function taskWithoutPlace(
  manager: TaskSetManager,
  executors: ExecutorTable,
  isExcluded: (executor: ExecutorState) => boolean,
): number {
  const index = manager.somePending;
  const { excluded } = manager;
  if (index < 0 || excluded === null) return -1;
  let any = false;
  for (const executor of executors.all()) {
    any = true;
    if (isExcluded(executor) || manager.isExcludedFrom(executor)) continue;
    if (!excluded.isExcludedForTask(index, executor.id, executor.host)) return -1;
  }
  return any ? index : -1;
}
