import { InvariantError } from '../base/errors.ts';
import type { SeededRandom } from '../base/seeded-random.ts';
import type { ExecutorId, StageId, TaskId } from '../protocol/ids.ts';
import type { TaskResult } from '../protocol/task.ts';
import { Locality } from './locality.ts';
import { Pool, poolNameOf } from './pool.ts';
import type { ExecutorLoss } from './ports.ts';
import { ExecutorState, type RunningTask } from './running-task.ts';
import type { SchedulerSettings } from './settings.ts';
import type { TaskEffect } from './task-effects.ts';
import type { TaskSet } from './task-set.ts';
import { type AlivePlaces, type TaskSetListener, TaskSetManager } from './task-set-manager.ts';

/**
 * Brings task sets and executors together: who gets the next free core, and what becomes of the outcome.
 *
 * Nothing is launched when something happens: events mark executors as having room, and makeOffers(), called when the
 * queue of events is empty, hands the cores out. A status update offers only the executor it freed; all executors are
 * offered when a task set arrives, when a wait is over, when an executor is lost.
 *
 * Executors may take `queue` tasks beyond their cores. Those are given out only when no executor that is offered has a
 * core free, so that work spreads before it queues.
 *
 * Invariants (checked by checkInvariants):
 * 1. cores of an executor = free cores + cores of its running tasks; free cores ≥ -queue.
 * 2. A running task is in the tables of its executor, of its task set and of the scheduler.
 * 3. At most one task set of a stage is not a zombie.
 * 4. A task set is in the tables until it is a zombie with no task running, and no longer.
 *
 * Speculation will go in here: a checkSpeculatable(at) event that lets task sets add second copies to their pending
 * tasks.
 *
 * Spark: TaskSchedulerImpl
 */
export class TaskScheduler {
  readonly #settings: SchedulerSettings;
  readonly #random: SeededRandom;
  readonly #root: Pool<TaskSetManager>;
  readonly #pools = new Map<string, Pool<TaskSetManager>>();
  readonly #executors = new Map<ExecutorId, ExecutorState>();
  readonly #hosts = new Map<string, number>();
  readonly #racks = new Map<string, number>();
  readonly #running = new Map<TaskId, RunningTask>();
  readonly #managers = new Map<StageId, Map<number, TaskSetManager>>();
  #dirty: ExecutorState[] = [];
  #offerAll = false;
  /** Executors of the round of offers that can take another task. */
  #withRoom = 0;
  #nextTaskId = 0;
  /** Earliest time at which wake() was asked for and has not come. */
  #wakeAt: number | null = null;
  /** Since when tasks wait and none runs; null: not so. */
  #starvingSince: number | null = null;
  #out: TaskEffect[] = [];

