import type { ErrorData } from '../base/errors.ts';
import { InvariantError } from '../base/errors.ts';
import type { ExecutorId, TaskId } from '../protocol/ids.ts';
import type { TaskResult } from '../protocol/task.ts';
import { describeFailure, type TaskEndReason, type TaskFailedReason } from '../protocol/task-end-reason.ts';
import type { TaskMetrics } from '../protocol/task-metrics.ts';
import { errorFromData } from './errors.ts';
import { FailureLog } from './failure-log.ts';
import { Locality, LocalityTimer, localityName } from './locality.ts';
import { PendingTasks } from './pending-tasks.ts';
import type { Pool, Schedulable } from './pool.ts';
import type { ExecutorState, RunningTask } from './running-task.ts';
import type { SchedulerSettings } from './settings.ts';
import { sizeText } from './size-text.ts';
import { type TaskSet, taskSetName } from './task-set.ts';

/** Whom a task set manager tells what it decided. */
export interface TaskSetListener {
  ended(
    task: RunningTask,
    reason: TaskEndReason,
    result: TaskResult | null,
    metrics: TaskMetrics | null,
    at: number,
  ): void;
  aborted(manager: TaskSetManager, message: string, cause: unknown, at: number): void;
  kill(task: RunningTask, interrupt: boolean, reason: string): void;
  log(level: 'info' | 'warn' | 'error', message: string): void;
}

/** Which places are alive. */
export interface AlivePlaces {
  hasExecutor(executorId: ExecutorId): boolean;
  hasHost(host: string): boolean;
  hasRack(rack: string): boolean;
}

/** A thread that dies takes its task along; even `local`, where exceptions are not retried, tries such a task again. */
const MIN_SLOT_LOSSES = 4;

