import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BarrierSlotsError } from '../../src/scheduler/barrier-checks.ts';
import { DagMachine, pick, posted, submitted } from '../kit/dag-machine.ts';
import { FakeNode, mapped, shuffled, shuffleIdOf, source, unionOf } from '../kit/fake-nodes.ts';

class BarrierNode extends FakeNode {
  override readonly isFromBarrier = true;
}

function barrier(parent: FakeNode): FakeNode {
  return new BarrierNode(parent.numPartitions, [{ kind: 'OneToOne', rdd: parent }]);
}

const exception = {
  kind: 'ExceptionFailure',
  error: { name: 'Error', code: null, message: 'no', stack: 'Error: no\n    at user.ts:1', cause: null },
  retriable: true,
} as const;

test('all that a stage computes after a barrier is its barrier stage; a shuffle ends that', () => {
  const machine = new DagMachine();
  machine.submit(shuffled(1, mapped(barrier(source(2)))));
  machine.succeedAll('0.0');
  assert.deepEqual([machine.taskSet('0.0').isBarrier, machine.taskSet('1.0').isBarrier], [true, false]);
});

test('a chain that changes the number of partitions, or joins two barriers, is refused at submit', () => {
  const two = barrier(source(2));
  const other = barrier(source(2));
  const zipped = new FakeNode(2, [
    { kind: 'OneToOne', rdd: two },
    { kind: 'OneToOne', rdd: other },
  ]);
  for (const node of [unionOf(two, source(1)), zipped, barrier(unionOf(source(1), source(1)))]) {
    const machine = new DagMachine();
    const [failed] = pick(machine.submit(node), 'JobFailed');
    assert.match(
      failed?.failure.message ?? '',
      /\[SPARK-24820\]\[SPARK-24821\]: Barrier execution mode does not allow/,
    );
    assert.equal(machine.dag.numActiveJobs, 0);
  }
  const [first] = pick(new DagMachine().submit(two, [0]), 'JobFailed'); // first() and take() run some partitions
  assert.match(first?.failure.message ?? '', /SPARK-24820/);
  assert.deepEqual(submitted(new DagMachine().submit(two)), ['0.0 [0,1]']);
});

test('a barrier stage is refused under dynamic allocation', () => {
  const machine = new DagMachine({ dynamicAllocation: true });
  const [failed] = pick(machine.submit(barrier(source(2))), 'JobFailed');
  assert.match(failed?.failure.message ?? '', /\[SPARK-24942\]: .*"spark.dynamicAllocation.enabled" to "false"/);
});

test('with too few slots the job is tried again, and fails when it was tried too often', () => {
  const machine = new DagMachine({ barrierCheckIntervalMs: 15_000, barrierCheckMaxFailures: 2 });
  machine.slots = 1;
  let effects = machine.submit(barrier(source(2)));
  for (const left of [2, 1]) {
    assert.deepEqual(effects, [
      {
        type: 'Log',
        level: 'warn',
        message: `Barrier stage in job 0 requires 2 slots, but only 1 are available. Will retry up to ${left} more times`,
      },
      { type: 'WakeAt', at: machine.at + 15_000, why: 'CheckBarrierSlots' },
    ]);
    machine.at += 15_000;
    effects = machine.handle({ type: 'CheckBarrierSlots', at: machine.at });
  }
  const [failed] = pick(effects, 'JobFailed');
  assert.ok(failed?.failure.cause instanceof BarrierSlotsError);
  assert.match(failed.failure.message, /^\[SPARK-24819\]: Barrier execution mode does not allow run a barrier stage/);
  assert.deepEqual(machine.handle({ type: 'CheckBarrierSlots', at: machine.at + 15_000 }), []);
});

test('a job that waits for slots starts when they have come, and can be cancelled until then', () => {
  const machine = new DagMachine();
  machine.slots = 1;
  machine.submit(barrier(source(2)), [0, 1], { 'spark.jobGroup.id': 'G' });
  machine.submit(barrier(source(2)), [0, 1], { 'spark.job.tags': 'T' });
  machine.at = 10_000;
  machine.submit(barrier(source(2)));
  const group = { type: 'JobGroupCancelled', at: 1, groupId: 'G', reason: null, cancelFutureJobs: false } as const;
  assert.deepEqual(
    pick(machine.handle(group), 'JobFailed').map((e) => e.failure.message),
    ['Job 0 cancelled part of cancelled job group G'],
  );
  machine.slots = 2;
  assert.deepEqual(submitted(machine.handle({ type: 'CheckBarrierSlots', at: 15_000 })), ['0.0 [0,1]']);
  assert.equal(machine.dag.numActiveJobs, 1);
  assert.equal(pick(machine.handle({ type: 'Stopped', at: 16_000, cause: undefined }), 'JobFailed').length, 2);
});

