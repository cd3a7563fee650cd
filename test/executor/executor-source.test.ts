import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExecutorSource } from '../../src/executor/executor-source.ts';
import { takeSnapshot } from '../../src/metrics/metrics-snapshot.ts';
import { newTaskMetrics, type TaskMetrics } from '../../src/protocol/task-metrics.ts';

test('an executor adds up what tasks that ended well have measured', () => {
  const source = new ExecutorSource(() => ({ activeTasks: 1, slots: 2, cores: 4 }));
  const task = {
    ...newTaskMetrics(),
    ...{ executorRunTimeMs: 20, inputBytesRead: 100, inputRecordsRead: 5, outputBytesWritten: 7 },
    ...{ shuffleLocalBytesRead: 30, shuffleRemoteBytesRead: 12, shuffleWriteTimeMs: 1.5 },
    ...{ executorCpuTimeNs: 9_000, shuffleLocalBlocksFetched: 3, shuffleRemoteBlocksFetched: 2 },
  };
  const ended = (metrics: TaskMetrics): void =>
    source.taskEnded({ kind: 'Result', bytes: new Uint8Array(), accumulators: [], metrics });
  ended(task);
  ended({ ...task, executorRunTimeMs: 22 });
  source.taskEnded({ kind: 'Failed', reason: { kind: 'TaskResultLost' }, metrics: null });
  const { gauges, counters } = takeSnapshot([source], 'app-1.0.', 0);
  const given = Object.fromEntries(Object.entries(counters).filter(([, count]) => count !== 0));
  assert.deepEqual(given, {
    'app-1.0.executor.bytesRead': 200,
    'app-1.0.executor.bytesWritten': 14,
    'app-1.0.executor.cpuTime': 18_000,
    'app-1.0.executor.recordsRead': 10,
    'app-1.0.executor.runTime': 42,
    'app-1.0.executor.shuffleLocalBlocksFetched': 6,
    'app-1.0.executor.shuffleLocalBytesRead': 60,
    'app-1.0.executor.shuffleRemoteBlocksFetched': 4,
    'app-1.0.executor.shuffleRemoteBytesRead': 24,
    'app-1.0.executor.shuffleTotalBytesRead': 84,
    'app-1.0.executor.shuffleWriteTime': 3_000_000,
    'app-1.0.executor.succeededTasks': 2,
  });
  assert.deepEqual(gauges, {
    'app-1.0.executor.filesystem.file.read_bytes': 200,
    'app-1.0.executor.filesystem.file.write_bytes': 14,
    'app-1.0.executor.threadpool.activeTasks': 1,
    'app-1.0.executor.threadpool.completeTasks': 3,
    'app-1.0.executor.threadpool.currentPool_size': 2,
    'app-1.0.executor.threadpool.maxPool_size': 4,
    'app-1.0.executor.threadpool.startedTasks': 4,
  });
});
