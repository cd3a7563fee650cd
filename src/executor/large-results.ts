import type { FromExecutor, StatusUpdate } from '../protocol/driver-executor.ts';
import type { ExecutorId, TaskId } from '../protocol/ids.ts';

/**
 * Results above `spark.task.maxDirectResultSize` stay here until the driver fetches them: it learns their size first, and
 * need not take more than it has room for.
 *
 * Spark: Executor.TaskRunner.run, TaskResultBlockId
 */
export class LargeResults {
  readonly #maxDirectBytes: number;
  readonly #waiting = new Map<TaskId, Uint8Array>();

  constructor(maxDirectBytes: number) {
    this.#maxDirectBytes = maxDirectBytes;
  }

  /** What is sent instead of a message with large results; the message itself if it has none. */
  keep(message: FromExecutor): readonly FromExecutor[] {
    if (message.type === 'StatusUpdate') return [this.#keep(message.executorId, message) ?? message];
    if (message.type !== 'StatusUpdates') return [message];
    const { executorId, updates } = message;
    const waiting = updates.map((update) => this.#keep(executorId, update));
    const ready = waiting.filter((each) => each !== null);
    if (ready.length === 0) return [message];
    return [...ready, { ...message, updates: updates.filter((_, i) => waiting[i] === null) }];
  }

  #keep(executorId: ExecutorId, { taskId, result }: StatusUpdate): FromExecutor | null {
    if (result.kind !== 'Result') return null;
    const { bytes, accumulators, metrics } = result;
    if (bytes.byteLength <= this.#maxDirectBytes) return null;
    this.#waiting.set(taskId, bytes);
    return { type: 'ResultReady', executorId, taskId, bytes: bytes.byteLength, accumulators, metrics };
  }

  part(taskId: TaskId, offset: number, length: number): Uint8Array | null {
    return this.#waiting.get(taskId)?.subarray(offset, offset + length) ?? null;
  }

  drop(taskId: TaskId): void {
    this.#waiting.delete(taskId);
  }
}
