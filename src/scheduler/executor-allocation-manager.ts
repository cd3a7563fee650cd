import type { ExecutorId, ShuffleId, StageId } from '../protocol/ids.ts';
import type { SparkListenerEvent } from '../protocol/spark-listener-event.ts';
import type { AllocationSettings } from './allocation-settings.ts';
import { type CachedBlock, ExecutorMonitor } from './executor-monitor.ts';
import type { ExecutorsWanted } from './ports.ts';
import { TaskBacklog } from './task-backlog.ts';

/** All that dynamic allocation can want; done by its loop, through an ExecutorAllocationClient. */
export type AllocationEffect =
  /** To be answered by requestAnswered(). */
  | { readonly type: 'RequestTotalExecutors'; readonly wanted: ExecutorsWanted }
  /** Idle ones, not to be replaced, not if they have got a task meanwhile. To be answered by removalAnswered(). */
  | { readonly type: 'KillExecutors'; readonly executorIds: readonly ExecutorId[] }
  | { readonly type: 'DecommissionExecutors'; readonly executorIds: readonly ExecutorId[]; readonly message: string }
  | { readonly type: 'Log'; readonly level: 'debug' | 'info' | 'warn'; readonly message: string };

/** How often tick() is to be called, ms. */
export const ALLOCATION_INTERVAL_MS = 100;

interface Target {
  total: number;
  /** How many are added next time: doubled as long as that many are needed. */
  toAdd: number;
}

/**
 * Grows the set of executors while tasks wait, and shrinks it when executors are idle.
 *
 *   tasks wait ──schedulerBacklogTimeout──► +1 ──sustained──► +2 ──► +4 ──► +8 … up to what is needed, and to the maximum
 *   less is needed than is wanted ──────────► the target is lowered at once
 *   an executor is idle for its timeout ────► it is killed or drained, unless minimum or target would be missed
 *
 * What is needed: ceil((waiting + running tasks) × ratio / slots of an executor), of each resource profile by itself. The
 * first target is not lowered before a stage is submitted or an idle timeout has passed: the first job would otherwise have
 * to begin from below.
 *
 * The machine is told what listeners hear (hear), what is cached (blockUpdated), and the time (tick). While an answer to a
 * request is awaited, no other is made; a refusal takes the target back to what it was.
 *
 * Invariants: minExecutors ≤ target ≤ maxExecutors, for every profile (but for the initial target, which the settings
 * bound); an executor is asked to go at most once.
 *
 * Spark: ExecutorAllocationManager
 */
export class ExecutorAllocationManager {
  readonly #settings: AllocationSettings;
  readonly #slotsPerExecutor: (profileId: number) => number;
  readonly #monitor: ExecutorMonitor;
  readonly #backlog = new TaskBacklog();
  readonly #targets = new Map<number, Target>();
  #initializing = true;
  /** When executors are added next; null: nothing waits. */
  #addAt: number | null = null;
  /** Targets before the request whose answer is awaited. */
  #before: ReadonlyMap<number, Target> | null = null;
  #removing: readonly ExecutorId[] = [];
  #out: AllocationEffect[] = [];

  /** @param slotsPerExecutor how many tasks of a profile one of its executors runs at the same time; at least 1. */
  constructor(settings: AllocationSettings, slotsPerExecutor: (profileId: number) => number) {
    this.#settings = settings;
    this.#slotsPerExecutor = slotsPerExecutor;
    this.#monitor = new ExecutorMonitor(settings);
    this.#targets.set(0, { total: settings.initialExecutors, toAdd: 1 });
  }

  /** Executors that are wanted of this profile. */
  target(profileId: number): number {
    return this.#targets.get(profileId)?.total ?? 0;
  }

  /** The first request. */
  start(): AllocationEffect[] {
    this.#out = [];
    this.#request();
    return this.#out;
  }

