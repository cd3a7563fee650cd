import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StorageLevel } from '../../src/protocol/storage-level.ts';
import type { RDDNode } from '../../src/rdd/rdd-node.ts';
import type { DagEffect } from '../../src/scheduler/dag-events.ts';
import { DagMachine, pick, posted, submitted } from '../kit/dag-machine.ts';
import { FakeNode, hopping, mapped, shuffled, shuffleIdOf, shuffleOf, source, unionOf } from '../kit/fake-nodes.ts';

test('a stage is a maximal run of narrow steps, ancestors have the lower ids and run first', () => {
  const machine = new DagMachine();
  const b = mapped(source(2));
  const d = mapped(source(3));
  const effects = machine.submit(shuffled(2, b, d));
  assert.deepEqual(submitted(effects), ['0.0 [0,1]', '1.0 [0,1,2]']);
  assert.deepEqual(posted(effects), ['JobStart', 'StageSubmitted', 'StageSubmitted']);
  const [start] = pick(effects, 'Post');
  assert.ok(start?.event.type === 'SparkListenerJobStart');
  assert.deepEqual(
    start.event.stages.map((s) => [s.stageId, s.kind, s.parentIds.length, s.rddIds.length]),
    [
      [0, 'ShuffleMapStage', 0, 2],
      [1, 'ShuffleMapStage', 0, 2],
      [2, 'ResultStage', 2, 1],
    ],
  );
  assert.deepEqual(submitted(machine.succeedAll('0.0')), []);
  assert.deepEqual(submitted(machine.succeedAll('1.0')), ['2.0 [0,1]']);
});

test('only direct shuffle parents are parents', () => {
  const machine = new DagMachine();
  machine.submit(shuffled(1, mapped(shuffled(1, source(1)))));
  assert.deepEqual([...machine.taskSets.keys()], ['0.0']);
  assert.deepEqual(submitted(machine.succeedAll('0.0')), ['1.0 [0]']);
  assert.deepEqual(submitted(machine.succeedAll('1.0')), ['2.0 [0]']);
});

test('a stage that two others read is made once', () => {
  const machine = new DagMachine();
  const shared = shuffled(2, source(2));
  const effects = machine.submit(unionOf(shuffled(1, mapped(shared)), shuffled(1, shared)));
  assert.deepEqual(submitted(effects), ['0.0 [0,1]']);
  assert.deepEqual(submitted(machine.succeedAll('0.0')), ['1.0 [0,1]', '2.0 [0,1]']);
});

test('a second job over a shuffle that is there skips its map stage', () => {
  const machine = new DagMachine();
  const reduced = shuffled(2, source(2));
  machine.submit(reduced);
  machine.succeedAll('0.0');
  machine.succeedAll('1.0');
  const effects = machine.submit(mapped(reduced));
  // Stage 2 is the map stage, listed and never submitted.
  assert.deepEqual(submitted(effects), ['3.0 [0,1]']);
  assert.deepEqual(posted(effects), ['JobStart', 'StageSubmitted']);
});

test('only map outputs that are missing are computed', () => {
  const machine = new DagMachine();
  const reduced = shuffled(1, source(3));
  machine.submit(reduced);
  machine.succeed('0.0', 0, '1');
  machine.succeed('0.0', 1, '2');
  machine.succeed('0.0', 2, '1');
  machine.succeedAll('1.0');
  machine.loseExecutor('1');
  assert.deepEqual(submitted(machine.submit(reduced)), ['2.0 [0,2]']);
});

test('long lineages do not overflow the stack: 5,000 steps, a union of 1,000, 3,000 shuffles', () => {
  const machine = new DagMachine();
  let node: RDDNode = source(2);
  for (let i = 0; i < 5000; i++) node = mapped(node);
  assert.deepEqual(submitted(machine.submit(node)), ['0.0 [0,1]']);

  let nested: RDDNode = source(1);
  for (let i = 0; i < 1000; i++) nested = unionOf(nested, source(0));
  assert.deepEqual(submitted(machine.submit(nested)), ['1.0 [0]']);

  let chain: RDDNode = source(1);
  for (let i = 0; i < 3000; i++) chain = shuffled(1, chain);
  const deep = new DagMachine();
  assert.deepEqual(submitted(deep.submit(chain)), ['0.0 [0]']);
  assert.deepEqual(submitted(deep.succeedAll('0.0')), ['1.0 [0]']);
});

