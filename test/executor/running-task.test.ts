import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RunningTask, TaskCompletionListenerError } from '../../src/executor/running-task.ts';
import type { RunTask, StageFacts } from '../../src/protocol/executor-slot.ts';

function newTask(isKilled: () => boolean = () => false): RunningTask {
  // Only what listeners can see is filled in.
  const facts = {
    stageId: 3,
    stageAttemptId: 1,
    numPartitions: 4,
    cpus: 2,
    localProperties: { a: 'b' },
    program: { key: '3.1' },
  };
  const message = [17, 0, 2, 0, { index: 2 }] as unknown as RunTask;
  return new RunningTask(message, facts as unknown as StageFacts, isKilled);
}

test('listeners are called once, the last added first; those for failures only when it fails', () => {
  const task = newTask();
  const calls: string[] = [];
  task
    .addTaskCompletionListener((c) => calls.push(`first ${c.isCompleted()} ${c.isFailed()}`))
    .addTaskFailureListener(() => calls.push('failure'))
    .addTaskCompletionListener(() => calls.push('second'));
  assert.deepEqual([task.isCompleted(), task.isFailed()], [false, false]);
  task.end(null);
  task.end(new Error('too late'));
  assert.deepEqual(calls, ['second', 'first true false']);
});

test('a failure is told to its listeners first, with the error', () => {
  const task = newTask();
  const calls: string[] = [];
  task.addTaskCompletionListener((c) => calls.push(`completed ${c.isFailed()}`));
  task.addTaskFailureListener((c, error) => calls.push(`1 ${error.message} ${c.isCompleted()}`));
  task.addTaskFailureListener((_, error) => calls.push(`2 ${error.message}`));
  task.end(new Error('x'));
  assert.deepEqual(calls, ['2 x', '1 x false', 'completed true']);
});

test('a listener that is added late is called at once', () => {
  const task = newTask();
  const calls: string[] = [];
  task.end(new Error('x'));
  task.addTaskCompletionListener(() => calls.push('completed'));
  task.addTaskFailureListener((_, error) => calls.push(error.message));
  assert.deepEqual(calls, ['completed', 'x']);
});

test('all listeners are called, whatever they throw; one error is itself, several are listed', () => {
  const one = newTask();
  const error = new Error('only');
  let called = false;
  one.addTaskCompletionListener(() => {
    called = true;
  });
  one.addTaskCompletionListener(() => {
    throw error;
  });
  assert.throws(
    () => one.end(null),
    (thrown) => thrown === error,
  );
  assert.equal(called, true);
  const two = newTask();
  for (const text of ['b', 'a'])
    two.addTaskCompletionListener(() => {
      throw new Error(text);
    });
  assert.throws(
    () => two.end(null),
    (thrown) => thrown instanceof TaskCompletionListenerError && thrown.message === 'Exception 0: a\nException 1: b',
  );
});

test('a task says what it is, and that it was killed', () => {
  let killed = false;
  const task = newTask(() => killed);
  assert.deepEqual(
    [task.stageId, task.stageAttemptNumber, task.partitionId, task.numPartitions, task.attemptNumber, task.cpus],
    [3, 1, 2, 4, 0, 2],
  );
  assert.equal(task.getLocalProperty('a'), 'b');
  assert.equal(task.getLocalProperty('z'), null);
  assert.equal(task.isInterrupted(), false);
  killed = true;
  assert.equal(task.isInterrupted(), true);
});