  hear(event: SparkListenerEvent): void {
    this.#monitor.hear(event);
    if (event.type === 'SparkListenerStageSubmitted') {
      this.#initializing = false;
      this.#targetOf(event.stage.resourceProfileId);
    }
    const waits = this.#backlog.hear(event);
    if (waits === 'more') this.#addAt ??= event.at + this.#settings.schedulerBacklogTimeoutMs;
    else if (waits === 'none') {
      this.#addAt = null;
      for (const target of this.#targets.values()) target.toAdd = 1;
    }
  }

  /** The hosts that the tasks of a stage attempt prefer, per task: a hint to the cluster manager. */
  prefer(stageId: StageId, stageAttemptId: number, hosts: readonly (readonly string[])[]): void {
    this.#backlog.prefer(stageId, stageAttemptId, hosts);
  }

  blockUpdated(block: CachedBlock): void {
    this.#monitor.blockUpdated(block);
  }

  shuffleMoved(executorId: ExecutorId, shuffleId: ShuffleId): void {
    this.#monitor.shuffleMoved(executorId, shuffleId);
  }

  shuffleCleaned(shuffleId: ShuffleId): void {
    this.#monitor.shuffleCleaned(shuffleId);
  }

  /** Time has passed. Spark: ExecutorAllocationManager.schedule */
  tick(at: number): AllocationEffect[] {
    this.#out = [];
    const timedOut = this.#monitor.timedOut(at);
    if (timedOut.length > 0) this.#initializing = false;
    if (!this.#initializing && this.#before === null) this.#updateTargets(at);
    if (timedOut.length > 0 && this.#removing.length === 0) this.#remove(timedOut);
    return this.#out;
  }

  /** The cluster manager has been told of the totals, or could not be. */
  requestAnswered(ok: boolean): AllocationEffect[] {
    this.#out = [];
    const before = this.#before;
    this.#before = null;
    if (ok || before === null) return this.#out;
    for (const [profileId, { total, toAdd }] of before) this.#targets.set(profileId, { total, toAdd });
    this.#log('warn', 'Unable to reach the cluster manager to request more executors!');
    return this.#out;
  }

  /** Which of the executors that were asked to go will; those that got a task meanwhile stay. */
  removalAnswered(going: readonly ExecutorId[]): AllocationEffect[] {
    this.#out = [];
    const asked = this.#removing;
    this.#removing = [];
    const stays = asked.filter((id) => !going.includes(id));
    this.#monitor.markLeaving(stays, false);
    if (going.length > 0) this.#log('info', `Executors ${going.join(',')} removed due to idle timeout.`);
    else if (asked.length > 0)
      this.#log(
        'warn',
        `Unable to reach the cluster manager to kill executor/s ${asked.join(',')} or no executor eligible to kill!`,
      );
    return this.#out;
  }

  /** The cluster manager begins anew and knows of no executor. Spark: ExecutorAllocationManager.reset */
  reset(): void {
    this.#initializing = true;
    this.#addAt = null;
    this.#before = null;
    this.#removing = [];
    for (const target of this.#targets.values()) {
      target.total = this.#settings.minExecutors;
      target.toAdd = 1;
    }
    this.#targets.set(0, { total: this.#settings.initialExecutors, toAdd: 1 });
    this.#monitor.reset();
  }

  checkInvariants(): void {
    this.#monitor.checkInvariants();
  }

  /** Executors of this profile that all tasks together could use. Spark: maxNumExecutorsNeededPerResourceProfile */
  #needed(profileId: number): number {
    const { pending, pendingCopies, running, unschedulableSets } = this.#backlog.of(profileId);
    const { executorAllocationRatio: ratio } = this.#settings;
    const slots = Math.max(1, this.#slotsPerExecutor(profileId));
    let needed = Math.ceil(((pending + pendingCopies + running) * ratio) / slots);
    // A second copy does not go where the first one is.
    if (slots > 1 && needed === 1 && pendingCopies > 0) needed = 2;
    if (unschedulableSets === 0) return needed;
    return Math.max(needed, this.#monitor.count(profileId) + Math.ceil((unschedulableSets * ratio) / slots));
  }

  /** Spark: ExecutorAllocationManager.updateAndSyncNumExecutorsTarget */
  #updateTargets(at: number): void {
    const before = new Map([...this.#targets].map(([id, target]) => [id, { ...target }]));
    const isTimeToAdd = this.#addAt !== null && at >= this.#addAt;
    let changed = false;
    let added = false;
    for (const [profileId, target] of this.#targets) {
      const needed = this.#needed(profileId);
      const old = target.total;
      if (needed < old) {
        target.total = Math.max(needed, this.#settings.minExecutors);
        target.toAdd = 1;
      } else if (isTimeToAdd) this.#add(profileId, target, needed);
      const delta = target.total - old;
      if (delta === 0) continue;
      changed = true;
      if (delta < 0) {
        const why = 'because not all requested executors are actually needed';
        this.#log('debug', `Lowering target number of executors to ${target.total} (previously ${old}) ${why}`);
        continue;
      }
      added = true;
      const executors = delta > 1 ? 'executors' : 'executor';
      const total = `(new desired total will be ${target.total} for resource profile id: ${profileId})`;
      this.#log('info', `Requesting ${delta} new ${executors} because tasks are backlogged ${total}`);
      target.toAdd = delta === target.toAdd ? target.toAdd * 2 : 1;
    }
    if (added) this.#addAt = at + this.#settings.sustainedSchedulerBacklogTimeoutMs;
    if (!changed) return;
    this.#before = before;
    this.#request();
  }

  /** Spark: ExecutorAllocationManager.addExecutors */
  #add(profileId: number, target: Target, needed: number): void {
    const { minExecutors, maxExecutors } = this.#settings;
    const old = target.total;
    if (old >= maxExecutors) {
      target.toAdd = 1;
      return;
    }
    // No use in climbing to what is there already.
    const climbed = Math.max(old, this.#monitor.count(profileId)) + target.toAdd;
    target.total = Math.max(Math.min(climbed, needed, maxExecutors), minExecutors);
    if (target.total === old) target.toAdd = 1;
  }

  /** Spark: ExecutorAllocationManager.removeExecutors */
  #remove(timedOut: readonly { readonly executorId: ExecutorId; readonly profileId: number }[]): void {
    const left = new Map<number, number>();
    const removing: ExecutorId[] = [];
    for (const { executorId, profileId } of timedOut) {
      const total = left.get(profileId) ?? this.#monitor.count(profileId) - this.#monitor.countLeaving(profileId);
      left.set(profileId, total);
      const least = Math.max(this.#settings.minExecutors, this.#targetOf(profileId).total);
      if (total - 1 < least) continue;
      removing.push(executorId);
      left.set(profileId, total - 1);
    }
    if (removing.length === 0) return;
    this.#removing = removing;
    this.#monitor.markLeaving(removing, true);
    this.#log('info', `Request to remove executorIds: ${removing.join(', ')}`);
    if (!this.#settings.decommission) this.#out.push({ type: 'KillExecutors', executorIds: removing });
    else this.#out.push({ type: 'DecommissionExecutors', executorIds: removing, message: 'spark scale down' });
  }

  #request(): void {
    const total = new Map([...this.#targets].map(([profileId, target]) => [profileId, target.total]));
    this.#before ??= new Map([...this.#targets].map(([id, target]) => [id, { ...target }]));
    this.#out.push({ type: 'RequestTotalExecutors', wanted: { total, ...this.#backlog.preferences() } });
  }

  /** A profile that comes up begins with the minimum. */
  #targetOf(profileId: number): Target {
    let target = this.#targets.get(profileId);
    if (target === undefined) {
      target = { total: this.#settings.minExecutors, toAdd: 1 };
      this.#targets.set(profileId, target);
    }
    return target;
  }

  #log(level: 'debug' | 'info' | 'warn', message: string): void {
    this.#out.push({ type: 'Log', level, message });
  }
}
