import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TaskFailedReason } from '../../src/protocol/task-end-reason.ts';
import { boom, dagEvents, TaskMachine } from '../kit/task-machine.ts';

const executorOf = (launch: string): string => /@(\S+)/.exec(launch)?.[1] ?? '';

test('tasks spread over executors before any gets a second one', () => {
  const machine = new TaskMachine();
  for (const id of ['a', 'b', 'c', 'd']) machine.executor(id, 4);
  machine.submit(4);
  assert.deepEqual(machine.offer().map(executorOf).sort(), ['a', 'b', 'c', 'd']);
});

test('one-task jobs do not always land on the same executor', () => {
  const machine = new TaskMachine();
  for (const id of ['a', 'b', 'c', 'd']) machine.executor(id, 1);
  const used = new Set<string>();
  for (let stageId = 0; stageId < 50; stageId++) {
    machine.submit(1, { stageId });
    used.add(executorOf(machine.offer()[0] ?? ''));
    machine.succeed(machine.task(0));
  }
  assert.equal(used.size, 4);
});

test('the same seed gives the same launches', () => {
  const run = (seed: number): string[] => {
    const machine = new TaskMachine({}, seed);
    for (const id of ['a', 'b', 'c', 'd']) machine.executor(id, 1);
    machine.submit(3);
    return machine.offer();
  };
  assert.deepEqual(run(5), run(5));
});

test('a task takes spark.task.cpus cores', () => {
  const machine = new TaskMachine({ cpusPerTask: 2 });
  machine.executor('a', 3);
  machine.submit(2);
  assert.equal(machine.offer().length, 1);
  machine.succeed(machine.task(0));
  assert.equal(machine.offer().length, 1);
});

test('a status update frees its core for the next task, and there is no offer without news', () => {
  const machine = new TaskMachine();
  machine.executor('a', 1);
  machine.submit(2);
  assert.deepEqual(machine.offer(), ['0.0/0@a NO_PREF']);
  assert.deepEqual(machine.offer(), []);
  machine.succeed(machine.task(0));
  assert.deepEqual(machine.offer(), ['0.0/1@a NO_PREF']);
});

test('an executor takes its extra tasks only when every core that is offered is busy', () => {
  const machine = new TaskMachine();
  machine.executor('a', 1, 'h', 1);
  machine.executor('b', 1, 'h', 1);
  machine.submit(5);
  const first = machine.offer().map(executorOf);
  assert.deepEqual(first.slice(0, 2).sort(), ['a', 'b']);
  assert.deepEqual(first.slice(2).sort(), ['a', 'b']);
});

/** An executor of two cores that takes 2 tasks more, of short ones 8, with a set of which so many have ended. */
function warmMachine(ended: number, runMs: number, numTasks = 100): TaskMachine {
  const machine = new TaskMachine();
  const more = { resourceProfileId: 0, resources: {}, queuedShortTasks: 8 };
  machine.executor('a', 2, 'h', 2, more);
  machine.submit(numTasks);
  for (let i = 0; i < ended; i++) {
    machine.offer();
    machine.succeed(machine.task(i), 1, { executorRunTimeMs: runMs });
  }
  return machine;
}

test('an executor takes more short tasks ahead, once some have shown that they are', () => {
  const first = warmMachine(0, 0);
  assert.equal(first.offer().length, 4);
  const short = warmMachine(20, 0);
  short.offer();
  assert.equal(short.running.size, 10);
  const long = warmMachine(20, 1);
  long.offer();
  assert.equal(long.running.size, 4);
});

test('one task that takes long is enough for no more to be sent ahead', () => {
  const machine = warmMachine(20, 0);
  machine.offer();
  machine.succeed(machine.task(20), 1, { executorRunTimeMs: 50 });
  assert.deepEqual(machine.offer(), []);
  for (let i = 21; i < 28; i++) {
    machine.succeed(machine.task(i), 1, { executorRunTimeMs: 50 });
    machine.offer();
  }
  assert.equal(machine.running.size, 4);
});

test('short tasks of one set do not take the places of another that waits', () => {
  const machine = warmMachine(20, 0);
  machine.submit(50, { stageId: 1, jobId: 1 });
  for (const info of [...machine.running.values()]) {
    machine.succeed(info);
    machine.offer();
  }
  assert.equal(machine.running.size, 4);
});

