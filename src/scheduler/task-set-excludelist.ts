import type { ExecutorId } from '../protocol/ids.ts';
import type { SparkListenerEvent } from '../protocol/spark-listener-event.ts';
import type { ExclusionSettings } from './settings.ts';
import { type TaskSet, taskSetName } from './task-set.ts';

/** Failures of a task set's tasks on one executor. Spark: ExecutorFailuresInTaskSet */
export class ExecutorFailures {
  readonly host: string;
  /** Per task index that failed here: how often, and when last. */
  readonly byTask: Map<number, { times: number; lastAt: number }> = new Map();

  constructor(host: string) {
    this.host = host;
  }

  add(index: number, at: number): void {
    const known = this.byTask.get(index);
    if (known === undefined) this.byTask.set(index, { times: 1, lastAt: at });
    else {
      known.times++;
      known.lastAt = at;
    }
  }

  timesOf(index: number): number {
    return this.byTask.get(index)?.times ?? 0;
  }
}

/** Whom exclusion tells what it decided. */
export interface ExclusionListener {
  readonly post: (event: SparkListenerEvent) => void;
  readonly log: (level: 'info' | 'warn' | 'error', message: string) => void;
}

/**
 * Which executors and nodes one task set avoids, since tasks have failed there.
 *
 *   task × executor ── maxTaskAttemptsPerExecutor failures of the task there
 *   task × node     ── maxTaskAttemptsPerNode failures of the task on the node's executors together
 *   set × executor  ── maxFailedTasksPerExecutor different tasks have failed there
 *   set × node      ── maxFailedExecutorsPerNode executors of the node are excluded for the set
 *
 * Nothing of it expires: it ends with the set. With `taskAndStage` off it only keeps the book for the HealthTracker.
 *
 * Invariants: an excluded executor has failures of at least that many tasks; an excluded node has at least that many
 * excluded executors.
 *
 * Spark: TaskSetExcludelist
 */
export class TaskSetExcludelist {
  /** What the HealthTracker hears when the set has succeeded. */
  readonly failures: Map<ExecutorId, ExecutorFailures> = new Map();
  readonly #settings: ExclusionSettings;
  readonly #taskSet: TaskSet;
  readonly #listener: ExclusionListener;
  readonly #failingOnHost = new Map<string, Set<ExecutorId>>();
  readonly #tasksOffHost = new Map<string, Set<number>>();
  readonly #executors = new Set<ExecutorId>();
  readonly #hosts = new Set<string>();
  #latestFailure: string | null = null;

  constructor(settings: ExclusionSettings, taskSet: TaskSet, listener: ExclusionListener) {
    this.#settings = settings;
    this.#taskSet = taskSet;
    this.#listener = listener;
  }

  /** Why a set ends of which this task has no place to run. */
  noPlaceText(index: number): string {
    const what = `Aborting TaskSet ${taskSetName(this.#taskSet)} because task ${index} (partition ${this.#taskSet.partitions[index]})`;
    const recent = this.#latestFailure ?? 'none in this stage attempt';
    const advice = 'ExcludeOnFailure behavior can be configured via spark.excludeOnFailure.*.';
    return `\n${what}\ncannot run anywhere due to node and executor excludeOnFailure.\nMost recent failure:\n${recent}\n\n${advice}\n`;
  }

  /** False: nobody needs to ask further. */
  get excludesAny(): boolean {
    return this.#settings.taskAndStage && this.failures.size > 0;
  }

  isExcludedForTask(index: number, executorId: ExecutorId, host: string): boolean {
    if (!this.excludesAny) return false;
    const here = this.failures.get(executorId)?.timesOf(index) ?? 0;
    return here >= this.#settings.maxTaskAttemptsPerExecutor || this.#tasksOffHost.get(host)?.has(index) === true;
  }

  /** For all tasks of the set. */
  isExcluded(executorId: ExecutorId, host: string): boolean {
    return this.#executors.has(executorId) || this.#hosts.has(host);
  }

  /** A task failed in a way that counts. `failure`: as messages tell it. */
  taskFailed(index: number, executorId: ExecutorId, host: string, failure: string, at: number): void {
    this.#latestFailure = failure;
    const here = this.failures.get(executorId) ?? new ExecutorFailures(host);
    this.failures.set(executorId, here);
    here.add(index, at);
    if (!this.#settings.taskAndStage) return;
    const failing = this.#failingOnHost.get(host) ?? new Set();
    this.#failingOnHost.set(host, failing);
    failing.add(executorId);
    let onHost = 0;
    for (const id of failing) onHost += this.failures.get(id)?.timesOf(index) ?? 0;
    if (onHost >= this.#settings.maxTaskAttemptsPerNode) {
      const tasks = this.#tasksOffHost.get(host);
      if (tasks === undefined) this.#tasksOffHost.set(host, new Set([index]));
      else tasks.add(index);
    }
    const failedTasks = here.byTask.size;
    if (failedTasks >= this.#settings.maxFailedTasksPerExecutorStage && !this.#executors.has(executorId))
      this.#excludeExecutor(executorId, host, failing, failedTasks, at);
  }

  #excludeExecutor(
    executorId: ExecutorId,
    host: string,
    failing: ReadonlySet<ExecutorId>,
    failedTasks: number,
    at: number,
  ): void {
    const { stageId, attempt: stageAttemptId } = this.#taskSet;
    const { post, log } = this.#listener;
    this.#executors.add(executorId);
    log('info', `Excluding executor ${executorId} for stage ${stageId}`);
    const executor = { at, executorId, taskFailures: failedTasks, stageId, stageAttemptId };
    post({ type: 'SparkListenerExecutorBlacklistedForStage', ...executor });
    post({ type: 'SparkListenerExecutorExcludedForStage', ...executor });
    let excludedHere = 0;
    for (const id of failing) if (this.#executors.has(id)) excludedHere++;
    if (excludedHere < this.#settings.maxFailedExecutorsPerNodeStage || this.#hosts.has(host)) return;
    this.#hosts.add(host);
    log('info', `Excluding ${host} for stage ${stageId}`);
    const node = { at, host, executorFailures: excludedHere, stageId, stageAttemptId };
    post({ type: 'SparkListenerNodeBlacklistedForStage', ...node });
    post({ type: 'SparkListenerNodeExcludedForStage', ...node });
  }
}
