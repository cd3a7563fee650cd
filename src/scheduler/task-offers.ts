import type { ExecutorTable } from './executor-table.ts';
import { Locality } from './locality.ts';
import type { ExecutorState, RunningTask } from './running-task.ts';
import type { SchedulerSettings } from './settings.ts';
import { slotsFor } from './task-needs.ts';
import type { TaskSetManager } from './task-set-manager.ts';

/** A set with fewer tasks than this part of the offers is helped to find those near its data. */
const FEW = 4;

/** What becomes of an offer. */
export interface OfferTarget {
  /** The task holds its cores from now on. */
  occupy(task: RunningTask): void;
  /** It holds them no more; the last that was occupied comes first. */
  vacate(task: RunningTask): void;
  /** It is to be sent. */
  launch(task: RunningTask): void;
  nextTaskId(): number;
  log(level: 'info' | 'warn' | 'error', message: string): void;
  wakeForLocality(at: number): void;
}

/**
 * One round of offers: brings free cores to the task sets in their order, and each set first to the places that are
 * nearest to its data.
 *
 * Executors may take tasks beyond their cores. Those are given out only when no executor that is offered has a core
 * free, so that work spreads before it queues; and more of those for tasks that take next to no time, while no other set waits.
 *
 * Spark: TaskSchedulerImpl.resourceOffers
 */
export class TaskOffers {
  readonly #executors: ExecutorTable;
  readonly #legacyReset: boolean;
  readonly #target: OfferTarget;
  #roundNumber = 0;
  /** The smallest number of cores that a task of any set takes. */
  #leastCpus = 1;
  /** Tasks of a barrier stage that have a place, until it is known whether all have. */
  #held: RunningTask[] | null = null;
  /** The set that was asked last did not want a place that it may use. */
  #refused = false;
  /** Executors of the round that can take another task. */
  #withRoom = 0;
  /** The only set that waits has tasks that take next to no time. */
  #isShort = false;

  constructor(
    executors: ExecutorTable,
    settings: Pick<SchedulerSettings, 'legacyLocalityWaitReset'>,
    target: OfferTarget,
  ) {
    this.#executors = executors;
    this.#legacyReset = settings.legacyLocalityWaitReset;
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
    this.#isShort = sets.length === 1 && sets[0]?.hasShortTasks === true;
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
    this.#leastCpus = sets[0]?.needs.cpus ?? 1;
    for (const { needs } of sets) if (needs.cpus < this.#leastCpus) this.#leastCpus = needs.cpus;
    for (const executor of offers) if (this.#hasAnyRoom(executor, useQueue)) this.#withRoom++;
    for (const manager of sets) {
      if (this.#withRoom === 0) return;
      const got = manager.taskSet.isBarrier
        ? !useQueue && this.#offerToAll(manager, offers, at)
        : this.#offer(manager, offers, useQueue, full, at);
      if (got) launched.push(manager);
    }
  }

  #hasAnyRoom(executor: ExecutorState, useQueue: boolean): boolean {
    return executor.freeCores + this.#queueOf(executor, useQueue) >= this.#leastCpus;
  }

  #queueOf(executor: ExecutorState, useQueue: boolean): number {
    if (!useQueue) return 0;
    return this.#isShort ? executor.shortQueue : executor.queue;
  }

  /**
   * All tasks of a barrier stage or none: what was given to some of them is taken back if it is not enough for all. Tasks
   * that hold out for a place near their data make that happen until they give in.
   */
  #offerToAll(manager: TaskSetManager, offers: readonly ExecutorState[], at: number): boolean {
    const { taskSet, needs } = manager;
    const numTasks = taskSet.partitions.length;
    let slots = 0;
    for (const executor of offers) if (!manager.isExcludedFrom(executor)) slots += slotsFor(needs, executor, 0);
    if (slots < numTasks) {
      const why = `the barrier taskSet requires ${numTasks} slots, while the total number of available slots is ${slots}`;
      if (manager.mayTellOfWaiting(at))
        this.#target.log(
          'info',
          `Skip current round of resource offers for barrier stage ${taskSet.stageId} because ${why}.`,
        );
      return false;
    }
    const held: RunningTask[] = [];
    this.#held = held;
    this.#offer(manager, offers, false, true, at);
    this.#held = null;
    if (held.length === numTasks) {
      held.sort((a, b) => a.info.partition - b.info.partition);
      for (const task of held) this.#target.launch(task);
      this.#target.log(
        'info',
        `Successfully scheduled all the ${numTasks} tasks for barrier stage ${taskSet.stageId}.`,
      );
      return true;
    }
    for (const task of held.reverse()) {
      this.#target.vacate(task);
      manager.giveBack(task);
    }
    this.#withRoom = 0;
    for (const executor of offers) if (this.#hasAnyRoom(executor, false)) this.#withRoom++;
    if (this.#legacyReset)
      manager.abort(
        `Fail resource offers for barrier stage ${taskSet.stageId} because only ${held.length} out of a total number of ${numTasks} tasks got resource offers. We highly recommend you to use the non-legacy delay scheduling by setting spark.locality.wait.legacyResetOnTaskLaunch to false to get rid of this error.`,
        at,
      );
    else if (manager.mayTellOfWaiting(at))
      this.#target.log(
        'info',
        'Releasing the assigned resource offers since only partial tasks can be launched. Waiting for later round resource offers.',
      );
    return false;
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
      if (!this.#legacyReset) manager.noRejectsSinceReset = false;
      // It was asked just now, so what it says lies ahead.
      const next = manager.nextLocalityAt();
      if (next !== null) this.#target.wakeForLocality(next);
    } else if (!this.#legacyReset && best !== null && (full || manager.noRejectsSinceReset)) {
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
        if (slotsFor(manager.needs, executor, this.#queueOf(executor, useQueue)) < 1) continue;
        if (excludes && manager.isExcludedFrom(executor)) continue;
        const task = manager.take(executor, level, at, this.#target.nextTaskId());
        if (task === null) {
          this.#refused = true;
          continue;
        }
        launched = true;
        if (best === null || manager.takenAt < best) best = manager.takenAt;
        if (this.#legacyReset && level !== Locality.NO_PREF) manager.resetLocalityTimer(at, manager.takenAt);
        const { resources } = manager.needs;
        if (resources !== null) task.resources = executor.resources.assign(resources);
        this.#target.occupy(task);
        if (this.#held === null) this.#target.launch(task);
        else this.#held.push(task);
        if (!this.#hasAnyRoom(executor, useQueue)) this.#withRoom--;
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