test('an executor that comes late gets work', () => {
  const machine = new TaskMachine();
  machine.submit(1);
  assert.deepEqual(machine.offer(), []);
  machine.executor('a', 1);
  assert.deepEqual(machine.offer(), ['0.0/0@a NO_PREF']);
});

test('FIFO serves the earlier job first, and within it the earlier stage', () => {
  const machine = new TaskMachine();
  machine.executor('a', 1);
  machine.submit(1, { stageId: 3, jobId: 1 });
  machine.submit(1, { stageId: 2, jobId: 0 });
  machine.submit(1, { stageId: 1, jobId: 0 });
  const order: string[] = [];
  for (let i = 0; i < 3; i++) {
    order.push(...machine.offer());
    machine.succeed(machine.task(0));
  }
  assert.deepEqual(order, ['1.0/0@a NO_PREF', '2.0/0@a NO_PREF', '3.0/0@a NO_PREF']);
});

test('FAIR serves the pool with the smaller part of its share, and makes pools it has not heard of', () => {
  const machine = new TaskMachine({
    mode: 'FAIR',
    pools: [{ name: 'heavy', schedulingMode: 'FIFO', weight: 3, minShare: 0 }],
  });
  machine.executor('a', 1);
  machine.submit(20, { stageId: 0, pool: 'heavy' });
  machine.submit(20, { stageId: 1, jobId: 1, pool: 'light' });
  machine.submit(20, { stageId: 2, jobId: 2 });
  for (const id of ['b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']) {
    machine.executor(id, 1);
    machine.offer();
  }
  const perStage = [0, 0, 0];
  for (const effect of machine.effects)
    if (effect.type === 'Launch') perStage[effect.taskSet.stageId] = (perStage[effect.taskSet.stageId] ?? 0) + 1;
  assert.deepEqual(perStage, [6, 2, 2]);
  assert.deepEqual(
    machine.tasks.rootPool.children.map((pool) => pool.name),
    ['heavy', 'default', 'light'],
  );
});

test('the pool default is there from the start, as the file has it where it does', () => {
  const pools = (settings: ConstructorParameters<typeof TaskMachine>[0]) =>
    new TaskMachine({ mode: 'FAIR', ...settings }).tasks.rootPool.children.map(
      ({ name, weight }) => `${name} ${weight}`,
    );
  assert.deepEqual(pools({}), ['default 1']);
  const own = { name: 'default', schedulingMode: 'FAIR', weight: 3, minShare: 0 } as const;
  assert.deepEqual(pools({ pools: [own, { ...own, name: 'other' }] }), ['default 3', 'other 3']);
  assert.deepEqual(pools({ mode: 'FIFO' }), []);
});

test('a job of a pool that nobody has configured is warned of, once', () => {
  const machine = new TaskMachine({ mode: 'FAIR' });
  machine.submit(1, { stageId: 0 });
  assert.deepEqual(machine.logs(), []);
  machine.submit(1, { stageId: 1, pool: 'light' });
  machine.submit(1, { stageId: 2, pool: 'light' });
  assert.deepEqual(machine.logs(), [
    "warn A job was submitted with scheduler pool light, which has not been configured. This can happen when the file that pools are read from isn't set, or when that file doesn't contain light. Created light with default configuration (schedulingMode: FIFO, minShare: 0, weight: 1)",
  ]);
});

test('FIFO ignores pools', () => {
  const machine = new TaskMachine();
  machine.submit(1, { pool: 'x' });
  assert.deepEqual(
    machine.tasks.rootPool.children.map((c) => c.name),
    ['TaskSet_0.0'],
  );
});

test('a failed task is tried again with the next attempt number, up to the limit', () => {
  const machine = new TaskMachine({ maxFailures: 3 });
  machine.executor('a', 2);
  machine.submit(2);
  machine.offer();
  for (const attempt of [0, 1]) {
    assert.equal(machine.task(1).attemptNumber, attempt);
    assert.deepEqual(dagEvents(machine.fail(machine.task(1), boom), 'TaskSetFailed'), []);
    machine.offer();
  }
  const [failed] = dagEvents(machine.fail(machine.task(1), boom), 'TaskSetFailed');
  assert.match(
    failed?.message ?? '',
    /^Task 1 in stage 0\.0 failed 3 times, most recent failure: Lost task 1\.2 in stage 0\.0 \(TID 3\) \(host-a executor a\): Error: boom\nDriver stacktrace:$/,
  );
  assert.ok(failed?.cause instanceof Error && failed.cause.message === 'boom');
  assert.deepEqual(machine.offer(), []);
});

