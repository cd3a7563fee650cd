import type { TaskId } from '../protocol/ids.ts';
import type { TaskResult } from '../protocol/task.ts';
import { describeFailure, type TaskEndReason, type TaskFailedReason } from '../protocol/task-end-reason.ts';
import type { TaskMetrics } from '../protocol/task-metrics.ts';
import { DoneTasks } from './done-tasks.ts';
import { errorFromData } from './errors.ts';
import type { AlivePlaces } from './executor-table.ts';
import { countsAsFailure, FailureCounts } from './failure-counts.ts';
import { FailureLog, lostTask } from './failure-log.ts';
import { Locality, LocalityTimer, localityName } from './locality.ts';
import type { IsOutputLost } from './lost-outputs.ts';
import { PendingTasks } from './pending-tasks.ts';
import type { Pool, Schedulable } from './pool.ts';
import { type ExecutorState, newRunningTask, type RunningTask } from './running-task.ts';
import type { SchedulerSettings } from './settings.ts';
import { Speculation } from './speculation.ts';
import { type TaskNeeds, taskNeeds } from './task-needs.ts';
import { TaskPace } from './task-pace.ts';
import { type TaskLocation, type TaskSet, taskSetName } from './task-set.ts';
import { type ExclusionListener, TaskSetExcludelist } from './task-set-excludelist.ts';
import { checkTaskSetInvariants } from './task-set-invariants.ts';
import { TaskSetSizes } from './task-set-sizes.ts';
import { TaskStates } from './task-states.ts';

/** Whom a task set manager tells what it decided. */
export interface TaskSetListener extends ExclusionListener {
  ended(
    task: RunningTask,
    reason: TaskEndReason,
    result: TaskResult | null,
    metrics: TaskMetrics | null,
    at: number,
  ): void;
  aborted(manager: TaskSetManager, message: string, cause: unknown, at: number): void;
  kill(task: RunningTask, interrupt: boolean, reason: string): void;
}

/** How often a barrier stage that finds no place for all its tasks says so, ms. Spark: BARRIER_LOGGING_INTERVAL */
const WAITING_LOG_MS = 60_000;
const NO_WAITS = { process: 0, node: 0, rack: 0 };

/**
 * Runs the tasks of one stage attempt: which one goes to which offer, what becomes of one that failed.
 *
 *   pending ──offer──► running ──ok──► successful ── its executor is lost (map stage) ──► pending
 *      ▲                  │
 *      └──── failed ──────┘  until a task has failed `maxFailures` times: then the whole set is aborted
 *
 * A *zombie* launches nothing more; what still runs may yet succeed. A set becomes one when all tasks have succeeded,
 * at a fetch failure, when it is aborted or cancelled, when a newer attempt of its stage comes, and, of a barrier stage,
 * when any task fails.
 *
 * A slow task may get a second copy (speculation.ts). Whichever succeeds first counts; the other one is killed, and
 * should it succeed too, that is told as killed.
 *
 * Invariants:
 * 1. A task is pending, or running, or successful; while it is pending no copy of it runs. (A task that succeeded in
 *    another attempt may run still.)
 * 2. Running copies of a task ≤ 2, and ≤ 1 without speculation; while a second copy is wanted exactly one runs.
 * 3. The counters agree with the arrays.
 * 4. A zombie without running tasks is in no table of the task scheduler.
 *
 * Work per event does not grow with the number of tasks.
 *
 * Spark: TaskSetManager
 */
