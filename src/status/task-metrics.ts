// The numbers of a task, a stage or an executor in a stage, in a fixed order: many are kept, added and sorted.
import { type LoggedObject, objectOf } from './logged-values.ts';

/** By the names of the REST API, with where an event log has them. */
const FIELDS = {
  executorDeserializeTime: ['', 'Executor Deserialize Time'],
  executorDeserializeCpuTime: ['', 'Executor Deserialize CPU Time'],
  executorRunTime: ['', 'Executor Run Time'],
  executorCpuTime: ['', 'Executor CPU Time'],
  resultSize: ['', 'Result Size'],
  jvmGcTime: ['', 'JVM GC Time'],
  resultSerializationTime: ['', 'Result Serialization Time'],
  memoryBytesSpilled: ['', 'Memory Bytes Spilled'],
  diskBytesSpilled: ['', 'Disk Bytes Spilled'],
  peakExecutionMemory: ['', 'Peak Execution Memory'],
  inputBytes: ['Input Metrics', 'Bytes Read'],
  inputRecords: ['Input Metrics', 'Records Read'],
  outputBytes: ['Output Metrics', 'Bytes Written'],
  outputRecords: ['Output Metrics', 'Records Written'],
  remoteBlocksFetched: ['Shuffle Read Metrics', 'Remote Blocks Fetched'],
  localBlocksFetched: ['Shuffle Read Metrics', 'Local Blocks Fetched'],
  fetchWaitTime: ['Shuffle Read Metrics', 'Fetch Wait Time'],
  remoteBytesRead: ['Shuffle Read Metrics', 'Remote Bytes Read'],
  remoteBytesReadToDisk: ['Shuffle Read Metrics', 'Remote Bytes Read To Disk'],
  localBytesRead: ['Shuffle Read Metrics', 'Local Bytes Read'],
  recordsRead: ['Shuffle Read Metrics', 'Total Records Read'],
  remoteReqsDuration: ['Shuffle Read Metrics', 'Remote Requests Duration'],
  corruptMergedBlockChunks: ['Push', 'Corrupt Merged Block Chunks'],
  mergedFetchFallbackCount: ['Push', 'Merged Fetch Fallback Count'],
  remoteMergedBlocksFetched: ['Push', 'Merged Remote Blocks Fetched'],
  localMergedBlocksFetched: ['Push', 'Merged Local Blocks Fetched'],
  remoteMergedChunksFetched: ['Push', 'Merged Remote Chunks Fetched'],
  localMergedChunksFetched: ['Push', 'Merged Local Chunks Fetched'],
  remoteMergedBytesRead: ['Push', 'Merged Remote Bytes Read'],
  localMergedBytesRead: ['Push', 'Merged Local Bytes Read'],
  remoteMergedReqsDuration: ['Push', 'Merged Remote Requests Duration'],
  writeBytes: ['Shuffle Write Metrics', 'Shuffle Bytes Written'],
  writeTime: ['Shuffle Write Metrics', 'Shuffle Write Time'],
  writeRecords: ['Shuffle Write Metrics', 'Shuffle Records Written'],
} as const;

export type MetricName = keyof typeof FIELDS;

const NAMES = Object.keys(FIELDS) as MetricName[];
const NO_METRICS: Metrics = NAMES.map(() => 0);
const INDEX = Object.fromEntries(NAMES.map((name, i) => [name, i])) as Readonly<Record<MetricName, number>>;

/** All numbers of one task, or their sum over several. */
export type Metrics = number[];

/** Arrays of the heap: there are many, and buffers beside it cost more than what is in them. */
export function noMetrics(): Metrics {
  return NO_METRICS.slice();
}

type Group = (typeof FIELDS)[MetricName][0];
/** Of each group of a log: names of fields, and where they go. */
const fieldsOf = (group: Group): readonly (readonly [field: string, index: number])[] =>
  NAMES.flatMap((name, i) => (FIELDS[name][0] === group ? [[FIELDS[name][1], i] as const] : []));
const OWN = fieldsOf('');
const INPUT = fieldsOf('Input Metrics');
const OUTPUT = fieldsOf('Output Metrics');
const READ = fieldsOf('Shuffle Read Metrics');
const PUSH = fieldsOf('Push');
const WRITE = fieldsOf('Shuffle Write Metrics');

