import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  EXECUTOR_KILLED,
  executorDecommissioned,
  executorExited,
  executorProcessLost,
} from '../../src/scheduler/executor-loss.ts';
import type { ExecutorLoss } from '../../src/scheduler/ports.ts';
import type { SchedulerSettings } from '../../src/scheduler/settings.ts';
import { dagEvents, TaskMachine } from '../kit/task-machine.ts';

test('a draining executor gets no tasks, finishes those it has, and may then go', () => {
  const machine = new TaskMachine();
  machine.executor('a', 2);
  machine.submit(4);
  machine.offer();
  machine.decommission('a');
  machine.succeed(machine.task(0));
  assert.deepEqual(machine.offer(), []);
  machine.succeed(machine.task(1));
  machine.executor('b', 2);
  assert.equal(machine.offer().length, 2);
  assert.deepEqual(machine.decommission('a'), [], 'twice is fine');
  machine.lose('a');
  assert.deepEqual(machine.decommission('a'), []);
});

test('a draining executor is no place to wait for', () => {
  const machine = new TaskMachine({ localityWaitMs: { process: 3000, node: 3000, rack: 3000 } });
  machine.executor('a', 1, 'x');
  machine.executor('b', 1, 'y');
  machine.submit(2, { locations: [['executor_x_a'], ['executor_x_a']] });
  assert.deepEqual(machine.offer(), ['0.0/0@a PROCESS_LOCAL']);
  machine.decommission('a');
  assert.deepEqual(machine.offer(), ['0.0/1@b ANY']);
});

/** Executors a and b on one host, c on another; of a running map stage a has done tasks 0 and 1. */
function mapStageWithTwoDone(settings: Partial<SchedulerSettings> = {}): TaskMachine {
  const machine = new TaskMachine(settings);
  machine.executor('a', 2, 'x');
  machine.submit(4, { kind: 'ShuffleMap' });
  machine.offer();
  machine.mapped(machine.task(0));
  machine.mapped(machine.task(1));
  machine.executor('b', 1, 'x');
  machine.executor('c', 1, 'y');
  machine.decommission('a');
  machine.offer();
  return machine;
}

const drained = { decommissioned: true };

test('map outputs that a drained executor has handed on are not written again while their stage runs', () => {
  const machine = mapStageWithTwoDone();
  machine.outputs.set(0, 'b@x');
  machine.outputs.set(1, 'c@y');
  assert.deepEqual(dagEvents(machine.lose('a', false, drained), 'CompletionEvent'), []);
  machine.mapped(machine.task(2));
  machine.mapped(machine.task(3));
  assert.deepEqual(machine.offer(), []);
  assert.equal(machine.tasks.numTaskSets, 0);
});

test('of a drained executor only what it could not hand on is written again', () => {
  const machine = mapStageWithTwoDone();
  machine.outputs.set(1, 'c@y');
  const again = dagEvents(machine.lose('a', false, drained), 'CompletionEvent');
  assert.deepEqual(
    again.map(({ task, reason }) => [task.index, reason.kind]),
    [[0, 'Resubmitted']],
  );
  machine.mapped(machine.task(2));
  assert.deepEqual(machine.offer(), ['0.0/0@b NO_PREF']);
});

test('an output that nobody has any more is written again, handed on or not', () => {
  const machine = mapStageWithTwoDone();
  machine.outputs.clear();
  assert.equal(dagEvents(machine.lose('a', false, drained), 'CompletionEvent').length, 2);
});

test('with its whole machine drained, what an executor handed on within the machine is written again', () => {
  const machine = mapStageWithTwoDone({ shuffleServiceEnabled: true });
  machine.outputs.set(0, 'b@x');
  machine.outputs.set(1, 'c@y');
  const again = dagEvents(machine.lose('a', false, { ...drained, workerLost: true }), 'CompletionEvent');
  assert.deepEqual(
    again.map(({ task }) => task.index),
    [0],
  );
});

test('an executor that crashes takes its outputs along, whatever the book says of others', () => {
  const machine = mapStageWithTwoDone();
  assert.equal(dagEvents(machine.lose('a'), 'CompletionEvent').length, 2);
});

