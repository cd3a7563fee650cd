// Tasks as an event log has them. Order and names of fields are Spark's; see JsonProtocol there.
import { assertNever } from '../base/assert-never.ts';
import { splitStack } from '../base/stack-frames.ts';
import type { BlockManagerId } from '../protocol/map-output.ts';
import type { AccumulableInfo, TaskInfo } from '../protocol/spark-listener-event.ts';
import type { TaskEndReason } from '../protocol/task-end-reason.ts';
import type { TaskMetrics } from '../protocol/task-metrics.ts';

type Json = Record<string, unknown>;

/**
 * @param end null while it runs.
 * @param gettingResultAt 0: its result came along with the news of its end.
 */
export function taskInfoJson(
  task: TaskInfo,
  end: { readonly at: number; readonly reason: TaskEndReason } | null,
  accumulables: readonly AccumulableInfo[],
  gettingResultAt = 0,
): Json {
  // A success whose output is lost later stays one.
  const kind = end?.reason.kind ?? 'Success';
  const succeeded = kind === 'Success' || kind === 'Resubmitted';
  return {
    'Task ID': task.taskId,
    Index: task.index,
    Attempt: task.attemptNumber,
    'Partition ID': task.partition,
    'Launch Time': task.launchedAt,
    'Executor ID': task.executorId,
    Host: task.host,
    Locality: task.locality,
    Speculative: task.speculative,
    'Getting Result Time': gettingResultAt,
    'Finish Time': end?.at ?? 0,
    Failed: !succeeded && kind !== 'TaskKilled',
    Killed: kind === 'TaskKilled',
    Accumulables: accumulables.map(accumulableJson),
  };
}

/** Values are texts: a program's own kinds may hold anything. */
export function accumulableJson({ id, name, update, value }: AccumulableInfo): Json {
  return {
    ID: id,
    Name: name,
    ...(update === undefined ? {} : { Update: valueText(update) }),
    ...(value === undefined ? {} : { Value: valueText(value) }),
    Internal: false,
    'Count Failed Values': false,
  };
}

function valueText(value: unknown): string {
  try {
    if (typeof value !== 'object' || value === null) return String(value);
    const text = JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner));
    return text ?? String(value);
  } catch {
    return '?'; // a value that holds itself, or whose own code throws
  }
}

export function metricsJson(m: TaskMetrics): Json {
  return {
    'Executor Deserialize Time': Math.round(m.executorDeserializeTimeMs),
    'Executor Deserialize CPU Time': 0,
    'Executor Run Time': Math.round(m.executorRunTimeMs),
    'Executor CPU Time': m.executorCpuTimeNs,
    'Peak Execution Memory': m.peakExecutionMemoryBytes,
    'Result Size': m.resultSizeBytes,
    'JVM GC Time': 0,
    'Result Serialization Time': Math.round(m.resultSerializationTimeMs),
    'Memory Bytes Spilled': m.memoryBytesSpilled,
    'Disk Bytes Spilled': m.diskBytesSpilled,
    'Shuffle Read Metrics': {
      'Remote Blocks Fetched': m.shuffleRemoteBlocksFetched,
      'Local Blocks Fetched': m.shuffleLocalBlocksFetched,
      'Fetch Wait Time': Math.round(m.shuffleFetchWaitTimeMs),
      'Remote Bytes Read': m.shuffleRemoteBytesRead,
      'Remote Bytes Read To Disk': 0,
      'Local Bytes Read': m.shuffleLocalBytesRead,
      'Total Records Read': m.shuffleRecordsRead,
      'Remote Requests Duration': 0,
    },
    'Shuffle Write Metrics': {
      'Shuffle Bytes Written': m.shuffleBytesWritten,
      'Shuffle Write Time': Math.round(m.shuffleWriteTimeMs * 1e6),
      'Shuffle Records Written': m.shuffleRecordsWritten,
    },
    'Input Metrics': { 'Bytes Read': m.inputBytesRead, 'Records Read': m.inputRecordsRead },
    'Output Metrics': { 'Bytes Written': m.outputBytesWritten, 'Records Written': m.outputRecordsWritten },
    'Updated Blocks': [],
  };
}

/** Spark refuses port 0, which here means that it serves nobody: such a one shows as port 1. */
export function blockManagerJson({ executorId, host, port }: BlockManagerId): Json {
  return { 'Executor ID': executorId, Host: host, Port: Math.max(port, 1) };
}

export function endReasonJson(reason: TaskEndReason, task: TaskInfo): Json {
  switch (reason.kind) {
    case 'Success':
    case 'Resubmitted':
    case 'TaskResultLost':
      return { Reason: reason.kind };
    case 'FetchFailed':
      return {
        Reason: 'FetchFailed',
        ...(reason.location === null ? {} : { 'Block Manager Address': blockManagerJson(reason.location) }),
        'Shuffle ID': reason.shuffleId,
        'Map ID': reason.mapId ?? -1,
        'Map Index': reason.mapIndex ?? -1,
        'Reduce ID': reason.reduceId,
        Message: reason.message,
      };
    case 'ExceptionFailure':
      return exceptionJson(reason.error.name, reason.error.message, reason.error.stack);
    // Spark has no threads that end under their task: readers know it as an exception.
    case 'SlotLost':
      return exceptionJson('SlotLost', reason.message, `SlotLost: ${reason.message}`);
    case 'ExecutorLostFailure':
      return {
        Reason: 'ExecutorLostFailure',
        'Executor ID': reason.executorId,
        'Exit Caused By App': reason.exitCausedByApp,
        'Loss Reason': reason.message,
      };
    case 'TaskKilled':
      return { Reason: 'TaskKilled', 'Kill Reason': reason.reason, 'Accumulator Updates': [] };
    case 'TaskCommitDenied':
      return {
        Reason: 'TaskCommitDenied',
        'Job ID': task.index,
        'Partition ID': reason.partition,
        'Attempt Number': reason.attemptNumber,
      };
    default:
      return assertNever(reason);
  }
}

function exceptionJson(className: string, description: string, stack: string): Json {
  return {
    Reason: 'ExceptionFailure',
    'Class Name': className,
    Description: description,
    'Stack Trace': splitStack(stack, description).frames.flatMap(frameJson),
    'Full Stack Trace': stack,
    'Accumulator Updates': [],
  };
}

const FRAME = /^\s+at (?:(?:async )?(.*?) \()?(.*?):(\d+):\d+\)?$/;

function frameJson(frame: string): Json[] {
  const match = FRAME.exec(frame);
  if (match === null) return [];
  const [, name = '<anonymous>', file, line] = match;
  const dot = name.lastIndexOf('.');
  return [
    {
      'Declaring Class': dot < 0 ? '' : name.slice(0, dot),
      'Method Name': name.slice(dot + 1),
      'File Name': file,
      'Line Number': Number(line),
    },
  ];
}
