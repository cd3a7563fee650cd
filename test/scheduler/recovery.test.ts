import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toBlockSizes } from '../../src/protocol/block-sizes.ts';
import type { DagEffect } from '../../src/scheduler/dag-events.ts';
import { DagMachine, pick, posted, submitted } from '../kit/dag-machine.ts';
import { mapped, shuffled, shuffleIdOf, source } from '../kit/fake-nodes.ts';

/** A job of two stages whose map side has run: outputs 0 and 2 on executor 1, output 1 on executor 2. */
function reduceRuns(settings: ConstructorParameters<typeof DagMachine>[0] = {}) {
  const machine = new DagMachine(settings);
  const node = shuffled(3, source(3));
  machine.submit(node);
  machine.succeed('0.0', 0, '1');
  machine.succeed('0.0', 1, '2');
  machine.succeed('0.0', 2, '1');
  return { machine, shuffleId: shuffleIdOf(node) };
}

test('a fetch failure resubmits map stage and reduce stage after 200 ms, for what is missing alone', () => {
  const { machine, shuffleId } = reduceRuns();
  machine.succeed('1.0', 1);
  machine.at = 1000;
  const failed = machine.fetchFail('1.0', 0, shuffleId, 0);
  assert.deepEqual(pick(failed, 'WakeAt'), [{ type: 'WakeAt', at: 1200, why: 'ResubmitFailedStages' }]);
  assert.deepEqual(posted(failed), ['TaskEnd', 'StageCompleted']);
  assert.deepEqual(submitted(failed), []);
  // Both outputs of executor 1 are forgotten, that of executor 2 is not.
  assert.deepEqual(submitted(machine.resubmit()), ['0.1 [0,2]']);
  assert.deepEqual(submitted(machine.succeedAll('0.1', '3')), ['1.1 [0,2]']);
  machine.succeed('1.1', 0);
  assert.equal(pick(machine.succeed('1.1', 1), 'JobSucceeded').length, 1);
});

test('several fetch failures of one attempt cause one resubmission and one failed stage', () => {
  const { machine, shuffleId } = reduceRuns();
  machine.fetchFail('1.0', 0, shuffleId, 0);
  const second = machine.fetchFail('1.0', 1, shuffleId, 2);
  assert.deepEqual(pick(second, 'WakeAt'), []);
  assert.deepEqual(posted(second), ['TaskEnd']);
  assert.deepEqual(submitted(machine.resubmit()), ['0.1 [0,2]']);
});

test('a fetch failure of an older attempt changes nothing', () => {
  const { machine, shuffleId } = reduceRuns();
  machine.fetchFail('1.0', 0, shuffleId, 0);
  machine.resubmit();
  machine.succeedAll('0.1', '3');
  const stale = machine.fetchFail('1.0', 2, shuffleId, 1);
  assert.deepEqual(posted(stale), ['TaskEnd']);
  assert.deepEqual(pick(stale, 'WakeAt'), []);
  assert.equal(machine.mapOutputs.numAvailableOutputs(shuffleId), 3);
});

test('a fetch failure that names an output since replaced does not take the new one away', () => {
  const { machine, shuffleId } = reduceRuns();
  const old = machine.mapOutputs.getMapOutputs(shuffleId)?.statuses[0];
  assert.ok(old);
  machine.fetchFail('1.0', 0, shuffleId, 0);
  machine.resubmit();
  machine.succeed('0.1', 0, '1');
  const { mapId, location } = old;
  const reason = {
    kind: 'FetchFailed',
    location,
    shuffleId,
    mapId,
    mapIndex: 0,
    reduceId: 1,
    message: 'late',
  } as const;
  machine.fail('1.0', 1, reason);
  assert.deepEqual(machine.mapOutputs.missingPartitions(shuffleId), [2]);
});

test('results of an attempt that failed still count, and the newer attempt is told not to repeat them', () => {
  const { machine, shuffleId } = reduceRuns();
  machine.fetchFail('1.0', 0, shuffleId, 0);
  assert.equal(pick(machine.succeed('1.0', 1), 'TaskSucceeded')[0]?.outputIndex, 1);
  machine.resubmit();
  assert.deepEqual(submitted(machine.succeedAll('0.1', '3')), ['1.1 [0,2]']);
  const late = machine.succeed('1.0', 2);
  assert.deepEqual(pick(late, 'PartitionCompleted'), [{ type: 'PartitionCompleted', stageId: 1, output: 2 }]);
  assert.equal(pick(machine.succeed('1.1', 0), 'JobSucceeded').length, 1);
});