test('a task that fails ends the attempt of a map stage; all outputs go and all tasks run again', () => {
  const machine = new DagMachine();
  const last = shuffled(1, barrier(source(3)));
  machine.submit(last);
  machine.succeed('0.0', 0, '1');
  const effects = machine.fail('0.0', 1, exception);
  assert.deepEqual(posted(effects), ['TaskEnd', 'StageCompleted']);
  assert.equal(pick(effects, 'CancelTasks')[0]?.stageId, 0);
  assert.equal(machine.mapOutputs.numAvailableOutputs(shuffleIdOf(last)), 0);
  // A fellow that ended well before it heard of it, and one that was killed.
  machine.succeed('0.0', 2, '1');
  assert.deepEqual(posted(machine.fail('0.0', 2, { kind: 'TaskKilled', reason: 'x' })), ['TaskEnd']);
  assert.deepEqual(submitted(machine.resubmit()), ['0.1 [0,1,2]']);
  machine.succeedAll('0.1');
  assert.equal(pick(machine.succeedAll('1.0'), 'JobSucceeded').length, 1);
});

test('the fourth attempt in a row with a failed task aborts a barrier map stage', () => {
  const machine = new DagMachine();
  machine.submit(shuffled(1, barrier(source(1))));
  for (let attempt = 0; attempt < 3; attempt++) {
    machine.fail(`0.${attempt}`, 0, exception);
    machine.resubmit();
  }
  const [failed] = pick(machine.fail('0.3', 0, exception), 'JobFailed');
  assert.match(
    failed?.failure.message ?? '',
    /ShuffleMapStage 0 .* has failed the maximum allowable number of times: 4\. Most recent failure reason: Stage failed because barrier task ShuffleMapTask\(0, 0\) finished unsuccessfully\.\nError: no/,
  );
});

test('a barrier stage that delivers results cannot be repeated: one failed task aborts it', () => {
  const machine = new DagMachine();
  machine.submit(barrier(source(2)));
  const [failed] = pick(machine.fail('0.0', 1, exception), 'JobFailed');
  assert.equal(
    failed?.failure.message,
    'Job aborted due to stage failure: Could not recover from a failed barrier ResultStage. Most recent failure reason: ' +
      'Stage failed because barrier task ResultTask(0, 1) finished unsuccessfully.\nError: no\n    at user.ts:1',
  );
});

test('an output lost of a barrier stage has all of them computed again', () => {
  const machine = new DagMachine();
  const last = shuffled(1, barrier(source(2)));
  machine.submit(last);
  machine.succeed('0.0', 0, '1');
  machine.succeed('0.0', 1, '2');
  machine.fetchFail('1.0', 0, shuffleIdOf(last), 0);
  assert.deepEqual(submitted(machine.resubmit()), ['0.1 [0,1]']);
});

test('a failed fetch of a barrier stage ends its attempt: a map stage begins anew, a result stage is aborted', () => {
  for (const isResult of [false, true]) {
    const machine = new DagMachine();
    const reading = shuffled(2, source(1));
    const node = barrier(reading);
    machine.submit(isResult ? node : shuffled(1, node));
    machine.succeedAll('0.0', '2');
    if (!isResult) machine.succeed('1.0', 1);
    const effects = machine.fetchFail('1.0', 0, shuffleIdOf(reading), 0);
    assert.match(
      pick(effects, 'JobFailed')[0]?.failure.message ?? 'none',
      isResult
        ? /Could not recover from a failed barrier ResultStage\. Most recent failure reason: FetchFailed/
        : /none/,
    );
    assert.ok(pick(effects, 'CancelTasks').some((e) => e.stageId === 1));
    assert.deepEqual(submitted(machine.resubmit()), isResult ? [] : ['0.1 [0]']);
    if (!isResult) assert.deepEqual(submitted(machine.succeedAll('0.1')), ['1.1 [0,1]']);
  }
});
