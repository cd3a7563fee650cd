import { InvariantError } from '../base/errors.ts';
import type { ExecutorId, JobId, RddId, ShuffleId, StageId } from '../protocol/ids.ts';
import type { SparkListenerEvent } from '../protocol/spark-listener-event.ts';
import type { AllocationSettings } from './allocation-settings.ts';

/** A block of a persisted RDD is on an executor, or no longer. */
export interface CachedBlock {
  readonly executorId: ExecutorId;
  readonly rddId: RddId;
  readonly partition: number;
  readonly inMemory: boolean;
  readonly onDisk: boolean;
}

class WatchedExecutor {
  readonly id: ExecutorId;
  readonly profileId: number;
  running = 0;
  /** Since when nothing runs there; null: something does. */
  idleSince: number | null = null;
  readonly cached = new Map<RddId, Set<number>>();
  readonly shuffles = new Set<ShuffleId>();
  /** Holds shuffle data that a running job may read. */
  hasActiveShuffle = false;
  /** Asked to go, by killing or draining. */
  isLeaving = false;

  constructor(id: ExecutorId, profileId: number) {
    this.id = id;
    this.profileId = profileId;
  }
}

/**
 * Watches what executors do and hold, and so knows which of them have been idle for too long.
 *
 *   busy ──last task ends──► idle ──timeout──► timed out
 *     ▲                       │                   which timeout: cached blocks and shuffle data have their own, the
 *     └────── task starts ────┘                   longer counts; shuffle data of a running job keeps it for good
 *
 * Invariants (checked by checkInvariants):
 * 1. An executor with running tasks is not idle.
 * 2. Without shuffle tracking nobody holds shuffle data.
 * 3. A shuffle is active exactly as long as a running job has a stage that writes it.
 *
 * Spark: ExecutorMonitor
 */
export class ExecutorMonitor {
  readonly #settings: AllocationSettings;
  readonly #executors = new Map<ExecutorId, WatchedExecutor>();
  readonly #jobsOfShuffle = new Map<ShuffleId, Set<JobId>>();
  readonly #shuffleOfStage = new Map<StageId, ShuffleId>();
  readonly #stagesOfJob = new Map<JobId, readonly StageId[]>();

  constructor(settings: AllocationSettings) {
    this.#settings = settings;
  }