test('failures of different tasks do not add up', () => {
  const machine = new TaskMachine({ maxFailures: 2 });
  machine.executor('a', 3);
  machine.submit(3);
  machine.offer();
  for (const index of [0, 1, 2])
    assert.deepEqual(dagEvents(machine.fail(machine.task(index), boom), 'TaskSetFailed'), []);
});

test("what is not the task's fault does not count; what is does", () => {
  const lost = { kind: 'ExecutorLostFailure', executorId: 'a', message: 'x' } as const;
  const cases: [TaskFailedReason, boolean][] = [
    [{ kind: 'TaskKilled', reason: 'by hand' }, false],
    [{ kind: 'TaskCommitDenied', partition: 0, attemptNumber: 0 }, false],
    [{ ...lost, exitCausedByApp: false }, false],
    [{ ...lost, exitCausedByApp: true }, true],
    [{ kind: 'TaskResultLost' }, true],
    [boom, true],
  ];
  for (const [reason, counts] of cases) {
    const machine = new TaskMachine({ maxFailures: 1 });
    machine.executor('a', 1);
    machine.submit(1);
    machine.offer();
    const failed = dagEvents(machine.fail(machine.task(0), reason), 'TaskSetFailed');
    assert.equal(failed.length, counts ? 1 : 0, reason.kind);
    assert.equal(machine.offer().length, counts ? 0 : 1, reason.kind);
  }
});

test('a slot that dies under a task is forgiven three times, also where exceptions are not retried', () => {
  const machine = new TaskMachine({ maxFailures: 1 });
  machine.executor('a', 1);
  machine.submit(1);
  for (let i = 0; i < 3; i++) {
    assert.equal(machine.offer().length, 1);
    assert.deepEqual(
      dagEvents(machine.fail(machine.task(0), { kind: 'SlotLost', message: 'exit 42' }), 'TaskSetFailed'),
      [],
    );
  }
  machine.offer();
  const [failed] = dagEvents(machine.fail(machine.task(0), { kind: 'SlotLost', message: 'exit 42' }), 'TaskSetFailed');
  assert.match(failed?.message ?? '', /failed 4 times, most recent failure: .*SlotLost: exit 42/);
});

test('an error that cannot be cured by trying again aborts at once', () => {
  const machine = new TaskMachine();
  machine.executor('a', 1);
  machine.submit(1);
  machine.offer();
  const [failed] = dagEvents(machine.fail(machine.task(0), { ...boom, retriable: false }), 'TaskSetFailed');
  assert.match(failed?.message ?? '', /^Task 0 in stage 0\.0 failed 1 times/);
});

test('after a fetch failure nothing more is launched, what runs goes on and counts', () => {
  const machine = new TaskMachine();
  machine.executor('a', 2);
  machine.submit(3);
  machine.offer();
  const fetchFailed: TaskFailedReason = {
    kind: 'FetchFailed',
    location: null,
    shuffleId: 0,
    mapId: null,
    mapIndex: null,
    reduceId: 0,
    message: 'x',
  };
  machine.fail(machine.task(0), fetchFailed);
  assert.deepEqual(machine.offer(), []);
  const effects = machine.succeed(machine.task(1));
  assert.equal(dagEvents(effects, 'CompletionEvent')[0]?.reason.kind, 'Success');
  assert.deepEqual(effects.at(-1), { type: 'TaskSetFinished', stageId: 0, attempt: 0 });
});

test('a newer attempt of a stage makes the older one a zombie, whose tasks may still succeed', () => {
  const machine = new TaskMachine();
  machine.executor('a', 1);
  machine.submit(2);
  machine.offer();
  const old = machine.task(0);
  machine.submit(2, { attempt: 1 });
  assert.deepEqual(machine.offer(), []);
  assert.equal(dagEvents(machine.succeed(old), 'CompletionEvent')[0]?.stageAttemptId, 0);
  assert.deepEqual(machine.offer(), ['0.1/0@a NO_PREF']);
});

