import type { TaskId } from '../protocol/ids.ts';
import { METRICS_COUNT, metricsFromNumbers, type TaskMetrics, writeMetrics } from '../protocol/task-metrics.ts';

/** Where the executor reads next and where the slot writes next, in words of 8 bytes; whether the executor will look. */
const HEAD = 0;
const TAIL = 1;
const TOLD = 2;
const CONTROL_BYTES = 16;

/** Of a record: task id, bytes of the result, metrics, then those bytes. */
const BYTES = 1;
const METRICS = 2;
const RECORD_WORDS = METRICS + METRICS_COUNT;
/** In place of a task id: the next record begins at the start of the memory. */
const WRAP = -1;

const WORDS = 8192;
/** Larger results are sent as messages: the point is to spare small ones what a message costs. */
const MAX_RESULT_BYTES = 1024;

export const RESULT_RING_BYTES: number = CONTROL_BYTES + WORDS * 8;

/** The same memory as both ends see it. */
interface Ring {
  readonly control: Int32Array;
  readonly words: Float64Array;
  /** Of the words. */
  readonly bytes: Uint8Array;
}

function ringIn(memory: SharedArrayBuffer): Ring {
  return {
    control: new Int32Array(memory, 0, CONTROL_BYTES / 4),
    words: new Float64Array(memory, CONTROL_BYTES, WORDS),
    bytes: new Uint8Array(memory, CONTROL_BYTES),
  };
}

/**
 * Small results on their way from a slot's thread to its executor, in shared memory: a message takes as long as a few hundred
 * bytes of copying do not. The slot says that there is something once, by a message, until the executor looks again; what comes
 * meanwhile is found in the same look.
 *
 *       head              tail
 *   ─────┼──────┬──────┬───┼──────────┬──────
 *   read │ 17 … │ 18 … │ … │ free     │ WRAP      one writer, one reader
 *
 * What is in it outlives the thread.
 */
export class ResultWriter {
  readonly #ring: Ring;

  constructor(memory: SharedArrayBuffer) {
    this.#ring = ringIn(memory);
  }

  /** False: it is too large, or there is no room since the executor has not looked for long. */
  put(taskId: TaskId, result: Uint8Array, metrics: TaskMetrics): boolean {
    const length = result.byteLength;
    if (length > MAX_RESULT_BYTES) return false;
    const at = this.#place(RECORD_WORDS + ((length + 7) >> 3));
    if (at < 0) return false;
    const { control, words, bytes } = this.#ring;
    words[at] = taskId;
    words[at + BYTES] = length;
    writeMetrics(metrics, words, at + METRICS);
    const from = (at + RECORD_WORDS) * 8;
    for (let i = 0; i < length; i++) bytes[from + i] = result[i] as number; // i < length
    Atomics.store(control, TAIL, at + RECORD_WORDS + ((length + 7) >> 3));
    return true;
  }

  /** After put(): whether the executor has to be told, since it has looked after it was told last. */
  mustTell(): boolean {
    return Atomics.exchange(this.#ring.control, TOLD, 1) === 0;
  }

  /** Where a record of so many words may be written; -1: nowhere. The tail never catches up with the head: that means empty. */
  #place(words: number): number {
    const { control } = this.#ring;
    const head = Atomics.load(control, HEAD);
    const tail = Atomics.load(control, TAIL);
    if (tail < head) return tail + words < head ? tail : -1;
    // A word stays for WRAP.
    if (tail + words < WORDS) return tail;
    if (words >= head) return -1;
    this.#ring.words[tail] = WRAP;
    return 0;
  }
}

/** The executor's end. */
export class ResultReader {
  readonly #ring: Ring;

  constructor(memory: SharedArrayBuffer) {
    this.#ring = ringIn(memory);
  }

  /** Takes out all there is, in the order in which tasks ended. */
  drain(each: (taskId: TaskId, result: Uint8Array, metrics: TaskMetrics) => void): void {
    const { control, words, bytes } = this.#ring;
    // First: what is put from now on is told of.
    Atomics.store(control, TOLD, 0);
    for (;;) {
      let at = Atomics.load(control, HEAD);
      if (at === Atomics.load(control, TAIL)) return;
      if (words[at] === WRAP) at = 0;
      const taskId = words[at] as number; // a whole record lies before the tail
      const length = words[at + BYTES] as number;
      const metrics = metricsFromNumbers(words, at + METRICS);
      const from = (at + RECORD_WORDS) * 8;
      const result = new Uint8Array(length);
      for (let i = 0; i < length; i++) result[i] = bytes[from + i] as number; // i < length
      Atomics.store(control, HEAD, at + RECORD_WORDS + ((length + 7) >> 3));
      each(taskId, result, metrics);
    }
  }
}