test('what lies behind a fully cached RDD is not computed, and its tasks go where the blocks are', () => {
  const machine = new DagMachine();
  const cached = shuffled(2, source(2)).cached();
  machine.cache.put(cached.id, 0, '1');
  machine.cache.put(cached.id, 1, '2');
  assert.deepEqual(submitted(machine.submit(mapped(cached))), ['1.0 [0,1]']);
  assert.deepEqual(machine.taskSet('1.0').locations, [
    [{ host: 'host-1', executorId: '1' }],
    [{ host: 'host-2', executorId: '2' }],
  ]);
});

test('one uncached partition makes the parents necessary; so does a level of NONE', () => {
  const machine = new DagMachine();
  const cached = shuffled(2, source(2)).cached();
  machine.cache.put(cached.id, 0, '1');
  assert.deepEqual(submitted(machine.submit(cached)), ['0.0 [0,1]']);
  const other = shuffled(1, source(1)).cached();
  machine.cache.put(other.id, 0, '1');
  other.storageLevel = StorageLevel.NONE;
  assert.deepEqual(submitted(machine.submit(other)), ['2.0 [0]']);
});

test('a place is taken from the cache, else from the node, else from the first narrow parent that has one', () => {
  const machine = new DagMachine();
  const left = source(1);
  const right = source(2, [['host-9'], ['executor_host-2_2', 'hdfs_cache_host-3']]);
  machine.submit(mapped(unionOf(mapped(left), mapped(right))));
  assert.deepEqual(machine.taskSet('0.0').locations, [
    [],
    [{ host: 'host-9', executorId: null }],
    [
      { host: 'host-2', executorId: '2' },
      { host: 'host-3', executorId: null },
    ],
  ]);
  const cached = mapped(right).cached();
  machine.cache.put(cached.id, 0, '3');
  machine.cache.put(cached.id, 1, 'an executor that is gone');
  machine.submit(mapped(cached));
  assert.deepEqual(machine.taskSet('1.0').locations?.[0], [{ host: 'host-3', executorId: '3' }]);
  assert.equal(machine.taskSet('1.0').locations?.[1]?.length, 2);
});

test('preferred locations are not asked of what lies behind a shuffle', () => {
  const machine = new DagMachine({ reduceLocality: false });
  machine.submit(shuffled(1, source(1, [['host-1']])));
  machine.succeedAll('0.0');
  assert.equal(machine.taskSet('1.0').locations, null);
});

test('partitions that do not exist are refused before anything runs', () => {
  for (const wrong of [3, -1, 0.5]) {
    const effects = new DagMachine().submit(source(3), [0, wrong]);
    assert.equal(effects.length, 1);
    const [failed] = pick(effects, 'JobFailed');
    assert.match(
      String(failed?.failure.message),
      new RegExp(`Attempting to access a non-existent partition: ${wrong}. Total number of partitions: 3`),
    );
  }
});

test('a job of no partitions is done at once, and is heard of', () => {
  const effects = new DagMachine().submit(source(0));
  assert.deepEqual(posted(effects), ['JobStart', 'JobEnd']);
  assert.equal(pick(effects, 'JobSucceeded').length, 1);
});

test('a shuffle over an empty RDD has no map task', () => {
  const machine = new DagMachine();
  assert.deepEqual(submitted(machine.submit(shuffled(2, source(0)))), ['1.0 [0,1]']);
});

