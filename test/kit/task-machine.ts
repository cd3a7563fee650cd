import { seededRandom } from '../../src/base/seeded-random.ts';
import { toBlockSizes } from '../../src/protocol/block-sizes.ts';
import { DEFAULT_RESOURCE_PROFILE, type ResourceProfile } from '../../src/protocol/resource-profile.ts';
import type { ExecutorMetricsUpdate, TaskInfo } from '../../src/protocol/spark-listener-event.ts';
import type { AccumulatorUpdate, TaskResult } from '../../src/protocol/task.ts';
import type { TaskFailedReason } from '../../src/protocol/task-end-reason.ts';
import { newTaskMetrics, type TaskMetrics } from '../../src/protocol/task-metrics.ts';
import type { DagEvent } from '../../src/scheduler/dag-events.ts';
import type { ExecutorLoss, ExecutorResourcesHad } from '../../src/scheduler/ports.ts';
import { DEFAULT_SETTINGS, type SchedulerSettings } from '../../src/scheduler/settings.ts';
import type { TaskEffect } from '../../src/scheduler/task-effects.ts';
import { TaskScheduler } from '../../src/scheduler/task-scheduler.ts';
import { parseLocation, type StageWork, type TaskSet } from '../../src/scheduler/task-set.ts';
import { shuffleOf, source } from './fake-nodes.ts';

/** The task scheduler alone, at a time that the test sets; after each call its invariants must hold. */
export class TaskMachine {
  readonly tasks: TaskScheduler;
  at = 0;
  /** Executors say at once that they have the tasks they are given. */
  saysStarted = true;
  /** Everything wanted so far. */
  readonly effects: TaskEffect[] = [];
  readonly running = new Map<number, TaskInfo>();
  /** Where outputs of map tasks lie by now, per task index; the executor as `executor@host`. */
  readonly outputs = new Map<number, string>();

  constructor(settings: Partial<SchedulerSettings> = {}, seed = 1) {
    this.tasks = new TaskScheduler({ ...DEFAULT_SETTINGS, ...settings }, seededRandom(seed), (_shuffleId, output) => {
      const [executorId, host] = this.outputs.get(output)?.split('@') ?? [];
      return executorId === undefined || host === undefined ? null : { executorId, host, port: 0 };
    });
  }

