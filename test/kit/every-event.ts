import type { SparkListenerEvent, StageInfo, TaskInfo } from '../../src/protocol/spark-listener-event.ts';
import { StorageLevel } from '../../src/protocol/storage-level.ts';
import type { TaskEndReason } from '../../src/protocol/task-end-reason.ts';
import { newTaskMetrics } from '../../src/protocol/task-metrics.ts';

const T0 = 1_795_000_000_000;

function stage(stageId: number, more: Partial<StageInfo> = {}): StageInfo {
  return {
    stageId,
    attemptNumber: 0,
    name: `count at app.ts:${stageId}`,
    numTasks: 10,
    rddIds: [1],
    rdds: () => [
      {
        rddId: 1,
        name: 'kept',
        callSite: 'map at app.ts:1',
        parentIds: [],
        storageLevel: StorageLevel.MEMORY_AND_DISK_2,
        isBarrier: false,
        determinism: 'INDETERMINATE',
        numPartitions: 10,
      },
    ],
    parentIds: [],
    kind: 'ResultStage',
    shuffleDepId: null,
    resourceProfileId: 0,
    ...more,
  };
}

function task(taskId: number, executorId: string, more: Partial<TaskInfo> = {}): TaskInfo {
  return {
    taskId,
    index: taskId % 10,
    partition: taskId % 10,
    attemptNumber: 0,
    executorId,
    host: `host-${executorId}`,
    locality: 'NODE_LOCAL',
    speculative: taskId === 3,
    launchedAt: T0 + 100 + taskId,
    ...more,
  };
}

const error = {
  name: 'TypeError',
  code: null,
  message: 'x is no\nnumber',
  stack: 'TypeError: x is no\nnumber\n    at f (app.ts:3:4)\n    at async app.ts:9:1',
  cause: null,
};

/** Every way for a task to end. */
const REASONS: readonly TaskEndReason[] = [
  { kind: 'Success' },
  { kind: 'ExceptionFailure', error, retriable: true },
  {
    kind: 'FetchFailed',
    location: { executorId: '1', host: 'host-1', port: 0 },
    shuffleId: 0,
    mapId: 7,
    mapIndex: 2,
    reduceId: 1,
    message: 'gone',
  },
  { kind: 'FetchFailed', location: null, shuffleId: 0, mapId: null, mapIndex: null, reduceId: 1, message: 'unknown' },
  { kind: 'SlotLost', message: 'out of heap' },
  { kind: 'ExecutorLostFailure', executorId: '2', exitCausedByApp: false, message: 'preempted' },
  { kind: 'TaskResultLost' },
  { kind: 'TaskKilled', reason: 'another attempt succeeded' },
  { kind: 'TaskCommitDenied', partition: 3, attemptNumber: 1 },
];