test('the fourth attempt in a row that ends in a fetch failure aborts the stage', () => {
  const { machine, shuffleId } = reduceRuns();
  for (let attempt = 0; attempt < 3; attempt++) {
    assert.deepEqual(pick(machine.fetchFail(`1.${attempt}`, 0, shuffleId, 0), 'JobFailed'), []);
    machine.resubmit();
    machine.succeedAll(`0.${attempt + 1}`, '1');
  }
  const [failed] = pick(machine.fetchFail('1.3', 0, shuffleId, 0), 'JobFailed');
  assert.match(
    String(failed?.failure.message),
    /^Job aborted due to stage failure: ResultStage 1 \(count at test.ts:1\) has failed the maximum allowable number of times: 4\. Most recent failure reason:\nFetchFailed\(/,
  );
  assert.equal(machine.dag.numActiveJobs, 0);
});

test('a success of the stage clears its count of failures', () => {
  const machine = new DagMachine({ maxConsecutiveStageAttempts: 2 });
  const middle = shuffled(1, source(1));
  const last = shuffled(1, middle);
  machine.submit(last);
  machine.succeedAll('0.0');
  machine.fetchFail('1.0', 0, shuffleIdOf(middle), 0);
  machine.resubmit();
  machine.succeedAll('0.1');
  machine.succeedAll('1.1'); // the middle stage has succeeded: its failure is forgotten
  machine.fetchFail('2.0', 0, shuffleIdOf(last), 0);
  assert.deepEqual(submitted(machine.resubmit()), ['0.2 [0]']);
  machine.succeedAll('0.2');
  assert.deepEqual(pick(machine.fetchFail('1.2', 0, shuffleIdOf(middle), 0), 'JobFailed'), []);
});

test('failures spread over different stages never add up', () => {
  const machine = new DagMachine({ maxConsecutiveStageAttempts: 2 });
  const left = shuffled(1, source(1));
  const right = shuffled(1, source(1));
  machine.submit(shuffled(1, left, right)); // stages: 0 → 1, 2 → 3, both → 4
  machine.succeedAll('0.0');
  machine.succeedAll('2.0');
  assert.deepEqual(pick(machine.fetchFail('1.0', 0, shuffleIdOf(left), 0), 'JobFailed'), []);
  assert.deepEqual(pick(machine.fetchFail('3.0', 0, shuffleIdOf(right), 0), 'JobFailed'), []);
});

test('a lost executor takes its map outputs along; with a shuffle service they stay unless the worker is gone', () => {
  const plain = reduceRuns();
  plain.machine.loseExecutor('1');
  assert.deepEqual(plain.machine.mapOutputs.missingPartitions(plain.shuffleId), [0, 2]);
  const served = reduceRuns({ shuffleServiceEnabled: true });
  served.machine.loseExecutor('1');
  assert.deepEqual(served.machine.mapOutputs.missingPartitions(served.shuffleId), []);
  served.machine.loseExecutor('2', true);
  assert.deepEqual(served.machine.mapOutputs.missingPartitions(served.shuffleId), [1]);
});

test('a removed worker takes all outputs of its host', () => {
  const { machine, shuffleId } = reduceRuns({ shuffleServiceEnabled: true });
  machine.handle({ type: 'WorkerRemoved', at: 1, workerId: 'w', host: 'host-1', message: 'gone' });
  assert.deepEqual(machine.mapOutputs.missingPartitions(shuffleId), [0, 2]);
});

test('with a shuffle service a fetch failure forgets the executor, or on demand the whole host', () => {
  for (const [unregisterOutputOnHost, missing] of [
    [false, [0]],
    [true, [0, 1]],
  ] as const) {
    const machine = new DagMachine({ shuffleServiceEnabled: true, unregisterOutputOnHost });
    const node = shuffled(1, source(2));
    const shuffleId = shuffleIdOf(node);
    machine.submit(node);
    machine.addExecutor('4', 'host-1');
    machine.succeed('0.0', 0, '1');
    const location = { executorId: '4', host: 'host-1', port: 0 };
    machine.succeed('0.0', 1, '2');
    machine.mapOutputs.registerMapOutput(shuffleId, 1, { location, mapId: 77, sizes: toBlockSizes([1]) });
    machine.fetchFail('1.0', 0, shuffleId, 0);
    assert.deepEqual(machine.mapOutputs.missingPartitions(shuffleId), missing);
  }
});

test('a lost executor clears its cached blocks', () => {
  const machine = new DagMachine();
  const cached = source(1).cached();
  machine.cache.put(cached.id, 0, '1');
  machine.loseExecutor('1');
  machine.submit(cached);
  assert.equal(machine.taskSet('0.0').locations, null);
});

test('a map success from an executor whose loss is known is discarded, and its hole filled by the next attempt', () => {
  const machine = new DagMachine();
  machine.submit(shuffled(1, source(2)));
  machine.loseExecutor('1');
  machine.succeed('0.0', 0, '1');
  const effects = machine.succeed('0.0', 1, '2');
  assert.deepEqual(submitted(effects), ['0.1 [0]']);
  assert.deepEqual(posted(effects), ['TaskEnd', 'StageCompleted', 'StageSubmitted']);
  assert.deepEqual(submitted(machine.succeed('0.1', 0, '2')), ['1.0 [0]']);
});

test('an executor that came back under its id is believed again', () => {
  const machine = new DagMachine();
  machine.submit(shuffled(1, source(1)));
  machine.loseExecutor('1');
  machine.addExecutor('1', 'host-1');
  assert.deepEqual(submitted(machine.succeed('0.0', 0, '1')), ['1.0 [0]']);
});

test('children wait until every output is registered: holes of a running map stage are refilled first', () => {
  const machine = new DagMachine();
  machine.submit(shuffled(1, source(2)));
  machine.succeed('0.0', 0, '1');
  machine.loseExecutor('1');
  assert.deepEqual(submitted(machine.succeed('0.0', 1, '2')), ['0.1 [0]']);
});

test('a task taken back as Resubmitted is awaited again in the same attempt', () => {
  const machine = new DagMachine();
  machine.submit(shuffled(1, source(2)));
  machine.succeed('0.0', 0, '1');
  machine.fail('0.0', 0, { kind: 'Resubmitted' });
  machine.loseExecutor('1');
  assert.deepEqual(submitted(machine.succeed('0.0', 1, '2')), []);
  assert.deepEqual(submitted(machine.succeed('0.0', 0, '2')), ['1.0 [0]']);
});

test('a fetch failure while the map stage already runs again for another job does not run it twice', () => {
  const machine = new DagMachine();
  const shared = shuffled(2, source(2));
  machine.submit(shared);
  machine.succeedAll('0.0', '1');
  machine.fetchFail('1.0', 0, shuffleIdOf(shared), 0);
  // The second job needs the map stage at once, before the 200 ms are over.
  assert.deepEqual(submitted(machine.submit(mapped(shared))), []);
  assert.deepEqual(submitted(machine.resubmit()), ['0.1 [0,1]']);
  assert.deepEqual(submitted(machine.succeedAll('0.1', '2')), ['1.1 [0,1]', '2.0 [0,1]']);
});

test('outputs lost two stages back are recomputed in order', () => {
  const machine = new DagMachine();
  const first = shuffled(1, source(1));
  const second = shuffled(1, first);
  machine.submit(second);
  machine.succeedAll('0.0', '1');
  machine.succeedAll('1.0', '1');
  machine.loseExecutor('1');
  machine.fetchFail('2.0', 0, shuffleIdOf(second), 0);
  assert.deepEqual(submitted(machine.resubmit()), ['0.1 [0]']);
  assert.deepEqual(submitted(machine.succeedAll('0.1', '2')), ['1.1 [0]']);
  assert.deepEqual(submitted(machine.succeedAll('1.1', '2')), ['2.1 [0]']);
});

test('a job that ends through late results cancels the map stage that ran for it alone', () => {
  const { machine, shuffleId } = reduceRuns();
  machine.fetchFail('1.0', 0, shuffleId, 0);
  machine.resubmit();
  machine.succeed('1.0', 0);
  machine.succeed('1.0', 1);
  const effects = machine.succeed('1.0', 2);
  assert.equal(pick(effects, 'JobSucceeded').length, 1);
  assert.deepEqual(
    pick(effects, 'CancelTasks').map((e) => e.stageId),
    [0, 1],
  );
  assert.equal(machine.dag.numActiveJobs, 0);
});

test('a job cancelled between a fetch failure and its resubmission leaves nothing to resubmit', () => {
  const { machine, shuffleId } = reduceRuns();
  machine.fetchFail('1.0', 0, shuffleId, 0);
  machine.handle({ type: 'JobCancelled', at: 1, jobId: 0, reason: null });
  assert.deepEqual(machine.resubmit(), []);
});

test('a stage may have spark.stage.maxAttempts attempts in all, whatever ended them', () => {
  const machine = new DagMachine({ maxStageAttempts: 3, maxConsecutiveStageAttempts: 2 });
  machine.submit(shuffled(1, source(1)));
  let effects: readonly DagEffect[] = [];
  for (let attempt = 0; attempt < 3; attempt++) {
    // Lost before the stage is over: the attempt succeeds, and its output is not there.
    machine.loseExecutor('1');
    effects = machine.succeedAll(`0.${attempt}`, '1');
  }
  const { callSite } = machine.taskSet('0.0').work.node;
  assert.equal(
    pick(effects, 'JobFailed')[0]?.failure.message,
    `Job aborted due to stage failure: ShuffleMapStage 0 (${callSite}) has been resubmitted for the maximum allowable ` +
      'number of times: 3, which is the max value of config `spark.stage.maxAttempts` and ' +
      '`spark.stage.maxConsecutiveAttempts`.',
  );
});

test('fetch failures from an executor that is being decommissioned count, unless told otherwise', () => {
  for (const ignoreDecommissionFetchFailure of [false, true]) {
    const machine = new DagMachine({ ignoreDecommissionFetchFailure, maxConsecutiveStageAttempts: 2 });
    const node = shuffled(1, source(1));
    machine.submit(node);
    machine.handle({ type: 'ExecutorDecommissioned', at: 0, executorId: '1', workerHost: null });
    for (let attempt = 0; attempt < 3 && machine.dag.numActiveJobs > 0; attempt++) {
      machine.addExecutor('1', 'host-1');
      machine.handle({ type: 'ExecutorDecommissioned', at: 0, executorId: '1', workerHost: null });
      machine.succeedAll(`0.${attempt}`, '1');
      machine.fetchFail(`1.${attempt}`, 0, shuffleIdOf(node), 0);
      machine.resubmit();
    }
    assert.equal(machine.dag.numActiveJobs, ignoreDecommissionFetchFailure ? 1 : 0);
  }
});

test('a host that is being decommissioned loses the outputs of all its executors with the first failed fetch, on demand', () => {
  for (const [unregisterOutputOnHost, expected] of [
    [true, '0.1 [0,1]'],
    [false, '0.1 [0]'],
  ] as const) {
    const machine = new DagMachine({ unregisterOutputOnHost });
    machine.addExecutor('4', 'host-1');
    const node = shuffled(1, source(2));
    machine.submit(node);
    machine.succeed('0.0', 0, '1');
    machine.succeed('0.0', 1, '4', [], 'host-1');
    machine.handle({ type: 'ExecutorDecommissioned', at: 0, executorId: '1', workerHost: 'host-1' });
    machine.fetchFail('1.0', 0, shuffleIdOf(node), 0);
    assert.deepEqual(submitted(machine.resubmit()), [expected]);
  }
});

test('an executor lost with its worker takes the outputs of its whole host along', () => {
  const machine = new DagMachine({ shuffleServiceEnabled: true });
  machine.addExecutor('4', 'host-1');
  const node = shuffled(1, source(2));
  machine.submit(node);
  machine.succeed('0.0', 0, '1');
  machine.succeed('0.0', 1, '4', [], 'host-1');
  machine.loseExecutor('1', true);
  assert.deepEqual(machine.mapOutputs.missingPartitions(shuffleIdOf(node)), [0, 1]);
});
