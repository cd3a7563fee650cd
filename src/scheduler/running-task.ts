import type { ExecutorId, TaskId } from '../protocol/ids.ts';
import type { TaskInfo } from '../protocol/spark-listener-event.ts';
import { ExecutorResources, type TaskResources } from './executor-resources.ts';
import type { TaskSetManager } from './task-set-manager.ts';

/** An executor as the task scheduler counts it. */
export class ExecutorState {
  readonly id: ExecutorId;
  readonly host: string;
  readonly cores: number;
  /** Tasks' cores that may be given out beyond `cores`. */
  readonly queue: number;
  /** The same of tasks that take next to no time; not less. */
  readonly shortQueue: number;
  /** Below zero: that many cores' worth of tasks are queued. Never below -shortQueue. */
  freeCores: number;
  readonly running: Set<RunningTask> = new Set();
  /** Cores have come free since the last offers. */
  isDirty = false;
  /** Where it stands in the list of executors that have room; -1: not in it. Kept by ExecutorTable. */
  roomIndex = -1;
  /** Number of the last round of offers it was part of. Kept by TaskOffers. */
  offeredIn = 0;
  /** Since when it is being drained and takes no tasks; null: it takes them. */
  decommissionedAt: number | null = null;

  /** The resource profile it was started for. */
  readonly profileId: number;
  readonly resources: ExecutorResources;

  constructor(
    id: ExecutorId,
    host: string,
    cores: number,
    queue: number,
    profileId = 0,
    resources: Readonly<Record<string, readonly string[]>> = {},
    shortQueue: number = queue,
  ) {
    this.id = id;
    this.host = host;
    this.cores = cores;
    this.queue = queue;
    this.shortQueue = Math.max(queue, shortQueue);
    this.freeCores = cores;
    this.profileId = profileId;
    this.resources = new ExecutorResources(resources);
  }
}

/** A task attempt between launch and its last status update. */
export interface RunningTask {
  readonly taskId: TaskId;
  readonly info: TaskInfo;
  readonly manager: TaskSetManager;
  readonly executor: ExecutorState;
  /** Its executor has not said that it has it. Spark: TaskInfo.launching */
  isLaunching: boolean;
  /** Asked to die; once is enough. */
  killed: boolean;
  /** What it has of its executor's custom resources; null: nothing. */
  resources: TaskResources | null;
  /** Another copy of it has succeeded: a success of this one comes too late. */
  isSuperseded: boolean;
  /** Of a large result that its executor keeps until it is fetched: whether its size was counted, and was too much. */
  resultSize: 'unknown' | 'counted' | 'too large';
}

export function newRunningTask(manager: TaskSetManager, executor: ExecutorState, info: TaskInfo): RunningTask {
  return {
    taskId: info.taskId,
    info,
    manager,
    executor,
    isLaunching: true,
    killed: false,
    resources: null,
    isSuperseded: false,
    resultSize: 'unknown',
  };
}
