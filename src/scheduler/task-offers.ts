import type { ExecutorTable } from './executor-table.ts';
import { Locality } from './locality.ts';
import type { ExecutorState, RunningTask } from './running-task.ts';
import type { TaskSetManager } from './task-set-manager.ts';

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
  readonly #target: OfferTarget;
  /** Executors of the round that can take another task. */
  #withRoom = 0;

  constructor(cpusPerTask: number, target: OfferTarget) {
    this.#cpusPerTask = cpusPerTask;
    this.#target = target;
  }

  /**
   * @param offers executors with room, in the order in which they are to be preferred.
   * @param full all executors that are free are among them.
   * @returns the sets that got something.
   */
  make(
    sets: readonly TaskSetManager[],
    offers: readonly ExecutorState[],
    full: boolean,
    at: number,
  ): ReadonlySet<TaskSetManager> {
    const launched = new Set<TaskSetManager>();
    for (const useQueue of [false, true]) {
      this.#withRoom = 0;
      for (const executor of offers) if (this.hasRoom(executor, useQueue)) this.#withRoom++;
      for (const manager of sets) {
        if (this.#withRoom === 0) break;
        if (this.#offer(manager, offers, useQueue, full, at)) launched.add(manager);
      }
    }
    return launched;
  }

  hasRoom(executor: ExecutorState, useQueue: boolean): boolean {
    return executor.freeCores + (useQueue ? executor.queue : 0) >= this.#cpusPerTask;
  }

  /** At most one task an executor and pass, so that tasks spread. Spark: TaskSchedulerImpl.resourceOfferSingleTaskSet */
  #offer(
    manager: TaskSetManager,
    offers: readonly ExecutorState[],
    useQueue: boolean,
    full: boolean,
    at: number,
  ): boolean {
    let best: Locality | null = null;
    let rejected = false;
    const excludes = manager.excluded?.excludesAny === true;
    for (const level of manager.levels) {
      let launched: boolean;
      do {
        launched = false;
        for (const executor of offers) {
          if (manager.pendingCount === 0) break;
          if (!this.hasRoom(executor, useQueue) || (excludes && manager.isExcludedFrom(executor))) continue;
          const task = manager.take(executor, level, at, this.#target.nextTaskId());
          if (task === null) {
            rejected ||= level === Locality.ANY;
            continue;
          }
          launched = true;
          if (best === null || manager.takenAt < best) best = manager.takenAt;
          this.#target.launch(task);
          if (!this.hasRoom(executor, useQueue)) this.#withRoom--;
        }
      } while (launched && manager.pendingCount > 0 && this.#withRoom > 0);
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
