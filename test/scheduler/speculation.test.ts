import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TaskInfo } from '../../src/protocol/spark-listener-event.ts';
import { newTaskMetrics } from '../../src/protocol/task-metrics.ts';
import { DEFAULT_SPECULATION, type SpeculationSettings } from '../../src/scheduler/settings.ts';
import { boom, dagEvents, TaskMachine } from '../kit/task-machine.ts';

function machineWith(speculation: Partial<SpeculationSettings> = {}): TaskMachine {
  return new TaskMachine({ speculation: { ...DEFAULT_SPECULATION, ...speculation }, maxFailures: 2 });
}

/** Ten tasks on ten hosts and one host that is free; nine have ended after 100 ms. */
function nineOfTen(speculation: Partial<SpeculationSettings> = {}): TaskMachine {
  const machine = machineWith(speculation);
  for (let i = 0; i < 10; i++) machine.executor(`e${i}`, 1);
  machine.submit(10);
  machine.offer();
  machine.at = 100;
  for (let i = 0; i < 9; i++) machine.succeed(machine.task(i));
  machine.offer();
  return machine;
}

const kills = (machine: TaskMachine): string[] =>
  machine.effects.flatMap((e) => (e.type === 'Kill' ? [`${e.taskId} ${e.reason}`] : []));

test('a task that runs three times the median gets a second copy on another host', () => {
  const machine = nineOfTen();
  machine.at = 300;
  assert.deepEqual(machine.wake(), []);
  machine.at = 301;
  assert.deepEqual(machine.wake(), [], 'slow tasks are looked for each 100 ms');
  machine.at = 400;
  const launched = machine.wake();
  assert.equal(launched.length, 1);
  const original = machine.task(9);
  const copy = machine.copy(9);
  assert.notEqual(copy.host, original.host);
  assert.equal(copy.attemptNumber, 1);
  assert.deepEqual(machine.posted(), [
    { type: 'SparkListenerSpeculativeTaskSubmitted', stageId: 0, stageAttemptId: 0, index: 9, partition: 9 },
  ]);
  assert.ok(
    machine
      .logs()
      .includes(
        `info Marking task 9 in stage 0.0 (on ${original.host}) as speculatable because it ran more than 300 ms(1 speculatable tasks in this taskset now)`,
      ),
  );
  machine.at = 10_000;
  assert.deepEqual(machine.wake(), [], 'no third copy');
});

test('the copy that ends first counts, the other is killed and is no failure', () => {
  for (const winner of ['original', 'copy'] as const) {
    const machine = nineOfTen();
    machine.at = 400;
    machine.wake();
    const [original, copy] = [machine.task(9), machine.copy(9)];
    const [first, second] = winner === 'original' ? [original, copy] : [copy, original];
    assert.deepEqual(dagEvents(machine.succeed(first), 'CompletionEvent')[0]?.reason, { kind: 'Success' });
    assert.deepEqual(kills(machine), [`${second.taskId} another attempt succeeded`]);
    const end = machine.fail(second, { kind: 'TaskKilled', reason: 'another attempt succeeded' });
    assert.deepEqual(dagEvents(end, 'TaskSetFailed'), []);
    assert.deepEqual(end.at(-1), { type: 'TaskSetFinished', stageId: 0, attempt: 0 });
  }
});

test('a second success comes too late: it is told as killed, and its result is not counted', () => {
  const machine = new TaskMachine({ speculation: { ...DEFAULT_SPECULATION, quantile: 0.5 }, maxResultSizeBytes: 3000 });
  for (const id of ['a', 'b', 'c']) machine.executor(id, 1);
  machine.submit(2);
  machine.offer();
  machine.at = 100;
  machine.succeed(machine.task(0), 1000);
  machine.at = 500;
  machine.offer();
  machine.wake();
  const [original, copy] = [machine.task(1), machine.copy(1)];
  machine.succeed(copy, 1500);
  const [late] = dagEvents(machine.succeed(original, 1500), 'CompletionEvent');
  assert.deepEqual(late?.reason, {
    kind: 'TaskKilled',
    reason: 'Finish but did not commit due to another attempt succeeded',
  });
  assert.equal(late.result, null);
  assert.deepEqual(dagEvents(machine.effects, 'TaskSetFailed'), []);
});

test('nothing is slow before the quantile has finished, nor below the smallest run time', () => {
  const early = machineWith();
  for (let i = 0; i < 10; i++) early.executor(`e${i}`, 1);
  early.submit(10);
  early.offer();
  early.at = 10;
  for (let i = 0; i < 8; i++) early.succeed(early.task(i));
  early.at = 60_000;
  early.offer();
  assert.deepEqual(early.wake(), []);
  const short = nineOfTen({ minTaskRuntimeMs: 5000 });
  short.at = 5000;
  assert.deepEqual(short.wake(), []);
  short.at = 5100;
  assert.equal(short.wake().length, 1);
});

