import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boom, dagEvents, TaskMachine } from '../kit/task-machine.ts';

test('the tasks of a barrier stage start all at once or not at all', () => {
  const machine = new TaskMachine();
  machine.executor('a', 2);
  machine.submit(4, { isBarrier: true });
  assert.deepEqual(machine.offer(), []);
  machine.executor('b', 1);
  assert.deepEqual(machine.offer(), []);
  machine.executor('c', 1);
  const launched = machine.offer();
  assert.equal(launched.length, 4);
  assert.deepEqual(
    [0, 1, 2, 3].map((index) => machine.task(index).taskId),
    [0, 1, 2, 3],
  );
  assert.ok(machine.logs().includes('info Successfully scheduled all the 4 tasks for barrier stage 0.'));
});

test('cores that come free one by one are offered together to a barrier stage', () => {
  const machine = new TaskMachine();
  machine.executor('a', 1);
  machine.executor('b', 1);
  machine.submit(2, { stageId: 0 });
  machine.offer();
  machine.submit(2, { stageId: 1, jobId: 1, isBarrier: true });
  assert.deepEqual(machine.offer(), []);
  machine.succeed(machine.task(0));
  assert.deepEqual(machine.offer(), []);
  machine.succeed(machine.task(1));
  assert.equal(machine.offer().length, 2);
});

test('another stage may use what a barrier stage waits for', () => {
  const machine = new TaskMachine();
  machine.executor('a', 2);
  machine.submit(3, { stageId: 0, isBarrier: true });
  machine.submit(2, { stageId: 1, jobId: 1 });
  assert.equal(machine.offer().length, 2);
});

test('places ahead of time in an executor are none for a barrier stage', () => {
  const machine = new TaskMachine();
  machine.executor('a', 1, 'h', 5);
  machine.submit(2, { isBarrier: true });
  assert.deepEqual(machine.offer(), []);
});

test('tasks that hold out for their host keep the whole barrier stage waiting, and all cores free', () => {
  const machine = new TaskMachine({ localityWaitMs: { process: 0, node: 3000, rack: 0 } });
  machine.executor('a', 1, 'x');
  machine.executor('b', 1, 'y');
  machine.submit(2, { isBarrier: true, locations: [['x'], ['x']] });
  assert.deepEqual(machine.offer(), []);
  machine.submit(2, { stageId: 1, jobId: 1 });
  assert.equal(machine.offer().length, 2, 'nothing was kept');
  for (const index of [0, 1]) machine.succeed(machine.task(index));
  machine.at = 3000;
  machine.offer();
  assert.deepEqual(machine.wake().sort(), []);
  assert.equal(machine.running.size, 2);
  assert.deepEqual(
    [machine.task(0).taskId, machine.task(1).taskId],
    [2, 3],
    'ids of tasks that were taken back are given again',
  );
});

test('with the older rule of waiting such a barrier stage is aborted', () => {
  const machine = new TaskMachine({
    legacyLocalityWaitReset: true,
    exclusion: null,
    localityWaitMs: { process: 3000, node: 3000, rack: 3000 },
  });
  machine.executor('a', 1, 'x');
  machine.executor('b', 1, 'y');
  machine.submit(2, { isBarrier: true, locations: [['x'], ['x']] });
  // It does not wait for a nearer place at all, so it starts.
  assert.equal(machine.offer().length, 2);
});

test('a task that fails ends its barrier stage attempt, and counts for nothing', () => {
  const machine = new TaskMachine({ maxFailures: 1 });
  machine.executor('a', 2);
  machine.submit(2, { isBarrier: true });
  machine.offer();
  const effects = machine.fail(machine.task(0), boom);
  assert.equal(dagEvents(effects, 'CompletionEvent').length, 1);
  assert.deepEqual(dagEvents(effects, 'TaskSetFailed'), []);
  assert.deepEqual(machine.offer(), []);
  machine.fail(machine.task(1), { kind: 'TaskKilled', reason: 'a fellow task failed' });
  assert.equal(machine.tasks.numTaskSets, 0);
  machine.submit(2, { isBarrier: true, attempt: 1 });
  assert.equal(machine.offer().length, 2);
});

test('waiting for places is told of once a minute', () => {
  const machine = new TaskMachine();
  machine.submit(2, { isBarrier: true });
  for (let i = 0; i < 10; i++) {
    machine.at = i * 10_000;
    machine.executor(`e${i}`, 1, 'h');
    machine.decommission(`e${i}`);
    machine.offer();
  }
  const told = machine.logs().filter((line) => line.startsWith('info Skip current round of resource offers'));
  assert.ok(told.length <= 2);
});