/** From an event log's `Task Metrics`. */
export function readMetrics(logged: LoggedObject): Metrics {
  const metrics = noMetrics();
  const read = objectOf(logged['Shuffle Read Metrics']);
  readInto(metrics, logged, OWN);
  readInto(metrics, objectOf(logged['Input Metrics']), INPUT);
  readInto(metrics, objectOf(logged['Output Metrics']), OUTPUT);
  readInto(metrics, read, READ);
  const push = read['Push Based Shuffle'] ?? read['Shuffle Push Read Metrics'];
  if (push !== undefined) readInto(metrics, objectOf(push), PUSH);
  readInto(metrics, objectOf(logged['Shuffle Write Metrics']), WRITE);
  return metrics;
}

function readInto(metrics: Metrics, logged: LoggedObject, fields: typeof OWN): void {
  for (const [field, index] of fields) {
    const value = logged[field];
    if (typeof value === 'number' && value !== 0) metrics[index] = value;
  }
}

/** @param but what of it was added before; null: nothing. */
export function addMetrics(to: Metrics, more: Metrics, but: Metrics | null): void {
  for (let i = 0; i < to.length; i++) to[i] = (to[i] as number) + (more[i] as number) - (but?.[i] ?? 0); // of the same length
}

export function metric(metrics: Metrics, name: MetricName): number {
  return metrics[INDEX[name]] as number; // every name has an index
}

/** What tasks and stages both begin with. */
function ownJson(of: (name: MetricName) => number): object {
  return {
    executorDeserializeTime: of('executorDeserializeTime'),
    executorDeserializeCpuTime: of('executorDeserializeCpuTime'),
    executorRunTime: of('executorRunTime'),
    executorCpuTime: of('executorCpuTime'),
    resultSize: of('resultSize'),
    jvmGcTime: of('jvmGcTime'),
    resultSerializationTime: of('resultSerializationTime'),
    memoryBytesSpilled: of('memoryBytesSpilled'),
    diskBytesSpilled: of('diskBytesSpilled'),
    peakExecutionMemory: of('peakExecutionMemory'),
  };
}

/** Spark: TaskMetrics of api/v1 */
export function taskMetricsJson(metrics: Metrics): object {
  const of = (name: MetricName): number => metric(metrics, name);
  return {
    ...ownJson(of),
    inputMetrics: { bytesRead: of('inputBytes'), recordsRead: of('inputRecords') },
    outputMetrics: { bytesWritten: of('outputBytes'), recordsWritten: of('outputRecords') },
    shuffleReadMetrics: {
      remoteBlocksFetched: of('remoteBlocksFetched'),
      localBlocksFetched: of('localBlocksFetched'),
      fetchWaitTime: of('fetchWaitTime'),
      remoteBytesRead: of('remoteBytesRead'),
      remoteBytesReadToDisk: of('remoteBytesReadToDisk'),
      localBytesRead: of('localBytesRead'),
      recordsRead: of('recordsRead'),
      remoteReqsDuration: of('remoteReqsDuration'),
      shufflePushReadMetrics: pushJson(of),
    },
    shuffleWriteMetrics: {
      bytesWritten: of('writeBytes'),
      writeTime: of('writeTime'),
      recordsWritten: of('writeRecords'),
    },
  };
}

function pushJson<T>(of: (name: MetricName) => T): object {
  return {
    corruptMergedBlockChunks: of('corruptMergedBlockChunks'),
    mergedFetchFallbackCount: of('mergedFetchFallbackCount'),
    remoteMergedBlocksFetched: of('remoteMergedBlocksFetched'),
    localMergedBlocksFetched: of('localMergedBlocksFetched'),
    remoteMergedChunksFetched: of('remoteMergedChunksFetched'),
    localMergedChunksFetched: of('localMergedChunksFetched'),
    remoteMergedBytesRead: of('remoteMergedBytesRead'),
    localMergedBytesRead: of('localMergedBytesRead'),
    remoteMergedReqsDuration: of('remoteMergedReqsDuration'),
  };
}

