import type { StageId } from '../protocol/ids.ts';
import type { SparkListenerEvent } from '../protocol/spark-listener-event.ts';
import type { ExecutorTable } from './executor-table.ts';
import type { HealthTracker } from './health-tracker.ts';
import type { ExecutorState } from './running-task.ts';
import type { ExclusionSettings } from './settings.ts';
import { taskWithoutPlace } from './task-offers.ts';
import type { TaskSetManager } from './task-set-manager.ts';

/** What the watch over task sets without a place wants. */
export interface UnschedulableTarget {
  readonly post: (event: SparkListenerEvent) => void;
  readonly log: (level: 'info' | 'warn' | 'error', message: string) => void;
  wakeAt(at: number): void;
}

/**
 * Task sets that are excluded from every executor there is. Such a set gets time for a new executor to come: an idle one,
 * which it cannot use, is killed to make room, or dynamic allocation is asked. When neither is possible, or the time is
 * over, the set is aborted. Any launch of any set gives all of them new hope.
 *
 *   launched nothing, no place ──idle executor, or dynamic allocation──► waits ──timeout──► aborted
 *              └──neither──► aborted                                       └──any launch──► (forgotten)
 *
 * Spark: TaskSchedulerImpl.unschedulableTaskSetToExpiryTime
 */
export class UnschedulableTaskSets {
  readonly #settings: ExclusionSettings;
  readonly #dynamicAllocation: boolean;
  readonly #target: UnschedulableTarget;
  readonly #waiting = new Map<
    TaskSetManager,
    { readonly until: number; readonly index: number; readonly asked: boolean }
  >();

  constructor(settings: ExclusionSettings, dynamicAllocation: boolean, target: UnschedulableTarget) {
    this.#settings = settings;
    this.#dynamicAllocation = dynamicAllocation;
    this.#target = target;
  }

  /** A round of offers is over; `launched`: the sets that got something. @returns whether a set was aborted. */
  check(
    sets: readonly TaskSetManager[],
    launched: readonly TaskSetManager[],
    executors: ExecutorTable,
    health: HealthTracker | null,
    at: number,
  ): boolean {
    if (launched.length > 0) this.#clear(at);
    let aborted = false;
    const isExcluded = (executor: ExecutorState): boolean => health?.isExcluded(executor.id, executor.host) === true;
    for (const manager of sets) {
      if (manager.excluded?.excludesAny !== true && health?.excludesAny !== true) continue;
      if (launched.includes(manager)) continue;
      const index = taskWithoutPlace(manager, executors, isExcluded);
      if (index >= 0 && this.#noPlace(manager, index, executors, health, at)) aborted = true;
    }
    return aborted;
  }

  /** A time that was asked for has come. */
  wake(at: number): void {
    for (const [manager, { until, index }] of this.#waiting) {
      if (until > at) {
        this.#target.wakeAt(until);
        continue;
      }
      this.#waiting.delete(manager);
      const why = 'all executors excluded due to failures. Wait time for scheduling expired';
      this.#log(`Cannot schedule any task because ${why}. Aborting stage ${manager.stageId}.`);
      manager.abortSinceExcluded(index, at);
    }
  }

  /** The set is over. */
  forget(manager: TaskSetManager): void {
    this.#waiting.delete(manager);
  }

  /** True when the set was aborted. */
  #noPlace(
    manager: TaskSetManager,
    index: number,
    executors: ExecutorTable,
    health: HealthTracker | null,
    at: number,
  ): boolean {
    const isWaiting = this.#waiting.has(manager);
    const idle = firstIdle(executors);
    if (idle === null && !this.#dynamicAllocation) {
      const why = 'all executors excluded from failures. No idle executors can be found to kill';
      this.#log(`Cannot schedule any task because ${why}. Aborting stage ${manager.stageId}.`);
      this.#waiting.delete(manager);
      manager.abortSinceExcluded(index, at);
      return true;
    }
    if (isWaiting) return false;
    const timeout = this.#settings.unschedulableTimeoutMs;
    const until = at + timeout;
    if (idle !== null) health?.killIdleExcluded(idle.id);
    else {
      const ask = 'Notifying ExecutorAllocationManager to allocate more executors to schedule the unschedulable task';
      this.#log(`${ask} before aborting stage ${manager.stageId}.`);
      this.#post('SparkListenerUnschedulableTaskSetAdded', manager.stageId, manager.taskSet.attempt, at);
    }
    this.#waiting.set(manager, { until, index, asked: idle === null });
    const wait = `Waiting for ${timeout} ms for completely excluded task to be schedulable again`;
    this.#log(`${wait} before aborting stage ${manager.stageId}.`);
    this.#target.wakeAt(until);
    return false;
  }

  #clear(at: number): void {
    if (this.#waiting.size === 0) return;
    this.#log('Clearing the expiry times for all unschedulable taskSets as a task was recently scheduled.');
    for (const [{ stageId, taskSet }, { asked }] of this.#waiting)
      if (asked) this.#post('SparkListenerUnschedulableTaskSetRemoved', stageId, taskSet.attempt, at);
    this.#waiting.clear();
  }

  #post(
    type: 'SparkListenerUnschedulableTaskSetAdded' | 'SparkListenerUnschedulableTaskSetRemoved',
    stageId: StageId,
    stageAttemptId: number,
    at: number,
  ): void {
    this.#target.post({ type, at, stageId, stageAttemptId });
  }

  #log(message: string): void {
    this.#target.log('info', message);
  }
}

function firstIdle(executors: ExecutorTable): ExecutorState | null {
  for (const executor of executors.all()) if (executor.running.size === 0) return executor;
  return null;
}
