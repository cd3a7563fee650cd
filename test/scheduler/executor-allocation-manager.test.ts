import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AllocationMachine, stageOf } from '../kit/allocation-machine.ts';

const failed = { kind: 'TaskResultLost' } as const;
const killed = { kind: 'TaskKilled', reason: 'another attempt succeeded' } as const;

test('executors are asked for after 1 s of waiting, then each second 1, 2, 4, 8 more, up to what is needed', () => {
  const machine = new AllocationMachine();
  machine.stage(0, 12);
  machine.tick(999);
  assert.deepEqual(machine.totals(), [0]);
  for (let at = 1000; at <= 8000; at += 100) machine.tick(at);
  assert.deepEqual(machine.totals(), [0, 1, 3, 7, 12]);
});

test('the first and the later waits have a setting each', () => {
  const machine = new AllocationMachine({ schedulerBacklogTimeoutMs: 500, sustainedSchedulerBacklogTimeoutMs: 2000 });
  machine.stage(0, 100);
  for (let at = 0; at <= 4500; at += 100) machine.tick(at);
  assert.deepEqual(machine.totals(), [0, 1, 3, 7]);
});

test('never more than the maximum, and growth begins from 1 again after it', () => {
  const machine = new AllocationMachine({ maxExecutors: 5 });
  machine.stage(0, 100);
  for (let at = 0; at <= 6000; at += 100) machine.tick(at);
  assert.deepEqual(machine.totals(), [0, 1, 3, 5]);
});

test('slots of an executor and the ratio say how many are needed', () => {
  for (const [slots, ratio, expected] of [
    [4, 1, 3],
    [4, 0.5, 2],
    [1, 0.25, 3],
  ] as const) {
    const machine = new AllocationMachine({ executorAllocationRatio: ratio }, slots);
    machine.stage(0, 10);
    for (let at = 0; at <= 10_000; at += 100) machine.tick(at);
    assert.equal(machine.manager.target(0), expected);
  }
});

test('what exists already need not be climbed to', () => {
  const machine = new AllocationMachine();
  for (let i = 0; i < 10; i++) machine.executor(`e${i}`);
  machine.stage(0, 100);
  machine.tick(1000);
  assert.equal(machine.manager.target(0), 11);
});

test('a target that is more than needed is lowered at once, never below the minimum', () => {
  const machine = new AllocationMachine({ minExecutors: 2, initialExecutors: 2 });
  const stage = machine.stage(0, 8);
  for (let at = 0; at <= 5000; at += 100) machine.tick(at);
  assert.equal(machine.manager.target(0), 8);
  for (let i = 0; i < 8; i++) {
    machine.executor(`e${i}`);
    machine.ended(0, machine.started(0, i, `e${i}`));
  }
  machine.completed(stage);
  machine.tick(5100);
  assert.equal(machine.totals().at(-1), 2);
});

test('the initial target stays until a stage is submitted or an idle timeout has passed', () => {
  const idle = new AllocationMachine({ initialExecutors: 5 });
  for (let i = 0; i < 5; i++) idle.executor(`e${i}`);
  idle.tick(59_900);
  assert.deepEqual(idle.totals(), [5]);
  idle.tick(60_000);
  assert.deepEqual(idle.totals(), [5, 0]);
  assert.equal(idle.removed().length, 5);
  const busy = new AllocationMachine({ initialExecutors: 5 });
  busy.stage(0, 1);
  busy.tick(0);
  assert.deepEqual(busy.totals(), [5, 1]);
});

test('when nothing waits any more the climb is over, and the next one begins after a wait of its own', () => {
  const machine = new AllocationMachine();
  machine.stage(0, 2);
  machine.tick(1000);
  machine.executor('a');
  machine.executor('b');
  machine.started(0, 0, 'a');
  machine.started(0, 1, 'b');
  machine.at = 1500;
  machine.stage(1, 50);
  machine.tick(2400);
  assert.deepEqual(machine.totals(), [0, 1]);
  machine.tick(2500);
  assert.deepEqual(machine.totals(), [0, 1, 3]);
});

