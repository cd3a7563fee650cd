import { InvariantError } from '../base/errors.ts';
import type { SeededRandom } from '../base/seeded-random.ts';
import type { Heartbeat } from '../protocol/executor-registration.ts';
import type { ExecutorId, StageId, TaskId } from '../protocol/ids.ts';
import type { ResourceProfile } from '../protocol/resource-profile.ts';
import type { ExecutorMetricsUpdate } from '../protocol/spark-listener-event.ts';
import type { TaskResult } from '../protocol/task.ts';
import { Deadlines, type WakeReason } from './deadlines.ts';
import { ExecutorTable } from './executor-table.ts';
import { HealthTracker } from './health-tracker.ts';
import { lostOutputs } from './lost-outputs.ts';
import { namedUpdates } from './named-updates.ts';
import { OfferQueue } from './offer-queue.ts';
import type { Pool } from './pool.ts';
import type { ExecutorLoss, ExecutorResourcesHad, MapOutputRegistry } from './ports.ts';
import { ExecutorState, type RunningTask } from './running-task.ts';
import type { SchedulerSettings } from './settings.ts';
import { StarvationWatch } from './starvation-watch.ts';
import type { TaskEffect } from './task-effects.ts';
import { capacityFor, taskNeeds, whyNoneFits } from './task-needs.ts';
import { TaskOffers } from './task-offers.ts';
import { checkTaskSchedulerInvariants } from './task-scheduler-invariants.ts';
import type { TaskSet } from './task-set.ts';
import { type TaskSetListener, TaskSetManager } from './task-set-manager.ts';
import { TaskSetPools } from './task-set-pools.ts';
import { UnschedulableTaskSets } from './unschedulable-task-sets.ts';

/**
 * Brings task sets and executors together: who gets the next free core, and what becomes of the outcome.
 *
 * Nothing is launched when something happens: events mark executors as having room, and makeOffers(), called when the
 * queue of events is empty, hands the cores out. A status update offers only the executor it freed; all executors are
 * offered when a task set arrives, when a wait is over, when an executor is lost, when a slow task wants a second copy.
 *
 * Failure. A failed task goes back to its set, which tries it again or gives up. A lost executor fails its tasks one by
 * one. Executors on which too much has failed are avoided (HealthTracker, TaskSetExcludelist); a set that finds no place
 * for that reason waits for a new executor, and is aborted when none comes (UnschedulableTaskSets). A draining executor
 * gets nothing new, and what it runs may end.
 *
 * Invariants (checked by checkInvariants):
 * 1. cores of an executor = free cores + cores of its running tasks; free cores ≥ -queue, that of short tasks.
 * 2. A running task is in the tables of its executor, of its task set and of the scheduler.
 * 3. At most one task set of a stage is not a zombie.
 * 4. A task set is in the tables until it is a zombie with no task running, and no longer.
 * 5. While a time is awaited, wake() has been asked for at that time or earlier.
 *
 * Spark: TaskSchedulerImpl
 */