  /** Executors of this profile, those that are leaving among them. */
  count(profileId: number): number {
    let n = 0;
    for (const executor of this.#executors.values()) if (executor.profileId === profileId) n++;
    return n;
  }

  countLeaving(profileId: number): number {
    let n = 0;
    for (const { profileId: id, isLeaving } of this.#executors.values()) if (id === profileId && isLeaving) n++;
    return n;
  }

  isWatched(executorId: ExecutorId): boolean {
    return this.#executors.has(executorId);
  }

  hear(event: SparkListenerEvent): void {
    switch (event.type) {
      case 'SparkListenerExecutorAdded': {
        const executor = new WatchedExecutor(event.executorId, event.resourceProfileId);
        executor.idleSince = event.at;
        if (!this.#executors.has(executor.id)) this.#executors.set(executor.id, executor);
        return;
      }
      case 'SparkListenerExecutorRemoved':
        this.#executors.delete(event.executorId);
        return;
      case 'SparkListenerTaskStart': {
        const executor = this.#executors.get(event.task.executorId);
        if (executor === undefined) return; // late news of one that is gone
        executor.running++;
        executor.idleSince = null;
        return;
      }
      case 'SparkListenerTaskEnd': {
        const executor = this.#executors.get(event.task.executorId);
        // A task that is told of once more, as lost, has ended before.
        if (executor === undefined || event.reason.kind === 'Resubmitted') return;
        const shuffle = this.#shuffleOfStage.get(event.stageId);
        // First, so that an executor that becomes idle is known to hold it.
        if (event.reason.kind === 'Success' && shuffle !== undefined) this.#addShuffle(executor, shuffle);
        executor.running = Math.max(0, executor.running - 1);
        if (executor.running === 0) executor.idleSince = event.at;
        return;
      }
      case 'SparkListenerJobStart':
        this.#jobStarted(event);
        return;
      case 'SparkListenerJobEnd':
        this.#jobEnded(event.jobId);
        return;
      case 'SparkListenerUnpersistRDD':
        for (const executor of this.#executors.values()) executor.cached.delete(event.rddId);
        return;
      default: // nothing to an executor's idleness
    }
  }

  blockUpdated({ executorId, rddId, partition, inMemory, onDisk }: CachedBlock): void {
    const executor = this.#executors.get(executorId);
    if (executor === undefined) return;
    const holds = inMemory || (onDisk && !this.#settings.serviceServesBlocks);
    const partitions = executor.cached.get(rddId) ?? new Set();
    if (holds) partitions.add(partition);
    else partitions.delete(partition);
    if (partitions.size === 0) executor.cached.delete(rddId);
    else executor.cached.set(rddId, partitions);
  }

  /** Shuffle data has been moved to this executor. */
  shuffleMoved(executorId: ExecutorId, shuffleId: ShuffleId): void {
    const executor = this.#executors.get(executorId);
    if (executor !== undefined && this.#settings.shuffleTimeoutMs !== null) this.#addShuffle(executor, shuffleId);
  }

  /** The shuffle's files are gone everywhere. */
  shuffleCleaned(shuffleId: ShuffleId): void {
    for (const executor of this.#executors.values())
      if (executor.shuffles.delete(shuffleId)) this.#findActive(executor);
  }

  /** They are asked to go. */
  markLeaving(executorIds: Iterable<ExecutorId>, isLeaving: boolean): void {
    for (const id of executorIds) {
      const executor = this.#executors.get(id);
      if (executor !== undefined) executor.isLeaving = isLeaving;
    }
  }

  /** Executors that may go, by id, with their profiles. Costs as much as there are executors. */
  timedOut(at: number): { readonly executorId: ExecutorId; readonly profileId: number }[] {
    const found: { executorId: ExecutorId; profileId: number }[] = [];
    for (const executor of this.#executors.values()) {
      const { id: executorId, profileId, isLeaving, hasActiveShuffle, idleSince } = executor;
      if (isLeaving || hasActiveShuffle || idleSince === null) continue;
      if (at - idleSince >= this.#timeout(executor)) found.push({ executorId, profileId });
    }
    return found.sort((a, b) => (a.executorId < b.executorId ? -1 : 1));
  }

  /** All is forgotten: the cluster manager begins anew. */
  reset(): void {
    this.#executors.clear();
  }

  checkInvariants(): void {
    const holds = (rule: number, condition: boolean, what: string): void => {
      if (!condition) throw new InvariantError(`ExecutorMonitor, rule ${rule}: ${what}`);
    };
    for (const { id, running, idleSince, shuffles, hasActiveShuffle } of this.#executors.values()) {
      holds(1, running === 0 || idleSince === null, `executor ${id} is idle with ${running} tasks`);
      holds(2, this.#settings.shuffleTimeoutMs !== null || shuffles.size === 0, `executor ${id} is tracked`);
      const active = [...shuffles].some((shuffle) => this.#jobsOfShuffle.has(shuffle));
      holds(3, active === hasActiveShuffle, `executor ${id} is ${hasActiveShuffle ? '' : 'not '}held by a job`);
    }
    for (const jobs of this.#jobsOfShuffle.values()) holds(3, jobs.size > 0, 'a shuffle is active for no job');
  }

  #timeout({ cached, shuffles }: WatchedExecutor): number {
    const { executorIdleTimeoutMs, cachedExecutorIdleTimeoutMs, shuffleTimeoutMs } = this.#settings;
    if (cached.size === 0 && shuffles.size === 0) return executorIdleTimeoutMs;
    return Math.max(
      cached.size > 0 ? cachedExecutorIdleTimeoutMs : 0,
      shuffles.size > 0 && shuffleTimeoutMs !== null ? shuffleTimeoutMs : 0,
    );
  }

  #jobStarted({ jobId, stages }: Extract<SparkListenerEvent, { type: 'SparkListenerJobStart' }>): void {
    if (this.#settings.shuffleTimeoutMs === null) return;
    const writing: StageId[] = [];
    for (const { stageId, shuffleDepId } of stages) {
      if (shuffleDepId === null) continue;
      writing.push(stageId);
      this.#shuffleOfStage.set(stageId, shuffleDepId);
      const jobs = this.#jobsOfShuffle.get(shuffleDepId) ?? new Set();
      this.#jobsOfShuffle.set(shuffleDepId, jobs.add(jobId));
    }
    this.#stagesOfJob.set(jobId, writing);
    // What an earlier job wrote may be read again.
    if (writing.length > 0) for (const executor of this.#executors.values()) this.#findActive(executor);
  }

  #jobEnded(jobId: JobId): void {
    let ended = false;
    for (const [shuffle, jobs] of this.#jobsOfShuffle)
      if (jobs.delete(jobId) && jobs.size === 0) {
        this.#jobsOfShuffle.delete(shuffle);
        ended = true;
      }
    for (const stageId of this.#stagesOfJob.get(jobId) ?? []) {
      const shuffle = this.#shuffleOfStage.get(stageId);
      if (shuffle !== undefined && !this.#jobsOfShuffle.has(shuffle)) this.#shuffleOfStage.delete(stageId);
    }
    this.#stagesOfJob.delete(jobId);
    if (ended) for (const executor of this.#executors.values()) this.#findActive(executor);
  }

  #addShuffle(executor: WatchedExecutor, shuffleId: ShuffleId): void {
    executor.shuffles.add(shuffleId);
    this.#findActive(executor);
  }

  #findActive(executor: WatchedExecutor): void {
    executor.hasActiveShuffle = false;
    for (const shuffle of executor.shuffles) if (this.#jobsOfShuffle.has(shuffle)) executor.hasActiveShuffle = true;
  }
}
