import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RDDNode } from '../../src/rdd/rdd-node.ts';
import { DagMachine, pick, posted, submitted } from '../kit/dag-machine.ts';
import { type FakeNode, mapped, orderSensitive, shuffled, shuffleIdOf, source } from '../kit/fake-nodes.ts';

const ABORTED =
  'Job aborted due to stage failure: A shuffle map stage with indeterminate output was failed and retried. However, ' +
  'Spark cannot rollback the ';

/** Stage 0 feeds stage 1, whose output depends on the order of what it reads; `repartition` after a shuffle. */
function indeterminate(partitions = 2): FakeNode {
  return orderSensitive(shuffled(partitions, source(1)));
}

/** Runs stages 0 and 1 of a job over `last`, the latter on executor 2. */
function readyAfterTwo(last: RDDNode, firstOn = '3'): DagMachine {
  const machine = new DagMachine();
  machine.submit(last);
  machine.succeedAll('0.0', firstOn);
  machine.succeedAll('1.0', '2');
  return machine;
}

test('a lost output of an indeterminate stage has all of them computed again, where a determinate one fills the hole', () => {
  for (const [parent, expected] of [
    [indeterminate(), ['1.1 [0,1]']],
    [mapped(shuffled(2, source(1))), ['1.1 [0]']],
  ] as const) {
    const last = shuffled(2, parent);
    const machine = new DagMachine();
    machine.submit(last);
    machine.succeedAll('0.0', '3');
    machine.succeed('1.0', 0, '1');
    machine.succeed('1.0', 1, '2');
    machine.fetchFail('2.0', 0, shuffleIdOf(last), 0);
    assert.deepEqual(submitted(machine.resubmit()), expected);
  }
});

test('a result stage that has delivered something cannot be rolled back: the job fails with advice', () => {
  const last = shuffled(2, indeterminate());
  const machine = readyAfterTwo(last);
  machine.succeed('2.0', 1);
  const effects = machine.fetchFail('2.0', 0, shuffleIdOf(last), 0);
  const [failed] = pick(effects, 'JobFailed');
  assert.equal(
    failed?.failure.message,
    `${ABORTED}ResultStage 2 (count at test.ts:1) to re-process the input data, and has to fail this job. Please ` +
      'eliminate the indeterminacy by checkpointing the RDD before repartition and try again.',
  );
  assert.equal(machine.dag.numActiveJobs, 0);
});

test('a result stage that has delivered nothing begins anew, and what its old tasks still bring does not count', () => {
  const last = shuffled(2, indeterminate());
  const machine = readyAfterTwo(last);
  const effects = machine.fetchFail('2.0', 0, shuffleIdOf(last), 0);
  assert.deepEqual(
    pick(effects, 'CancelTasks').map((e) => e.stageId),
    [2],
  );
  const late = machine.succeed('2.0', 1);
  assert.deepEqual(pick(late, 'TaskSucceeded'), []);
  assert.deepEqual(pick(late, 'PartitionCompleted'), []);
  assert.deepEqual(submitted(machine.resubmit()), ['1.1 [0,1]']);
  assert.deepEqual(submitted(machine.succeedAll('1.1')), ['2.1 [0,1]']);
  assert.deepEqual(
    pick(machine.succeedAll('2.1'), 'TaskSucceeded').map((e) => e.outputIndex),
    [0, 1],
  );
});

test('a late map output of an attempt before does not replace one of the new attempt', () => {
  const last = shuffled(2, indeterminate());
  const machine = readyAfterTwo(last);
  machine.fetchFail('2.0', 0, shuffleIdOf(last), 0);
  machine.resubmit();
  machine.succeed('1.1', 0, '3');
  machine.succeed('1.0', 0, '2');
  machine.succeed('1.0', 1, '2');
  const statuses = machine.mapOutputs.getMapOutputs(shuffleIdOf(last))?.statuses;
  assert.deepEqual(
    statuses?.map((status) => status?.location.executorId ?? null),
    ['3', null],
  );
});

test('a second copy of a finished task does not replace its output once others may have read it', () => {
  const last = shuffled(2, indeterminate());
  const machine = readyAfterTwo(last);
  machine.succeed('1.0', 0, '3');
  const statuses = machine.mapOutputs.getMapOutputs(shuffleIdOf(last))?.statuses;
  assert.deepEqual(
    statuses?.map((status) => status?.location.executorId),
    ['2', '2'],
  );
});

test('stages further on go too: finished ones lose all outputs, running ones begin anew', () => {
  const middle = indeterminate();
  const left = shuffled(2, middle);
  const last = shuffled(1, left, shuffled(2, source(3)));
  // Stages: 0 → 1 (indeterminate) → 2 (left) ┐
  //                                3 → 4 ────┴→ 5
  const machine = new DagMachine();
  machine.submit(last);
  machine.succeedAll('0.0', '3');
  machine.succeed('1.0', 0, '1');
  machine.succeed('1.0', 1, '2');
  machine.succeed('2.0', 0, '3');
  const effects = machine.fetchFail('2.0', 1, shuffleIdOf(left), 0);
  assert.deepEqual(
    pick(effects, 'CancelTasks').map((e) => e.stageId),
    [2],
  );
  assert.deepEqual(machine.mapOutputs.missingPartitions(shuffleIdOf(last)), [0, 1]);
  machine.succeedAll('3.0', '3');
  assert.deepEqual(submitted(machine.resubmit()), ['1.1 [0,1]']);
  assert.deepEqual(submitted(machine.succeedAll('1.1', '3')), ['2.1 [0,1]']);
  machine.succeedAll('2.1', '3');
  machine.succeedAll('4.0', '3');
  assert.equal(pick(machine.succeedAll('5.0'), 'JobSucceeded').length, 1);
});

test('another job that runs on the same output is rolled back with it, or fails if it has delivered', () => {
  for (const hasDelivered of [false, true]) {
    const shared = shuffled(2, indeterminate());
    const machine = readyAfterTwo(shared);
    machine.submit(mapped(shared)); // stage 3
    if (hasDelivered) machine.succeed('3.0', 0);
    const effects = machine.fetchFail('2.0', 0, shuffleIdOf(shared), 1);
    assert.deepEqual(
      pick(effects, 'JobFailed').map((e) => [e.jobId, e.failure.message.startsWith(`${ABORTED}ResultStage 3`)]),
      hasDelivered ? [[1, true]] : [],
    );
    if (!hasDelivered) assert.ok(posted(effects).filter((name) => name === 'StageCompleted').length === 2);
    machine.resubmit();
    assert.deepEqual(submitted(machine.succeedAll('1.1')), hasDelivered ? ['2.1 [0,1]'] : ['2.1 [0,1]', '3.1 [0,1]']);
  }
});

test('outputs lost with an executor are noticed when the stage runs again for somebody: its readers are rolled back then', () => {
  const shared = shuffled(2, indeterminate());
  const machine = readyAfterTwo(shared, '2'); // stage 2 reads what all lies on executor 2
  machine.loseExecutor('2');
  const effects = machine.submit(mapped(shared)); // stage 3 wants 1, which wants 0
  assert.deepEqual(submitted(effects), ['0.1 [0]']);
  const rerun = machine.succeedAll('0.1');
  assert.deepEqual(submitted(rerun), ['1.1 [0,1]']);
  assert.deepEqual(
    pick(rerun, 'CancelTasks').map((e) => e.stageId),
    [2],
  );
  machine.resubmit();
  assert.deepEqual(submitted(machine.succeedAll('1.1')), ['2.1 [0,1]', '3.0 [0,1]']);
});