export class TaskScheduler {
  readonly #settings: SchedulerSettings;
  readonly #pools: TaskSetPools;
  readonly #executors: ExecutorTable;
  readonly #locationOf: MapOutputRegistry['locationOf'];
  readonly #running = new Map<TaskId, RunningTask>();
  readonly #managers = new Map<StageId, Map<number, TaskSetManager>>();
  readonly #offers: TaskOffers;
  readonly #queue: OfferQueue;
  readonly #health: HealthTracker | null;
  readonly #unschedulable: UnschedulableTaskSets | null;
  readonly #deadlines = new Deadlines((at, why) => this.#out.push({ type: 'WakeAt', at, why }));
  readonly #starvation: StarvationWatch;
  #nextTaskId = 0;
  #out: TaskEffect[] = [];

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
    post: (event) => this.#out.push({ type: 'Post', event }),
  };

  /** @param locationOf where an output of a shuffle lies by now. */
  constructor(settings: SchedulerSettings, random: SeededRandom, locationOf: MapOutputRegistry['locationOf']) {
    this.#settings = settings;
    this.#locationOf = locationOf;
    this.#executors = new ExecutorTable(settings.rackOf);
    this.#queue = new OfferQueue(this.#executors, random);
    const { post, log } = this.#listener;
    this.#pools = new TaskSetPools(settings, (message) => log('warn', message));
    this.#starvation = new StarvationWatch(settings.starvationWarningMs, this.#deadlines, (m) => log('warn', m));
    this.#offers = new TaskOffers(this.#executors, settings, {
      occupy: (task) => this.#occupy(task),
      vacate: (task) => {
        this.#take(task);
        this.#nextTaskId--;
      },
      launch: (task) => this.#launch(task),
      log,
      nextTaskId: () => this.#nextTaskId,
      wakeForLocality: (at) => this.#deadlines.set('locality', at),
    });
    const { exclusion, dynamicAllocation, shuffleServiceEnabled } = settings;
    this.#unschedulable =
      exclusion === null
        ? null
        : new UnschedulableTaskSets(exclusion, dynamicAllocation, {
            post,
            log,
            wakeAt: (at) => this.#deadlines.set('unschedulable', at),
          });
    const decommission = exclusion?.killByDecommission === true;
    this.#health =
      exclusion?.application !== true
        ? null
        : new HealthTracker(exclusion, shuffleServiceEnabled, {
            post,
            log,
            killExecutor: (executorId, why) => {
              const message = decommission ? `${why} (actually decommissioning)` : why;
              this.#out.push({ type: 'KillExecutor', executorId, decommission, message });
            },
            killExecutorsOnHost: (host) => this.#out.push({ type: 'KillExecutorsOnHost', host, decommission }),
          });
  }

  get rootPool(): Pool<TaskSetManager> {
    return this.#pools.root;
  }

  get numRunning(): number {
    return this.#running.size;
  }

  get numTaskSets(): number {
    return this.#managers.size;
  }

  /** Nodes on which no executor is wanted, for the application's failures there. */
  get excludedHosts(): Iterable<string> {
    return this.#health?.excludedHosts ?? [];
  }

  // Executors

  executorAdded(
    executorId: ExecutorId,
    host: string,
    cores: number,
    queue: number,
    at: number,
    more: ExecutorResourcesHad = { resourceProfileId: 0, resources: {} },
  ): TaskEffect[] {
    this.#begin();
    if (this.#executors.get(executorId) !== undefined) {
      this.#out.push({ type: 'Log', level: 'warn', message: `executor ${executorId} was added twice` });
      return this.#out;
    }
    const { resourceProfileId, resources, queuedShortTasks = queue } = more;
    const { cpusPerTask } = this.#settings;
    const executor = new ExecutorState(
      executorId,
      host,
      cores,
      queue * cpusPerTask,
      resourceProfileId,
      resources,
      queuedShortTasks * cpusPerTask,
    );
    this.#executors.add(executor);
    const rack = this.#executors.rackOf(host);
    for (const manager of this.#allManagers()) manager.executorAdded(executor, rack, this.#executors);
    this.#queue.add(executor);
    this.#out.push({ type: 'Dag', event: { type: 'ExecutorAdded', at, executorId, host, cores, resourceProfileId } });
    return this.#out;
  }

  executorLost(executorId: ExecutorId, loss: ExecutorLoss, at: number): TaskEffect[] {
    this.#begin();
    const executor = this.#executors.get(executorId);
    if (executor === undefined) return this.#out; // said twice
    this.#executors.remove(executor);
    this.#health?.executorRemoved(executorId);
    const isLost = lostOutputs(executor, loss, this.#settings.shuffleServiceEnabled, this.#locationOf);
    for (const manager of this.#allManagers()) manager.executorLost(executor, isLost, this.#executors, at);
    const { message } = loss;
    for (const task of [...executor.running]) {
      this.#take(task);
      // A task that never reached the executor cannot have brought it down. Spark: TaskSetManager.executorLost
      const exitCausedByApp = loss.exitCausedByApp && !task.isLaunching;
      task.manager.failed(task, { kind: 'ExecutorLostFailure', executorId, exitCausedByApp, message }, null, at);
      this.#maybeFinish(task.manager, at);
    }
    this.#queue.addAll();
    this.#out.push({ type: 'Dag', event: { type: 'ExecutorLost', at, executorId, loss } });
    return this.#out;
  }

  /**
   * The executor will go, with `workerHost` all others of that host too: it gets no more tasks, and those it has may end.
   *
   * Spark: TaskSchedulerImpl.executorDecommission
   */
  executorDecommissioned(executorId: ExecutorId, workerHost: string | null, at: number): TaskEffect[] {
    this.#begin();
    const executor = this.#executors.get(executorId);
    if (executor === undefined || !this.#executors.drain(executor, at)) return this.#out;
    for (const manager of this.#allManagers()) manager.placesChanged(this.#executors);
    this.#queue.addAll();
    this.#out.push({ type: 'Dag', event: { type: 'ExecutorDecommissioned', at, executorId, workerHost } });
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
      this.#maybeFinish(older, at);
    }
    const pool = this.#pools.poolFor(taskSet);
    const manager = new TaskSetManager(taskSet, this.#settings, pool, this.#executors, this.#listener, at);
    this.#managers.set(taskSet.stageId, attempts.set(taskSet.attempt, manager));
    pool.add(manager);
    this.#queue.addAll();
    return this.#out;
  }

  /** Launches nothing more of the stage and kills what runs. Spark: TaskSchedulerImpl.cancelTasks */
  cancelTasks(stageId: StageId, interrupt: boolean, reason: string, at: number): TaskEffect[] {
    this.#begin();
    for (const manager of [...(this.#managers.get(stageId)?.values() ?? [])]) {
      manager.suspend();
      for (const task of manager.running) this.#kill(task, interrupt, reason);
      this.#maybeFinish(manager, at);
    }
    return this.#out;
  }

  /** Another attempt of the stage completed this output. Spark: TaskSchedulerImpl.notifyPartitionCompletion */
  partitionCompleted(stageId: StageId, output: number, at: number): TaskEffect[] {
    this.#begin();
    for (const manager of [...(this.#managers.get(stageId)?.values() ?? [])]) {
      manager.outputCompleted(output);
      this.#maybeFinish(manager, at);
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

  /** Tasks of the profile that all executors there are could run at the same time. Spark: maxNumConcurrentTasks */
  maxConcurrentTasks(profile: ResourceProfile): number {
    const needs = taskNeeds(profile, this.#settings);
    let slots = 0;
    for (const executor of this.#executors.all()) slots += capacityFor(needs, executor);
    return slots;
  }

  isRunning(taskId: TaskId): boolean {
    return this.#running.has(taskId);
  }

  /** A task is with its executor. Spark: TaskSchedulerImpl.statusUpdate with TaskState.RUNNING */
  taskStarted(taskId: TaskId): void {
    const task = this.#running.get(taskId);
    if (task !== undefined) task.isLaunching = false;
  }

  /** The result of a task waits at its executor to be fetched, and has so many bytes. */
  resultArriving(taskId: TaskId, bytes: number, at: number): TaskEffect[] {
    this.#begin();
    const task = this.#running.get(taskId);
    if (task === undefined) return this.#out;
    const { manager, info } = task;
    manager.resultArriving(task, bytes, at);
    const { stageId, attempt: stageAttemptId } = manager.taskSet;
    if (task.resultSize === 'counted')
      this.#out.push({ type: 'Dag', event: { type: 'GettingResultEvent', at, stageId, stageAttemptId, task: info } });
    return this.#out;
  }

  /** Whether such a result is to be fetched. */
  wantsResult(taskId: TaskId): boolean {
    const task = this.#running.get(taskId);
    return task !== undefined && task.resultSize !== 'too large';
  }

  /**
   * How far running tasks are: one that reads fast gets no second copy.
   *
   * @returns what listeners hear of it; null when there is nothing new. Spark: TaskSchedulerImpl.executorHeartbeatReceived
   */
  executorHeartbeat(executorId: ExecutorId, running: Heartbeat['running'], at: number): ExecutorMetricsUpdate | null {
    const tasks = running.flatMap(({ taskId, metrics, accumulators }) => {
      const task = this.#running.get(taskId);
      if (task === undefined || metrics === null || task.executor.id !== executorId) return [];
      task.manager.progressed(task, metrics);
      const { stageId, attempt: stageAttemptId } = task.manager.taskSet;
      return [{ taskId, stageId, stageAttemptId, metrics, accumulables: namedUpdates(accumulators) }];
    });
    return tasks.length === 0 ? null : { type: 'SparkListenerExecutorMetricsUpdate', at, executorId, tasks };
  }

  /**
   * How many bytes a task that was just launched takes on its way, from a backend that sends it as bytes. When they are
   * too many the set is aborted, and the task must not be sent: it has ended.
   */
  taskSerialized(taskId: TaskId, bytes: number, at: number): TaskEffect[] {
    this.#begin();
    const task = this.#running.get(taskId);
    if (task === undefined || task.manager.serialized(task, bytes, at)) return this.#out;
    this.#take(task);
    this.#queue.add(task.executor);
    task.manager.failed(task, { kind: 'TaskKilled', reason: 'too large to be sent' }, null, at);
    this.#maybeFinish(task.manager, at);
    return this.#out;
  }

  /** A task attempt ended. News of one that is not known to run is old: nothing happens. */
  statusUpdate(taskId: TaskId, result: TaskResult, at: number): TaskEffect[] {
    this.#begin();
    const task = this.#running.get(taskId);
    if (task === undefined) return this.#out;
    this.#take(task);
    this.#queue.add(task.executor);
    if (result.kind === 'Failed') {
      const { reason } = result;
      if (reason.kind === 'FetchFailed' && reason.location !== null)
        this.#health?.fetchFailed(reason.location.host, reason.location.executorId, at);
      task.manager.failed(task, reason, result.metrics, at);
      // The executor that came free may be just the one that the task must avoid.
      if (this.#settings.exclusion !== null) this.#queue.seek(task.manager, 1);
    } else task.manager.succeeded(task, result, at);
    this.#maybeFinish(task.manager, at);
    return this.#out;
  }

  /** A time that was asked for has come. */
  wake(at: number): TaskEffect[] {
    this.#begin();
    this.#deadlines.wake(at, (why) => this.#due(why, at));
    return this.#out;
  }

  #due(why: WakeReason, at: number): void {
    switch (why) {
      case 'locality':
      case 'exclusion':
        this.#queue.addAll();
        return;
      case 'speculation':
        this.#checkSpeculatable(at);
        return;
      case 'unschedulable':
        this.#unschedulable?.wake(at);
        for (const manager of [...this.#allManagers()]) this.#maybeFinish(manager, at);
        return;
      case 'starvation':
        if (this.#starvation.wake(this.#missing(), at)) this.#queue.addAll();
    }
  }

  /** Why there may be no executor, or none for tasks that wait. */
  #missing(): string {
    const { executorNeeds } = this.#settings;
    if (this.#executors.size > 0) return whyNoneFits(this.#allManagers(), [...this.#executors.all()]);
    return executorNeeds === null ? '' : ` (there is no executor: ${executorNeeds})`;
  }

  /** Spark: TaskSchedulerImpl.checkSpeculatableTasks */
  #checkSpeculatable(at: number): void {
    const { speculation } = this.#settings;
    if (speculation === null) return;
    for (const manager of this.#allManagers()) {
      const found = manager.checkSpeculatable(at);
      if (found > 0) this.#queue.seek(manager, found);
    }
    if (this.#running.size > 0) this.#deadlines.set('speculation', at + speculation.intervalMs);
  }

  // Offers

  /** Hands out the cores that came free since the last call. Spark: TaskSchedulerImpl.resourceOffers */
  makeOffers(at: number): TaskEffect[] {
    this.#begin();
    if (this.#queue.isEmpty) {
      this.#lookForStarvation(at);
      return this.#out;
    }
    this.#health?.expire(at);
    this.#offerRound(at);
    if (this.#queue.takeUnserved()) {
      this.#queue.addAll();
      this.#offerRound(at);
    }
    if (this.#health?.excludesAny === true) this.#deadlines.set('exclusion', this.#health.nextExpiry + 1);
    if (this.#settings.speculation !== null && this.#running.size > 0 && !this.#deadlines.has('speculation'))
      this.#deadlines.set('speculation', at + this.#settings.speculation.intervalMs);
    this.#lookForStarvation(at);
    return this.#out;
  }

  #lookForStarvation(at: number): void {
    this.#starvation.look(this.#running.size === 0 && this.#pools.root.hasPending, at);
  }

  #offerRound(at: number): void {
    const sets = this.#pools.root.sorted();
    // A barrier stage needs many places at once.
    if (sets.some(({ taskSet }) => taskSet.isBarrier)) this.#queue.addAll();
    const full = this.#queue.isFull;
    const health = this.#health?.excludesAny === true ? this.#health : null;
    const isExcluded = health === null ? null : (e: ExecutorState): boolean => health.isExcluded(e.id, e.host);
    if (sets.length === 0) this.#queue.clear();
    const launched = this.#offers.make(sets, this.#queue.take(isExcluded), full, at);
    const aborted = this.#unschedulable?.check(sets, launched, this.#executors, this.#health, at) === true;
    if (aborted || this.#settings.legacyLocalityWaitReset) for (const manager of sets) this.#maybeFinish(manager, at);
  }

  /** The task holds its place from now on. */
  #occupy(task: RunningTask): void {
    this.#nextTaskId++;
    const { executor } = task;
    executor.freeCores -= task.manager.needs.cpus;
    this.#executors.coresChanged(executor);
    executor.running.add(task);
    this.#running.set(task.taskId, task);
  }

  #launch({ executor, manager, info, resources }: RunningTask): void {
    const { taskSet, needs } = manager;
    this.#out.push({ type: 'Launch', executorId: executor.id, taskSet, task: info, cpus: needs.cpus, resources });
  }

  // Bookkeeping

  #begin(): void {
    this.#out = [];
  }

  /** The task does not run any more: gives its cores back. */
  #take(task: RunningTask): void {
    this.#running.delete(task.taskId);
    task.executor.running.delete(task);
    const { executor, manager, resources } = task;
    executor.freeCores += manager.needs.cpus;
    if (resources !== null) executor.resources.release(resources);
    this.#executors.coresChanged(executor);
  }

  #kill(task: RunningTask, interrupt: boolean, reason: string): void {
    if (task.killed) return;
    task.killed = true;
    this.#out.push({ type: 'Kill', taskId: task.taskId, executorId: task.executor.id, interrupt, reason });
  }

  #maybeFinish(manager: TaskSetManager, at: number): void {
    if (!manager.isZombie || manager.running.size > 0) return;
    const { stageId, attempt } = manager.taskSet;
    const attempts = this.#managers.get(stageId);
    if (attempts?.get(attempt) !== manager) return;
    attempts.delete(attempt);
    if (attempts.size === 0) this.#managers.delete(stageId);
    manager.pool.remove(manager);
    this.#unschedulable?.forget(manager);
    if (manager.isSuccessful && manager.excluded !== null)
      this.#health?.taskSetSucceeded(stageId, manager.excluded.failures, at);
    this.#out.push({ type: 'TaskSetFinished', stageId, attempt });
  }

  *#allManagers(): Iterable<TaskSetManager> {
    for (const attempts of this.#managers.values()) yield* attempts.values();
  }

  /** Throws InvariantError if a numbered rule of the class comment, or of TaskSetManager's, is broken. */
  checkInvariants(): void {
    checkTaskSchedulerInvariants({
      executors: this.#executors,
      running: this.#running,
      managers: this.#managers,
      root: this.#pools.root,
    });
    this.#deadlines.checkInvariants();
    this.#executors.checkInvariants();
    this.#health?.checkInvariants();
  }
}
