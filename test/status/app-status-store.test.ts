import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { LoggedEvent } from '../../src/protocol/logged-event.ts';
import { AppStatusStore } from '../../src/status/app-status-store.ts';

let store: AppStatusStore;
const make = (more: Partial<ConstructorParameters<typeof AppStatusStore>[0]> = {}): void => {
  store = new AppStatusStore({ jobs: 100, stages: 100, tasks: 100, deadExecutors: 100, ...more });
};
beforeEach(() => make());

const hear = (name: string, fields: Record<string, unknown> = {}): void =>
  store.hear({ Event: `SparkListener${name}`, ...fields } as LoggedEvent);

const info = (id: number, more: Record<string, unknown> = {}) => ({
  'Stage ID': id,
  'Stage Attempt ID': 0,
  'Stage Name': `stage ${id}`,
  'Number of Tasks': 2,
  'RDD Info': [],
  ...more,
});
const startJob = (id: number, ...stages: number[]): void =>
  hear('JobStart', {
    'Job ID': id,
    'Submission Time': id + 1,
    'Stage Infos': stages.map((stage) => info(stage)),
    'Stage IDs': stages,
    Properties: { 'spark.job.tags': 'b,,a,b' },
  });
const endJob = (id: number): void =>
  hear('JobEnd', { 'Job ID': id, 'Completion Time': 100 + id, 'Job Result': { Result: 'JobSucceeded' } });
const submit = (id: number): void => hear('StageSubmitted', { 'Stage Info': info(id, { 'Submission Time': 10 + id }) });
const complete = (id: number, more: Record<string, unknown> = {}): void =>
  hear('StageCompleted', {
    'Stage Info': info(id, { 'Submission Time': 10 + id, 'Completion Time': 20 + id, ...more }),
  });
const taskInfo = (id: number, more: Record<string, unknown> = {}) => ({
  'Task ID': id,
  Index: id % 2,
  Attempt: 0,
  'Launch Time': 50 + id,
  'Executor ID': '1',
  Host: 'h',
  Locality: 'ANY',
  ...more,
});
const startTask = (stage: number, id: number): void =>
  hear('TaskStart', { 'Stage ID': stage, 'Stage Attempt ID': 0, 'Task Info': taskInfo(id) });
const endTask = (stage: number, id: number, reason: object = { Reason: 'Success' }): void => {
  const { Reason } = reason as { Reason: string };
  const failed = Reason !== 'Success' && Reason !== 'TaskKilled';
  hear('TaskEnd', {
    'Stage ID': stage,
    'Stage Attempt ID': 0,
    'Task End Reason': reason,
    'Task Info': taskInfo(id, { 'Finish Time': 60 + id, Failed: failed, Killed: Reason === 'TaskKilled' }),
    'Task Metrics': { 'Executor Run Time': 4 },
  });
};

