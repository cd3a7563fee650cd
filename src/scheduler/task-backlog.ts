import type { StageId } from '../protocol/ids.ts';
import type { SparkListenerEvent, StageInfo } from '../protocol/spark-listener-event.ts';

class StageTally {
  readonly profileId: number;
  readonly numTasks: number;
  /** Tasks that run or have succeeded. */
  readonly started = new Set<number>();
  readonly wantedCopies = new Set<number>();
  running = 0;
  isOver = false;
  isUnschedulable = false;
  /** Hosts that its tasks prefer, with how many do; and how many prefer any. */
  tasksPerHost: ReadonlyMap<string, number> = new Map();
  localityAware = 0;

  constructor(profileId: number, numTasks: number) {
    this.profileId = profileId;
    this.numTasks = numTasks;
  }

  get pending(): number {
    return this.isOver ? 0 : this.numTasks - this.started.size;
  }
}

/** What waits and runs, per resource profile. */
export interface ProfileBacklog {
  readonly pending: number;
  readonly pendingCopies: number;
  readonly running: number;
  readonly unschedulableSets: number;
}

const NOTHING: ProfileBacklog = { pending: 0, pendingCopies: 0, running: 0, unschedulableSets: 0 };

/**
 * How many tasks wait and run, from what listeners hear.
 *
 * Invariant: a stage attempt is known from its submission until it is over and its last task has ended.
 *
 * Spark: ExecutorAllocationManager.ExecutorAllocationListener
 */
export class TaskBacklog {
  readonly #stages = new Map<string, StageTally>();

  /** @returns whether tasks that were not there before wait now: `more`; or none wait any more: `none`. */
  hear(event: SparkListenerEvent): 'more' | 'none' | 'same' {
    switch (event.type) {
      case 'SparkListenerStageSubmitted':
        this.#stages.set(keyOf(event.stage), new StageTally(event.stage.resourceProfileId, event.stage.numTasks));
        return 'more';
      case 'SparkListenerStageCompleted': {
        const tally = this.#stages.get(keyOf(event.stage));
        if (tally === undefined) return 'same';
        tally.isOver = true;
        tally.wantedCopies.clear();
        tally.isUnschedulable = false;
        this.#forgetIfOver(keyOf(event.stage), tally);
        for (const { isOver } of this.#stages.values()) if (!isOver) return 'same';
        return 'none';
      }
      case 'SparkListenerTaskStart': {
        const { index, speculative } = event.task;
        const tally = this.#tallyOf(event);
        if (tally === undefined) return 'same';
        tally.running++;
        if (speculative) tally.wantedCopies.delete(index);
        else tally.started.add(index);
        return this.#hasPending ? 'same' : 'none';
      }
      case 'SparkListenerTaskEnd':
        return this.#taskEnded(event);
      case 'SparkListenerSpeculativeTaskSubmitted':
        this.#tallyOf(event)?.wantedCopies.add(event.index);
        return 'more';
      case 'SparkListenerUnschedulableTaskSetAdded': {
        const tally = this.#tallyOf(event);
        if (tally !== undefined) tally.isUnschedulable = true;
        return 'more';
      }
      case 'SparkListenerUnschedulableTaskSetRemoved': {
        const tally = this.#tallyOf(event);
        if (tally !== undefined) tally.isUnschedulable = false;
        return 'same';
      }
      default:
        return 'same';
    }
  }

  /** Which hosts the tasks of a stage attempt prefer, per task; after its submission. */
  prefer(stageId: StageId, stageAttemptId: number, hosts: readonly (readonly string[])[]): void {
    const tally = this.#tallyOf({ stageId, stageAttemptId });
    if (tally === undefined) return;
    const counts = new Map<string, number>();
    for (const list of hosts) {
      if (list.length > 0) tally.localityAware++;
      for (const host of list) counts.set(host, (counts.get(host) ?? 0) + 1);
    }
    tally.tasksPerHost = counts;
  }

  of(profileId: number): ProfileBacklog {
    let sum = NOTHING;
    for (const tally of this.#stages.values())
      if (tally.profileId === profileId)
        sum = {
          pending: sum.pending + tally.pending,
          pendingCopies: sum.pendingCopies + tally.wantedCopies.size,
          running: sum.running + tally.running,
          unschedulableSets: sum.unschedulableSets + (tally.isUnschedulable ? 1 : 0),
        };
    return sum;
  }

  /** Profiles of all stages that wait or run. */
  profileIds(): Set<number> {
    const ids = new Set<number>();
    for (const { profileId } of this.#stages.values()) ids.add(profileId);
    return ids;
  }

  /** Per profile, what its stages prefer. */
  preferences(): {
    readonly tasksPerHost: ReadonlyMap<number, ReadonlyMap<string, number>>;
    readonly localityAwareTasks: ReadonlyMap<number, number>;
  } {
    const tasksPerHost = new Map<number, Map<string, number>>();
    const localityAwareTasks = new Map<number, number>();
    for (const { profileId, isOver, tasksPerHost: hosts, localityAware } of this.#stages.values()) {
      if (isOver) continue;
      const counts = tasksPerHost.get(profileId) ?? new Map<string, number>();
      for (const [host, n] of hosts) counts.set(host, (counts.get(host) ?? 0) + n);
      tasksPerHost.set(profileId, counts);
      localityAwareTasks.set(profileId, (localityAwareTasks.get(profileId) ?? 0) + localityAware);
    }
    return { tasksPerHost, localityAwareTasks };
  }

  #taskEnded(event: Extract<SparkListenerEvent, { type: 'SparkListenerTaskEnd' }>): 'more' | 'same' {
    const tally = this.#tallyOf(event);
    if (tally === undefined) return 'same';
    const { index, speculative } = event.task;
    const hadPending = this.#hasPending;
    switch (event.reason.kind) {
      case 'Success':
        // The original was faster than the launch of its copy.
        tally.wantedCopies.delete(index);
        break;
      case 'TaskKilled': // since another copy succeeded, or nobody wants it
        break;
      default:
        if (!speculative) tally.started.delete(index);
    }
    // A task that is told of once more, as lost, has ended before.
    if (event.reason.kind !== 'Resubmitted') tally.running--;
    this.#forgetIfOver(keyOf({ stageId: event.stageId, attemptNumber: event.stageAttemptId }), tally);
    return this.#hasPending && !hadPending ? 'more' : 'same';
  }

  get #hasPending(): boolean {
    for (const { pending, wantedCopies } of this.#stages.values())
      if (pending > 0 || wantedCopies.size > 0) return true;
    return false;
  }

  #tallyOf({
    stageId,
    stageAttemptId,
  }: {
    readonly stageId: StageId;
    readonly stageAttemptId: number;
  }): StageTally | undefined {
    return this.#stages.get(keyOf({ stageId, attemptNumber: stageAttemptId }));
  }

  #forgetIfOver(key: string, { isOver, running }: StageTally): void {
    if (isOver && running <= 0) this.#stages.delete(key);
  }
}

function keyOf({ stageId, attemptNumber }: Pick<StageInfo, 'stageId' | 'attemptNumber'>): string {
  return `${stageId}.${attemptNumber}`;
}
