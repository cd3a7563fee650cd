import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_EXCLUSION, type ExclusionSettings, type SchedulerSettings } from '../../src/scheduler/settings.ts';
import { boom, dagEvents, TaskMachine } from '../kit/task-machine.ts';

function machineWith(
  exclusion: Partial<ExclusionSettings> = {},
  settings: Partial<SchedulerSettings> = {},
): TaskMachine {
  return new TaskMachine({ maxFailures: 4, ...settings, exclusion: { ...DEFAULT_EXCLUSION, ...exclusion } });
}

const eventNames = (machine: TaskMachine): string[] =>
  machine
    .posted()
    .map((e) => `${String(e['type']).replace('SparkListener', '')} ${e['executorId'] ?? e['host'] ?? ''}`.trim());

test('a task does not go back to the executor where it failed', () => {
  const machine = machineWith();
  machine.executor('a', 1, 'x');
  machine.submit(1);
  machine.offer();
  machine.fail(machine.task(0), boom);
  machine.executor('b', 1, 'x');
  assert.deepEqual(machine.offer(), ['0.0/0@b NO_PREF']);
});

test('other tasks do go there, past the one that may not', () => {
  const machine = machineWith();
  machine.executor('b', 1, 'y');
  machine.submit(1, { stageId: 9, jobId: 9 });
  machine.offer();
  const elsewhere = machine.task(0);
  machine.executor('a', 2, 'x');
  machine.submit(3);
  machine.offer();
  machine.fail(machine.task(1), boom);
  assert.deepEqual(machine.offer(), ['0.0/2@a NO_PREF']);
  machine.succeed(machine.task(2));
  assert.deepEqual(machine.offer(), []);
  machine.succeed(elsewhere);
  assert.deepEqual(machine.offer(), ['0.0/1@b NO_PREF']);
});

test('after failures on two executors of a node a task does not go to that node', () => {
  const machine = machineWith();
  for (const id of ['a', 'b', 'c']) machine.executor(id, 1, 'x');
  machine.submit(1);
  machine.offer();
  machine.fail(machine.task(0), boom);
  machine.offer();
  machine.fail(machine.task(0), boom);
  assert.deepEqual(machine.offer(), []);
  machine.executor('d', 1, 'y');
  assert.deepEqual(machine.offer(), ['0.0/0@d NO_PREF']);
});

test('two attempts of a task may be allowed on one executor', () => {
  const machine = machineWith({ maxTaskAttemptsPerExecutor: 2 });
  machine.executor('a', 1);
  machine.executor('b', 1);
  machine.submit(2);
  machine.offer();
  const { executorId } = machine.task(0);
  machine.fail(machine.task(0), boom);
  assert.deepEqual(machine.offer(), [`0.0/0@${executorId} NO_PREF`]);
});

test('two tasks that failed on an executor keep the stage off it, two such executors off the node', () => {
  const machine = machineWith({ maxTaskAttemptsPerNode: 3 });
  machine.executor('a', 2, 'x');
  machine.submit(8);
  machine.offer();
  machine.fail(machine.task(0), boom);
  machine.fail(machine.task(1), boom);
  assert.deepEqual(machine.offer(), []);
  machine.executor('b', 2, 'x');
  machine.offer();
  machine.fail(machine.task(0), boom);
  machine.fail(machine.task(1), boom);
  machine.executor('c', 2, 'x');
  assert.deepEqual(machine.offer(), []);
  assert.deepEqual(eventNames(machine), [
    'ExecutorBlacklistedForStage a',
    'ExecutorExcludedForStage a',
    'ExecutorBlacklistedForStage b',
    'ExecutorExcludedForStage b',
    'NodeBlacklistedForStage x',
    'NodeExcludedForStage x',
  ]);
  assert.deepEqual(machine.posted().at(-1), {
    type: 'SparkListenerNodeExcludedForStage',
    host: 'x',
    executorFailures: 2,
    stageId: 0,
    stageAttemptId: 0,
  });
  machine.submit(1, { stageId: 1, jobId: 1 });
  assert.equal(machine.offer().length, 1, 'another stage has no reason to keep off');
});