test('a task that failed waits again; one that was killed since its copy succeeded does not', () => {
  const machine = new AllocationMachine();
  machine.stage(0, 1);
  machine.executor('a');
  const task = machine.started(0, 0, 'a');
  machine.tick(5000);
  assert.deepEqual(machine.totals(), [0]);
  machine.ended(0, task, failed);
  machine.tick(5900);
  machine.tick(6000);
  assert.deepEqual(machine.totals(), [0, 1]);
  const other = new AllocationMachine();
  other.stage(0, 1);
  other.executor('a');
  other.ended(0, other.started(0, 0, 'a'), killed);
  other.tick(5000);
  assert.deepEqual(other.totals(), [0]);
});

test('second copies count, and one executor more is asked for where the only one has the original', () => {
  const machine = new AllocationMachine({}, 4);
  machine.stage(0, 1);
  machine.executor('a');
  const original = machine.started(0, 0, 'a');
  machine.copyWanted(0, 0);
  machine.tick(1000);
  machine.tick(2000);
  assert.equal(machine.manager.target(0), 2);
  machine.ended(0, original);
  machine.tick(2100);
  assert.equal(machine.manager.target(0), 0);
});

test('a stage without any place gets an executor beyond those that it avoids', () => {
  const machine = new AllocationMachine();
  machine.stage(0, 1);
  for (const id of ['a', 'b', 'c']) machine.executor(id);
  machine.manager.hear({ type: 'SparkListenerUnschedulableTaskSetAdded', at: 0, stageId: 0, stageAttemptId: 0 });
  machine.tick(1000);
  assert.equal(machine.manager.target(0), 4);
  machine.manager.hear({ type: 'SparkListenerUnschedulableTaskSetRemoved', at: 0, stageId: 0, stageAttemptId: 0 });
  machine.tick(1100);
  assert.equal(machine.manager.target(0), 1);
});

test('a request that does not reach the cluster manager is made again', () => {
  const machine = new AllocationMachine();
  machine.accepts = false;
  machine.stage(0, 4);
  machine.tick(1000);
  assert.equal(machine.manager.target(0), 0);
  machine.accepts = true;
  machine.tick(2000);
  assert.equal(machine.manager.target(0), 1);
  assert.ok(machine.effects.some((e) => e.type === 'Log' && e.level === 'warn'));
});

test('an executor goes after 60 s of idleness, and not before', () => {
  const machine = new AllocationMachine();
  machine.executor('a');
  machine.stage(0, 1);
  const task = machine.started(0, 0, 'a');
  machine.tick(100_000);
  machine.ended(0, task);
  machine.tick(159_900);
  assert.deepEqual(machine.removed(), []);
  machine.tick(160_000);
  assert.deepEqual(machine.removed(), ['a']);
  machine.tick(170_000);
  assert.deepEqual(machine.removed(), ['a'], 'it is asked once');
});

test('the minimum and the target stay', () => {
  const machine = new AllocationMachine({ minExecutors: 2, initialExecutors: 2 });
  for (const id of ['a', 'b', 'c']) machine.executor(id);
  machine.tick(60_000);
  assert.deepEqual(machine.removed(), ['a']);
  machine.gone('a');
  machine.tick(200_000);
  assert.deepEqual(machine.removed(), ['a']);
});

test('idle executors are drained where that is on', () => {
  const machine = new AllocationMachine({ decommission: true });
  machine.executor('a');
  machine.tick(60_000);
  assert.deepEqual(
    machine.effects.filter((e) => e.type === 'DecommissionExecutors'),
    [{ type: 'DecommissionExecutors', executorIds: ['a'], message: 'spark scale down' }],
  );
});

test('one that got a task meanwhile stays, and is asked again when it is idle for as long', () => {
  const machine = new AllocationMachine();
  machine.busy = ['a'];
  machine.executor('a');
  machine.tick(60_000);
  machine.stage(0, 1);
  const task = machine.started(0, 0, 'a');
  machine.busy = [];
  machine.ended(0, task);
  machine.tick(119_900);
  assert.deepEqual(machine.removed(), ['a']);
  machine.tick(120_000);
  assert.deepEqual(machine.removed(), ['a', 'a']);
});

