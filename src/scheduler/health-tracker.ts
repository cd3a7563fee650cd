import { InvariantError } from '../base/errors.ts';
import type { ExecutorId, StageId } from '../protocol/ids.ts';
import type { ExclusionSettings } from './settings.ts';
import type { ExclusionListener, ExecutorFailures } from './task-set-excludelist.ts';

/** Whom the health tracker tells what it decided; killing is left to whoever can. */
export interface HealthListener extends ExclusionListener {
  readonly killExecutor: (executorId: ExecutorId, message: string) => void;
  readonly killExecutorsOnHost: (host: string) => void;
}

interface Exclusion {
  readonly host: string;
  readonly until: number;
}

const KILL_KEY = 'spark.excludeOnFailure.killExcludedExecutors';

/**
 * Which executors and nodes the whole application avoids, and until when.
 *
 * Only task sets that have succeeded in the end count: when a job fails since its code is wrong, no executor is to
 * blame. Failures are counted per executor by task, and those older than the timeout are forgotten. An exclusion lasts
 * for the timeout, whatever becomes of the failures that led to it: with a timeout of 10, failures at 0 and 5 exclude
 * from 5 to 15.
 *
 * An executor that is gone keeps its place in the book of its node until its time is over, so that a node which ruins
 * one executor after the other is found out.
 *
 * Invariants (checked by checkInvariants):
 * 1. An excluded executor stands in the book of its node, and the other way round.
 * 2. nextExpiry is not later than the end of any exclusion.
 *
 * Spark: HealthTracker
 */
export class HealthTracker {
  readonly #settings: ExclusionSettings;
  readonly #nodesByService: boolean;
  readonly #listener: HealthListener;
  /** Per executor: when each failure of a task there is forgotten. */
  readonly #failures = new Map<ExecutorId, number[]>();
  readonly #executors = new Map<ExecutorId, Exclusion>();
  readonly #hosts = new Map<string, number>();
  readonly #executorsOfHost = new Map<string, Set<ExecutorId>>();
  #nextExpiry = Number.POSITIVE_INFINITY;

  /** @param shuffleService a fetch failure is the node's fault, since its service could not deliver. */
  constructor(settings: ExclusionSettings, shuffleService: boolean, listener: HealthListener) {
    this.#settings = settings;
    this.#nodesByService = shuffleService;
    this.#listener = listener;
  }

  isExcluded(executorId: ExecutorId, host: string): boolean {
    return this.#executors.has(executorId) || this.#hosts.has(host);
  }

  get excludesAny(): boolean {
    return this.#executors.size > 0 || this.#hosts.size > 0;
  }

  /** Nodes on which no new executor is wanted either. Spark: HealthTracker.excludedNodeList */
  get excludedHosts(): Iterable<string> {
    return this.#hosts.keys();
  }

  /** When expire() has something to do again; infinity when nothing is excluded. */
  get nextExpiry(): number {
    return this.#nextExpiry;
  }