test('kills, denied commits and losses from outside exclude nothing', () => {
  const machine = machineWith();
  machine.executor('a', 1);
  machine.submit(1);
  for (const reason of [
    { kind: 'TaskKilled', reason: 'by hand' },
    { kind: 'TaskCommitDenied', partition: 0, attemptNumber: 0 },
    { kind: 'ExecutorLostFailure', executorId: 'a', exitCausedByApp: false, message: 'preempted' },
  ] as const) {
    assert.equal(machine.offer().length, 1);
    machine.fail(machine.task(0), reason);
  }
  assert.equal(machine.offer().length, 1);
});

/** Runs a set of two tasks, each of which fails once on executor `a` and succeeds on `b`. */
function failTwiceOnA(machine: TaskMachine): void {
  machine.executor('a', 2, 'x');
  machine.submit(2);
  machine.offer();
  machine.fail(machine.task(0), boom);
  machine.fail(machine.task(1), boom);
  machine.executor('b', 2, 'y');
  machine.offer();
  machine.succeed(machine.task(0));
  machine.succeed(machine.task(1));
}

test('failures of a stage that succeeded keep the application off the executor until the timeout', () => {
  const machine = machineWith({ timeoutMs: 1000 });
  failTwiceOnA(machine);
  machine.lose('b');
  machine.submit(1, { stageId: 1, jobId: 1 });
  assert.deepEqual(machine.offer(), []);
  machine.at = 1000;
  assert.deepEqual(machine.wake(), []);
  machine.at = 1001;
  assert.deepEqual(machine.wake(), ['1.0/0@a NO_PREF']);
  assert.deepEqual(eventNames(machine).slice(2), [
    'ExecutorBlacklisted a',
    'ExecutorExcluded a',
    'ExecutorUnblacklisted a',
    'ExecutorUnexcluded a',
  ]);
});

test('failures of a stage that was aborted are nobody else’s fault', () => {
  const machine = machineWith({}, { maxFailures: 1 });
  machine.executor('a', 2);
  machine.submit(2);
  machine.offer();
  machine.fail(machine.task(0), boom);
  machine.fail(machine.task(1), boom);
  machine.submit(1, { stageId: 1, jobId: 1 });
  assert.equal(machine.offer().length, 1);
});

test('without the application scope only stages keep off; without the others only the application does', () => {
  const stageOnly = machineWith({ application: false });
  failTwiceOnA(stageOnly);
  stageOnly.lose('b');
  stageOnly.submit(1, { stageId: 1, jobId: 1 });
  assert.equal(stageOnly.offer().length, 1);

  const appOnly = machineWith({ taskAndStage: false });
  appOnly.executor('a', 2, 'x');
  appOnly.submit(2);
  appOnly.offer();
  appOnly.fail(appOnly.task(0), boom);
  appOnly.fail(appOnly.task(1), boom);
  assert.equal(appOnly.offer().length, 2, 'the stage goes back there');
  appOnly.succeed(appOnly.task(0));
  appOnly.succeed(appOnly.task(1));
  appOnly.submit(1, { stageId: 1, jobId: 1 });
  assert.deepEqual(appOnly.offer(), []);
  assert.deepEqual(eventNames(appOnly), ['ExecutorBlacklisted a', 'ExecutorExcluded a']);
});

test('excluded executors are killed, or drained, if that is wished', () => {
  for (const [killByDecommission, kills] of [
    [false, ['a']],
    [true, ['a drained']],
  ] as const) {
    const machine = machineWith({ kill: true, killByDecommission });
    failTwiceOnA(machine);
    assert.deepEqual(machine.executorKills(), kills);
  }
});

test('a fetch failure excludes the executor that could not deliver', () => {
  const machine = machineWith({ fetchFailure: true });
  machine.executor('a', 1, 'x');
  machine.submit(1);
  machine.offer();
  machine.fail(machine.task(0), {
    kind: 'FetchFailed',
    location: { executorId: 'a', host: 'x', port: 0 },
    shuffleId: 0,
    mapId: 0,
    mapIndex: 0,
    reduceId: 0,
    message: 'gone',
  });
  machine.submit(1, { attempt: 1 });
  assert.deepEqual(machine.offer(), []);
});