test('cached blocks keep an executor, until they are gone or their own timeout has passed', () => {
  const block = { executorId: 'a', rddId: 1, partition: 0, inMemory: true, onDisk: false };
  const forever = new AllocationMachine();
  forever.executor('a');
  forever.manager.blockUpdated(block);
  forever.tick(10_000_000);
  assert.deepEqual(forever.removed(), []);
  forever.manager.hear({ type: 'SparkListenerUnpersistRDD', at: 10_000_000, rddId: 1 });
  forever.tick(10_000_100);
  assert.deepEqual(forever.removed(), ['a']);

  const limited = new AllocationMachine({ cachedExecutorIdleTimeoutMs: 120_000 });
  limited.executor('a');
  limited.manager.blockUpdated(block);
  limited.tick(119_900);
  assert.deepEqual(limited.removed(), []);
  limited.tick(120_000);
  assert.deepEqual(limited.removed(), ['a']);

  const evicted = new AllocationMachine();
  evicted.executor('a');
  evicted.manager.blockUpdated(block);
  evicted.manager.blockUpdated({ ...block, inMemory: false });
  evicted.tick(60_000);
  assert.deepEqual(evicted.removed(), ['a']);

  const served = new AllocationMachine({ serviceServesBlocks: true });
  served.executor('a');
  served.manager.blockUpdated({ ...block, inMemory: false, onDisk: true });
  served.tick(60_000);
  assert.deepEqual(served.removed(), ['a']);
});

test('shuffle data of a running job keeps its executor for good, that of jobs that are over for the timeout', () => {
  const machine = new AllocationMachine({ shuffleTimeoutMs: 300_000 });
  machine.executor('a');
  const map = stageOf(0, 1, { kind: 'ShuffleMapStage', shuffleDepId: 7 });
  machine.job(0, [map, stageOf(1, 1)]);
  machine.stage(0, 1, map);
  machine.ended(0, machine.started(0, 0, 'a'));
  machine.completed(map);
  machine.tick(1_000_000);
  assert.deepEqual(machine.removed(), []);
  machine.jobEnded(0);
  machine.tick(1_000_100);
  assert.deepEqual(machine.removed(), ['a'], 'it has been idle for long enough already');

  const again = new AllocationMachine({ shuffleTimeoutMs: 300_000 });
  again.executor('a');
  again.job(0, [map]);
  again.stage(0, 1, map);
  again.ended(0, again.started(0, 0, 'a'));
  again.completed(map);
  again.jobEnded(0);
  again.tick(299_900);
  again.job(1, [map]);
  again.tick(1_000_000);
  assert.deepEqual(again.removed(), [], 'another job reads it');
  again.jobEnded(1);
  again.manager.shuffleCleaned(7);
  again.tick(1_000_100);
  assert.deepEqual(again.removed(), ['a']);
});

test('without shuffle tracking shuffle data keeps nobody', () => {
  const machine = new AllocationMachine({ shuffleTimeoutMs: null });
  machine.executor('a');
  const map = stageOf(0, 1, { kind: 'ShuffleMapStage', shuffleDepId: 7 });
  machine.job(0, [map]);
  machine.stage(0, 1, map);
  machine.ended(0, machine.started(0, 0, 'a'));
  machine.completed(map);
  machine.tick(60_000);
  assert.deepEqual(machine.removed(), ['a']);
});

test('shuffle data that was moved keeps its new executor', () => {
  const machine = new AllocationMachine();
  machine.executor('a');
  machine.job(0, [stageOf(0, 1, { kind: 'ShuffleMapStage', shuffleDepId: 7 })]);
  machine.manager.shuffleMoved('a', 7);
  machine.tick(10_000_000);
  assert.deepEqual(machine.removed(), []);
});