/** The events of an application to which everything happens, in an order that can be. */
export function everyEvent(appId: string): SparkListenerEvent[] {
  const metrics = { ...newTaskMetrics(), executorRunTimeMs: 3, inputBytesRead: 5, shuffleRemoteBytesRead: 7 };
  const block = (executorId: string) => ({ executorId, host: `host-${executorId}`, port: 7000 + Number(executorId) });
  const events: SparkListenerEvent[] = [
    {
      type: 'SparkListenerResourceProfileAdded',
      at: T0,
      profile: {
        id: 0,
        executorResources: { memory: { resourceName: 'memory', amount: 1024, discoveryScript: '', vendor: '' } },
        taskResources: { cpus: { resourceName: 'cpus', amount: 1 }, gpu: { resourceName: 'gpu', amount: 0.5 } },
      },
    },
    {
      type: 'SparkListenerBlockManagerAdded',
      at: T0,
      blockManager: { executorId: 'driver', host: 'localhost', port: 0 },
      maxBytes: 0,
    },
    {
      type: 'SparkListenerEnvironmentUpdate',
      at: T0,
      runtime: { 'Java Home': '/usr', 'Java Version': 'none', 'Scala Version': 'none' },
      sparkProperties: { 'spark.app.name': 'every event', 'spark.scheduler.mode': 'FAIR' },
      systemProperties: {},
      classpathEntries: {},
    },
    { type: 'SparkListenerApplicationStart', at: T0, appId, appName: 'every event', user: 'ann' },
  ];
  for (const executorId of ['1', '2', '3']) {
    events.push(
      {
        type: 'SparkListenerExecutorAdded',
        at: T0 + 1,
        executorId,
        host: `host-${executorId}`,
        cores: 4,
        resourceProfileId: 0,
      },
      { type: 'SparkListenerBlockManagerAdded', at: T0 + 1, blockManager: block(executorId), maxBytes: 1000 },
    );
  }
  const first = stage(0, { kind: 'ShuffleMapStage', shuffleDepId: 0 });
  const second = stage(1, { parentIds: [0] });
  const properties = { 'spark.scheduler.pool': 'fast', 'spark.job.description': 'all of it' };
  const of = { stageId: 0, stageAttemptId: 0 };
  events.push(
    { type: 'SparkListenerJobStart', at: T0 + 50, jobId: 0, stages: [first, second], properties },
    { type: 'SparkListenerStageSubmitted', at: T0 + 60, stage: first },
  );
  REASONS.forEach((reason, i) => {
    const info = task(i, i % 2 === 0 ? '1' : '2');
    const counted = reason.kind === 'Success';
    events.push(
      { type: 'SparkListenerTaskStart', at: info.launchedAt, ...of, task: info },
      ...(counted ? [{ type: 'SparkListenerTaskGettingResult', at: T0 + 190, ...of, task: info } as const] : []),
      {
        type: 'SparkListenerTaskEnd',
        at: T0 + 200 + i,
        ...of,
        task: info,
        reason,
        metrics: counted ? metrics : null,
        accumulables: counted ? [{ id: 9, name: 'seen', update: [1, 'a'], value: 10n }] : [],
      },
    );
  });
  const stored = StorageLevel.MEMORY_AND_DISK_2;
  for (const executorId of ['1', '2'])
    events.push({
      type: 'SparkListenerBlockUpdated',
      at: T0 + 210,
      blockManager: block(executorId),
      rddId: 1,
      partition: 0,
      storageLevel: { ...stored, useDisk: executorId === '2', useMemory: executorId === '1' },
      memoryBytes: executorId === '1' ? 100 : 0,
      diskBytes: executorId === '2' ? 50 : 0,
    });
  const at = T0 + 220;
  const taskFailures = 2;
  const executorFailures = 2;
  const executorId = '3';
  const host = 'host-2';
  events.push(
    { type: 'SparkListenerSpeculativeTaskSubmitted', at, ...of, index: 1, partition: 1 },
    { type: 'SparkListenerUnschedulableTaskSetAdded', at, ...of },
    { type: 'SparkListenerUnschedulableTaskSetRemoved', at, ...of },
    { type: 'SparkListenerExecutorBlacklistedForStage', at, executorId, taskFailures, ...of },
    { type: 'SparkListenerExecutorExcludedForStage', at, executorId, taskFailures, ...of },
    { type: 'SparkListenerNodeBlacklistedForStage', at, host, executorFailures, ...of },
    { type: 'SparkListenerNodeExcludedForStage', at, host, executorFailures, ...of },
    { type: 'SparkListenerExecutorBlacklisted', at, executorId, taskFailures },
    { type: 'SparkListenerExecutorExcluded', at, executorId, taskFailures },
    { type: 'SparkListenerNodeBlacklisted', at, host, executorFailures },
    { type: 'SparkListenerNodeExcluded', at, host, executorFailures },
    { type: 'SparkListenerNodeUnblacklisted', at, host },
    { type: 'SparkListenerNodeUnexcluded', at, host },
    {
      type: 'SparkListenerExecutorMetricsUpdate',
      at,
      executorId: '1',
      tasks: [{ taskId: 0, ...of, metrics, accumulables: [] }],
    },
    { type: 'SparkListenerStageCompleted', at: at + 5, stage: first, failureReason: 'a fetch failed\nfor good' },
    { type: 'SparkListenerExecutorRemoved', at: at + 6, executorId: '2', reason: 'preempted' },
    { type: 'SparkListenerBlockManagerRemoved', at: at + 6, blockManager: block('2') },
    { type: 'SparkListenerStageSubmitted', at: at + 7, stage: stage(0, { attemptNumber: 1, kind: 'ShuffleMapStage' }) },
    {
      type: 'SparkListenerStageCompleted',
      at: at + 8,
      stage: stage(0, { attemptNumber: 1, kind: 'ShuffleMapStage' }),
      failureReason: null,
      accumulables: [{ id: 9, name: 'seen', update: undefined, value: { a: 1 } }],
    },
    { type: 'SparkListenerJobEnd', at: at + 9, jobId: 0, error: 'Job aborted due to stage failure: no' },
    { type: 'SparkListenerJobStart', at: at + 10, jobId: 1, stages: [], properties: {} },
    { type: 'SparkListenerJobEnd', at: at + 11, jobId: 1, error: null },
    { type: 'SparkListenerExecutorUnblacklisted', at: at + 12, executorId },
    { type: 'SparkListenerExecutorUnexcluded', at: at + 12, executorId },
    { type: 'SparkListenerUnpersistRDD', at: at + 13, rddId: 1 },
    { type: 'SparkListenerApplicationEnd', at: at + 14 },
  );
  return events;
}