/** The sums of a stage, in the order of the REST API. Spark: StageData */
export function stageMetricsJson(metrics: Metrics): LoggedObject {
  const of = (name: MetricName): number => metric(metrics, name);
  return {
    ...ownJson(of),
    inputBytes: of('inputBytes'),
    inputRecords: of('inputRecords'),
    outputBytes: of('outputBytes'),
    outputRecords: of('outputRecords'),
    shuffleRemoteBlocksFetched: of('remoteBlocksFetched'),
    shuffleLocalBlocksFetched: of('localBlocksFetched'),
    shuffleFetchWaitTime: of('fetchWaitTime'),
    shuffleRemoteBytesRead: of('remoteBytesRead'),
    shuffleRemoteBytesReadToDisk: of('remoteBytesReadToDisk'),
    shuffleLocalBytesRead: of('localBytesRead'),
    shuffleReadBytes: shuffleReadBytes(metrics),
    shuffleReadRecords: of('recordsRead'),
    shuffleCorruptMergedBlockChunks: of('corruptMergedBlockChunks'),
    shuffleMergedFetchFallbackCount: of('mergedFetchFallbackCount'),
    shuffleMergedRemoteBlocksFetched: of('remoteMergedBlocksFetched'),
    shuffleMergedLocalBlocksFetched: of('localMergedBlocksFetched'),
    shuffleMergedRemoteChunksFetched: of('remoteMergedChunksFetched'),
    shuffleMergedLocalChunksFetched: of('localMergedChunksFetched'),
    shuffleMergedRemoteBytesRead: of('remoteMergedBytesRead'),
    shuffleMergedLocalBytesRead: of('localMergedBytesRead'),
    shuffleRemoteReqsDuration: of('remoteReqsDuration'),
    shuffleMergedRemoteReqsDuration: of('remoteMergedReqsDuration'),
    shuffleWriteBytes: of('writeBytes'),
    shuffleWriteTime: of('writeTime'),
    shuffleWriteRecords: of('writeRecords'),
  };
}

export function shuffleReadBytes(metrics: Metrics): number {
  return metric(metrics, 'localBytesRead') + metric(metrics, 'remoteBytesRead');
}

/** What the distributions of a stage's tasks are made from. */
export interface MeasuredTask {
  readonly metrics: Metrics;
  readonly duration: number;
  readonly gettingResultTime: number;
  readonly schedulerDelay: number;
}

/** A stage's tasks as its distributions need them. */
export interface MeasuredTasks {
  /** Those that succeeded. */
  readonly measured: readonly MeasuredTask[];
  /** Of all tasks: as in Spark, where the other values are those of tasks that succeeded, these are of the others, too. */
  readonly gettingResultTimes: readonly number[];
}

/** Values at the quantiles, each of the metrics on its own. Spark: AppStatusStore.taskSummary, TaskMetricDistributions */
export function distributionsJson(
  { measured, gettingResultTimes }: MeasuredTasks,
  quantiles: readonly number[],
): object {
  const by = (value: (task: MeasuredTask) => number): number[] => atQuantiles(measured.map(value), quantiles);
  const of = (name: MetricName): number[] => by((task) => metric(task.metrics, name));
  return {
    quantiles,
    duration: by((task) => task.duration),
    executorDeserializeTime: of('executorDeserializeTime'),
    executorDeserializeCpuTime: of('executorDeserializeCpuTime'),
    executorRunTime: of('executorRunTime'),
    executorCpuTime: of('executorCpuTime'),
    resultSize: of('resultSize'),
    jvmGcTime: of('jvmGcTime'),
    resultSerializationTime: of('resultSerializationTime'),
    gettingResultTime: atQuantiles(gettingResultTimes, quantiles, measured.length),
    schedulerDelay: by((task) => task.schedulerDelay),
    peakExecutionMemory: of('peakExecutionMemory'),
    memoryBytesSpilled: of('memoryBytesSpilled'),
    diskBytesSpilled: of('diskBytesSpilled'),
    inputMetrics: { bytesRead: of('inputBytes'), recordsRead: of('inputRecords') },
    outputMetrics: { bytesWritten: of('outputBytes'), recordsWritten: of('outputRecords') },
    shuffleReadMetrics: {
      readBytes: by((task) => shuffleReadBytes(task.metrics)),
      readRecords: of('recordsRead'),
      remoteBlocksFetched: of('remoteBlocksFetched'),
      localBlocksFetched: of('localBlocksFetched'),
      fetchWaitTime: of('fetchWaitTime'),
      remoteBytesRead: of('remoteBytesRead'),
      remoteBytesReadToDisk: of('remoteBytesReadToDisk'),
      totalBlocksFetched: by(
        ({ metrics }) => metric(metrics, 'remoteBlocksFetched') + metric(metrics, 'localBlocksFetched'),
      ),
      remoteReqsDuration: of('remoteReqsDuration'),
      shufflePushReadMetricsDist: pushJson(of),
    },
    shuffleWriteMetrics: {
      writeBytes: of('writeBytes'),
      writeRecords: of('writeRecords'),
      writeTime: of('writeTime'),
    },
  };
}

/** The values at these places of the first `count` of the sorted list; 0.5 of four is the third. */
export function atQuantiles(
  values: readonly number[],
  quantiles: readonly number[],
  count: number = values.length,
): number[] {
  const sorted = Float64Array.from(values).sort();
  return quantiles.map((q) => sorted[Math.max(0, Math.min(Math.trunc(q * count), count - 1))] ?? 0);
}
