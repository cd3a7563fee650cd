import { toBlockSizes } from '../../src/protocol/block-sizes.ts';
import type { ExecutorId, TaskId } from '../../src/protocol/ids.ts';
import type { TaskDescription, TaskResult } from '../../src/protocol/task.ts';
import { newTaskMetrics } from '../../src/protocol/task-metrics.ts';
import type { BackendListener, ExecutorLoss, Launch, SchedulerBackend } from '../../src/scheduler/ports.ts';

/** Keeps what it is given to launch; a test says how each task ends. */
export class FakeBackend implements SchedulerBackend {
  readonly running = new Map<TaskId, TaskDescription>();
  readonly launched: Launch[] = [];
  readonly kills: { taskId: TaskId; executorId: ExecutorId; interrupt: boolean; reason: string }[] = [];
  readonly forgotten: { executorId: ExecutorId; programKey: string }[] = [];
  readonly removedShuffles: number[] = [];
  readonly hosts = new Map<ExecutorId, string>();
  stops = 0;
  #listener: BackendListener | null = null;

  start(listener: BackendListener): void {
    this.#listener = listener;
  }

  launch(executorId: ExecutorId, launches: readonly Launch[]): void {
    for (const launch of launches) {
      if (launch.task.executorId !== executorId) throw new Error('launched on another executor');
      this.launched.push(launch);
      this.running.set(launch.task.taskId, launch.task);
    }
    this.listener.tasksStarted(launches.map(({ task }) => task.taskId));
  }

  kill(taskId: TaskId, executorId: ExecutorId, interrupt: boolean, reason: string): void {
    this.kills.push({ taskId, executorId, interrupt, reason });
  }

  forgetProgram(executorId: ExecutorId, programKey: string): void {
    this.forgotten.push({ executorId, programKey });
  }

  removeShuffle(shuffleId: number): void {
    this.removedShuffles.push(shuffleId);
  }

  defaultParallelism(): number {
    return 2;
  }

  stop(): void {
    this.stops++;
  }

  get listener(): BackendListener {
    if (this.#listener === null) throw new Error('not started');
    return this.#listener;
  }

  addExecutor(
    id: ExecutorId,
    cores: number,
    host = `host-${id}`,
    queuedTasks = 0,
    resourceProfileId = 0,
    queuedShortTasks: number = queuedTasks,
  ): void {
    this.hosts.set(id, host);
    this.listener.executorAdded(id, host, cores, queuedTasks, { resourceProfileId, resources: {}, queuedShortTasks });
  }

  loseExecutor(id: ExecutorId, loss: Partial<ExecutorLoss> = {}): void {
    this.hosts.delete(id);
    for (const [taskId, task] of this.running) if (task.executorId === id) this.running.delete(taskId);
    this.listener.executorLost(id, { message: 'lost', exitCausedByApp: false, workerLost: false, ...loss });
  }

  /** The running task of this stage and partition. */
  task(stageId: number, partition: number): TaskDescription {
    for (const task of this.running.values()) if (task.stageId === stageId && task.partition === partition) return task;
    throw new Error(`no task for partition ${partition} of stage ${stageId} runs`);
  }

  end(task: TaskDescription, result: TaskResult): void {
    this.running.delete(task.taskId);
    this.listener.statusUpdate(task.taskId, result);
  }

  /** Ends a result task with one byte, its partition. */
  succeed(task: TaskDescription): void {
    this.end(task, resultOf(task));
  }

  /** Ends a map task with an output on its executor. */
  mapped(task: TaskDescription, sizes: readonly number[] = [1]): void {
    this.end(task, mapOutputOf(task, this.hosts.get(task.executorId) ?? 'gone', sizes));
  }
}

export function resultOf(task: TaskDescription): TaskResult {
  return { kind: 'Result', bytes: Uint8Array.of(task.partition & 255), accumulators: [], metrics: newTaskMetrics() };
}

export function mapOutputOf(task: TaskDescription, host: string, sizes: readonly number[] = [1]): TaskResult {
  const location = { executorId: task.executorId, host, port: 0 };
  const status = { location, mapId: task.taskId, sizes: toBlockSizes(sizes) };
  return { kind: 'MapOutput', status, accumulators: [], metrics: newTaskMetrics() };
}

export function failedWith(message: string, retriable = true): TaskResult {
  const error = { name: 'Error', code: null, message, stack: `Error: ${message}\n    at user.ts:1`, cause: null };
  return { kind: 'Failed', reason: { kind: 'ExceptionFailure', error, retriable }, metrics: null };
}