test('an output that another attempt completed is not computed again', () => {
  const machine = new TaskMachine();
  machine.executor('a', 1);
  machine.submit(2);
  machine.partitionCompleted(0, 0);
  assert.deepEqual(machine.offer(), ['0.0/1@a NO_PREF']);
  machine.succeed(machine.task(1));
  assert.equal(machine.tasks.numTaskSets, 0);
});

test('a lost executor: its running tasks run again elsewhere, finished map tasks too', () => {
  const machine = new TaskMachine();
  machine.executor('a', 2);
  machine.submit(2, { kind: 'ShuffleMap' });
  machine.offer();
  machine.mapped(machine.task(0));
  const effects = machine.lose('a');
  assert.deepEqual(
    dagEvents(effects, 'CompletionEvent').map((e) => [e.task.index, e.reason.kind]),
    [
      [0, 'Resubmitted'],
      [1, 'ExecutorLostFailure'],
    ],
  );
  assert.equal(dagEvents(effects, 'ExecutorLost').length, 1);
  machine.executor('b', 2);
  assert.deepEqual(machine.offer().sort(), ['0.0/0@b NO_PREF', '0.0/1@b NO_PREF']);
});

test('finished tasks of a result stage, or with a shuffle service, are not run again', () => {
  for (const [kind, shuffleServiceEnabled] of [
    ['Result', false],
    ['ShuffleMap', true],
  ] as const) {
    const machine = new TaskMachine({ shuffleServiceEnabled });
    machine.executor('a', 1);
    machine.submit(2, { kind });
    machine.offer();
    if (kind === 'Result') machine.succeed(machine.task(0));
    else machine.mapped(machine.task(0));
    assert.deepEqual(dagEvents(machine.lose('a'), 'CompletionEvent'), []);
    machine.executor('b', 2);
    assert.deepEqual(machine.offer(), ['0.0/1@b NO_PREF']);
  }
});

test('executors lost from outside, however often, do not fail the job', () => {
  const machine = new TaskMachine({ maxFailures: 1 });
  machine.submit(1);
  for (let i = 0; i < 20; i++) {
    machine.executor(`e${i}`, 1);
    assert.equal(machine.offer().length, 1);
    assert.deepEqual(dagEvents(machine.lose(`e${i}`), 'TaskSetFailed'), []);
  }
});

test('news of a task that does not run, or of one twice, changes nothing', () => {
  const machine = new TaskMachine();
  machine.executor('a', 1);
  machine.submit(2);
  machine.offer();
  const info = machine.task(0);
  machine.succeed(info);
  assert.deepEqual(machine.succeed(info), []);
  assert.deepEqual(machine.lose('unknown'), []);
});

test('cancelled tasks are asked to die once, nothing new starts, and the set ends with its last task', () => {
  const machine = new TaskMachine();
  machine.executor('a', 2);
  machine.submit(3);
  machine.offer();
  const kills = machine.cancel(0);
  assert.deepEqual(
    kills.map((e) => e.type),
    ['Kill', 'Kill'],
  );
  assert.deepEqual(machine.cancel(0), []);
  machine.fail(machine.task(0), { kind: 'TaskKilled', reason: 'not wanted' });
  assert.deepEqual(machine.offer(), []);
  const last = machine.fail(machine.task(1), { kind: 'TaskKilled', reason: 'not wanted' });
  assert.deepEqual(last.at(-1), { type: 'TaskSetFinished', stageId: 0, attempt: 0 });
});

test('results that together exceed spark.driver.maxResultSize abort the set', () => {
  const machine = new TaskMachine({ maxResultSizeBytes: 3000 });
  machine.executor('a', 2);
  machine.submit(2);
  machine.offer();
  assert.deepEqual(dagEvents(machine.succeed(machine.task(0), 2000), 'TaskSetFailed'), []);
  const effects = machine.succeed(machine.task(1), 2000);
  assert.equal(
    dagEvents(effects, 'TaskSetFailed')[0]?.message,
    'Total size of serialized results of 2 tasks (3.9 KiB) is bigger than spark.driver.maxResultSize (2.9 KiB)',
  );
  assert.equal(dagEvents(effects, 'CompletionEvent')[0]?.reason.kind, 'TaskKilled');
});

