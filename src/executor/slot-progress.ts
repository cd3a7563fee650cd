import type { EpochMs } from '../base/clock.ts';
import { METRICS_COUNT, metricsFromNumbers, type TaskMetrics, writeMetrics } from '../protocol/task-metrics.ts';

const TASK = 0;
const STARTED_AT = 1;
const METRICS = 2;
const LENGTH = METRICS + METRICS_COUNT;

/** Room in shared memory that a slot's progress takes. */
export const PROGRESS_BYTES: number = LENGTH * Float64Array.BYTES_PER_ELEMENT;

/**
 * What a slot's task has measured so far, in shared memory: the executor reads it for its heartbeats while the slot computes
 * in one stretch. Numbers of two batch edges may be mixed in what it reads; they are for estimates.
 *
 *   [0] task id + 1, 0: none   [1] its start, epoch ms   [2…] metrics (task-metrics.ts)
 */
export class SlotProgress {
  readonly #numbers: Float64Array;
  #metrics: TaskMetrics | null = null;

  constructor(memory: SharedArrayBuffer, offset: number) {
    this.#numbers = new Float64Array(memory, offset, LENGTH);
  }

  begin(taskId: number, metrics: TaskMetrics, at: EpochMs): void {
    this.#metrics = metrics;
    this.#numbers[STARTED_AT] = at;
    this.show();
    this.#numbers[TASK] = taskId + 1;
  }

  /** Called at batch edges, with 20 ns. */
  show(): void {
    if (this.#metrics !== null) writeMetrics(this.#metrics, this.#numbers, METRICS);
  }

  end(): void {
    this.#metrics = null;
    this.#numbers[TASK] = 0;
  }
}

/** @returns null when the slot is not at work on this task. */
export function readProgress(
  memory: SharedArrayBuffer,
  offset: number,
  taskId: number,
  at: EpochMs,
): TaskMetrics | null {
  const shared = new Float64Array(memory, offset, LENGTH);
  if (shared[TASK] !== taskId + 1) return null;
  const numbers = shared.slice();
  if (shared[TASK] !== taskId + 1) return null; // it ended meanwhile
  const metrics = metricsFromNumbers(numbers, METRICS);
  metrics.executorRunTimeMs = Math.max(0, at - (numbers[STARTED_AT] as number)); // within LENGTH
  return metrics;
}