/**
 * Runs the tasks of one stage attempt: which one goes to which offer, what becomes of one that failed.
 *
 *   pending ──offer──► running ──ok──► successful ── its executor is lost (map stage) ──► pending
 *      ▲                  │
 *      └──── failed ──────┘  until a task has failed `maxFailures` times: then the whole set is aborted
 *
 * A *zombie* launches nothing more; what still runs may yet succeed. A set becomes one when all tasks have succeeded,
 * at a fetch failure, when it is aborted or cancelled, and when a newer attempt of its stage comes.
 *
 * Invariants:
 * 1. A task is pending, or running, or successful; while it is pending no copy of it runs. (A task that succeeded in
 *    another attempt may run still.)
 * 2. Running copies of a task ≤ 1; speculation will make that 2.
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
  isZombie = false;
  /** No offer was refused for locality since the locality timer was last reset. Kept by the task scheduler. */
  noRejectsSinceReset = true;
  readonly #settings: SchedulerSettings;
  readonly #listener: TaskSetListener;
  readonly #pending: PendingTasks;
  readonly #timer: LocalityTimer;
  readonly #successful: Uint8Array;
  readonly #copies: Uint8Array;
  readonly #attempts: Uint32Array;
  readonly #hasTasksAt = (level: Locality): boolean => this.#pending.hasAt(level);
  /** Failures that count, of the few tasks that have any. */
  readonly #failures = new Map<number, number>();
  readonly #slotLosses = new Map<number, number>();
  /**
   * Map stages: which tasks succeeded where, as index, task id, index, task id, …: a million records would cost too
   * much for what is rarely read.
   */
  readonly #doneOn = new Map<ExecutorId, number[]>();
  readonly #failureLog = new FailureLog();
  #taskOfOutput: Map<number, number> | null = null;
  #numSuccessful = 0;
  #resultBytes = 0;
  #numResults = 0;

  constructor(
    taskSet: TaskSet,
    settings: SchedulerSettings,
    pool: Pool<TaskSetManager>,
    alive: AlivePlaces,
    listener: TaskSetListener,
    at: number,
  ) {
    const numTasks = taskSet.partitions.length;
    this.taskSet = taskSet;
    this.name = `TaskSet_${taskSetName(taskSet)}`;
    this.pool = pool;
    this.#settings = settings;
    this.#listener = listener;
    this.#pending = new PendingTasks(numTasks, taskSet.locations, settings.rackOf);
    this.#timer = new LocalityTimer(this.#pending.levels(alive), settings.localityWaitMs, at);
    this.#successful = new Uint8Array(numTasks);
    this.#copies = new Uint8Array(numTasks);
    this.#attempts = new Uint32Array(numTasks);
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

  /** Tasks that an offer could start. */
  get pendingCount(): number {
    return this.isZombie ? 0 : this.#pending.count;
  }

  get levels(): readonly Locality[] {
    return this.#timer.levels;
  }

  // Offers

  /** A task for this executor at `max` or nearer, or null. Spark: TaskSetManager.resourceOffer */
  take(executor: ExecutorState, max: Locality, at: number, taskId: TaskId): RunningTask | null {
    if (this.pendingCount === 0) return null;
    let level = max;
    if (max !== Locality.NO_PREF) {
      const allowed = this.#timer.allowed(at, this.#hasTasksAt);
      if (allowed < max) level = allowed;
    }
    const index = this.#pending.find(executor.id, executor.host, level);
    if (index < 0) return null;
    const locality = localityName(this.#pending.foundAt);
    this.#pending.remove(index);
    this.#copies[index] = (this.#copies[index] as number) + 1; // index < numTasks
    const attemptNumber = this.#attempts[index] as number;
    this.#attempts[index] = attemptNumber + 1;
    const info = {
      taskId,
      index,
      partition: this.taskSet.partitions[index] as number,
      attemptNumber,
      executorId: executor.id,
      host: executor.host,
      locality,
      speculative: false,
      launchedAt: at,
    };
    const task: RunningTask = { taskId, info, manager: this, executor, started: false, killed: false };
    this.running.add(task);
    this.pool.countRunning(1);
    return task;
  }

  /** Level of the task that take() just gave. */
  get takenAt(): Locality {
    return this.#pending.foundAt;
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
    this.#stopped(task);
    if (result.kind === 'Result' && !this.#fits(result.bytes.byteLength, at)) {
      this.#listener.ended(
        task,
        { kind: 'TaskKilled', reason: 'Tasks result size has exceeded maxResultSize' },
        null,
        result.metrics,
        at,
      );
      return;
    }
    if (this.#successful[index] === 0) {
      this.#markSuccessful(index);
      if (result.kind === 'MapOutput') {
        const done = this.#doneOn.get(task.executor.id);
        if (done === undefined) this.#doneOn.set(task.executor.id, [index, task.taskId]);
        else done.push(index, task.taskId);
      }
      if (this.#copies[index] !== 0)
        for (const other of this.running)
          if (other.info.index === index) this.#listener.kill(other, true, 'another attempt succeeded');
    }
    this.#listener.ended(task, { kind: 'Success' }, result, result.metrics, at);
  }

  /** Spark: TaskSetManager.handleFailedTask */
  failed(task: RunningTask, reason: TaskFailedReason, metrics: TaskMetrics | null, at: number): void {
    const { index } = task.info;
    this.#stopped(task);
    const times = this.isZombie || reason.kind === 'FetchFailed' ? 0 : this.#timesIfTooMany(index, reason);
    this.#logFailure(task, reason, times > 0, at);
    this.#listener.ended(task, reason, null, metrics, at);
    if (reason.kind === 'FetchFailed') {
      // Not to be tried again here: the stage's next attempt does that, after the map side.
      if (this.#successful[index] === 0) this.#markSuccessful(index);
      this.isZombie = true;
    }
    if (this.isZombie) return;
    if (times > 0) {
      this.#giveUp(task, reason, times, at);
      return;
    }
    if (this.#successful[index] === 0 && this.#copies[index] === 0) this.#pending.add(index);
  }

  /** Another attempt of the stage completed this output. Spark: TaskSetManager.markPartitionCompleted */
  outputCompleted(output: number): void {
    this.#taskOfOutput ??= new Map(this.taskSet.outputs.map((o, index) => [o, index]));
    const index = this.#taskOfOutput.get(output);
    if (index === undefined || this.#successful[index] === 1) return;
    this.#pending.remove(index);
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
   * Takes back what succeeded on an executor that is lost with its map outputs. Tasks that ran there are failed by the
   * task scheduler one by one.
   */
  executorLost(executor: ExecutorState, outputsLost: boolean, alive: AlivePlaces, at: number): void {
    const done = this.#doneOn.get(executor.id);
    this.#doneOn.delete(executor.id);
    if (this.isZombie) return;
    if (done !== undefined && outputsLost)
      for (let i = 0; i < done.length; i += 2) {
        const index = done[i] as number; // i is within bounds
        if (this.#successful[index] === 0 || this.#copies[index] !== 0) continue;
        this.#successful[index] = 0;
        this.#numSuccessful--;
        this.#pending.add(index);
        this.#listener.ended(
          this.#asLost(index, done[i + 1] as number, executor, at),
          { kind: 'Resubmitted' },
          null,
          null,
          at,
        );
      }
    if (this.taskSet.locations !== null) this.#timer.setLevels(this.#pending.levels(alive));
  }

  checkInvariants(): void {
    const holds = (rule: number, condition: boolean, what: string): void => {
      if (!condition) throw new InvariantError(`TaskSetManager ${this.name}, rule ${rule}: ${what}`);
    };
    const copies = new Map<number, number>();
    for (const { info } of this.running) copies.set(info.index, (copies.get(info.index) ?? 0) + 1);
    let successful = 0;
    let pending = 0;
    this.#successful.forEach((flag, index) => {
      successful += flag;
      const isPending = this.#pending.isPending(index);
      pending += isPending ? 1 : 0;
      const n = copies.get(index) ?? 0;
      holds(1, !(isPending && (n > 0 || flag === 1)), `task ${index} is pending, with ${n} copies running`);
      holds(1, this.isZombie || isPending || n > 0 || flag === 1, `task ${index} is forgotten`);
      holds(2, n <= 1, `${n} copies of task ${index} run`);
      holds(3, this.#copies[index] === n, `task ${index}: ${this.#copies[index]} copies counted, ${n} run`);
    });
    holds(3, successful === this.#numSuccessful, `${this.#numSuccessful} successes counted, ${successful} there`);
    holds(3, pending === this.#pending.count, `${this.#pending.count} pending counted, ${pending} there`);
    holds(4, !this.isZombie || this.running.size > 0, 'a finished zombie is still here');
  }

  #stopped(task: RunningTask): void {
    this.running.delete(task);
    this.pool.countRunning(-1);
    const { index } = task.info;
    this.#copies[index] = (this.#copies[index] as number) - 1; // index < numTasks
  }

  #markSuccessful(index: number): void {
    this.#successful[index] = 1;
    this.#numSuccessful++;
    if (this.#numSuccessful === this.#successful.length) this.isZombie = true;
  }

  #fits(bytes: number, at: number): boolean {
    this.#resultBytes += bytes;
    this.#numResults++;
    const max = this.#settings.maxResultSizeBytes;
    if (max <= 0 || this.#resultBytes <= max) return true;
    const total = `Total size of serialized results of ${this.#numResults} tasks (${sizeText(this.#resultBytes)})`;
    this.#abort(`${total} is bigger than spark.driver.maxResultSize (${sizeText(max)})`, undefined, at);
    return false;
  }

  /** Counts a failure. @returns how often the task has failed in this way if that is once too often, else 0. */
  #timesIfTooMany(index: number, reason: TaskFailedReason): number {
    if (reason.kind === 'ExceptionFailure' && !reason.retriable) return 1;
    if (reason.kind === 'SlotLost') {
      const losses = (this.#slotLosses.get(index) ?? 0) + 1;
      this.#slotLosses.set(index, losses);
      return losses >= Math.max(this.#settings.maxFailures, MIN_SLOT_LOSSES) ? losses : 0;
    }
    if (!countsAsFailure(reason)) return 0;
    const failures = (this.#failures.get(index) ?? 0) + 1;
    this.#failures.set(index, failures);
    return failures >= this.#settings.maxFailures ? failures : 0;
  }

  #giveUp(task: RunningTask, reason: TaskFailedReason, times: number, at: number): void {
    const where = `Task ${task.info.index} in stage ${taskSetName(this.taskSet)}`;
    const recent = `${lostTask(task)}: ${describeFailure(reason)}`;
    const cause = reason.kind === 'ExceptionFailure' ? errorFromData(reason.error) : undefined;
    const message = `${where} failed ${times} times, most recent failure: ${recent}\nDriver stacktrace:`;
    this.#abort(message, cause, at);
  }

  #abort(message: string, cause: unknown, at: number): void {
    if (this.isZombie) return;
    this.isZombie = true;
    this.#listener.aborted(this, message, cause, at);
  }

  /** @param isLast the stage is given up with it, whose error says all of this again. */
  #logFailure(task: RunningTask, reason: TaskFailedReason, isLast: boolean, at: number): void {
    if (this.isZombie && reason.kind === 'TaskKilled') return; // as wished
    const brief = reason.kind === 'ExceptionFailure' ? briefError(reason.error) : reason.kind;
    const line = this.#failureLog.line(lostTask(task), brief, describeFailure(reason), at);
    this.#listener.log(line.isFull && !isLast ? 'warn' : 'info', line.text);
  }

  /** A finished task, told of once more as lost: listeners count it out again. */
  #asLost(index: number, taskId: TaskId, executor: ExecutorState, at: number): RunningTask {
    const info = {
      taskId,
      index,
      partition: this.taskSet.partitions[index] as number,
      attemptNumber: (this.#attempts[index] as number) - 1,
      executorId: executor.id,
      host: executor.host,
      locality: localityName(Locality.ANY),
      speculative: false,
      launchedAt: at,
    };
    return { taskId, info, manager: this, executor, started: true, killed: false };
  }
}

/** Whether a task may fail in this way only `maxFailures` times. Spark: TaskFailedReason.countTowardsTaskFailures */
function countsAsFailure(reason: TaskFailedReason): boolean {
  switch (reason.kind) {
    case 'ExceptionFailure':
    case 'TaskResultLost':
      return true;
    case 'ExecutorLostFailure':
      return reason.exitCausedByApp;
    case 'FetchFailed':
    case 'SlotLost': // has a counter of its own
    case 'TaskKilled':
    case 'TaskCommitDenied':
    case 'Resubmitted':
      return false;
  }
}

/** `Lost task 1.0 in stage 0.0 (TID 1) (host executor 3)` */
function lostTask({ info, manager }: RunningTask): string {
  const where = `${info.host} executor ${info.executorId}`;
  return `Lost task ${info.index}.${info.attemptNumber} in stage ${taskSetName(manager.taskSet)} (TID ${info.taskId}) (${where})`;
}

function briefError(error: ErrorData): string {
  return `${error.name} (${error.message})`;
}
