import type { TaskMetrics } from '../protocol/task-metrics.ts';
import type { Locality } from './locality.ts';
import { MedianHeap } from './median-heap.ts';
import { PendingTasks } from './pending-tasks.ts';
import type { ExecutorState, RunningTask } from './running-task.ts';
import type { SpeculationSettings } from './settings.ts';
import type { TaskLocation, TaskSet } from './task-set.ts';

/**
 * Second copies of one task set's slow tasks: which tasks are slow, and where a copy may go.
 *
 *   running ──slow──► wanted ──offer of another host──► two copies ──one ends──► none here
 *                       └──ends before──► none here
 *
 * A task is slow when it has run longer than `multiplier` times the median of those that have finished, which must be
 * the `quantile` of the set, or when its executor is being drained and will not live that long. Sets that fit on one
 * executor have a fixed threshold instead, if one is set.
 *
 * Invariants:
 * 1. A wanted copy is of a task with exactly one copy running.
 * 2. A task has at most one second copy, never on a host where an attempt of it was before.
 *
 * Spark: TaskSetManager.checkSpeculatableTasks
 */
export class Speculation {
  readonly #settings: SpeculationSettings;
  readonly #numTasks: number;
  readonly #pending: PendingTasks;
  readonly #durations = new MedianHeap();
  /** Tasks that are wanted, with their only copy. */
  readonly #slow = new Map<number, RunningTask>();
  readonly #pairs = new Map<number, readonly [RunningTask, RunningTask]>();
  /** Hosts of attempts that are over, of the few tasks that have such. */
  readonly #failedOn = new Map<number, Set<string>>();
  readonly #rates = new Map<RunningTask, number>();
  #records = 0;
  #runTimeMs = 0;
  #host = '';
  #alsoSkip: ((index: number) => boolean) | null = null;
  readonly #skip = (index: number): boolean => this.#wasOn(index, this.#host) || this.#alsoSkip?.(index) === true;

  constructor(settings: SpeculationSettings, taskSet: TaskSet, rackOf: ((host: string) => string | null) | null) {
    this.#settings = settings;
    this.#numTasks = taskSet.partitions.length;
    this.#pending = new PendingTasks(this.#numTasks, taskSet.locations, rackOf, 'none');
  }

  /** Copies that are wanted and not launched. */
  get pendingCount(): number {
    return this.#pending.count;
  }

  /** Level of the task that find() just found. */
  get foundAt(): Locality {
    return this.#pending.foundAt;
  }

  /** Calls `visit` with each place that a wanted copy prefers. */
  forEachPlace(visit: (place: TaskLocation) => void): void {
    this.#pending.forEachPlace(visit);
  }

  isWanted(index: number): boolean {
    return this.#pending.isPending(index);
  }