test('a lineage that cannot be listed fails its job with its own error and leaves nothing', () => {
  const broken = (): FakeNode =>
    Object.defineProperty(new FakeNode(1), 'numPartitions', {
      get: () => {
        throw new TypeError('no such file');
      },
    });
  const machine = new DagMachine();
  const good = source(1);
  for (const node of [broken(), shuffled(2, broken()), shuffled(1, good, broken())]) {
    const [failed] = pick(machine.submit(node, [0]), 'JobFailed');
    assert.equal(failed?.failure.code, 'JOB_NOT_STARTED');
    assert.ok(failed.failure.cause instanceof TypeError);
    assert.equal(machine.dag.numActiveJobs, 0);
  }
  assert.equal(submitted(machine.submit(good)).length, 1);
});

test('a node that throws when asked for its preferred places aborts the stage', () => {
  class Lost extends FakeNode {
    override preferredLocations(): readonly string[] {
      throw new Error('name node is away');
    }
  }
  const effects = new DagMachine().submit(shuffled(1, new Lost(1)));
  const [failed] = pick(effects, 'JobFailed');
  assert.match(
    String(failed?.failure.message),
    /^Job aborted due to stage failure: Task creation failed: Error: name node/,
  );
  assert.deepEqual(posted(effects), ['JobStart', 'StageSubmitted', 'StageCompleted', 'JobEnd']);
});

test('a result is accepted once, with its accumulators, whatever the number of attempts', () => {
  const machine = new DagMachine();
  machine.submit(source(2));
  const update = { id: 1, name: null, value: 5 };
  const first = machine.succeed('0.0', 0, '1', [update]);
  assert.deepEqual(
    pick(first, 'TaskSucceeded').map((e) => e.outputIndex),
    [0],
  );
  assert.deepEqual(
    pick(first, 'AccumulatorUpdates').map((e) => e.updates),
    [[update]],
  );
  const again = machine.succeed('0.0', 0, '2', [update]);
  assert.deepEqual(posted(again), ['TaskEnd']);
  assert.equal(again.length, 1);
});

test('accumulators of map tasks count every success, those of failed tasks none', () => {
  const machine = new DagMachine();
  machine.submit(shuffled(1, source(2)));
  const update = { id: 1, name: null, value: 5 };
  assert.equal(pick(machine.succeed('0.0', 0, '1', [update]), 'AccumulatorUpdates').length, 1);
  assert.equal(pick(machine.succeed('0.0', 0, '2', [update]), 'AccumulatorUpdates').length, 1);
  assert.equal(pick(machine.fail('0.0', 1, { kind: 'TaskResultLost' }), 'AccumulatorUpdates').length, 0);
});

test('output indexes follow the list of partitions asked for, in its order, twice if it says so', () => {
  const machine = new DagMachine();
  assert.deepEqual(submitted(machine.submit(source(5), [4, 1, 4])), ['0.0 [4,1,4]']);
  assert.equal(pick(machine.succeed('0.0', 2), 'TaskSucceeded')[0]?.outputIndex, 2);
  machine.succeed('0.0', 1);
  assert.equal(pick(machine.succeed('0.0', 0), 'JobSucceeded').length, 1);
});

test('a map-stage job runs up to the map side and tells the sizes; one that is there is answered at once', () => {
  const machine = new DagMachine();
  const dependency = shuffleOf(source(2), 1);
  const submit = (jobId: number) =>
    machine.handle({ type: 'MapStageSubmitted', at: 0, jobId, dependency, properties: {}, callSite: 'x' });
  assert.deepEqual(submitted(submit(10)), ['0.0 [0,1]']);
  machine.succeed('0.0', 0);
  const done = pick(machine.succeed('0.0', 1), 'JobSucceeded');
  assert.deepEqual(done[0]?.mapOutput, { shuffleId: dependency.shuffleId, bytesByPartition: [14] });
  const again = submit(11);
  assert.deepEqual(posted(again), ['JobStart', 'JobEnd']);
  assert.equal(pick(again, 'JobSucceeded').length, 1);
});

