import { errorToData, IskraError } from '../base/errors.ts';
import type { RunTask, StageFacts } from '../protocol/executor-slot.ts';
import type { StageId, TaskId } from '../protocol/ids.ts';
import type { ResourceInformation } from '../protocol/resource-profile.ts';
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
  readonly #resources: RunTask[5];
  readonly #isKilled: () => boolean;
  readonly #metrics = newTaskMetrics();
  readonly #onCompletion: ((context: TaskContext) => void)[] = [];
  readonly #onFailure: ((context: TaskContext, error: Error) => void)[] = [];
  #completed = false;
  #failure: Error | null = null;

  constructor(
    [taskId, attemptNumber, partition, , split, resources]: RunTask,
    stage: StageFacts,
    isKilled: () => boolean,
  ) {
    this.taskAttemptId = taskId;
    this.attemptNumber = attemptNumber;
    this.partitionId = partition;
    this.split = split ?? { index: partition };
    this.#resources = resources;
    this.programKey = stage.program.key;
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

  resources(): ReadonlyMap<string, ResourceInformation> {
    return new Map(Object.entries(this.#resources ?? {}));
  }

  isInterrupted(): boolean {
    return this.#isKilled();
  }

  isCompleted(): boolean {
    return this.#completed;
  }

  isFailed(): boolean {
    return this.#failure !== null;
  }

  getLocalProperty(key: string): string | null {
    const { localProperties } = this.#stage;
    return Object.hasOwn(localProperties, key) ? (localProperties[key] ?? null) : null;
  }

  taskMetrics(): TaskMetrics {
    return this.#metrics;
  }

  addTaskCompletionListener(listener: (context: TaskContext) => void): TaskContext {
    if (this.#completed) listener(this);
    else this.#onCompletion.push(listener);
    return this;
  }

  addTaskFailureListener(listener: (context: TaskContext, error: Error) => void): TaskContext {
    if (this.#failure !== null) listener(this, this.#failure);
    else this.#onFailure.push(listener);
    return this;
  }

  /**
   * Calls the listeners, the last added first: those for failures before the others. All are called.
   *
   * @throws what a listener threw; of several a TaskCompletionListenerError that lists them.
   */
  end(error: Error | null): void {
    if (this.#completed) return;
    const thrown: unknown[] = [];
    const call = (listener: () => void): void => {
      try {
        listener();
      } catch (e) {
        thrown.push(e);
      }
    };
    if (error !== null) {
      this.#failure = error;
      for (const listener of this.#onFailure.reverse()) call(() => listener(this, error));
    }
    this.#completed = true;
    for (const listener of this.#onCompletion.reverse()) call(() => listener(this));
    if (thrown.length === 1) throw thrown[0];
    if (thrown.length > 1) throw new TaskCompletionListenerError(thrown);
  }
}

/** Several listeners of one task threw. Spark: TaskCompletionListenerException */
export class TaskCompletionListenerError extends IskraError {
  override readonly name = 'TaskCompletionListenerError';
  constructor(thrown: readonly unknown[]) {
    const lines = thrown.map((e, i) => `Exception ${i}: ${errorToData(e).message}`);
    super('TASK_LISTENERS_FAILED', lines.join('\n'), { cause: thrown[0] });
  }
}
