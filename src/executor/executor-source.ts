import { Counter, gauge, type Metric } from '../metrics/instruments.ts';
import type { Source } from '../metrics/metrics-snapshot.ts';
import type { TaskResult } from '../protocol/task.ts';
import type { TaskMetrics } from '../protocol/task-metrics.ts';

/** What an executor does at the moment. */
export interface ExecutorActivity {
  /** Tasks that slots are at work on. */
  readonly activeTasks: number;
  readonly slots: number;
  readonly cores: number;
}

const MS_TO_NS = 1e6;

/** By Spark's names, in Spark's units: ms, but ns for the time of processors and of shuffle writes. */
const TASK_COUNTERS: readonly (readonly [name: string, value: (task: TaskMetrics) => number])[] = [
  ['runTime', (task) => task.executorRunTimeMs],
  ['cpuTime', (task) => task.executorCpuTimeNs],
  ['deserializeTime', (task) => task.executorDeserializeTimeMs],
  ['resultSerializationTime', (task) => task.resultSerializationTimeMs],
  ['resultSize', (task) => task.resultSizeBytes],
  ['memoryBytesSpilled', (task) => task.memoryBytesSpilled],
  ['diskBytesSpilled', (task) => task.diskBytesSpilled],
  ['bytesRead', (task) => task.inputBytesRead],
  ['recordsRead', (task) => task.inputRecordsRead],
  ['bytesWritten', (task) => task.outputBytesWritten],
  ['recordsWritten', (task) => task.outputRecordsWritten],
  ['shuffleLocalBlocksFetched', (task) => task.shuffleLocalBlocksFetched],
  ['shuffleRemoteBlocksFetched', (task) => task.shuffleRemoteBlocksFetched],
  ['shuffleTotalBytesRead', (task) => task.shuffleLocalBytesRead + task.shuffleRemoteBytesRead],
  ['shuffleLocalBytesRead', (task) => task.shuffleLocalBytesRead],
  ['shuffleRemoteBytesRead', (task) => task.shuffleRemoteBytesRead],
  ['shuffleRecordsRead', (task) => task.shuffleRecordsRead],
  ['shuffleFetchWaitTime', (task) => task.shuffleFetchWaitTimeMs],
  ['shuffleBytesWritten', (task) => task.shuffleBytesWritten],
  ['shuffleRecordsWritten', (task) => task.shuffleRecordsWritten],
  ['shuffleWriteTime', (task) => Math.round(task.shuffleWriteTimeMs * MS_TO_NS)],
];

/** What tasks that ended well have measured, all together. Spark: ExecutorSource */
export class ExecutorSource implements Source {
  readonly name = 'executor';
  readonly metrics: Readonly<Record<string, Metric>>;
  readonly #counters: Readonly<Record<string, Counter>> = Object.fromEntries(
    [...TASK_COUNTERS.map(([name]) => name), 'succeededTasks'].map((name) => [name, new Counter()]),
  );
  /** One way or another. */
  #numEnded = 0;
  #fileBytesRead = 0;
  #fileBytesWritten = 0;

  constructor(activity: () => ExecutorActivity) {
    this.metrics = {
      'threadpool.activeTasks': gauge(() => activity().activeTasks),
      'threadpool.completeTasks': gauge(() => this.#numEnded),
      'threadpool.startedTasks': gauge(() => this.#numEnded + activity().activeTasks),
      'threadpool.currentPool_size': gauge(() => activity().slots),
      'threadpool.maxPool_size': gauge(() => activity().cores),
      'filesystem.file.read_bytes': gauge(() => this.#fileBytesRead),
      'filesystem.file.write_bytes': gauge(() => this.#fileBytesWritten),
      ...this.#counters,
    };
  }

  taskEnded(result: TaskResult): void {
    this.#numEnded++;
    if (result.kind !== 'Failed') this.#add(result.metrics);
  }

  #add(task: TaskMetrics): void {
    for (const [name, value] of TASK_COUNTERS) this.#counters[name]?.inc(value(task));
    this.#counters['succeededTasks']?.inc();
    this.#fileBytesRead += task.inputBytesRead;
    this.#fileBytesWritten += task.outputBytesWritten;
  }
}
