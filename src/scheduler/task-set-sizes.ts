import type { RunningTask } from './running-task.ts';
import type { SchedulerSettings } from './settings.ts';
import { sizeText } from './size-text.ts';
import type { TaskSet } from './task-set.ts';

/** Larger tasks than this are warned of. Spark: TaskSetManager.TASK_SIZE_TO_WARN_KIB */
export const TASK_KIB_TO_WARN = 1000;

/** How large the tasks and the results of one task set are, and whether that is too much. */
export class TaskSetSizes {
  readonly #settings: Pick<SchedulerSettings, 'maxMessageBytes' | 'maxResultSizeBytes'>;
  readonly #taskSet: TaskSet;
  readonly #warn: (message: string) => void;
  #warned = false;
  #resultBytes = 0;
  #numResults = 0;

  constructor(
    settings: Pick<SchedulerSettings, 'maxMessageBytes' | 'maxResultSizeBytes'>,
    taskSet: TaskSet,
    warn: (message: string) => void,
  ) {
    this.#settings = settings;
    this.#taskSet = taskSet;
    this.#warn = warn;
  }

  /** A task takes that many bytes on its way. @returns why the set is to be aborted, or null. */
  task(task: RunningTask, bytes: number): string | null {
    const max = this.#settings.maxMessageBytes;
    if (bytes >= max) {
      const what = `Serialized task ${task.taskId}:${task.info.index} was ${bytes} bytes, which exceeds max allowed: `;
      return `${what}spark.rpc.message.maxSize (${max} bytes). Consider increasing spark.rpc.message.maxSize or using broadcast variables for large values.`;
    }
    if (bytes > TASK_KIB_TO_WARN * 1024 && !this.#warned) {
      this.#warned = true;
      const what = `Stage ${this.#taskSet.stageId} contains a task of very large size (${Math.floor(bytes / 1024)} KiB)`;
      this.#warn(`${what}. The maximum recommended task size is ${TASK_KIB_TO_WARN} KiB.`);
    }
    return null;
  }

  /** Another result of that many bytes comes. @returns why the set is to be aborted, or null. */
  result(bytes: number): string | null {
    this.#resultBytes += bytes;
    this.#numResults++;
    const max = this.#settings.maxResultSizeBytes;
    if (max <= 0 || this.#resultBytes <= max) return null;
    const total = `Total size of serialized results of ${this.#numResults} tasks (${sizeText(this.#resultBytes)})`;
    return `${total} is bigger than spark.driver.maxResultSize (${sizeText(max)})`;
  }
}
