/** What one task attempt measured; names and units are Spark's (bytes, ms, records). Spark: TaskMetrics */
export interface TaskMetrics {
  executorDeserializeTimeMs: number;
  executorRunTimeMs: number;
  /** 0 where nobody tells a thread's; of a task that runs, too. */
  executorCpuTimeNs: number;
  resultSerializationTimeMs: number;
  resultSizeBytes: number;
  memoryBytesSpilled: number;
  diskBytesSpilled: number;
  peakExecutionMemoryBytes: number;
  inputBytesRead: number;
  inputRecordsRead: number;
  outputBytesWritten: number;
  outputRecordsWritten: number;
  shuffleLocalBlocksFetched: number;
  shuffleRemoteBlocksFetched: number;
  shuffleLocalBytesRead: number;
  shuffleRemoteBytesRead: number;
  shuffleRecordsRead: number;
  shuffleFetchWaitTimeMs: number;
  shuffleBytesWritten: number;
  shuffleRecordsWritten: number;
  shuffleWriteTimeMs: number;
}

export function newTaskMetrics(): TaskMetrics {
  return {
    executorDeserializeTimeMs: 0,
    executorRunTimeMs: 0,
    executorCpuTimeNs: 0,
    resultSerializationTimeMs: 0,
    resultSizeBytes: 0,
    memoryBytesSpilled: 0,
    diskBytesSpilled: 0,
    peakExecutionMemoryBytes: 0,
    inputBytesRead: 0,
    inputRecordsRead: 0,
    outputBytesWritten: 0,
    outputRecordsWritten: 0,
    shuffleLocalBlocksFetched: 0,
    shuffleRemoteBlocksFetched: 0,
    shuffleLocalBytesRead: 0,
    shuffleRemoteBytesRead: 0,
    shuffleRecordsRead: 0,
    shuffleFetchWaitTimeMs: 0,
    shuffleBytesWritten: 0,
    shuffleRecordsWritten: 0,
    shuffleWriteTimeMs: 0,
  };
}

const NAMES: readonly (keyof TaskMetrics)[] = Object.keys(newTaskMetrics()) as (keyof TaskMetrics)[];

/** How many numbers they are. */
export const METRICS_COUNT: number = NAMES.length;

/** As numbers in a fixed order: what crosses a thread, where names would cost more than values. */
export function metricsToNumbers(metrics: TaskMetrics): readonly number[] {
  return NAMES.map((name) => metrics[name]);
}

/** Writes the same numbers to `into`, from `at` on; field by field, since this is called between batches. */
export function writeMetrics(metrics: TaskMetrics, into: Float64Array, at: number): void {
  into[at] = metrics.executorDeserializeTimeMs;
  into[at + 1] = metrics.executorRunTimeMs;
  into[at + 2] = metrics.executorCpuTimeNs;
  into[at + 3] = metrics.resultSerializationTimeMs;
  into[at + 4] = metrics.resultSizeBytes;
  into[at + 5] = metrics.memoryBytesSpilled;
  into[at + 6] = metrics.diskBytesSpilled;
  into[at + 7] = metrics.peakExecutionMemoryBytes;
  into[at + 8] = metrics.inputBytesRead;
  into[at + 9] = metrics.inputRecordsRead;
  into[at + 10] = metrics.outputBytesWritten;
  into[at + 11] = metrics.outputRecordsWritten;
  into[at + 12] = metrics.shuffleLocalBlocksFetched;
  into[at + 13] = metrics.shuffleRemoteBlocksFetched;
  into[at + 14] = metrics.shuffleLocalBytesRead;
  into[at + 15] = metrics.shuffleRemoteBytesRead;
  into[at + 16] = metrics.shuffleRecordsRead;
  into[at + 17] = metrics.shuffleFetchWaitTimeMs;
  into[at + 18] = metrics.shuffleBytesWritten;
  into[at + 19] = metrics.shuffleRecordsWritten;
  into[at + 20] = metrics.shuffleWriteTimeMs;
}

/** @param at where they begin. */
export function metricsFromNumbers(numbers: ArrayLike<number>, at = 0): TaskMetrics {
  return {
    executorDeserializeTimeMs: numbers[at] ?? 0,
    executorRunTimeMs: numbers[at + 1] ?? 0,
    executorCpuTimeNs: numbers[at + 2] ?? 0,
    resultSerializationTimeMs: numbers[at + 3] ?? 0,
    resultSizeBytes: numbers[at + 4] ?? 0,
    memoryBytesSpilled: numbers[at + 5] ?? 0,
    diskBytesSpilled: numbers[at + 6] ?? 0,
    peakExecutionMemoryBytes: numbers[at + 7] ?? 0,
    inputBytesRead: numbers[at + 8] ?? 0,
    inputRecordsRead: numbers[at + 9] ?? 0,
    outputBytesWritten: numbers[at + 10] ?? 0,
    outputRecordsWritten: numbers[at + 11] ?? 0,
    shuffleLocalBlocksFetched: numbers[at + 12] ?? 0,
    shuffleRemoteBlocksFetched: numbers[at + 13] ?? 0,
    shuffleLocalBytesRead: numbers[at + 14] ?? 0,
    shuffleRemoteBytesRead: numbers[at + 15] ?? 0,
    shuffleRecordsRead: numbers[at + 16] ?? 0,
    shuffleFetchWaitTimeMs: numbers[at + 17] ?? 0,
    shuffleBytesWritten: numbers[at + 18] ?? 0,
    shuffleRecordsWritten: numbers[at + 19] ?? 0,
    shuffleWriteTimeMs: numbers[at + 20] ?? 0,
  };
}
