import { IllegalArgumentError, IskraError } from '../base/errors.ts';
import type { JobId, StageId, TaskId } from '../protocol/ids.ts';
import type { PoolState } from '../scheduler/pool.ts';
import type { ExecutorAllocationClient } from '../scheduler/ports.ts';
import type { DriverEnv } from './driver-env.ts';
import { checkJobTag, formatJobTags, JOB_TAGS, parseJobTags } from './job-tags.ts';
import { LocalPropertyScope } from './local-properties.ts';
import { SparkStatusTracker } from './status-tracker.ts';

const JOB_GROUP_ID = 'spark.jobGroup.id';
const JOB_DESCRIPTION = 'spark.job.description';
/** Spark: ResourceProfile.DEFAULT_RESOURCE_PROFILE_ID */
const DEFAULT_RESOURCE_PROFILE = 0;
const JOB_INTERRUPT_ON_CANCEL = 'spark.job.interruptOnCancel';

/** The part of SparkContext that names jobs, watches them and ends them. */
export abstract class ContextJobs {
  readonly #env: DriverEnv;
  readonly #properties = new LocalPropertyScope();
  /** What requestExecutors asked for; null: nothing yet. */
  #executorsWanted: number | null = null;
  /** Jobs, stages and executors now, for programs that watch themselves. */
  readonly statusTracker: SparkStatusTracker;

  /** @internal */
  protected constructor(env: DriverEnv) {
    this.#env = env;
    this.statusTracker = new SparkStatusTracker(env.jobStatus, () => env.executorInfos());
  }

  abstract assertNotStopped(): void;

  // --- local properties

  /** Null removes it. Seen by the jobs of this async function and of what it calls; see LocalPropertyScope. */
  setLocalProperty(key: string, value: string | null): void {
    checkProperty(key, value);
    this.#properties.set(key, value);
  }

  getLocalProperty(key: string): string | null {
    const { all } = this.#properties;
    return Object.hasOwn(all, key) ? (all[key] ?? null) : null;
  }

  /** @internal For RDDs: what their jobs inherit. */
  localProperties(): Readonly<Record<string, string>> {
    return this.#properties.all;
  }

  /**
   * Calls `body` with these local properties in addition, and in a context of its own: nothing that it sets is seen outside.
   * Not in Spark, where a thread would do.
   */
  withLocalProperties<R>(properties: Readonly<Record<string, string | null>>, body: () => R): R {
    for (const [key, value] of Object.entries(properties)) checkProperty(key, value);
    return this.#properties.run(properties, body);
  }

  /** @param interruptOnCancel tasks are interrupted when the group is cancelled; see the compatibility page. */
  setJobGroup(groupId: string | null, description: string | null = null, interruptOnCancel = false): void {
    this.setLocalProperty(JOB_DESCRIPTION, description);
    this.setLocalProperty(JOB_GROUP_ID, groupId);
    this.setLocalProperty(JOB_INTERRUPT_ON_CANCEL, String(interruptOnCancel));
  }

  clearJobGroup(): void {
    for (const key of [JOB_DESCRIPTION, JOB_GROUP_ID, JOB_INTERRUPT_ON_CANCEL]) this.setLocalProperty(key, null);
  }

  setJobDescription(description: string | null): void {
    this.setLocalProperty(JOB_DESCRIPTION, description);
  }

  setInterruptOnCancel(interruptOnCancel: boolean): void {
    this.setLocalProperty(JOB_INTERRUPT_ON_CANCEL, String(interruptOnCancel));
  }

  // --- tags: several a job, where a group is one

  /** @throws IllegalArgumentError for a tag that is null, empty or has a comma; so do all that take one. */
  addJobTag(tag: string): void {
    this.addJobTags([tag]);
  }

  removeJobTag(tag: string): void {
    this.removeJobTags([tag]);
  }

  addJobTags(tags: ReadonlySet<string> | readonly string[]): void {
    const all = this.getJobTags();
    for (const tag of tags) all.add(checkJobTag(tag));
    this.setLocalProperty(JOB_TAGS, formatJobTags(all));
  }

  removeJobTags(tags: ReadonlySet<string> | readonly string[]): void {
    const all = this.getJobTags();
    for (const tag of tags) all.delete(checkJobTag(tag));
    this.setLocalProperty(JOB_TAGS, formatJobTags(all));
  }

  getJobTags(): Set<string> {
    return parseJobTags(this.getLocalProperty(JOB_TAGS));
  }

  clearJobTags(): void {
    this.setLocalProperty(JOB_TAGS, null);
  }

  // --- ending jobs; ids that nobody knows are harmless

  cancelJob(jobId: JobId, reason?: string): void {
    this.#env.scheduler.cancelJob(jobId, reason ?? null);
  }

  cancelJobGroup(groupId: string, reason?: string): void {
    this.#env.scheduler.cancelJobGroup(groupId, reason ?? null);
  }