test('which losses of an executor count as failures of what it ran', () => {
  const losses: [ExecutorLoss, boolean, string][] = [
    [executorExited(1, true, ''), true, 'Command exited with code 1'],
    [executorExited(137, false, 'Container killed by YARN'), false, 'Container killed by YARN'],
    [executorProcessLost(), true, 'Executor Process Lost'],
    [executorProcessLost('Worker shutting down', true, false), false, 'Worker shutting down'],
    [EXECUTOR_KILLED, false, 'Executor killed by driver.'],
    [executorDecommissioned('spot instance'), false, 'Executor decommission: spot instance'],
  ];
  for (const [loss, counts, message] of losses) {
    const machine = new TaskMachine({ maxFailures: 1 });
    machine.executor('a', 1);
    machine.submit(1);
    machine.offer();
    const effects = machine.tasks.executorLost('a', loss, 0);
    assert.deepEqual(dagEvents(effects, 'CompletionEvent')[0]?.reason, {
      kind: 'ExecutorLostFailure',
      executorId: 'a',
      exitCausedByApp: counts,
      message,
    });
    assert.equal(dagEvents(effects, 'TaskSetFailed').length, counts ? 1 : 0, message);
    machine.tasks.checkInvariants();
  }
});

test('an executor may be lost for outside reasons as often as it likes', () => {
  const machine = new TaskMachine({ maxFailures: 2 });
  machine.submit(1);
  for (let i = 0; i < 20; i++) {
    machine.executor(`e${i}`, 1);
    assert.equal(machine.offer().length, 1);
    machine.lose(`e${i}`);
  }
  assert.deepEqual(dagEvents(machine.effects, 'TaskSetFailed'), []);
  assert.match(machine.logs()[0] ?? '', /^info Lost task .* Not counting this failure towards the maximum/);
});

test('a result that was lost counts, a commit that was denied does not', () => {
  const machine = new TaskMachine({ maxFailures: 2 });
  machine.executor('a', 1);
  machine.submit(1);
  for (let i = 0; i < 10; i++) {
    machine.offer();
    machine.fail(machine.task(0), { kind: 'TaskCommitDenied', partition: 0, attemptNumber: i });
  }
  machine.offer();
  machine.fail(machine.task(0), { kind: 'TaskResultLost' });
  assert.deepEqual(dagEvents(machine.effects, 'TaskSetFailed'), []);
  machine.offer();
  const [failed] = dagEvents(machine.fail(machine.task(0), { kind: 'TaskResultLost' }), 'TaskSetFailed');
  assert.match(failed?.message ?? '', /TaskResultLost \(result lost from block manager\)\nDriver stacktrace:$/);
});

test('a success clears the count: a map task that must run again may fail as often as before', () => {
  const machine = new TaskMachine({ maxFailures: 2 });
  machine.executor('a', 1);
  machine.submit(2, { kind: 'ShuffleMap' });
  machine.offer();
  machine.fail(machine.task(0), { kind: 'TaskResultLost' });
  machine.offer();
  machine.mapped(machine.task(0));
  machine.lose('a');
  machine.executor('b', 2);
  machine.offer();
  assert.deepEqual(dagEvents(machine.fail(machine.task(0), { kind: 'TaskResultLost' }), 'TaskSetFailed'), []);
});

test('a task too large to be sent aborts its set, a large one is warned of once', () => {
  const machine = new TaskMachine({ maxMessageBytes: 2_000_000 });
  machine.executor('a', 3);
  machine.submit(3);
  machine.offer();
  machine.serialized(machine.task(0), 1000 * 1024);
  assert.deepEqual(machine.logs(), []);
  machine.serialized(machine.task(0), 1_999_999);
  machine.serialized(machine.task(1), 1_900_000);
  assert.deepEqual(machine.logs(), [
    'warn Stage 0 contains a task of very large size (1953 KiB). The maximum recommended task size is 1000 KiB.',
  ]);
  const info = machine.task(2);
  machine.running.delete(info.taskId);
  const effects = machine.serialized(info, 2_000_000);
  assert.equal(
    dagEvents(effects, 'TaskSetFailed')[0]?.message,
    `Serialized task ${info.taskId}:2 was 2000000 bytes, which exceeds max allowed: spark.rpc.message.maxSize (2000000 bytes). Consider increasing spark.rpc.message.maxSize or using broadcast variables for large values.`,
  );
  assert.deepEqual(dagEvents(effects, 'CompletionEvent')[0]?.reason.kind, 'TaskKilled');
  machine.cancel(0);
  machine.fail(machine.task(0), { kind: 'TaskKilled', reason: 'Stage cancelled' });
  machine.fail(machine.task(1), { kind: 'TaskKilled', reason: 'Stage cancelled' });
  assert.equal(machine.tasks.numTaskSets, 0);
});
