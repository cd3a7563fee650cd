import type { ToExecutor } from '../protocol/driver-executor.ts';
import type { TaskId } from '../protocol/ids.ts';

export interface LaunchInboxOptions {
  /** Tells the driver which tasks have arrived; what it gives to the connection goes out at the end of the tick. */
  readonly tell: (taskIds: readonly TaskId[]) => void;
  readonly handOn: (messages: readonly ToExecutor[]) => void;
  /** After all that was put off before: `process.nextTick`. */
  readonly later: (work: () => void) => void;
}

/**
 * Hands on what the driver wants, in its order, once the driver's machine has been given the news of the tasks in it. A task may
 * end its whole process in its first moment, and must not look then like one that never got there, which counts for nothing
 * and is tried for ever.
 */
export class LaunchInbox {
  readonly #options: LaunchInboxOptions;
  #waiting: ToExecutor[] = [];

  constructor(options: LaunchInboxOptions) {
    this.#options = options;
  }

  receive(message: ToExecutor): void {
    this.#waiting.push(message);
    if (this.#waiting.length === 1) this.#options.later(() => this.#work());
  }

  #work(): void {
    const { tell, handOn, later } = this.#options;
    const messages = this.#waiting;
    this.#waiting = [];
    const taskIds = messages.flatMap((message) => (message.type === 'LaunchTask' ? [message.task.taskId] : []));
    if (taskIds.length === 0) {
      handOn(messages);
      return;
    }
    tell(taskIds);
    later(() => handOn(messages));
  }
}