  /** And all that is submitted in this group from now on. The last `spark.scheduler.numCancelledJobGroupsToTrack` are remembered. */
  cancelJobGroupAndFutureJobs(groupId: string, reason?: string): void {
    this.#env.scheduler.cancelJobGroup(groupId, reason ?? null, true);
  }

  cancelJobsWithTag(tag: string, reason?: string): void {
    this.#env.scheduler.cancelJobsWithTag(checkJobTag(tag), reason ?? null);
  }

  cancelStage(stageId: StageId, reason?: string): void {
    this.#env.scheduler.cancelStage(stageId, reason ?? null);
  }

  cancelAllJobs(): void {
    this.#env.scheduler.cancelAll();
  }

  /**
   * Kills one attempt of a task, which is tried again without counting as a failure.
   *
   * @returns false when no such attempt runs.
   */
  killTaskAttempt(taskId: TaskId, interruptThread = true, reason = 'killed via SparkContext.killTaskAttempt'): boolean {
    return this.#env.scheduler.killTaskAttempt(taskId, interruptThread, reason);
  }

  // --- scheduling

  getSchedulingMode(): 'FIFO' | 'FAIR' {
    this.assertNotStopped();
    return this.#env.scheduler.schedulingMode;
  }

  /** Null when there is no such pool. */
  getPoolForName(name: string): PoolState | null {
    return this.getAllPools().find((pool) => pool.name === name) ?? null;
  }

  /** The pools of the FAIR mode; none under FIFO. */
  getAllPools(): PoolState[] {
    this.assertNotStopped();
    return this.#env.scheduler.pools().map(({ name, schedulingMode, weight, minShare, runningTasks }) => ({
      name,
      schedulingMode,
      weight,
      minShare,
      runningTasks,
    }));
  }

  // --- executors

  /**
   * Asks the cluster for so many more. @returns false, with a warning, where executors cannot be asked for.
   *
   * @throws IllegalArgumentError for a negative number.
   */
  async requestExecutors(numAdditionalExecutors: number): Promise<boolean> {
    checkCount(numAdditionalExecutors, 'request a negative number of additional executor(s)');
    const now = this.#executorsWanted ?? this.#env.executorInfos().length;
    return this.#request(now + numAdditionalExecutors);
  }

  /** Asks the cluster to bring the number of executors to this. See requestExecutors. */
  async requestTotalExecutors(numExecutors: number): Promise<boolean> {
    checkCount(numExecutors, 'request a negative number of executor(s)');
    return this.#request(numExecutors);
  }

  /**
   * Gives executors back, also those at work. @returns false, with a warning, where that cannot be done.
   *
   * @throws IskraError while the number of executors follows the load.
   */
  async killExecutors(executorIds: readonly string[]): Promise<boolean> {
    // A text is a list of its letters.
    if (!Array.isArray(executorIds))
      throw new IllegalArgumentError(
        `killExecutors() needs a list of ids of executors, but was given ${JSON.stringify(executorIds)}`,
      );
    const client = this.#allocation('Killing');
    if (client === null) return false;
    if (this.#env.conf.getText('spark.dynamicAllocation.enabled') === 'true')
      throw new IskraError('DYNAMIC_ALLOCATION', 'killExecutors() unsupported with Dynamic Allocation turned on');
    const killed = await client.killExecutors(executorIds, { adjustTarget: true, force: true });
    if (this.#executorsWanted !== null) this.#executorsWanted = Math.max(0, this.#executorsWanted - killed.length);
    return killed.length > 0;
  }

  killExecutor(executorId: string): Promise<boolean> {
    return this.killExecutors([executorId]);
  }

  async #request(total: number): Promise<boolean> {
    const client = this.#allocation('Requesting');
    if (client === null) return false;
    this.#executorsWanted = total;
    const none = new Map<number, never>();
    return client.requestTotalExecutors({
      total: new Map([[DEFAULT_RESOURCE_PROFILE, total]]),
      tasksPerHost: none,
      localityAwareTasks: none,
    });
  }

  #allocation(what: string): ExecutorAllocationClient | null {
    this.assertNotStopped();
    const client = this.#env.allocation;
    if (client === null) this.#env.log.warn(`${what} executors is not supported by current scheduler.`);
    return client;
  }
}

function checkProperty(key: unknown, value: unknown): void {
  if (typeof key !== 'string' || key === '')
    throw new IllegalArgumentError(`the key of a local property must be a text that is not empty, but is ${key}`);
  if (value !== null && typeof value !== 'string')
    throw new IllegalArgumentError(`local property ${key} must be a string, or null to remove it, but is ${value}`);
}

function checkCount(count: number, tried: string): void {
  if (Number.isInteger(count) && count >= 0) return;
  throw new IllegalArgumentError(
    `Attempted to ${tried} ${count} from the cluster manager. Please specify a positive number!`,
  );
}