test('the quantile is rounded down, and one finished task is the least', () => {
  const machine = machineWith({ quantile: 0.4 });
  for (const id of ['a', 'b', 'c']) machine.executor(id, 1);
  machine.submit(2);
  machine.offer();
  machine.at = 1000;
  assert.deepEqual(machine.wake(), []);
  machine.at = 1100;
  machine.succeed(machine.task(0));
  machine.at = 4000;
  assert.equal(machine.wake().length, 1);
});

test('a stage of one task has nothing to be compared with, unless a threshold is set', () => {
  for (const [taskDurationThresholdMs, copies] of [
    [null, 0],
    [0, 0],
    [1000, 1],
  ] as const) {
    const machine = machineWith({ taskDurationThresholdMs });
    machine.executor('a', 1);
    machine.executor('b', 1);
    machine.submit(1);
    machine.offer();
    machine.at = 1000;
    assert.deepEqual(machine.wake(), []);
    machine.at = 1101;
    assert.equal(machine.wake().length, copies);
  }
});

test('the threshold serves sets that fit on one executor, and no others', () => {
  for (const [slotsPerExecutor, copies] of [
    [3, 0],
    [4, 4],
  ] as const) {
    const machine = machineWith({ taskDurationThresholdMs: 1000, slotsPerExecutor });
    machine.executor('a', 4);
    machine.submit(4);
    machine.offer();
    machine.executor('b', 4);
    machine.at = 1100;
    assert.equal(machine.wake().length, copies);
  }
});

test('a copy goes to no host where an attempt of its task has been', () => {
  const machine = machineWith({ quantile: 0.5 });
  machine.executor('a', 1, 'x');
  machine.executor('b', 1, 'y');
  machine.submit(2);
  machine.offer();
  machine.at = 10;
  const [first] = [machine.task(1)];
  machine.fail(first, boom);
  machine.offer(); // back on the executor that is free, its own
  machine.at = 20;
  machine.succeed(machine.task(0));
  machine.executor('c', 1, first.host);
  machine.at = 1000;
  const free = machine.wake();
  assert.equal(free.length, 1);
  assert.notEqual(machine.copy(1).host, first.host);
});

test('on a single host there is no second copy', () => {
  const machine = machineWith({ quantile: 0.5 });
  machine.executor('a', 2, 'h');
  machine.executor('b', 2, 'h');
  machine.submit(2);
  machine.offer();
  machine.at = 10;
  machine.succeed(machine.task(0));
  machine.at = 60_000;
  assert.deepEqual(machine.wake(), []);
});

test('the original fails while its copy waits: it is tried again as usual, and no copy is wanted any more', () => {
  const machine = machineWith({ quantile: 0.5 });
  machine.executor('a', 2, 'h');
  machine.submit(2);
  machine.offer();
  machine.at = 10;
  machine.succeed(machine.task(0));
  machine.at = 1000;
  machine.wake(); // wanted, and no place for it
  machine.fail(machine.task(1), boom);
  assert.deepEqual(machine.offer(), ['0.0/1@a NO_PREF']);
  assert.equal(machine.task(1).speculative, false);
  machine.executor('b', 1, 'other');
  assert.deepEqual(machine.offer(), []);
});

test('one of two copies fails: the other goes on, the failure counts, and the task may get another copy', () => {
  const machine = nineOfTen();
  machine.at = 400;
  machine.wake();
  const [original, copy] = [machine.task(9), machine.copy(9)];
  machine.fail(original, boom);
  assert.deepEqual(machine.offer(), []);
  machine.at = 1000;
  assert.equal(machine.wake().length, 1);
  assert.ok(![original.host, copy.host].includes(machine.copy(9).host) || machine.running.size === 2);
  const [failed] = dagEvents(machine.fail(copy, boom), 'TaskSetFailed');
  assert.match(failed?.message ?? '', /^Task 9 in stage 0\.0 failed 2 times/);
});

test('an executor is lost with both kinds of copies: nothing is forgotten', () => {
  const machine = nineOfTen();
  machine.at = 400;
  machine.wake();
  machine.lose(machine.copy(9).executorId);
  machine.lose(machine.task(9).executorId);
  assert.equal(machine.offer().length, 1);
  machine.succeed(machine.task(9));
  assert.equal(machine.tasks.numTaskSets, 0);
});