test('a thousand identical failures are logged in full once per 10 s', () => {
  const machine = new TaskMachine({ maxFailures: 10_000 });
  machine.executor('a', 1);
  machine.submit(1);
  const logs = (): string[] => machine.effects.flatMap((e) => (e.type === 'Log' ? [`${e.level} ${e.message}`] : []));
  for (let i = 0; i < 30; i++) {
    machine.at = i * 500;
    machine.offer();
    machine.fail(machine.task(0), boom);
  }
  assert.equal(logs().filter((line) => line.startsWith('warn')).length, 2);
  assert.match(logs()[1] ?? '', /^info Lost task 0\.1 in stage 0\.0 .*: Error \(boom\) \[duplicate 1\]$/);
});

test('while there is no executor the warning says what one needs', () => {
  const machine = new TaskMachine({ executorNeeds: 'one needs 4 cores' });
  machine.submit(1);
  machine.offer();
  machine.at = 15_000;
  machine.wake();
  const [warning] = machine.effects.flatMap((e) => (e.type === 'Log' ? [e.message] : []));
  assert.match(
    warning ?? '',
    /^Initial job has not accepted any resources; check your .* sufficient resources \(there is no executor: one needs 4 cores\)$/,
  );
});

test('tasks that find no executor for 15 s are warned of, again and again, until one runs', () => {
  const machine = new TaskMachine();
  machine.submit(1);
  machine.offer();
  assert.deepEqual(machine.effects.at(-1), { type: 'WakeAt', at: 15_000, why: 'starvation' });
  const warnings = (): number => machine.effects.filter((e) => e.type === 'Log').length;
  machine.at = 15_000;
  machine.wake();
  assert.equal(warnings(), 1);
  assert.deepEqual(machine.effects.at(-1), { type: 'WakeAt', at: 30_000, why: 'starvation' });
  machine.at = 20_000;
  machine.executor('a', 1);
  machine.offer();
  machine.at = 30_000;
  machine.wake();
  assert.equal(warnings(), 1);
});

test('tasks that have just begun to wait are not warned of because others have waited before', () => {
  const machine = new TaskMachine();
  machine.submit(1);
  machine.offer();
  machine.at = 1_000;
  machine.executor('a', 1);
  machine.offer();
  machine.succeed(machine.task(0));
  machine.offer();
  machine.lose('a');
  machine.at = 14_900;
  machine.submit(1, { stageId: 1, jobId: 1 });
  machine.offer();
  const warnings = (): number =>
    machine.effects.filter((e) => e.type === 'Log' && e.message.startsWith('Initial job')).length;
  machine.at = 15_000;
  machine.wake();
  assert.equal(warnings(), 0);
  assert.deepEqual(machine.effects.at(-1), { type: 'WakeAt', at: 29_900, why: 'starvation' });
  machine.at = 29_900;
  machine.wake();
  assert.equal(warnings(), 1);
});

test('tasks that are too large for each executor there is are named in the warning, with what they need', () => {
  const machine = new TaskMachine({ cpusPerTask: 4, taskResources: { gpu: 2 }, executorNeeds: 'one needs 4 cores' });
  machine.executor('a', 2);
  machine.executor('b', 3);
  machine.submit(1, { stageId: 7 });
  machine.offer();
  machine.at = 15_000;
  machine.wake();
  const [warning] = machine.effects.flatMap((e) => (e.type === 'Log' ? [e.message] : []));
  assert.match(warning ?? '', / \(a task of stage 7 needs 4 cpus and 2 of gpu, and no executor has them\)$/);
});

test('a job that was cancelled while it waited is not warned of', () => {
  const machine = new TaskMachine();
  machine.submit(1);
  machine.offer();
  machine.cancel(0);
  machine.offer();
  machine.at = 15_000;
  machine.wake();
  assert.deepEqual(
    machine.effects.filter((e) => e.type === 'Log'),
    [],
  );
});

test('a crashed executor is the fault of the tasks that it had, not of those still on their way to it', () => {
  const machine = new TaskMachine({ maxFailures: 1 });
  machine.saysStarted = false;
  machine.executor('a', 2, 'h');
  machine.submit(1, { stageId: 0 });
  machine.submit(1, { stageId: 1, jobId: 1 });
  machine.offer();
  machine.tasks.taskStarted(0);
  const failed = dagEvents(machine.lose('a', true), 'TaskSetFailed');
  assert.deepEqual(
    failed.map((e) => e.stageId),
    [0],
  );
});