  readonly #alive: AlivePlaces = {
    hasExecutor: (id) => this.#executors.has(id),
    hasHost: (host) => this.#hosts.has(host),
    hasRack: (rack) => this.#racks.has(rack),
  };

  readonly #listener: TaskSetListener = {
    ended: (task, reason, result, metrics, at) => {
      const { stageId, attempt: stageAttemptId } = task.manager.taskSet;
      this.#out.push({
        type: 'Dag',
        event: { type: 'CompletionEvent', at, stageId, stageAttemptId, task: task.info, reason, result, metrics },
      });
    },
    aborted: ({ taskSet }, message, cause, at) => {
      const { stageId, attempt: stageAttemptId } = taskSet;
      this.#out.push({ type: 'Dag', event: { type: 'TaskSetFailed', at, stageId, stageAttemptId, message, cause } });
    },
    kill: (task, interrupt, reason) => this.#kill(task, interrupt, reason),
    log: (level, message) => this.#out.push({ type: 'Log', level, message }),
  };

  constructor(settings: SchedulerSettings, random: SeededRandom) {
    this.#settings = settings;
    this.#random = random;
    this.#root = new Pool({ name: '', schedulingMode: settings.mode, weight: 0, minShare: 0 });
    if (settings.mode === 'FAIR')
      for (const definition of settings.pools) this.#pools.set(definition.name, new Pool(definition, this.#root));
  }

  get rootPool(): Pool<TaskSetManager> {
    return this.#root;
  }

  get numRunning(): number {
    return this.#running.size;
  }

  get numTaskSets(): number {
    return this.#managers.size;
  }

  // Executors

  executorAdded(executorId: ExecutorId, host: string, cores: number, queue: number, at: number): TaskEffect[] {
    this.#begin();
    if (this.#executors.has(executorId)) {
      this.#out.push({ type: 'Log', level: 'warn', message: `executor ${executorId} was added twice` });
      return this.#out;
    }
    const executor = new ExecutorState(executorId, host, cores, queue * this.#settings.cpusPerTask);
    this.#executors.set(executorId, executor);
    const rack = this.#settings.rackOf?.(host) ?? null;
    count(this.#hosts, host, 1);
    if (rack !== null) count(this.#racks, rack, 1);
    for (const manager of this.#allManagers()) manager.executorAdded(executor, rack, this.#alive);
    this.#markDirty(executor);
    this.#out.push({ type: 'Dag', event: { type: 'ExecutorAdded', at, executorId, host, cores } });
    return this.#out;
  }

  executorLost(executorId: ExecutorId, loss: ExecutorLoss, at: number): TaskEffect[] {
    this.#begin();
    const executor = this.#executors.get(executorId);
    if (executor === undefined) return this.#out; // said twice
    this.#executors.delete(executorId);
    const rack = this.#settings.rackOf?.(executor.host) ?? null;
    count(this.#hosts, executor.host, -1);
    if (rack !== null) count(this.#racks, rack, -1);
    const outputsLost = !this.#settings.shuffleServiceEnabled || loss.workerLost;
    for (const manager of this.#allManagers()) manager.executorLost(executor, outputsLost, this.#alive, at);
    const { message } = loss;
    for (const task of [...executor.running]) {
      this.#take(task);
      // A task that stood in the executor's queue cannot have brought it down.
      const exitCausedByApp = loss.exitCausedByApp && (task.started || executor.queue === 0);
      task.manager.failed(task, { kind: 'ExecutorLostFailure', executorId, exitCausedByApp, message }, null, at);
      this.#maybeFinish(task.manager);
    }
    this.#offerAll = true;
    this.#out.push({ type: 'Dag', event: { type: 'ExecutorLost', at, executorId, loss } });
    return this.#out;
  }

  // Task sets

  /** Spark: TaskSchedulerImpl.submitTasks */
  submitTasks(taskSet: TaskSet, at: number): TaskEffect[] {
    this.#begin();
    const attempts = this.#managers.get(taskSet.stageId) ?? new Map<number, TaskSetManager>();
    if (attempts.has(taskSet.attempt))
      throw new InvariantError(`task set ${taskSet.stageId}.${taskSet.attempt} is submitted twice`);
    for (const older of [...attempts.values()]) {
      older.suspend();
      this.#maybeFinish(older);
    }
    const pool = this.#poolFor(taskSet);
    const manager = new TaskSetManager(taskSet, this.#settings, pool, this.#alive, this.#listener, at);
    this.#managers.set(taskSet.stageId, attempts.set(taskSet.attempt, manager));
    pool.add(manager);
    this.#offerAll = true;
    return this.#out;
  }

  /** Launches nothing more of the stage and kills what runs. Spark: TaskSchedulerImpl.cancelTasks */
  cancelTasks(stageId: StageId, interrupt: boolean, reason: string): TaskEffect[] {
    this.#begin();
    for (const manager of [...(this.#managers.get(stageId)?.values() ?? [])]) {
      manager.suspend();
      for (const task of manager.running) this.#kill(task, interrupt, reason);
      this.#maybeFinish(manager);
    }
    return this.#out;
  }

  /** Another attempt of the stage completed this output. Spark: TaskSchedulerImpl.notifyPartitionCompletion */
  partitionCompleted(stageId: StageId, output: number): TaskEffect[] {
    this.#begin();
    for (const manager of [...(this.#managers.get(stageId)?.values() ?? [])]) {
      manager.outputCompleted(output);
      this.#maybeFinish(manager);
    }
    return this.#out;
  }

  /** Kills one attempt; it does not count as a failure and is tried again. No effect when it does not run. */
  killTask(taskId: TaskId, interrupt: boolean, reason: string): TaskEffect[] {
    this.#begin();
    const task = this.#running.get(taskId);
    if (task !== undefined) this.#kill(task, interrupt, reason);
    return this.#out;
  }

  isRunning(taskId: TaskId): boolean {
    return this.#running.has(taskId);
  }

  /** A task left its executor's queue. Backends of executors without a queue need not say so. */
  taskStarted(taskId: TaskId): void {
    const task = this.#running.get(taskId);
    if (task !== undefined) task.started = true;
  }

  /** A task attempt ended. News of one that is not known to run is old: nothing happens. */
  statusUpdate(taskId: TaskId, result: TaskResult, at: number): TaskEffect[] {
    this.#begin();
    const task = this.#running.get(taskId);
    if (task === undefined) return this.#out;
    this.#take(task);
    this.#markDirty(task.executor);
    if (result.kind === 'Failed') task.manager.failed(task, result.reason, result.metrics, at);
    else task.manager.succeeded(task, result, at);
    this.#maybeFinish(task.manager);
    return this.#out;
  }

  /** A time that was asked for has come. */
  wake(at: number): TaskEffect[] {
    this.#begin();
    this.#wakeAt = null;
    this.#offerAll = true;
    if (this.#starvingSince !== null && at - this.#starvingSince >= this.#settings.starvationWarningMs) {
      this.#starvingSince = at;
      const message =
        'Initial job has not accepted any resources; check your cluster UI to ensure that workers are registered and have sufficient resources';
      this.#out.push({ type: 'Log', level: 'warn', message });
    }
    return this.#out;
  }

  // Offers

  /** Hands out the cores that came free since the last call. Spark: TaskSchedulerImpl.resourceOffers */
  makeOffers(at: number): TaskEffect[] {
    this.#begin();
    if (!this.#offerAll && this.#dirty.length === 0) return this.#out;
    const full = this.#offerAll;
    const sets = this.#root.sorted();
    const offers = this.#collectOffers(sets.length > 0);
    this.#offerRound(sets, offers, false, full, at);
    this.#offerRound(sets, offers, true, full, at);
    this.#watchForStarvation(at);
    return this.#out;
  }

  /** Offers the executors to one task set after the other, until no core, or with `useQueue` no place, is left. */
  #offerRound(
    sets: readonly TaskSetManager[],
    offers: readonly ExecutorState[],
    useQueue: boolean,
    full: boolean,
    at: number,
  ): void {
    this.#withRoom = 0;
    for (const executor of offers) if (this.#hasRoom(executor, useQueue)) this.#withRoom++;
    for (const manager of sets) {
      if (this.#withRoom === 0) return;
      this.#offer(manager, offers, useQueue, full, at);
    }
  }

  #hasRoom(executor: ExecutorState, useQueue: boolean): boolean {
    return executor.freeCores + (useQueue ? executor.queue : 0) >= this.#settings.cpusPerTask;
  }

  /** Executors with room, in random order: else small jobs would always land on the same few. */
  #collectOffers(wanted: boolean): ExecutorState[] {
    const from = this.#offerAll ? this.#executors.values() : this.#dirty;
    const offers: ExecutorState[] = [];
    if (wanted)
      for (const executor of from)
        if (this.#hasRoom(executor, true) && this.#executors.get(executor.id) === executor) offers.push(executor);
    for (const executor of this.#dirty) executor.isDirty = false;
    this.#dirty = [];
    this.#offerAll = false;
    for (let i = offers.length - 1; i > 0; i--) {
      const j = this.#random.nextInt(i + 1);
      const swap = offers[i] as ExecutorState; // i and j are within bounds
      offers[i] = offers[j] as ExecutorState;
      offers[j] = swap;
    }
    return offers;
  }

  /** At most one task an executor and pass, so that tasks spread. Spark: TaskSchedulerImpl.resourceOfferSingleTaskSet */
  #offer(
    manager: TaskSetManager,
    offers: readonly ExecutorState[],
    useQueue: boolean,
    full: boolean,
    at: number,
  ): void {
    let best: Locality | null = null;
    let rejected = false;
    for (const level of manager.levels) {
      let launched: boolean;
      do {
        launched = false;
        for (const executor of offers) {
          if (manager.pendingCount === 0) break;
          if (!this.#hasRoom(executor, useQueue)) continue;
          const task = manager.take(executor, level, at, this.#nextTaskId);
          if (task === null) {
            rejected ||= level === Locality.ANY;
            continue;
          }
          launched = true;
          if (best === null || manager.takenAt < best) best = manager.takenAt;
          this.#launch(task);
          if (!this.#hasRoom(executor, useQueue)) this.#withRoom--;
        }
      } while (launched && manager.pendingCount > 0 && this.#withRoom > 0);
    }
    if (rejected) {
      manager.noRejectsSinceReset = false;
      // It was asked just now, so what it says lies ahead.
      const next = manager.nextLocalityAt();
      if (next !== null) this.#wakeNoLaterThan(next, 'locality');
    } else if (best !== null && (full || manager.noRejectsSinceReset)) {
      manager.resetLocalityTimer(at, best);
      manager.noRejectsSinceReset = true;
    }
  }

  #launch(task: RunningTask): void {
    this.#nextTaskId++;
    const { executor } = task;
    executor.freeCores -= this.#settings.cpusPerTask;
    executor.running.add(task);
    this.#running.set(task.taskId, task);
    this.#out.push({ type: 'Launch', executorId: executor.id, taskSet: task.manager.taskSet, task: task.info });
  }

  #watchForStarvation(at: number): void {
    if (this.#running.size > 0 || !this.#root.hasPending) {
      this.#starvingSince = null;
      return;
    }
    this.#starvingSince ??= at;
    this.#wakeNoLaterThan(this.#starvingSince + this.#settings.starvationWarningMs, 'starvation');
  }

  #wakeNoLaterThan(at: number, why: 'locality' | 'starvation'): void {
    if (this.#wakeAt !== null && this.#wakeAt <= at) return;
    this.#wakeAt = at;
    this.#out.push({ type: 'WakeAt', at, why });
  }

  // Bookkeeping

  #begin(): void {
    this.#out = [];
  }

  #markDirty(executor: ExecutorState): void {
    if (executor.isDirty) return;
    executor.isDirty = true;
    this.#dirty.push(executor);
  }

  /** The task does not run any more: gives its cores back. */
  #take(task: RunningTask): void {
    this.#running.delete(task.taskId);
    task.executor.running.delete(task);
    task.executor.freeCores += this.#settings.cpusPerTask;
  }

  #kill(task: RunningTask, interrupt: boolean, reason: string): void {
    if (task.killed) return;
    task.killed = true;
    this.#out.push({ type: 'Kill', taskId: task.taskId, executorId: task.executor.id, interrupt, reason });
  }

  #maybeFinish(manager: TaskSetManager): void {
    if (!manager.isZombie || manager.running.size > 0) return;
    const { stageId, attempt } = manager.taskSet;
    const attempts = this.#managers.get(stageId);
    if (attempts?.get(attempt) !== manager) return;
    attempts.delete(attempt);
    if (attempts.size === 0) this.#managers.delete(stageId);
    manager.pool.remove(manager);
    this.#out.push({ type: 'TaskSetFinished', stageId, attempt });
  }

  /** FIFO knows no pools; FAIR makes one with defaults for a name it has not heard of. */
  #poolFor(taskSet: TaskSet): Pool<TaskSetManager> {
    if (this.#settings.mode === 'FIFO') return this.#root;
    const name = poolNameOf(taskSet.properties);
    let pool = this.#pools.get(name);
    if (pool === undefined) {
      pool = new Pool({ name, schedulingMode: 'FIFO', weight: 1, minShare: 0 }, this.#root);
      this.#pools.set(name, pool);
    }
    return pool;
  }

  *#allManagers(): Iterable<TaskSetManager> {
    for (const attempts of this.#managers.values()) yield* attempts.values();
  }

  /** Throws InvariantError if a numbered rule of the class comment, or of TaskSetManager's, is broken. */
  checkInvariants(): void {
    const holds = (rule: number, condition: boolean, what: string): void => {
      if (!condition) throw new InvariantError(`TaskScheduler, rule ${rule}: ${what}`);
    };
    const cpus = this.#settings.cpusPerTask;
    let onExecutors = 0;
    for (const executor of this.#executors.values()) {
      const used = executor.running.size * cpus;
      holds(1, executor.freeCores + used === executor.cores, `executor ${executor.id} counts its cores wrong`);
      holds(1, executor.freeCores >= -executor.queue, `executor ${executor.id} has more tasks than it takes`);
      onExecutors += executor.running.size;
      for (const task of executor.running)
        holds(2, this.#running.get(task.taskId) === task, `task ${task.taskId} is forgotten`);
    }
    let inSets = 0;
    for (const [stageId, attempts] of this.#managers) {
      const active = [...attempts.values()].filter((manager) => !manager.isZombie).length;
      holds(3, active <= 1, `stage ${stageId} has ${active} active task sets`);
      for (const manager of attempts.values()) {
        inSets += manager.running.size;
        holds(4, !manager.isZombie || manager.running.size > 0, `${manager.name} is finished and still here`);
        manager.checkInvariants();
      }
    }
    const total = this.#running.size;
    holds(2, onExecutors === total && inSets === total, `${total} run, ${onExecutors} on executors, ${inSets} in sets`);
    holds(2, this.#root.runningTasks === total, `the root pool counts ${this.#root.runningTasks} of ${total}`);
  }
}

function count(counts: Map<string, number>, key: string, change: number): void {
  const n = (counts.get(key) ?? 0) + change;
  if (n === 0) counts.delete(key);
  else counts.set(key, n);
}