export class TaskSetManager implements Schedulable {
  readonly taskSet: TaskSet;
  readonly name: string;
  readonly weight = 1;
  readonly minShare = 0;
  readonly pool: Pool<TaskSetManager>;
  readonly running: Set<RunningTask> = new Set();
  /** What each of its tasks takes. */
  readonly needs: TaskNeeds;
  isZombie = false;
  /** No offer was refused for locality since the locality timer was last reset. Kept by the task scheduler. */
  noRejectsSinceReset = true;
  readonly #listener: TaskSetListener;
  readonly #pending: PendingTasks;
  readonly #timer: LocalityTimer;
  readonly #states: TaskStates;
  readonly #hasTasksAt = (level: Locality): boolean => this.#pending.hasAt(level);
  readonly #failures: FailureCounts;
  readonly #speculation: Speculation | null;
  readonly #excluded: TaskSetExcludelist | null;
  /** For the list of excluded places: whom take() is asked for. */
  #asking: ExecutorState | null = null;
  readonly #isExcludedThere = (index: number): boolean =>
    this.#asking !== null && this.#excluded?.isExcludedForTask(index, this.#asking.id, this.#asking.host) === true;
  /** Of map stages. */
  readonly #done = new DoneTasks();
  readonly #failureLog: FailureLog;
  readonly #sizes: TaskSetSizes;
  readonly #pace = new TaskPace();
  #toldOfWaitingAt: number | null = null;
  #takenAt: Locality = Locality.ANY;

  constructor(
    taskSet: TaskSet,
    settings: SchedulerSettings,
    pool: Pool<TaskSetManager>,
    alive: AlivePlaces,
    listener: TaskSetListener,
    at: number,
  ) {
    this.taskSet = taskSet;
    this.name = `TaskSet_${taskSetName(taskSet)}`;
    this.pool = pool;
    this.needs = taskNeeds(taskSet.resourceProfile, settings);
    this.#listener = listener;
    this.#pending = new PendingTasks(taskSet.partitions.length, taskSet.locations, settings.rackOf);
    const waits = settings.legacyLocalityWaitReset && taskSet.isBarrier ? NO_WAITS : settings.localityWaitMs;
    this.#timer = new LocalityTimer(this.#pending.levels(alive), waits, at);
    this.#states = new TaskStates(taskSet);
    this.#failures = new FailureCounts(settings.maxFailures);
    this.#sizes = new TaskSetSizes(settings, taskSet, (message) => listener.log('warn', message));
    this.#failureLog = new FailureLog(settings.exceptionPrintIntervalMs);
    const { speculation, exclusion, rackOf } = settings;
    const mayBeSlow = speculation !== null && !taskSet.isBarrier;
    this.#speculation = mayBeSlow ? new Speculation(speculation, taskSet, rackOf) : null;
    this.#excluded = exclusion === null ? null : new TaskSetExcludelist(exclusion, taskSet, listener);
  }

  get priority(): number {
    return this.taskSet.priority;
  }

  get stageId(): number {
    return this.taskSet.stageId;
  }

  get runningTasks(): number {
    return this.running.size;
  }

  get hasPending(): boolean {
    return this.pendingCount > 0;
  }

  /** Tasks that an offer could start, second copies included. */
  get pendingCount(): number {
    return this.isZombie ? 0 : this.#pending.count + (this.#speculation?.pendingCount ?? 0);
  }

  get levels(): readonly Locality[] {
    return this.#timer.levels;
  }

  /** Every task has succeeded, here or in another attempt. */
  get isSuccessful(): boolean {
    return this.#states.allSuccessful;
  }

  /** They take next to no time, as far as is known. */
  get hasShortTasks(): boolean {
    return this.#pace.isShort;
  }

  /** Where its tasks have failed; null when exclusion is off. */
  get excluded(): TaskSetExcludelist | null {
    return this.#excluded;
  }

  /** Any task that waits, one that failed rather than one that has not run; -1 when there is none. */
  get somePending(): number {
    return this.isZombie ? -1 : this.#pending.any();
  }

  // Offers

  /** Whether no task of the set may run there at all. */
  isExcludedFrom(executor: ExecutorState): boolean {
    return this.#excluded?.isExcluded(executor.id, executor.host) === true;
  }

  /** How far from its data a task may run now, if an offer allows `max`. */
  allowedLevel(max: Locality, at: number): Locality {
    if (max === Locality.NO_PREF) return max;
    const allowed = this.#timer.allowed(at, this.#hasTasksAt);
    return allowed < max ? allowed : max;
  }

