import { IskraError } from '../base/errors.ts';
import type { ExecutorId, JobId, ShuffleId, StageId, TaskId } from '../protocol/ids.ts';
import type { AccumulatorUpdate, TaskResult } from '../protocol/task.ts';
import type { DagEffect, DagEvent, MapOutputStatistics } from './dag-events.ts';
import { DAGScheduler } from './dag-scheduler.ts';
import { messageOf } from './errors.ts';
import type { JobWaiter } from './job-waiter.ts';
import { JobWaiters } from './job-waiters.ts';
import { killExcluded } from './kill-excluded.ts';
import { LoopTimers } from './loop-timers.ts';
import { Pool, type PoolState } from './pool.ts';
import type { ExecutorLoss, ExecutorResourcesHad } from './ports.ts';
import { ProgramShelf } from './program-shelf.ts';
import { withRemappedStack } from './remapped-result.ts';
import type { JobHandle, JobRequest, MapStageRequest, SchedulerOptions } from './scheduler-options.ts';
import { DEFAULT_SETTINGS } from './settings.ts';
import type { TaskEffect } from './task-effects.ts';
import { type LaunchEffect, TaskLauncher } from './task-launcher.ts';
import { TaskScheduler } from './task-scheduler.ts';
import { type TaskSet, taskSetName } from './task-set.ts';
import { TASK_KIB_TO_WARN } from './task-set-sizes.ts';

type LoopEvent =
  | { readonly type: 'Dag'; readonly event: DagEvent }
  | { readonly type: 'ResultArriving'; readonly taskId: TaskId; readonly bytes: number }
  | { readonly type: 'StatusUpdate'; readonly taskId: TaskId; readonly result: TaskResult }
  | {
      readonly type: 'NewExecutor';
      readonly executorId: ExecutorId;
      readonly host: string;
      readonly cores: number;
      readonly queuedTasks: number;
      readonly more: ExecutorResourcesHad | undefined;
    }
  | { readonly type: 'LostExecutor'; readonly executorId: ExecutorId; readonly loss: ExecutorLoss }
  | { readonly type: 'DrainingExecutor'; readonly executorId: ExecutorId; readonly workerHost: string | null }
  | { readonly type: 'LargeTask'; readonly taskId: TaskId; readonly bytes: number }
  | { readonly type: 'KillTask'; readonly taskId: TaskId; readonly interrupt: boolean; readonly reason: string }
  | { readonly type: 'Wake' };

