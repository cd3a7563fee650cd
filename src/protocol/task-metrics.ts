/** What one task attempt measured; names and units are Spark's (bytes, ms, records). Spark: TaskMetrics */
export interface TaskMetrics {
  executorDeserializeTimeMs: number;
  executorRunTimeMs: number;
  resultSerializationTimeMs: number;
  resultSizeBytes: number;
  memoryBytesSpilled: number;
  diskBytesSpilled: number;
  peakExecutionMemoryBytes: number;
  inputBytesRead: number;
  inputRecordsRead: number;
  outputBytesWritten: number;
  outputRecordsWritten: number;
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
    resultSerializationTimeMs: 0,
    resultSizeBytes: 0,
    memoryBytesSpilled: 0,
    diskBytesSpilled: 0,
    peakExecutionMemoryBytes: 0,
    inputBytesRead: 0,
    inputRecordsRead: 0,
    outputBytesWritten: 0,
    outputRecordsWritten: 0,
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

/** As numbers in a fixed order: what crosses a thread, where names would cost more than values. */
export function metricsToNumbers(metrics: TaskMetrics): readonly number[] {
  return NAMES.map((name) => metrics[name]);
}

export function metricsFromNumbers(numbers: readonly number[]): TaskMetrics {
  const metrics = newTaskMetrics();
  for (let i = 0; i < NAMES.length; i++) metrics[NAMES[i] as keyof TaskMetrics] = numbers[i] ?? 0;
  return metrics;
}