describe('the state of an application', () => {
  test('follows a job with a skipped stage, a failed task and a killed one', () => {
    startJob(0, 0, 1);
    submit(1);
    for (const id of [0, 1, 2, 3]) startTask(1, id);
    assert.equal(store.job(0)?.activeTasks, 4);
    endTask(1, 0);
    endTask(1, 1, { Reason: 'TaskKilled', 'Kill Reason': 'too slow' });
    endTask(1, 2, {
      Reason: 'ExceptionFailure',
      'Class Name': 'E',
      Description: 'd',
      'Full Stack Trace': 'E: d\n at x',
    });
    endTask(1, 3);
    complete(1);
    endJob(0);
    const job = store.job(0)?.toJson();
    assert.deepEqual(
      [job?.['status'], job?.['numTasks'], job?.['numSkippedTasks'], job?.['numSkippedStages'], job?.['jobTags']],
      ['SUCCEEDED', 4, 2, 1, ['a', 'b']],
    );
    assert.deepEqual(
      [job?.['numCompletedTasks'], job?.['numFailedTasks'], job?.['numKilledTasks'], job?.['killedTasksSummary']],
      [2, 1, 1, { 'too slow': 1 }],
    );
    assert.equal(job?.['numCompletedIndices'], 2);
    assert.deepEqual(
      store.stages.map(({ stageId, status }) => [stageId, status]),
      [
        [0, 'SKIPPED'],
        [1, 'COMPLETE'],
      ],
    );
    assert.deepEqual(
      [...(store.stage(1, 0)?.tasks.values() ?? [])].map((task) => [task.status, task.errorMessage]),
      [
        ['SUCCESS', null],
        ['KILLED', 'too slow'],
        ['FAILED', 'E: d\n at x'],
        ['SUCCESS', null],
      ],
    );
  });

  test('does not fall over events that it does not know, or that are not as they should be', () => {
    store.hear({ Event: 'org.example.Own', 'Job ID': {} });
    hear('SQLExecutionStart');
    for (const name of [
      'JobStart',
      'JobEnd',
      'StageSubmitted',
      'StageCompleted',
      'TaskStart',
      'TaskEnd',
      'ExecutorAdded',
    ])
      for (const fields of [{}, { 'Job ID': 'x', 'Stage Info': 3, 'Task Info': [], 'Executor Info': null }])
        hear(name, fields);
    hear('BlockUpdated', { 'Block Updated Info': { 'Block ID': 'rdd_x' } });
    hear('EnvironmentUpdate', { 'Spark Properties': { a: 1, b: 'c' } });
    hear('ApplicationStart', { 'App Name': 7 });
    assert.deepEqual(store.environment('Spark Properties'), [['b', 'c']]);
    for (const job of store.jobs) job.toJson();
    for (const stage of store.stages) stage.toJson();
    for (const executor of store.executors) executor.toJson();
  });

  test('forgets the jobs that ended first, a tenth at a time, and none that runs', () => {
    make({ jobs: 10 });
    for (let id = 0; id < 10; id++) {
      startJob(id);
      if (id !== 0) endJob(id);
    }
    startJob(10);
    assert.deepEqual(
      store.jobs.map(({ jobId }) => jobId),
      [0, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    );
  });

  test('forgets stages that are over, with their tasks', () => {
    make({ stages: 3 });
    startJob(0, 0, 1, 2, 3, 4);
    for (const id of [0, 1, 2, 3, 4]) {
      submit(id);
      startTask(id, id);
      complete(id);
    }
    assert.deepEqual(
      store.stages.map(({ stageId }) => stageId),
      [2, 3, 4],
    );
    assert.deepEqual(store.attemptsOf(0), []);
    endTask(0, 0);
  });

  test('keeps of a stage the tasks that run, and of those that are over the youngest', () => {
    make({ tasks: 10 });
    startJob(0, 0);
    submit(0);
    for (let id = 0; id < 25; id++) {
      startTask(0, id);
      if (id !== 3) endTask(0, id);
    }
    const kept = [...(store.stage(0, 0)?.tasks.keys() ?? [])];
    assert.equal(kept.length, 10);
    assert.ok(kept.includes(3) && kept.includes(24));
    assert.equal(store.stage(0, 0)?.completedTasks, 24);
  });

  test('keeps the tasks of stages that are over up to a number of its own, the last to end first', () => {
    make({ tasksOfOverStages: 4 });
    startJob(0, 0, 1, 2, 3);
    for (const stage of [0, 1, 2]) {
      submit(stage);
      for (const id of [2 * stage, 2 * stage + 1]) {
        startTask(stage, id);
        endTask(stage, id);
      }
    }
    submit(3);
    for (const id of [6, 7, 8, 9, 10]) startTask(3, id);
    const kept = (): (number | undefined)[] => [0, 1, 2, 3].map((stage) => store.stage(stage, 0)?.tasks.size);
    complete(0);
    complete(2);
    assert.deepEqual(kept(), [2, 2, 2, 5]);
    complete(1);
    assert.deepEqual(kept(), [0, 2, 2, 5]);
    assert.equal(store.stage(0, 0)?.completedTasks, 2);
    assert.equal(store.job(0)?.numCompletedIndices, 6);
  });

  test('counts what running tasks have measured, and each number once', () => {
    startJob(0, 0);
    submit(0);
    startTask(0, 0);
    const runTime = () => store.stage(0, 0)?.toJson()['executorRunTime'];
    for (const time of [1, 3]) {
      hear('ExecutorMetricsUpdate', {
        'Metrics Updated': [
          { 'Task ID': 0, 'Task Metrics': { 'Executor Run Time': time } },
          { 'Task ID': 99, 'Task Metrics': { 'Executor Run Time': 1000 } },
        ],
      });
      assert.equal(runTime(), time);
    }
    hear('ExecutorMetricsUpdate', { 'Metrics Updated': [{ 'Task ID': 0, 'Accumulator Updates': [] }] });
    endTask(0, 0);
    assert.equal(runTime(), 4);
    assert.equal(store.stage(0, 0)?.executor('1').toJson()['taskTime'], 10);
  });

  test('counts no index that no stage can have', () => {
    startJob(0, 0);
    submit(0);
    for (const Index of [-1, 2 ** 40, 0.5]) {
      hear('TaskStart', { 'Stage ID': 0, 'Task Info': taskInfo(1, { Index }) });
      hear('TaskEnd', { 'Stage ID': 0, 'Task End Reason': { Reason: 'Success' }, 'Task Info': taskInfo(1, { Index }) });
    }
    assert.deepEqual([store.stage(0, 0)?.completedTasks, store.stage(0, 0)?.completedIndices.size], [3, 0]);
  });

  test('keeps of executors that are gone the last ones, and begins anew for one that comes again', () => {
    make({ deadExecutors: 2 });
    const add = (id: string, at: number) =>
      hear('ExecutorAdded', { Timestamp: at, 'Executor ID': id, 'Executor Info': { Host: 'h', 'Total Cores': 2 } });
    for (const id of ['1', '2', '3']) {
      add(id, 1);
      hear('ExecutorRemoved', { Timestamp: 2, 'Executor ID': id, 'Removed Reason': 'gone' });
    }
    assert.deepEqual(
      store.executors.map(({ id, isActive }) => [id, isActive]),
      [
        ['2', false],
        ['3', false],
      ],
    );
    add('3', 9);
    const again = store.executor('3');
    assert.deepEqual([again?.isActive, again?.addTime, again?.removeReason], [true, 9, null]);
  });

  test('follows blocks from executor to executor', () => {
    const rdd = {
      'RDD ID': 1,
      Name: 'kept',
      'Number of Partitions': 2,
      'Storage Level': { 'Use Memory': true, Replication: 1 },
    };
    for (const id of ['1', '2']) {
      hear('ExecutorAdded', { Timestamp: 1, 'Executor ID': id, 'Executor Info': { Host: `h${id}` } });
      hear('BlockManagerAdded', {
        Timestamp: 1,
        'Block Manager ID': { 'Executor ID': id, Host: `h${id}`, Port: 7 },
        'Maximum Memory': 1000,
        'Maximum Onheap Memory': 1000,
      });
    }
    hear('StageSubmitted', { 'Stage Info': info(0, { 'RDD Info': [rdd] }) });
    const block = (executor: string, level: object, memory: number, disk: number) =>
      hear('BlockUpdated', {
        'Block Updated Info': {
          'Block Manager ID': { 'Executor ID': executor },
          'Block ID': 'rdd_1_0',
          'Storage Level': level,
          'Memory Size': memory,
          'Disk Size': disk,
        },
      });
    const stored = () => [store.rdd(1)?.memoryUsed, store.rdd(1)?.diskUsed, store.rdd(1)?.partitions.size];
    const used = (id: string) => [
      store.executor(id)?.rddBlocks,
      store.executor(id)?.memoryUsed,
      store.executor(id)?.diskUsed,
    ];
    block('1', { 'Use Memory': true, Replication: 1 }, 100, 0);
    block('2', { 'Use Memory': true, Replication: 1 }, 100, 0);
    assert.deepEqual(
      [stored(), used('1'), used('2')],
      [
        [200, 0, 1],
        [1, 100, 0],
        [1, 100, 0],
      ],
    );
    block('1', { 'Use Disk': true, Replication: 1 }, 100, 40);
    assert.deepEqual(
      [stored(), used('1')],
      [
        [100, 40, 1],
        [1, 0, 40],
      ],
    );
    hear('ExecutorRemoved', { Timestamp: 2, 'Executor ID': '2', 'Removed Reason': 'gone' });
    assert.equal(store.rdd(1)?.partitions.get('rdd_1_0')?.executors.length, 1);
    hear('UnpersistRDD', { 'RDD ID': 1 });
    assert.deepEqual([store.rdd(1), used('1')], [undefined, [0, 0, 0]]);
  });
});