/**
 * The schedulers' loop: one queue, one event at a time; does what the machines want and arms their timers.
 *
 * Everything happens in the turn in which it is heard: a call of the backend or of the driver works the queue off
 * before it returns, unless it comes from within, when it only queues. Cores are offered when the queue is empty.
 *
 * An exception that leaves a machine is a bug: it fails every job instead of leaving one hanging.
 *
 * Spark: DAGSchedulerEventProcessLoop, CoarseGrainedSchedulerBackend.DriverEndpoint
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #paranoid: boolean;
  readonly #maxMessageBytes: number;
  readonly #dag: DAGScheduler;
  readonly #tasks: TaskScheduler;
  readonly #waiters: JobWaiters;
  readonly #timers: LoopTimers;
  readonly #programs: ProgramShelf;
  readonly #launcher: TaskLauncher;
  readonly #queue: LoopEvent[] = [];
  #working = false;
  #stopped = false;
  /** What each event of the DAG scheduler is handled in; null: nobody wants to know how long it takes. */
  measure: (<T>(work: () => T) => T) | null = null;

  constructor(options: SchedulerOptions) {
    const settings = { ...DEFAULT_SETTINGS, ...options.settings };
    this.#options = options;
    this.#paranoid = settings.paranoid;
    this.#maxMessageBytes = settings.maxMessageBytes;
    this.#waiters = new JobWaiters(options.clock);
    this.#timers = new LoopTimers(options.clock);
    this.#programs = new ProgramShelf(options.programs, options.mapOutputs);
    this.#launcher = new TaskLauncher(this.#programs, options.backend);
    this.#dag = new DAGScheduler(
      settings,
      options.mapOutputs,
      options.cacheLocations,
      (profile) => this.#tasks.maxConcurrentTasks(profile),
      options.resourceProfiles,
    );
    this.#tasks = new TaskScheduler(settings, options.random, (shuffleId, mapIndex) =>
      options.mapOutputs.locationOf(shuffleId, mapIndex),
    );
  }

  start(): void {
    const { clock } = this.#options;
    this.#options.backend.start({
      executorAdded: (executorId, host, cores, queuedTasks = 0, more) =>
        this.#hear({ type: 'NewExecutor', executorId, host, cores, queuedTasks, more }),
      executorLost: (executorId, loss) => this.#hear({ type: 'LostExecutor', executorId, loss }),
      workerRemoved: (workerId, host, message) =>
        this.#tell({ type: 'WorkerRemoved', at: clock.now(), workerId, host, message }),
      executorDecommissioned: (executorId, workerHost) =>
        this.#hear({ type: 'DrainingExecutor', executorId, workerHost }),
      tasksStarted: (taskIds) => {
        for (const taskId of taskIds) this.#tasks.taskStarted(taskId);
      },
      executorHeartbeat: (executorId, running) => {
        if (this.#stopped) return;
        const event = this.#tasks.executorHeartbeat(executorId, running, clock.now());
        if (event !== null) this.#options.post(event);
      },
      taskSerialized: (taskId, bytes) => {
        // Only told here: the tasks beside it are on their way, and one that is not sent cannot be killed.
        if (bytes > TASK_KIB_TO_WARN * 1024) this.#hear({ type: 'LargeTask', taskId, bytes });
        return bytes < this.#maxMessageBytes;
      },
      resultArriving: (taskId, bytes) => {
        this.#hear({ type: 'ResultArriving', taskId, bytes });
        return !this.#stopped && this.#tasks.wantsResult(taskId);
      },
      statusUpdate: (taskId, result) =>
        this.#hear({ type: 'StatusUpdate', taskId, result: withRemappedStack(result, this.#options.remapStack) }),
      statusUpdates: (updates) => {
        if (this.#stopped) return;
        for (const { taskId, result } of updates)
          this.#queue.push({
            type: 'StatusUpdate',
            taskId,
            result: withRemappedStack(result, this.#options.remapStack),
          });
        if (!this.#working) this.#work();
      },
    });
  }

  // For the driver

  /** Starts a job. @throws IskraError when the scheduler is stopped. Spark: DAGScheduler.submitJob */
  submitJob(request: JobRequest): JobHandle {
    const { onTaskResult, ...rest } = request;
    const waiter = this.#newWaiter(onTaskResult);
    const { jobId } = waiter;
    this.#tell({ type: 'JobSubmitted', at: this.#options.clock.now(), jobId, ...rest });
    return { jobId, done: waiter.done.then(() => {}), cancel: (reason) => this.cancelJob(jobId, reason) };
  }

  /** Computes a shuffle's map side and nothing else. Spark: DAGScheduler.submitMapStage */
  submitMapStage(request: MapStageRequest): JobHandle<MapOutputStatistics> {
    const waiter = this.#newWaiter(() => {});
    const { jobId } = waiter;
    this.#tell({ type: 'MapStageSubmitted', at: this.#options.clock.now(), jobId, ...request });
    // A map-stage job that succeeds always has statistics.
    const done = waiter.done.then((mapOutput) => mapOutput as MapOutputStatistics);
    return { jobId, done, cancel: (reason) => this.cancelJob(jobId, reason) };
  }

  cancelJob(jobId: JobId, reason: string | null = null): void {
    this.#tell({ type: 'JobCancelled', at: this.#options.clock.now(), jobId, reason });
  }

  /** @param cancelFutureJobs jobs of the group that are submitted from now on fail at once. */
  cancelJobGroup(groupId: string, reason: string | null = null, cancelFutureJobs = false): void {
    this.#tell({ type: 'JobGroupCancelled', at: this.#options.clock.now(), groupId, reason, cancelFutureJobs });
  }

  cancelJobsWithTag(tag: string, reason: string | null = null): void {
    this.#tell({ type: 'JobTagCancelled', at: this.#options.clock.now(), tag, reason });
  }

  cancelStage(stageId: StageId, reason: string | null = null): void {
    this.#tell({ type: 'StageCancelled', at: this.#options.clock.now(), stageId, reason });
  }

  cancelAll(reason: string | null = null): void {
    this.#tell({ type: 'AllJobsCancelled', at: this.#options.clock.now(), reason });
  }

  /** Kills one task attempt; it is tried again. False when no such attempt runs. Spark: TaskScheduler.killTaskAttempt */
  killTaskAttempt(taskId: TaskId, interrupt: boolean, reason: string): boolean {
    const isRunning = !this.#stopped && this.#tasks.isRunning(taskId);
    if (isRunning) this.#hear({ type: 'KillTask', taskId, interrupt, reason });
    else this.#options.log.warn(`Could not kill task ${taskId} because no task with that ID was found.`);
    return isRunning;
  }

  /**
   * Forgets a shuffle and removes its files. While jobs that need it run it stays until the last of them ends; a later
   * job that reads it computes it anew.
   */
  unregisterShuffle(shuffleId: ShuffleId): void {
    this.#tell({ type: 'ShuffleUnregistered', shuffleId });
  }

  get schedulingMode(): 'FIFO' | 'FAIR' {
    return this.#tasks.rootPool.schedulingMode;
  }

  /** The pools of the FAIR scheduler; none under FIFO. */
  pools(): readonly PoolState[] {
    return this.#tasks.rootPool.children.filter((child) => child instanceof Pool);
  }

  defaultParallelism(): number {
    return this.#options.backend.defaultParallelism();
  }

  get numActiveJobs(): number {
    return this.#waiters.size;
  }

  /** How many jobs there ever were. */
  get numJobs(): number {
    return this.#waiters.numOpened;
  }

  /** Stages that are not done, by what they wait for. */
  get numStages(): DAGScheduler['numStages'] {
    return this.#dag.numStages;
  }

  /** Fails every job with `cause` and stops the backend. Twice is fine. */
  stop(cause?: unknown): void {
    if (this.#stopped) return;
    this.#tell({ type: 'Stopped', at: this.#options.clock.now(), cause });
  }

  /** Nodes on which no executor is wanted, since too much has failed there. Spark: TaskScheduler.excludedNodes */
  excludedHosts(): Iterable<string> {
    return this.#tasks.excludedHosts;
  }

  /** For tests: the invariants of both machines. */
  checkInvariants(): void {
    this.#dag.checkInvariants();
    this.#tasks.checkInvariants();
  }

  /** For tests: nothing of any job is left. */
  get isIdle(): boolean {
    const busy = this.#dag.numActiveJobs + this.#tasks.numTaskSets + this.#tasks.numRunning + this.#programs.size;
    return busy === 0 && this.#waiters.size === 0 && this.#queue.length === 0;
  }

  #newWaiter(onTaskResult: (index: number, bytes: Uint8Array) => void): JobWaiter {
    if (this.#stopped)
      throw new IskraError('CONTEXT_STOPPED', 'Cannot call methods on a stopped SparkContext; create a new one');
    return this.#waiters.open(onTaskResult);
  }

  // The queue

  #tell(event: DagEvent): void {
    this.#hear({ type: 'Dag', event });
  }

  #hear(event: LoopEvent): void {
    if (this.#stopped) return;
    this.#queue.push(event);
    if (!this.#working) this.#work();
  }

  #work(): void {
    this.#working = true;
    try {
      do {
        // The queue may grow while it is read.
        for (let i = 0; i < this.#queue.length; i++) {
          this.#handle(this.#queue[i] as LoopEvent); // i is within bounds
          if (this.#paranoid) this.checkInvariants();
        }
        this.#queue.length = 0;
        if (!this.#stopped) this.#doTaskEffects(this.#tasks.makeOffers(this.#options.clock.now()));
      } while (this.#queue.length > 0);
    } catch (error) {
      this.#die(error);
    } finally {
      this.#working = false;
    }
  }

  #handle(event: LoopEvent): void {
    if (this.#stopped) return;
    const at = this.#options.clock.now();
    switch (event.type) {
      case 'ResultArriving':
        this.#doTaskEffects(this.#tasks.resultArriving(event.taskId, event.bytes, at));
        return;
      case 'StatusUpdate':
        this.#doTaskEffects(this.#tasks.statusUpdate(event.taskId, event.result, at));
        return;
      case 'Dag':
        this.#doDagEffects(this.#handleDag(event.event));
        if (event.event.type === 'Stopped') this.#shutDown();
        return;
      case 'NewExecutor': {
        const { executorId, host, cores, queuedTasks, more } = event;
        this.#doTaskEffects(this.#tasks.executorAdded(executorId, host, cores, queuedTasks, at, more));
        return;
      }
      case 'LostExecutor':
        this.#programs.executorLost(event.executorId);
        this.#doTaskEffects(this.#tasks.executorLost(event.executorId, event.loss, at));
        return;
      case 'DrainingExecutor':
        this.#doTaskEffects(this.#tasks.executorDecommissioned(event.executorId, event.workerHost, at));
        return;
      case 'LargeTask':
        this.#doTaskEffects(this.#tasks.taskSerialized(event.taskId, event.bytes, at));
        return;
      case 'KillTask':
        this.#doTaskEffects(this.#tasks.killTask(event.taskId, event.interrupt, event.reason));
        return;
      case 'Wake':
        this.#doTaskEffects(this.#tasks.wake(at));
        return;
    }
  }

  #handleDag(event: DagEvent): DagEffect[] {
    return this.measure === null ? this.#dag.handle(event) : this.measure(() => this.#dag.handle(event));
  }

  // Effects

  #doDagEffects(effects: readonly DagEffect[]): void {
    for (const effect of effects)
      switch (effect.type) {
        case 'Post':
          this.#options.post(effect.event);
          break;
        case 'TaskSucceeded':
          this.#deliver(effect.jobId, effect.outputIndex, effect.bytes);
          break;
        case 'AccumulatorUpdates':
          this.#accumulate(effect.updates);
          break;
        case 'PrepareStages':
          this.#prepare(effect.stages);
          break;
        case 'StageForgotten':
          this.#programs.forgetStage(effect.stageId);
          break;
        case 'RemoveShuffle':
          this.#options.backend.removeShuffle(effect.shuffleId, effect.outputs);
          break;
        case 'SubmitTaskSet':
          this.#submitTaskSet(effect.taskSet);
          break;
        case 'CancelTasks':
          this.#doTaskEffects(
            this.#tasks.cancelTasks(effect.stageId, effect.interrupt, effect.reason, this.#options.clock.now()),
          );
          break;
        case 'PartitionCompleted':
          this.#doTaskEffects(this.#tasks.partitionCompleted(effect.stageId, effect.output, this.#options.clock.now()));
          break;
        case 'JobSucceeded':
          this.#waiters.take(effect.jobId)?.succeed(effect.mapOutput);
          break;
        case 'JobFailed':
          this.#waiters.take(effect.jobId)?.fail(effect.failure);
          break;
        case 'WakeAt':
          this.#timers.wakeDag(effect.at, (at) => this.#tell({ type: effect.why, at }));
          break;
        case 'Log':
          this.#options.log[effect.level](effect.message);
          break;
      }
  }

  #doTaskEffects(effects: readonly TaskEffect[]): void {
    let launches: LaunchEffect[] | null = null;
    for (const effect of effects)
      switch (effect.type) {
        case 'Launch':
          launches ??= [];
          launches.push(effect);
          break;
        case 'Dag':
          this.#doDagEffects(this.#handleDag(effect.event));
          break;
        case 'Post':
          this.#options.post(effect.event);
          break;
        case 'KillExecutor':
        case 'KillExecutorsOnHost':
          killExcluded(effect, this.#options.backend.allocation, this.#options.log);
          break;
        case 'Kill':
          this.#options.backend.kill(effect.taskId, effect.executorId, effect.interrupt, effect.reason);
          break;
        case 'TaskSetFinished': {
          const key = taskSetName(effect);
          for (const executorId of this.#programs.close(key)) this.#options.backend.forgetProgram(executorId, key);
          break;
        }
        case 'WakeAt':
          this.#timers.wakeTasks(effect.at, () => this.#hear({ type: 'Wake' }));
          break;
        case 'Log':
          this.#options.log[effect.level](effect.message);
          break;
      }
    if (launches !== null) this.#launch(launches);
  }

  /** Calls `make`; if it throws the stage is given up, once what is being done is done. */
  #orAbort(stageId: StageId, stageAttemptId: number, make: () => boolean): boolean {
    try {
      return make();
    } catch (cause) {
      const message = `Task serialization failed: ${messageOf(cause)}`;
      this.#tell({ type: 'TaskSetFailed', at: this.#options.clock.now(), stageId, stageAttemptId, message, cause });
      return false;
    }
  }

  #prepare(stages: Extract<DagEffect, { type: 'PrepareStages' }>['stages']): void {
    for (const { stageId, work } of stages) {
      const isReady = this.#orAbort(stageId, 0, () => {
        this.#programs.prepare(stageId, work);
        return true;
      });
      if (!isReady) return; // its job fails
    }
  }

  #launch(launches: readonly LaunchEffect[]): void {
    const at = this.#options.clock.now();
    for (const { taskSet, task } of launches) {
      const { stageId, attempt } = taskSet;
      this.#doDagEffects(this.#handleDag({ type: 'BeginEvent', at, stageId, stageAttemptId: attempt, task }));
    }
    for (const { launch, reason, abort } of this.#launcher.launch(launches)) {
      const { stageId, attempt: stageAttemptId } = launch.taskSet;
      // Taken back first: it was never sent, so it cannot be killed.
      this.#hear({
        type: 'StatusUpdate',
        taskId: launch.task.taskId,
        result: { kind: 'Failed', reason, metrics: null },
      });
      if (abort === null) continue;
      const { message, cause } = abort;
      this.#tell({ type: 'TaskSetFailed', at, stageId, stageAttemptId, message, cause });
    }
  }

  #submitTaskSet(taskSet: TaskSet): void {
    if (this.#orAbort(taskSet.stageId, taskSet.attempt, () => this.#programs.open(taskSet)))
      this.#doTaskEffects(this.#tasks.submitTasks(taskSet, this.#options.clock.now()));
  }

  #deliver(jobId: JobId, index: number, bytes: Uint8Array): void {
    try {
      this.#waiters.get(jobId)?.onTaskResult(index, bytes);
    } catch (cause) {
      // At once, for the job may end before the event is read.
      const message = `the handler of a result of job ${jobId} threw: ${messageOf(cause)}`;
      this.#waiters.take(jobId)?.fail({ code: 'RESULT_HANDLER_FAILED', message, cause });
      this.#tell({ type: 'ResultHandlerFailed', at: this.#options.clock.now(), jobId, cause });
    }
  }

  #accumulate(updates: readonly AccumulatorUpdate[]): void {
    try {
      this.#options.addToAccumulators(updates);
    } catch (error) {
      this.#options.log.error(`an accumulator could not be updated: ${messageOf(error)}`);
    }
  }

  // The end

  #shutDown(): void {
    this.#stopped = true;
    this.#timers.cancelAll();
    this.#programs.clear();
    this.#options.backend.stop();
  }

  #die(error: unknown): void {
    this.#options.log.error(`the scheduler failed: ${messageOf(error)}`);
    for (const waiter of this.#waiters.takeAll()) {
      const message = `Job ${waiter.jobId} cancelled because the scheduler failed: ${messageOf(error)}`;
      waiter.fail({ code: 'CONTEXT_STOPPED', message, cause: error });
    }
    if (!this.#stopped) this.#shutDown();
    this.#options.onFatal(error);
  }
}