test('a failed task set fails every job that needs the stage, with its cause', () => {
  const machine = new DagMachine();
  const shared = shuffled(1, source(1));
  machine.submit(shared);
  machine.submit(mapped(shared));
  const cause = new Error('boom');
  const event = { type: 'TaskSetFailed', at: 1, stageId: 0, stageAttemptId: 0, message: 'it broke', cause } as const;
  const effects = machine.handle(event);
  assert.deepEqual(
    pick(effects, 'JobFailed').map((e) => [e.jobId, e.failure.message, e.failure.cause]),
    [
      [0, 'Job aborted due to stage failure: it broke', cause],
      [1, 'Job aborted due to stage failure: it broke', cause],
    ],
  );
  assert.equal(machine.dag.numActiveJobs, 0);
  assert.deepEqual(machine.handle(event), []);
});

test('cancelling: a job, a group, a stage, all; each with its text', () => {
  const cases: [(m: DagMachine) => Parameters<DagMachine['handle']>[0], string][] = [
    [() => ({ type: 'JobCancelled', at: 1, jobId: 0, reason: 'for fun' }), 'Job 0 cancelled for fun'],
    [() => ({ type: 'JobCancelled', at: 1, jobId: 0, reason: null }), 'Job 0 cancelled'],
    [
      () => ({ type: 'JobGroupCancelled', at: 1, groupId: 'G', reason: null, cancelFutureJobs: false }),
      'Job 0 cancelled part of cancelled job group G',
    ],
    [
      () => ({ type: 'StageCancelled', at: 1, stageId: 0, reason: null }),
      'Job 0 cancelled because Stage 0 was cancelled',
    ],
    [() => ({ type: 'AllJobsCancelled', at: 1 }), 'Job 0 cancelled as part of cancellation of all jobs'],
    [() => ({ type: 'Stopped', at: 1, cause: undefined }), 'Job 0 cancelled because SparkContext was shut down'],
  ];
  for (const [event, message] of cases) {
    const machine = new DagMachine();
    machine.submit(shuffled(1, source(1)), [0], { 'spark.jobGroup.id': 'G', 'spark.job.interruptOnCancel': 'true' });
    const effects = machine.handle(event(machine));
    assert.deepEqual(
      pick(effects, 'JobFailed').map((e) => e.failure.message),
      [message],
    );
    assert.deepEqual(
      pick(effects, 'CancelTasks').map((e) => [e.stageId, e.interrupt]),
      [[0, true]],
    );
    assert.deepEqual(posted(effects), ['StageCompleted', 'JobEnd']);
    assert.equal(machine.dag.numActiveJobs, 0);
  }
});

test('cancelling by tag takes the jobs that have it among theirs', () => {
  const machine = new DagMachine();
  machine.submit(source(1), [0], { 'spark.job.tags': 'a,b' });
  machine.submit(source(1), [0], { 'spark.job.tags': 'ab' });
  const effects = machine.handle({ type: 'JobTagCancelled', at: 1, tag: 'b', reason: null });
  assert.deepEqual(
    pick(effects, 'JobFailed').map((e) => e.failure.message),
    ['Job 0 cancelled part of cancelled job tags b'],
  );
  assert.equal(machine.dag.numActiveJobs, 1);
  const second = machine.handle({ type: 'JobTagCancelled', at: 1, tag: 'ab', reason: 'for fun' });
  assert.deepEqual(
    pick(second, 'JobFailed').map((e) => e.failure.message),
    ['Job 1 cancelled for fun'],
  );
});

test('future jobs of a group that was cancelled with them fail before anything is told; the oldest group is forgotten first', () => {
  const machine = new DagMachine({ numCancelledJobGroupsToTrack: 2 });
  const inGroup = (groupId: string): readonly DagEffect[] =>
    machine.submit(source(1), [0], { 'spark.jobGroup.id': groupId });
  const cancel = (groupId: string): unknown =>
    machine.handle({ type: 'JobGroupCancelled', at: 1, groupId, reason: 'enough', cancelFutureJobs: true });
  inGroup('A');
  cancel('A');
  assert.equal(machine.dag.numActiveJobs, 0);
  const refused = inGroup('A');
  assert.deepEqual(
    pick(refused, 'JobFailed').map((e) => [e.failure.code, e.failure.message]),
    [['JOB_CANCELLED', 'Job 1 cancelled part of cancelled job group A']],
  );
  assert.deepEqual(posted(refused), []);
  cancel('B');
  cancel('C');
  inGroup('B');
  assert.equal(machine.dag.numActiveJobs, 0);
  inGroup('A');
  assert.equal(machine.dag.numActiveJobs, 1);
});

