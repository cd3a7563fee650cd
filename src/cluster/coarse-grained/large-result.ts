import type { TaskId } from '../../protocol/ids.ts';
import type { ExecutorRef } from './registered-executors.ts';

/** A large result is fetched in parts of so many bytes. */
const RESULT_PART_BYTES = 16 << 20;

/** Fetches a result that waits at its executor. @throws Error when it is not there any more. */
export async function fetchResult(executor: ExecutorRef, taskId: TaskId, bytes: number): Promise<Uint8Array> {
  const whole = new Uint8Array(bytes);
  for (let offset = 0; offset < bytes; offset += RESULT_PART_BYTES) {
    const length = Math.min(RESULT_PART_BYTES, bytes - offset);
    const place = whole.subarray(offset, offset + length);
    const options = { allocate: () => place, timeoutMs: Number.POSITIVE_INFINITY };
    const part = (await executor.ask('FetchResult', { taskId, offset, length }, options)).bytes;
    if (part?.length !== length) throw new Error('its executor does not have it');
  }
  return whole;
}