  /** Takes back what has been excluded for long enough. Spark: HealthTracker.applyExcludeOnFailureTimeout */
  expire(at: number): void {
    if (at <= this.#nextExpiry) return;
    const { post, log } = this.#listener;
    for (const [executorId, { host, until }] of this.#executors) {
      if (until >= at) continue;
      this.#executors.delete(executorId);
      const onHost = this.#executorsOfHost.get(host);
      onHost?.delete(executorId);
      if (onHost?.size === 0) this.#executorsOfHost.delete(host);
      log('info', `Removing executor ${executorId} from exclude list because its time there is over`);
      post({ type: 'SparkListenerExecutorUnblacklisted', at, executorId });
      post({ type: 'SparkListenerExecutorUnexcluded', at, executorId });
    }
    for (const [host, until] of this.#hosts) {
      if (until >= at) continue;
      this.#hosts.delete(host);
      log('info', `Removing node ${host} from exclude list because its time there is over`);
      post({ type: 'SparkListenerNodeUnblacklisted', at, host });
      post({ type: 'SparkListenerNodeUnexcluded', at, host });
    }
    this.#findNextExpiry();
  }

  /** A task set has succeeded; these are the failures that it had. Spark: updateExcludedForSuccessfulTaskSet */
  taskSetSucceeded(stageId: StageId, failures: ReadonlyMap<ExecutorId, ExecutorFailures>, at: number): void {
    const { timeoutMs, maxFailedTasksPerExecutor } = this.#settings;
    for (const [executorId, { host, byTask }] of failures) {
      const known = (this.#failures.get(executorId) ?? []).filter((until) => until >= at);
      for (const { lastAt } of byTask.values()) if (lastAt + timeoutMs >= at) known.push(lastAt + timeoutMs);
      this.#failures.set(executorId, known);
      if (known.length < maxFailedTasksPerExecutor || this.#executors.has(executorId)) continue;
      this.#failures.delete(executorId);
      const why = `it has ${known.length} task failures in successful task sets, the last one of stage ${stageId}`;
      this.#excludeExecutor(executorId, host, known.length, why, at);
      const onHost = this.#executorsOfHost.get(host)?.size ?? 0;
      if (onHost >= this.#settings.maxFailedExecutorsPerNode && !this.#hosts.has(host))
        this.#excludeHost(host, onHost, `${onHost} of its executors are excluded`, at);
    }
  }

  /** A map output could not be read from there. Spark: updateExcludedForFetchFailure */
  fetchFailed(host: string, executorId: ExecutorId, at: number): void {
    if (!this.#settings.fetchFailure) return;
    if (this.#nodesByService) {
      if (!this.#hosts.has(host)) this.#excludeHost(host, 1, 'of a fetch failure of the external shuffle service', at);
    } else if (!this.#executors.has(executorId)) this.#excludeExecutor(executorId, host, 1, 'of a fetch failure', at);
  }

  /** Failures of an executor that is gone lead to nothing any more. */
  executorRemoved(executorId: ExecutorId): void {
    this.#failures.delete(executorId);
  }

  /** A task set finds no place, and this executor, which it cannot use, has nothing to do: a new one may take its place. */
  killIdleExcluded(executorId: ExecutorId): void {
    const why = 'because of task unschedulability and trying to acquire a new executor.';
    this.#listener.killExecutor(executorId, `Killing excluded idle executor id ${executorId} ${why}`);
  }

  checkInvariants(): void {
    const holds = (rule: number, condition: boolean, what: string): void => {
      if (!condition) throw new InvariantError(`HealthTracker, rule ${rule}: ${what}`);
    };
    let onHosts = 0;
    for (const [host, executors] of this.#executorsOfHost) {
      onHosts += executors.size;
      holds(1, executors.size > 0, `the book of ${host} is empty`);
      for (const id of executors) holds(1, this.#executors.get(id)?.host === host, `${id} stands with ${host}`);
    }
    holds(1, onHosts === this.#executors.size, `${this.#executors.size} excluded, ${onHosts} in the books of nodes`);
    for (const { until } of this.#executors.values()) holds(2, this.#nextExpiry <= until, 'an end is overlooked');
    for (const until of this.#hosts.values()) holds(2, this.#nextExpiry <= until, "a node's end is overlooked");
  }

  #excludeExecutor(executorId: ExecutorId, host: string, taskFailures: number, why: string, at: number): void {
    const { post, log, killExecutor } = this.#listener;
    log('info', `Excluding executor id: ${executorId} because ${why}`);
    this.#executors.set(executorId, { host, until: at + this.#settings.timeoutMs });
    const onHost = this.#executorsOfHost.get(host);
    if (onHost === undefined) this.#executorsOfHost.set(host, new Set([executorId]));
    else onHost.add(executorId);
    this.#findNextExpiry();
    post({ type: 'SparkListenerExecutorBlacklisted', at, executorId, taskFailures });
    post({ type: 'SparkListenerExecutorExcluded', at, executorId, taskFailures });
    if (this.#settings.kill)
      killExecutor(executorId, `Killing excluded executor id ${executorId} since ${KILL_KEY} is set.`);
  }

  #excludeHost(host: string, executorFailures: number, why: string, at: number): void {
    const { post, log, killExecutorsOnHost } = this.#listener;
    log('info', `Excluding node ${host} because ${why}`);
    this.#hosts.set(host, at + this.#settings.timeoutMs);
    this.#findNextExpiry();
    post({ type: 'SparkListenerNodeBlacklisted', at, host, executorFailures });
    post({ type: 'SparkListenerNodeExcluded', at, host, executorFailures });
    if (this.#settings.kill) killExecutorsOnHost(host);
  }

  #findNextExpiry(): void {
    let next = Number.POSITIVE_INFINITY;
    for (const { until } of this.#executors.values()) if (until < next) next = until;
    for (const until of this.#hosts.values()) if (until < next) next = until;
    this.#nextExpiry = next;
  }
}