test('a shuffle that is unregistered goes at once, or with the last job that needs it, and is computed again on demand', () => {
  const machine = new DagMachine();
  const node = shuffled(1, source(2));
  const shuffleId = shuffleIdOf(node);
  machine.submit(node);
  machine.succeedAll('0.0');
  assert.deepEqual(machine.handle({ type: 'ShuffleUnregistered', shuffleId }), []);
  const end = machine.succeedAll('1.0');
  assert.deepEqual(
    pick(end, 'RemoveShuffle').map((e) => e.shuffleId),
    [shuffleId],
  );
  assert.equal(machine.mapOutputs.hasShuffle(shuffleId), false);
  assert.deepEqual(submitted(machine.submit(node)), ['2.0 [0,1]']);
  machine.succeedAll('2.0');
  assert.deepEqual(pick(machine.succeedAll('3.0'), 'RemoveShuffle'), []);
  assert.equal(pick(machine.handle({ type: 'ShuffleUnregistered', shuffleId }), 'RemoveShuffle').length, 1);
  assert.deepEqual(machine.handle({ type: 'ShuffleUnregistered', shuffleId }), []);
});

test('cancelling what is not there does nothing', () => {
  const machine = new DagMachine();
  machine.submit(source(1), [0], { 'spark.jobGroup.id': 'other' });
  assert.deepEqual(machine.handle({ type: 'JobCancelled', at: 1, jobId: 7, reason: null }), []);
  const nobody = { type: 'JobGroupCancelled', at: 1, groupId: 'G', reason: null, cancelFutureJobs: false } as const;
  assert.deepEqual(machine.handle(nobody), [
    {
      type: 'Log',
      level: 'warn',
      message: 'Failed to cancel job group G. Cannot find active jobs for it.',
    },
  ]);
  assert.deepEqual(pick(machine.handle({ type: 'StageCancelled', at: 1, stageId: 9, reason: null }), 'JobFailed'), []);
  assert.equal(machine.dag.numActiveJobs, 1);
});

test('a stage that another job needs goes on when one of its jobs is cancelled', () => {
  const machine = new DagMachine();
  const shared = shuffled(1, source(2));
  machine.submit(shared);
  machine.submit(mapped(shared));
  const effects = machine.handle({ type: 'JobCancelled', at: 1, jobId: 0, reason: null });
  assert.deepEqual(pick(effects, 'CancelTasks'), []);
  assert.deepEqual(submitted(machine.succeedAll('0.0')), ['2.0 [0]']);
  assert.equal(pick(machine.succeedAll('2.0'), 'JobSucceeded')[0]?.jobId, 1);
});

test('properties and priority of a shared stage come from the first job that is still active', () => {
  const machine = new DagMachine();
  const shared = shuffled(1, shuffled(1, source(1)));
  machine.submit(shared, [0], { 'spark.scheduler.pool': 'a' });
  machine.submit(shared, [0], { 'spark.scheduler.pool': 'b' });
  assert.equal(machine.taskSet('0.0').priority, 0);
  machine.handle({ type: 'JobCancelled', at: 1, jobId: 0, reason: null });
  machine.succeedAll('0.0');
  assert.equal(machine.taskSet('1.0').priority, 1);
  assert.equal(machine.taskSet('1.0').properties['spark.scheduler.pool'], 'b');
});