test('no task of a barrier stage gets a second copy', () => {
  const machine = machineWith({ taskDurationThresholdMs: 10, slotsPerExecutor: 8 });
  machine.executor('a', 2);
  machine.submit(2, { isBarrier: true });
  machine.offer();
  machine.executor('b', 2);
  machine.at = 1000;
  assert.deepEqual(machine.wake(), []);
});

test('a task that reads records as fast as others is not slow, until it is very slow', () => {
  const machine = nineOfTen();
  const [info] = [machine.task(9)];
  // The others read nothing: their average is unknown, and every speed is below it.
  machine.progressed(info, { inputRecordsRead: 1_000_000, executorRunTimeMs: 300 });
  machine.at = 400;
  assert.equal(machine.wake().length, 1);

  const reading = machineWith({ quantile: 0.5 });
  for (const id of ['a', 'b', 'c']) reading.executor(id, 1);
  reading.submit(2);
  reading.offer();
  reading.at = 100;
  reading.succeed(reading.task(0), 1, { inputRecordsRead: 1000, executorRunTimeMs: 100 });
  reading.progressed(reading.task(1), { inputRecordsRead: 800, shuffleRecordsRead: 3000, executorRunTimeMs: 400 });
  reading.at = 400;
  assert.deepEqual(reading.wake(), []);
  reading.at = 600;
  assert.deepEqual(reading.wake(), []);
  reading.at = 601;
  reading.wake();
  reading.at = 701; // more than twice 300 ms
  assert.equal(reading.wake().length, 1);

  const slow = machineWith({ quantile: 0.5 });
  for (const id of ['a', 'b', 'c']) slow.executor(id, 1);
  slow.submit(2);
  slow.offer();
  slow.at = 100;
  slow.succeed(slow.task(0), 1, { inputRecordsRead: 1000, executorRunTimeMs: 100 });
  slow.progressed(slow.task(1), { inputRecordsRead: 2900, executorRunTimeMs: 400 }); // less than 0.75 times 10,000 a second
  slow.at = 400;
  assert.equal(slow.wake().length, 1);
});

test('a heartbeat tells listeners how far tasks are; tasks that have ended or run elsewhere are left out', () => {
  const machine = new TaskMachine();
  machine.executor('a', 2);
  machine.executor('b', 1);
  machine.submit(3);
  machine.offer();
  const onA = [...machine.running.values()].filter(({ executorId }) => executorId === 'a');
  const [here, ended] = onA as [TaskInfo, TaskInfo];
  const elsewhere = [...machine.running.values()].find(({ executorId }) => executorId === 'b') as TaskInfo;
  machine.succeed(ended);
  const metrics = { ...newTaskMetrics(), inputRecordsRead: 7 };
  const lines = { id: 3, name: 'lines', value: { total: 7, added: 7 } };
  const unnamed = { id: 4, name: null, value: { total: 1, added: 1 } };
  machine.at = 50;
  const heard = machine.tasks.executorHeartbeat(
    'a',
    [
      { taskId: here.taskId, metrics, accumulators: [lines, unnamed] },
      { taskId: ended.taskId, metrics, accumulators: [lines] },
      { taskId: elsewhere.taskId, metrics, accumulators: [] },
      { taskId: 99, metrics: null, accumulators: [] },
    ],
    50,
  );
  assert.deepEqual(heard, {
    type: 'SparkListenerExecutorMetricsUpdate',
    at: 50,
    executorId: 'a',
    tasks: [
      {
        taskId: here.taskId,
        stageId: 0,
        stageAttemptId: 0,
        metrics,
        accumulables: [{ id: 3, name: 'lines', update: lines, value: undefined }],
      },
    ],
  });
  assert.equal(
    machine.tasks.executorHeartbeat('a', [{ taskId: here.taskId, metrics: null, accumulators: [] }], 60),
    null,
  );
});

test('tasks of a draining executor that will not live long enough get a copy before they are slow', () => {
  const machine = nineOfTen({ decommissionKillIntervalMs: 50 });
  const { executorId } = machine.task(9);
  machine.at = 20; // as if told early: 20 + 50 < 0 + 100
  machine.decommission(executorId);
  machine.at = 200;
  assert.equal(machine.wake().length, 1);
  const later = nineOfTen({ decommissionKillIntervalMs: 1000 });
  later.decommission(later.task(9).executorId);
  later.at = 200;
  assert.deepEqual(later.wake(), []);
});

test('without speculation nobody is woken for it', () => {
  const machine = new TaskMachine();
  machine.executor('a', 1);
  machine.submit(1);
  machine.offer();
  assert.deepEqual(
    machine.effects.filter((e) => e.type === 'WakeAt'),
    [],
  );
});
