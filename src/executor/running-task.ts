import type { RunTask, StageFacts } from '../protocol/executor-slot.ts';
import type { StageId, TaskId } from '../protocol/ids.ts';
import type { Split } from '../protocol/stage-program.ts';
import { newTaskMetrics, type TaskMetrics } from '../protocol/task-metrics.ts';
import type { TaskContext } from '../rdd/task-context.ts';

/** The TaskContext of the task that a slot runs now. Spark: TaskContextImpl */
export class RunningTask implements TaskContext {
  readonly taskAttemptId: TaskId;
  readonly attemptNumber: number;
  readonly partitionId: number;
  readonly split: Split;
  readonly programKey: string;
  readonly #stage: StageFacts;
  readonly #isKilled: () => boolean;
  readonly #metrics = newTaskMetrics();
  readonly #onCompletion: ((context: TaskContext) => void)[] = [];
  readonly #onFailure: ((context: TaskContext, error: Error) => void)[] = [];
  #completed = false;
  #failed = false;

  constructor(
    [taskId, attemptNumber, partition, , programKey, split]: RunTask,
    stage: StageFacts,
    isKilled: () => boolean,
  ) {
    this.taskAttemptId = taskId;
    this.attemptNumber = attemptNumber;
    this.partitionId = partition;
    this.split = split;
    this.programKey = programKey;
    this.#stage = stage;
    this.#isKilled = isKilled;
  }

  get stageId(): StageId {
    return this.#stage.stageId;
  }

  get stageAttemptNumber(): number {
    return this.#stage.stageAttemptId;
  }

  get numPartitions(): number {
    return this.#stage.numPartitions;
  }

  get cpus(): number {
    return this.#stage.cpus;
  }

  isInterrupted(): boolean {
    return this.#isKilled();
  }

  isCompleted(): boolean {
    return this.#completed;
  }

  isFailed(): boolean {
    return this.#failed;
  }

  getLocalProperty(key: string): string | null {
    return this.#stage.localProperties[key] ?? null;
  }

  taskMetrics(): TaskMetrics {
    return this.#metrics;
  }

  addTaskCompletionListener(listener: (context: TaskContext) => void): void {
    this.#onCompletion.push(listener);
  }

  addTaskFailureListener(listener: (context: TaskContext, error: Error) => void): void {
    this.#onFailure.push(listener);
  }

  /** Calls the listeners, the last added first; all are called, then the first error of theirs is thrown. */
  end(error: Error | null): void {
    if (this.#completed) return;
    this.#completed = true;
    let first: { readonly error: unknown } | null = null;
    const each = (call: () => void): void => {
      try {
        call();
      } catch (thrown) {
        first ??= { error: thrown };
      }
    };
    if (error !== null) {
      this.#failed = true;
      for (const listener of this.#onFailure.reverse()) each(() => listener(this, error));
    }
    for (const listener of this.#onCompletion.reverse()) each(() => listener(this));
    if (first !== null) throw (first as { readonly error: unknown }).error;
  }
}