test('a finished job forgets its stages, and late news of them only reaches listeners', () => {
  const machine = new DagMachine();
  const node = shuffled(1, source(1));
  machine.submit(node);
  machine.succeedAll('0.0');
  const effects = machine.succeedAll('1.0');
  assert.deepEqual(posted(effects), ['TaskEnd', 'StageCompleted', 'JobEnd']);
  assert.deepEqual(posted(machine.succeed('1.0', 0)), ['TaskEnd']);
  assert.deepEqual(posted(machine.fetchFail('1.0', 0, shuffleIdOf(node), 0)), ['TaskEnd']);
});

test('the end of a task, its begin and executors are told to listeners', () => {
  const machine = new DagMachine();
  const loss = { message: 'preempted', exitCausedByApp: false, workerLost: false };
  assert.deepEqual(
    posted(
      machine.handle({ type: 'ExecutorAdded', at: 1, executorId: '9', host: 'h', cores: 1, resourceProfileId: 0 }),
    ),
    ['ExecutorAdded'],
  );
  assert.deepEqual(posted(machine.handle({ type: 'ExecutorLost', at: 1, executorId: '9', loss })), ['ExecutorRemoved']);
});
test('a cached step wins over the preferences of what lies below it, though it would hand those through', () => {
  const machine = new DagMachine();
  const cached = hopping(source(2, [['host-9'], ['host-9']])).cached();
  machine.cache.put(cached.id, 0, '1');
  machine.submit(hopping(cached));
  assert.deepEqual(machine.taskSet('0.0').locations, [
    [{ host: 'host-1', executorId: '1' }],
    [{ host: 'host-9', executorId: null }],
  ]);
});

test('places of many tasks over a long lineage are found without walking all of it for each', () => {
  for (const step of [mapped, hopping]) {
    const machine = new DagMachine();
    let node: RDDNode = source(5000, [['host-1']]);
    let looks = 0;
    const look = <A extends readonly unknown[], R>(f: (...args: A) => R) => {
      return (...args: A): R => {
        // Some for each node and each task; each task's own walk would make 25 million of them.
        if (++looks > 1_000_000) throw new Error('the lineage is walked for each task');
        return f(...args);
      };
    };
    for (let i = 0; i < 5000; i++) {
      node = step(node);
      const { dependencies } = node;
      Object.defineProperty(node, 'dependencies', { get: look(() => dependencies) });
      node.hop = look(node.hop.bind(node));
      if (step === hopping) node.preferredLocations = look(node.preferredLocations.bind(node));
    }
    looks = 0;
    machine.submit(node);
    assert.deepEqual(machine.taskSet('0.0').locations?.[0], [{ host: 'host-1', executorId: null }]);
    assert.ok(looks >= 5000, `only ${looks} looks were seen`);
  }
});

test('a reduce task prefers the hosts that have a fifth of its input or more', () => {
  const places = (settings: { reduceLocality?: boolean }, maps = 7): unknown => {
    const machine = new DagMachine(settings);
    machine.submit(shuffled(1, source(maps)));
    for (let map = 0; map < maps; map++) machine.succeed('0.0', map, map < 4 ? '1' : map < 6 ? '2' : '3');
    return machine.taskSet('1.0').locations;
  };
  const on = (host: string): unknown => ({ host, executorId: null });
  assert.deepEqual(places({}), [[on('host-1'), on('host-2')]]);
  assert.equal(places({ reduceLocality: false }), null);
  assert.equal(places({}, 1000), null);
});

test('where all executors are on one host, or a cached block lies, no map output has a say', () => {
  const machine = new DagMachine();
  for (const id of ['2', '3']) machine.loseExecutor(id);
  machine.addExecutor('4', 'host-1');
  machine.submit(shuffled(1, source(1)));
  machine.succeedAll('0.0', '1');
  assert.equal(machine.taskSet('1.0').locations, null);

  const other = new DagMachine();
  const cached = shuffled(2, source(1)).cached();
  other.submit(cached);
  other.cache.put(cached.id, 0, '3');
  other.succeedAll('0.0', '1');
  assert.deepEqual(other.taskSet('1.0').locations, [[{ host: 'host-3', executorId: '3' }], []]);
});
