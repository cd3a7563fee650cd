import type { StageId, TaskId } from '../protocol/ids.ts';
import type { ResourceInformation } from '../protocol/resource-profile.ts';
import type { TaskMetrics } from '../protocol/task-metrics.ts';

/** What a running task may ask for. Spark: TaskContext */
export interface TaskContext {
  readonly stageId: StageId;
  readonly stageAttemptNumber: number;
  readonly partitionId: number;
  readonly numPartitions: number;
  readonly attemptNumber: number;
  readonly taskAttemptId: TaskId;
  readonly cpus: number;
  /** The addresses of custom resources that the task may use, by name: `gpu`. Empty when it takes none. */
  resources(): ReadonlyMap<string, ResourceInformation>;
  isInterrupted(): boolean;
  isCompleted(): boolean;
  isFailed(): boolean;
  getLocalProperty(key: string): string | null;
  taskMetrics(): TaskMetrics;
  /**
   * Called when the task ends, however it ends; at once when it has. The last added is called first, and all are called, whatever
   * they throw; what one throws fails the task.
   */
  addTaskCompletionListener(listener: (context: TaskContext) => void): TaskContext;
  /** Called when the task fails, before those of its completion. */
  addTaskFailureListener(listener: (context: TaskContext, error: Error) => void): TaskContext;
}

let current: TaskContext | null = null;

let slotThread = false;

/** Called once by a slot: what runs in this thread are tasks. */
export function markSlotThread(): void {
  slotThread = true;
}

export function isSlotThread(): boolean {
  return slotThread;
}

/** For the slot alone: one task at a time runs in its thread. */
export function setCurrentTask(task: TaskContext | null): void {
  current = task;
}

/** `TaskContext.get()`: the context of the task that runs now; null on the driver. */
export const TaskContext: {
  get(): TaskContext | null;
  /** 0 on the driver. */
  getPartitionId(): number;
} = { get: () => current, getPartitionId: () => current?.partitionId ?? 0 };