test('a set without any place has an idle executor killed, and is aborted when no other comes in time', () => {
  const machine = machineWith();
  machine.executor('a', 1);
  machine.submit(1);
  machine.offer();
  machine.fail(machine.task(0), boom);
  assert.deepEqual(machine.offer(), []);
  assert.deepEqual(machine.offer(), []);
  machine.at = 119_999;
  machine.wake();
  assert.deepEqual(dagEvents(machine.effects, 'TaskSetFailed'), []);
  machine.at = 120_000;
  machine.wake();
  const [failed] = dagEvents(machine.effects, 'TaskSetFailed');
  assert.equal(
    failed?.message,
    '\nAborting TaskSet 0.0 because task 0 (partition 0)\ncannot run anywhere due to node and executor excludeOnFailure.\nMost recent failure:\nLost task 0.0 in stage 0.0 (TID 0) (host-a executor a): Error: boom\n\nExcludeOnFailure behavior can be configured via spark.excludeOnFailure.*.\n',
  );
  assert.deepEqual(machine.executorKills(), ['a']);
  assert.equal(machine.tasks.numTaskSets, 0);
});

test('a new executor in time saves the set', () => {
  const machine = machineWith();
  machine.executor('a', 1);
  machine.submit(1);
  machine.offer();
  machine.fail(machine.task(0), boom);
  machine.offer();
  machine.at = 60_000;
  machine.lose('a');
  machine.executor('b', 1);
  assert.deepEqual(machine.offer(), ['0.0/0@b NO_PREF']);
  machine.at = 120_000;
  machine.wake();
  assert.deepEqual(dagEvents(machine.effects, 'TaskSetFailed'), []);
});

test('with no idle executor the set is aborted at once, or dynamic allocation is asked', () => {
  const start = (dynamicAllocation: boolean): TaskMachine => {
    const machine = machineWith({}, { dynamicAllocation });
    machine.executor('a', 2);
    machine.submit(1, { stageId: 0 });
    machine.submit(1, { stageId: 1, jobId: 1 });
    machine.offer();
    const task = [...machine.running.values()].find((info) => info.taskId === 0);
    assert.ok(task !== undefined);
    machine.fail(task, boom);
    machine.offer();
    return machine;
  };
  const fixed = start(false);
  assert.equal(dagEvents(fixed.effects, 'TaskSetFailed').length, 1);
  assert.deepEqual(fixed.executorKills(), []);
  const dynamic = start(true);
  assert.deepEqual(dynamic.posted(), [
    { type: 'SparkListenerUnschedulableTaskSetAdded', stageId: 0, stageAttemptId: 0 },
  ]);
  dynamic.executor('b', 1);
  assert.equal(dynamic.offer().length, 1);
  assert.deepEqual(dynamic.posted().at(-1), {
    type: 'SparkListenerUnschedulableTaskSetRemoved',
    stageId: 0,
    stageAttemptId: 0,
  });
});

test('without executors a set is not unschedulable, it waits for the first', () => {
  const machine = machineWith();
  machine.executor('a', 1);
  machine.submit(1);
  machine.offer();
  machine.fail(machine.task(0), boom);
  machine.lose('a');
  machine.offer();
  machine.at = 1_000_000;
  machine.wake();
  assert.deepEqual(dagEvents(machine.effects, 'TaskSetFailed'), []);
  assert.deepEqual(machine.executorKills(), []);
});

test('thousands of tasks that fail everywhere end in an abort, not in a hang', () => {
  const machine = machineWith({ unschedulableTimeoutMs: 0 }, { maxFailures: 100 });
  for (let i = 0; i < 6; i++) machine.executor(`e${i}`, 4, `h${i % 3}`);
  machine.submit(500);
  for (let round = 0; round < 1000; round++) {
    machine.offer();
    machine.wake();
    const [info] = machine.running.values();
    if (info === undefined) break;
    machine.fail(info, boom);
  }
  assert.equal(dagEvents(machine.effects, 'TaskSetFailed').length, 1);
  assert.equal(machine.tasks.numTaskSets, 0);
});