  /** A task of which this executor may run the second copy; -1 when there is none. */
  find(executor: ExecutorState, max: Locality, skip: ((index: number) => boolean) | null): number {
    if (this.#pending.count === 0) return -1;
    this.#host = executor.host;
    this.#alsoSkip = skip;
    return this.#pending.find(executor.id, executor.host, max, this.#skip);
  }

  /** `copy` is the second copy of a task that find() found. */
  launched(copy: RunningTask): void {
    const { index } = copy.info;
    const original = this.#slow.get(index);
    this.#forget(index);
    if (original !== undefined) this.#pairs.set(index, [original, copy]);
  }

  /** An attempt is over. Returns the other copy of the task, if it runs. */
  ended(task: RunningTask, failed: boolean): RunningTask | null {
    const { index, host } = task.info;
    this.#rates.delete(task);
    this.#forget(index);
    if (failed) {
      const hosts = this.#failedOn.get(index);
      if (hosts === undefined) this.#failedOn.set(index, new Set([host]));
      else hosts.add(host);
    }
    const pair = this.#pairs.get(index);
    if (pair === undefined) return null;
    this.#pairs.delete(index);
    return pair[0] === task ? pair[1] : pair[0];
  }

  succeeded(task: RunningTask, metrics: TaskMetrics, at: number): void {
    this.#durations.add(at - task.info.launchedAt);
    this.#records += recordsRead(metrics);
    this.#runTimeMs += metrics.executorRunTimeMs;
  }

  /** How far a running task is. Spark: TaskProcessRateCalculator.updateRunningTaskProcessRate */
  progressed(task: RunningTask, metrics: TaskMetrics): void {
    this.#rates.set(task, rateOf(recordsRead(metrics), metrics.executorRunTimeMs));
  }

  /**
   * Copies that are wanted from now on, with the threshold that their tasks passed, ms.
   *
   * @param isDone tasks that need no copy: another attempt of the stage has completed them.
   */
  check(
    running: Iterable<RunningTask>,
    at: number,
    isDone: (index: number) => boolean,
  ): { readonly tasks: RunningTask[]; readonly thresholdMs: number } {
    const { quantile, multiplier, minTaskRuntimeMs, slotsPerExecutor, taskDurationThresholdMs } = this.#settings;
    const fixed = taskDurationThresholdMs !== null && taskDurationThresholdMs > 0 ? taskDurationThresholdMs : null;
    const tasks: RunningTask[] = [];
    // One task alone has none to be compared with.
    if (this.#numTasks === 1 && fixed === null) return { tasks, thresholdMs: 0 };
    let thresholdMs: number;
    let compares: boolean;
    if (this.#durations.size >= Math.max(Math.floor(quantile * this.#numTasks), 1)) {
      thresholdMs = Math.max(multiplier * this.#durations.median, minTaskRuntimeMs);
      compares = true;
    } else if (fixed !== null && this.#numTasks <= slotsPerExecutor) {
      thresholdMs = fixed;
      compares = false;
    } else return { tasks, thresholdMs: 0 };
    for (const task of running) {
      const { index } = task.info;
      if (this.#slow.has(index) || this.#pairs.has(index) || isDone(index)) continue;
      const ran = at - task.info.launchedAt;
      const isSlow = ran > thresholdMs && (!compares || this.#isInefficient(task, ran, thresholdMs));
      if (!isSlow && !(compares && this.#endsTooLate(task))) continue;
      this.#slow.set(index, task);
      this.#pending.add(index);
      tasks.push(task);
    }
    return { tasks, thresholdMs };
  }

  #isInefficient(task: RunningTask, ran: number, thresholdMs: number): boolean {
    const { efficiency } = this.#settings;
    if (efficiency === null || ran > efficiency.longRunTaskFactor * thresholdMs) return true;
    const average =
      this.#records > 0 && this.#runTimeMs > 0 ? rateOf(this.#records, this.#runTimeMs) : Number.MAX_VALUE;
    return (this.#rates.get(task) ?? 0) < average * efficiency.processRateMultiplier;
  }

  /** The task's executor is being drained and will be killed before a task like this one is done. */
  #endsTooLate(task: RunningTask): boolean {
    const { decommissionKillIntervalMs } = this.#settings;
    const { decommissionedAt } = task.executor;
    if (decommissionKillIntervalMs === null || decommissionedAt === null) return false;
    return decommissionedAt + decommissionKillIntervalMs < task.info.launchedAt + this.#durations.median;
  }

  #wasOn(index: number, host: string): boolean {
    return this.#slow.get(index)?.info.host === host || this.#failedOn.get(index)?.has(host) === true;
  }

  #forget(index: number): void {
    if (this.#slow.delete(index)) this.#pending.remove(index);
  }
}

function recordsRead({ inputRecordsRead, shuffleRecordsRead }: TaskMetrics): number {
  return inputRecordsRead + shuffleRecordsRead;
}

/** Records per second. */
function rateOf(records: number, ms: number): number {
  return ms > 0 && records > 0 ? records / (ms / 1000) : 0;
}