  /** Calls `visit` with each place that a waiting task prefers; some come more than once. */
  forEachPlace(visit: (place: TaskLocation) => void): void {
    this.#pending.forEachPlace(visit);
    this.#speculation?.forEachPlace(visit);
  }

  /** A task for this executor at `max` or nearer, or null. Spark: TaskSetManager.resourceOffer */
  take(executor: ExecutorState, max: Locality, at: number, taskId: TaskId): RunningTask | null {
    if (this.pendingCount === 0) return null;
    const level = this.allowedLevel(max, at);
    this.#asking = executor;
    const skip = this.#excluded?.excludesAny === true ? this.#isExcludedThere : null;
    let index = this.#pending.find(executor.id, executor.host, level, skip);
    let speculative = false;
    if (index >= 0) {
      this.#pending.remove(index);
      this.#takenAt = this.#pending.foundAt;
    } else {
      if (this.#speculation === null) return null;
      index = this.#speculation.find(executor, level, skip);
      if (index < 0) return null;
      speculative = true;
      this.#takenAt = this.#speculation.foundAt;
    }
    const info = {
      taskId,
      index,
      partition: this.taskSet.partitions[index] as number, // index < numTasks
      attemptNumber: this.#states.begin(index),
      executorId: executor.id,
      host: executor.host,
      locality: localityName(this.#takenAt),
      speculative,
      launchedAt: at,
    };
    const task = newRunningTask(this, executor, info);
    if (speculative) this.#speculation?.launched(task);
    this.running.add(task);
    this.pool.countRunning(1);
    return task;
  }

  /** The task that take() gave is not launched after all: others of its barrier stage found no place. */
  giveBack(task: RunningTask): void {
    const { index } = task.info;
    this.#stopped(task);
    this.#states.takeBackAttempt(index);
    this.#pending.add(index);
  }

  /** Level of the task that take() just gave. */
  get takenAt(): Locality {
    return this.#takenAt;
  }

  /** Looks for slow tasks. @returns of how many a second copy is wanted from now on. Spark: checkSpeculatableTasks */
  checkSpeculatable(at: number): number {
    if (this.#speculation === null || this.isZombie) return 0;
    const { tasks, thresholdMs } = this.#speculation.check(this.running, at, (index) =>
      this.#states.isSuccessful(index),
    );
    let count = this.#speculation.pendingCount - tasks.length;
    for (const { info } of tasks) {
      const { index, partition, host } = info;
      const { stageId, attempt: stageAttemptId } = this.taskSet;
      count++;
      const why = `it ran more than ${thresholdMs.toFixed(0)} ms(${count} speculatable tasks in this taskset now)`;
      this.#listener.log(
        'info',
        `Marking task ${index} in stage ${this.#stage} (on ${host}) as speculatable because ${why}`,
      );
      this.#listener.post({
        type: 'SparkListenerSpeculativeTaskSubmitted',
        at,
        stageId,
        stageAttemptId,
        index,
        partition,
      });
    }
    return tasks.length;
  }

  /** News from within a running task. */
  progressed(task: RunningTask, metrics: TaskMetrics): void {
    this.#speculation?.progressed(task, metrics);
  }

  resetLocalityTimer(at: number, best: Locality): void {
    this.#timer.reset(at, best);
  }

  /** When a wider choice of places is allowed; null when everything is allowed already. */
  nextLocalityAt(): number | null {
    return this.#timer.nextAt();
  }

  // Outcomes

  /** Spark: TaskSetManager.handleSuccessfulTask */
  succeeded(task: RunningTask, result: TaskResult, at: number): void {
    const { index } = task.info;
    if (task.isSuperseded && this.#states.isSuccessful(index)) {
      const reason = 'Finish but did not commit due to another attempt succeeded';
      this.failed(task, { kind: 'TaskKilled', reason }, result.metrics, at);
      return;
    }
    this.#stopped(task);
    this.#pace.ended(result.metrics?.executorRunTimeMs ?? 0);
    const other = this.#speculation?.ended(task, false) ?? null;
    if (result.kind === 'Result' && task.resultSize === 'unknown' && !this.#fits(result.bytes.byteLength, at)) {
      this.#listener.ended(
        task,
        { kind: 'TaskKilled', reason: 'Tasks result size has exceeded maxResultSize' },
        null,
        result.metrics,
        at,
      );
      return;
    }
    if (result.metrics !== null) this.#speculation?.succeeded(task, result.metrics, at);
    if (other !== null) {
      other.isSuperseded = true;
      this.#listener.kill(other, true, 'another attempt succeeded');
    }
    if (!this.#states.isSuccessful(index)) {
      this.#failures.forget(index);
      this.#markSuccessful(index);
      if (result.kind === 'MapOutput') this.#done.add(task.executor.id, index, task.taskId);
    }
    this.#listener.ended(task, { kind: 'Success' }, result, result.metrics, at);
  }

  /** Spark: TaskSetManager.handleFailedTask */
  failed(task: RunningTask, reason: TaskFailedReason, metrics: TaskMetrics | null, at: number): void {
    const { index, executorId, host } = task.info;
    this.#stopped(task);
    this.#speculation?.ended(task, true);
    // No use in trying again, not even together with all others of a barrier stage.
    const isHopeless = reason.kind === 'ExceptionFailure' && !reason.retriable;
    const counts = !this.isZombie && !this.taskSet.isBarrier && countsAsFailure(reason);
    const times = this.isZombie ? 0 : isHopeless ? 1 : counts ? this.#failures.count(index, reason) : 0;
    // Killed since the set is over: as wished.
    if (!this.isZombie || reason.kind !== 'TaskKilled') {
      const { level, text } = this.#failureLog.line(task, reason, times > 0, at);
      this.#listener.log(level, text);
    }
    this.#listener.ended(task, reason, null, metrics, at);
    if (counts && !isHopeless)
      this.#excluded?.taskFailed(index, executorId, host, `${lostTask(task)}: ${describeFailure(reason)}`, at);
    if (reason.kind === 'FetchFailed') {
      // Not to be tried again here: the stage's next attempt does that, after the map side.
      if (!this.#states.isSuccessful(index)) this.#markSuccessful(index);
      this.isZombie = true;
    }
    if (this.isZombie) return;
    if (times > 0) {
      this.#giveUp(task, reason, times, at);
      return;
    }
    if (this.taskSet.isBarrier) this.isZombie = true;
    else if (!this.#states.isSuccessful(index) && this.#states.copies(index) === 0) this.#pending.add(index);
  }

  /** How many bytes a task takes on its way. False: too many, the set is aborted. */
  serialized(task: RunningTask, bytes: number, at: number): boolean {
    return this.#orAbort(this.#sizes.task(task, bytes), at);
  }

  /** A task cannot run on any executor. Spark: abortSinceCompletelyExcludedOnFailure */
  abortSinceExcluded(index: number, at: number): void {
    if (this.#excluded !== null) this.abort(this.#excluded.noPlaceText(index), at);
  }

  /** Another attempt of the stage completed this output. Spark: TaskSetManager.markPartitionCompleted */
  outputCompleted(output: number): void {
    const index = this.#states.indexOfOutput(output);
    if (index === undefined || this.#states.isSuccessful(index)) return;
    this.#pending.remove(index);
    this.#failures.forget(index);
    this.#markSuccessful(index);
  }

  /** No more launches. Spark: TaskSetManager.suspend */
  suspend(): void {
    this.isZombie = true;
  }

  // Places come and go

  executorAdded(executor: ExecutorState, rack: string | null, alive: AlivePlaces): void {
    if (this.isZombie || this.taskSet.locations === null) return;
    if (this.#pending.wantsExecutor(executor.id) || this.#pending.wantsHost(executor.host) || rack !== null)
      this.#timer.setLevels(this.#pending.levels(alive));
  }

  /**
   * Takes back what succeeded on a lost executor and is lost with it. Tasks that ran there are failed by the task
   * scheduler one by one.
   */
  executorLost(executor: ExecutorState, isLost: IsOutputLost, alive: AlivePlaces, at: number): void {
    const { work, outputs } = this.taskSet;
    this.#done.takeEach(executor.id, (index, taskId) => {
      if (this.isZombie || work.kind !== 'ShuffleMap') return;
      if (!isLost(work.dependency.shuffleId, outputs[index] as number)) return; // index < numTasks
      if (!this.#states.isSuccessful(index) || this.#states.copies(index) !== 0) return;
      this.#states.unmarkSuccessful(index);
      this.#pending.add(index);
      this.#listener.ended(this.#asLost(index, taskId, executor, at), { kind: 'Resubmitted' }, null, null, at);
    });
    this.placesChanged(alive);
  }

  /** Executors came, went or take no more tasks. */
  placesChanged(alive: AlivePlaces): void {
    if (!this.isZombie && this.taskSet.locations !== null) this.#timer.setLevels(this.#pending.levels(alive));
  }

  checkInvariants(): void {
    checkTaskSetInvariants({
      manager: this,
      pending: this.#pending,
      speculation: this.#speculation,
      states: this.#states,
    });
  }

  #stopped(task: RunningTask): void {
    this.running.delete(task);
    this.pool.countRunning(-1);
    this.#states.stopped(task.info.index);
  }

  #markSuccessful(index: number): void {
    this.#states.markSuccessful(index);
    if (this.#states.allSuccessful) this.isZombie = true;
  }

  /** A result of this size can be fetched; too large a sum ends the set. Spark: TaskSetManager.canFetchMoreResults */
  resultArriving(task: RunningTask, bytes: number, at: number): void {
    task.resultSize = this.#fits(bytes, at) ? 'counted' : 'too large';
  }

  #fits(bytes: number, at: number): boolean {
    return this.#orAbort(this.#sizes.result(bytes), at);
  }

  /** False when there is a reason to abort, and the set is. */
  #orAbort(why: string | null, at: number): boolean {
    if (why !== null) this.abort(why, at);
    return why === null;
  }

  #giveUp(task: RunningTask, reason: TaskFailedReason, times: number, at: number): void {
    const where = `Task ${task.info.index} in stage ${this.#stage}`;
    const recent = `${lostTask(task)}: ${describeFailure(reason)}`;
    const cause = reason.kind === 'ExceptionFailure' ? errorFromData(reason.error) : undefined;
    const message = `${where} failed ${times} times, most recent failure: ${recent}\nDriver stacktrace:`;
    this.abort(message, at, cause);
  }

  /** Whether it is time to log that a barrier stage waits for places. */
  mayTellOfWaiting(at: number): boolean {
    if (this.#toldOfWaitingAt !== null && at - this.#toldOfWaitingAt <= WAITING_LOG_MS) return false;
    this.#toldOfWaitingAt = at;
    return true;
  }

  /** The stage cannot go on. */
  abort(message: string, at: number, cause?: unknown): void {
    if (this.isZombie) return;
    this.isZombie = true;
    this.#listener.aborted(this, message, cause, at);
  }

  /** A finished task, told of once more as lost: listeners count it out again. */
  #asLost(index: number, taskId: TaskId, executor: ExecutorState, at: number): RunningTask {
    const info = {
      taskId,
      index,
      partition: this.taskSet.partitions[index] as number,
      attemptNumber: this.#states.lastAttempt(index),
      executorId: executor.id,
      host: executor.host,
      locality: localityName(Locality.ANY),
      speculative: false,
      launchedAt: at,
    };
    return newRunningTask(this, executor, info);
  }

  /** `3.0`, as messages name the stage attempt. */
  get #stage(): string {
    return taskSetName(this.taskSet);
  }
}