test('each resource profile is counted by itself', () => {
  const machine = new AllocationMachine();
  machine.stage(0, 2);
  machine.stage(1, 4, { resourceProfileId: 3 });
  for (let at = 0; at <= 4000; at += 100) machine.tick(at);
  assert.deepEqual([machine.manager.target(0), machine.manager.target(3)], [2, 4]);
  machine.executor('a', 0);
  machine.executor('b', 3);
  for (let i = 0; i < 2; i++) machine.ended(0, machine.started(0, i, 'a'));
  machine.tick(4100);
  assert.deepEqual([machine.manager.target(0), machine.manager.target(3)], [0, 4]);
  machine.tick(70_000);
  assert.deepEqual(machine.removed(), ['a']);
});

test('the cluster manager is told where tasks would like to run', () => {
  const machine = new AllocationMachine();
  const stage = machine.stage(0, 3);
  machine.manager.prefer(0, 0, [['x'], ['x', 'y'], []]);
  machine.tick(1000);
  const request = machine.effects.findLast((e) => e.type === 'RequestTotalExecutors');
  assert.deepEqual(
    [...(request?.wanted.tasksPerHost.get(0) ?? [])],
    [
      ['x', 2],
      ['y', 1],
    ],
  );
  assert.equal(request?.wanted.localityAwareTasks.get(0), 2);
  machine.completed(stage);
});

test('a cluster manager that begins anew is asked for the initial number', () => {
  const machine = new AllocationMachine({ initialExecutors: 3 });
  machine.stage(0, 10);
  machine.tick(1000);
  machine.manager.reset();
  assert.equal(machine.manager.target(0), 3);
  machine.tick(60_000);
  assert.deepEqual(machine.removed(), []);
});

test('whatever is heard, the target stays within its bounds, and an idle cluster shrinks to the minimum', () => {
  const step = fc.record({
    what: fc.constantFrom('stage', 'start', 'end', 'fail', 'complete', 'executor', 'gone', 'copy'),
    n: fc.nat(7),
    wait: fc.nat(1500),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), fc.nat(3), (steps, minExecutors) => {
      const machine = new AllocationMachine({ minExecutors, initialExecutors: minExecutors, maxExecutors: 6 }, 2);
      const stages = new Map<number, ReturnType<typeof stageOf>>();
      const running: { stageId: number; task: ReturnType<AllocationMachine['started']> }[] = [];
      const alive = new Set<string>();
      let next = 0;
      for (const { what, n, wait } of steps) {
        machine.tick(machine.at + wait);
        const target = machine.manager.target(0);
        assert.ok(target >= minExecutors && target <= 6, `target ${target}`);
        const stageId = [...stages.keys()][n % Math.max(1, stages.size)];
        const executorId = [...alive][n % Math.max(1, alive.size)];
        if (what === 'stage') stages.set(next, machine.stage(next++, n + 1));
        else if (what === 'executor') {
          machine.executor(`e${next}`);
          alive.add(`e${next++}`);
        } else if (what === 'gone' && executorId !== undefined) {
          machine.gone(executorId);
          alive.delete(executorId);
        } else if (what === 'start' && stageId !== undefined && executorId !== undefined)
          running.push({ stageId, task: machine.started(stageId, n, executorId) });
        else if (what === 'copy' && stageId !== undefined) machine.copyWanted(stageId, n);
        else if (what === 'complete' && stageId !== undefined) {
          machine.completed(stages.get(stageId) as ReturnType<typeof stageOf>);
          stages.delete(stageId);
        } else if (what === 'end' || what === 'fail') {
          const [done] = running.splice(n, 1);
          if (done !== undefined) machine.ended(done.stageId, done.task, what === 'end' ? { kind: 'Success' } : failed);
        }
      }
      for (const { stageId, task } of running) machine.ended(stageId, task);
      for (const stage of stages.values()) machine.completed(stage);
      for (let i = 0; i < 3; i++) machine.tick(machine.at + 60_000);
      assert.equal(machine.manager.target(0), minExecutors);
    }),
  );
});