  #did(effects: TaskEffect[]): TaskEffect[] {
    this.effects.push(...effects);
    this.tasks.checkInvariants();
    for (const effect of effects) {
      if (effect.type !== 'Launch') continue;
      this.running.set(effect.task.taskId, effect.task);
      if (this.saysStarted) this.tasks.taskStarted(effect.task.taskId);
    }
    return effects;
  }

  executor(id: string, cores: number, host = `host-${id}`, queue = 0, more?: ExecutorResourcesHad): void {
    this.#did(this.tasks.executorAdded(id, host, cores, queue, this.at, more));
  }

  lose(id: string, exitCausedByApp = false, more: Partial<ExecutorLoss> = {}): TaskEffect[] {
    for (const [taskId, info] of this.running) if (info.executorId === id) this.running.delete(taskId);
    const loss = { message: 'lost', exitCausedByApp, workerLost: false, ...more };
    return this.#did(this.tasks.executorLost(id, loss, this.at));
  }

  decommission(id: string): TaskEffect[] {
    return this.#did(this.tasks.executorDecommissioned(id, null, this.at));
  }

  /** Lines logged so far: `warn text`. */
  logs(): string[] {
    return this.effects.flatMap((effect) => (effect.type === 'Log' ? [`${effect.level} ${effect.message}`] : []));
  }

  /** Events for listeners so far, without the time. */
  posted(): Record<string, unknown>[] {
    return this.effects.flatMap((effect) => {
      if (effect.type !== 'Post') return [];
      const { at: _, ...event } = effect.event;
      return [event];
    });
  }

  /** Executors that were to be killed, and hosts: `3`, `host h`; with ` drained` where that was wished. */
  executorKills(): string[] {
    return this.effects.flatMap((effect) => {
      if (effect.type === 'KillExecutor') return [`${effect.executorId}${effect.decommission ? ' drained' : ''}`];
      if (effect.type === 'KillExecutorsOnHost') return [`host ${effect.host}${effect.decommission ? ' drained' : ''}`];
      return [];
    });
  }

  serialized(info: TaskInfo, bytes: number): TaskEffect[] {
    return this.#did(this.tasks.taskSerialized(info.taskId, bytes, this.at));
  }

  /** Submits a task set; `locations` as nodes state them, per task. */
  submit(
    numTasks: number,
    options: {
      stageId?: number;
      attempt?: number;
      jobId?: number;
      pool?: string;
      locations?: readonly (readonly string[])[];
      kind?: StageWork['kind'];
      isBarrier?: boolean;
      resourceProfile?: ResourceProfile;
    } = {},
  ): TaskSet {
    const { stageId = 0, attempt = 0, jobId = 0, pool, locations, kind = 'Result' } = options;
    const { isBarrier = false, resourceProfile = DEFAULT_RESOURCE_PROFILE } = options;
    const node = source(numTasks);
    const all = Array.from({ length: numTasks }, (_, i) => i);
    const taskSet: TaskSet = {
      stageId,
      attempt,
      work: kind === 'Result' ? { kind, node, sink: null } : { kind, node, dependency: shuffleOf(node, 1) },
      partitions: all,
      outputs: all,
      numPartitions: numTasks,
      locations: locations === undefined ? null : all.map((i) => (locations[i] ?? []).map(parseLocation)),
      priority: jobId,
      properties: pool === undefined ? {} : { 'spark.scheduler.pool': pool },
      isBarrier,
      resourceProfile,
    };
    this.#did(this.tasks.submitTasks(taskSet, this.at));
    return taskSet;
  }

  /** Hands out cores: `stage.attempt/index@executor LEVEL` per launch. */
  offer(): string[] {
    return launches(this.#did(this.tasks.makeOffers(this.at)));
  }

  wake(): string[] {
    this.#did(this.tasks.wake(this.at));
    return this.offer();
  }

  task(index: number): TaskInfo {
    for (const info of this.running.values()) if (info.index === index) return info;
    throw new Error(`task ${index} does not run`);
  }

  /** The running second copy of a task. */
  copy(index: number): TaskInfo {
    for (const info of this.running.values()) if (info.index === index && info.speculative) return info;
    throw new Error(`no second copy of task ${index} runs`);
  }

  end(info: TaskInfo, result: TaskResult): TaskEffect[] {
    this.running.delete(info.taskId);
    return this.#did(this.tasks.statusUpdate(info.taskId, result, this.at));
  }

  succeed(info: TaskInfo, bytes = 1, measured: Partial<TaskMetrics> = {}): TaskEffect[] {
    const metrics = { ...newTaskMetrics(), ...measured };
    return this.end(info, { kind: 'Result', bytes: new Uint8Array(bytes), accumulators: [], metrics });
  }

  /** A heartbeat of its executor tells how far a task is. */
  progressed(
    info: TaskInfo,
    measured: Partial<TaskMetrics>,
    accumulators: readonly AccumulatorUpdate[] = [],
  ): ExecutorMetricsUpdate | null {
    const { taskId, executorId } = info;
    const metrics = { ...newTaskMetrics(), ...measured };
    return this.tasks.executorHeartbeat(executorId, [{ taskId, metrics, accumulators }], this.at);
  }

  mapped(info: TaskInfo): TaskEffect[] {
    const location = { executorId: info.executorId, host: info.host, port: 0 };
    const status = { location, mapId: info.taskId, sizes: toBlockSizes([1]) };
    this.outputs.set(info.index, `${info.executorId}@${info.host}`);
    return this.end(info, { kind: 'MapOutput', status, accumulators: [], metrics: newTaskMetrics() });
  }

  fail(info: TaskInfo, reason: TaskFailedReason): TaskEffect[] {
    return this.end(info, { kind: 'Failed', reason, metrics: null });
  }

  cancel(stageId: number): TaskEffect[] {
    return this.#did(this.tasks.cancelTasks(stageId, true, 'not wanted', this.at));
  }

  partitionCompleted(stageId: number, output: number): TaskEffect[] {
    return this.#did(this.tasks.partitionCompleted(stageId, output, this.at));
  }
}

export function launches(effects: readonly TaskEffect[]): string[] {
  const texts: string[] = [];
  for (const effect of effects)
    if (effect.type === 'Launch') {
      const { taskSet, task } = effect;
      texts.push(`${taskSet.stageId}.${taskSet.attempt}/${task.index}@${task.executorId} ${task.locality}`);
    }
  return texts;
}

export function dagEvents<T extends DagEvent['type']>(
  effects: readonly TaskEffect[],
  type: T,
): Extract<DagEvent, { type: T }>[] {
  return effects.flatMap((effect) =>
    effect.type === 'Dag' && effect.event.type === type ? [effect.event as Extract<DagEvent, { type: T }>] : [],
  );
}

export const boom = {
  kind: 'ExceptionFailure',
  error: { name: 'Error', code: null, message: 'boom', stack: 'Error: boom', cause: null },
  retriable: true,
} as const satisfies TaskFailedReason;
