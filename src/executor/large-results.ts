import type { FromExecutor } from '../protocol/driver-executor.ts';
import type { TaskId } from '../protocol/ids.ts';

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

  /** What is sent instead of a message with a large result; the message itself if it has none. */
  keep(message: FromExecutor): FromExecutor {
    if (message.type !== 'StatusUpdate' || message.result.kind !== 'Result') return message;
    const { bytes, accumulators, metrics } = message.result;
    if (bytes.byteLength <= this.#maxDirectBytes) return message;
    const { executorId, taskId } = message;
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
