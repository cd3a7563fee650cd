import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boom, TaskMachine } from '../kit/task-machine.ts';

const waits = { process: 3000, node: 3000, rack: 3000 };

test('a task runs at the best place that is offered', () => {
  const machine = new TaskMachine({ localityWaitMs: waits });
  machine.executor('1', 1, 'x');
  machine.executor('2', 1, 'y');
  machine.submit(2, { locations: [['executor_y_2'], ['x']] });
  assert.deepEqual(machine.offer().sort(), ['0.0/0@2 PROCESS_LOCAL', '0.0/1@1 NODE_LOCAL']);
});

test('a task set holds out for its level, and takes the next one when the wait is over', () => {
  const machine = new TaskMachine({ localityWaitMs: waits });
  machine.executor('1', 1, 'x');
  machine.submit(1, { locations: [['x']] });
  assert.deepEqual(machine.offer(), ['0.0/0@1 NODE_LOCAL']);
  machine.submit(1, { stageId: 1, locations: [['x']] });
  machine.executor('2', 1, 'y');
  assert.deepEqual(machine.offer(), []);
  assert.deepEqual(machine.effects.at(-1), { type: 'WakeAt', at: 3000, why: 'locality' });
  machine.at = 2999;
  assert.deepEqual(machine.wake(), []);
  machine.at = 3000;
  assert.deepEqual(machine.wake(), ['1.0/0@2 ANY']);
});

test('each level has its own wait; the levels go by one after the other', () => {
  const machine = new TaskMachine({ localityWaitMs: { process: 100, node: 500, rack: 0 } });
  machine.executor('1', 1, 'x');
  machine.executor('2', 1, 'x');
  machine.executor('3', 1, 'y');
  const here = ['executor_x_1'];
  machine.submit(3, { locations: [here, here, here] });
  assert.deepEqual(machine.offer(), ['0.0/0@1 PROCESS_LOCAL']);
  machine.at = 100;
  assert.deepEqual(machine.wake(), ['0.0/1@2 NODE_LOCAL']);
  machine.at = 599;
  assert.deepEqual(machine.wake(), []);
  machine.at = 600;
  assert.deepEqual(machine.wake(), ['0.0/2@3 ANY']);
});

test('a wait of zero takes any place at once', () => {
  const machine = new TaskMachine({ localityWaitMs: { process: 0, node: 0, rack: 0 } });
  machine.executor('1', 1, 'x');
  machine.executor('2', 1, 'y');
  machine.submit(2, { locations: [['x'], ['x']] });
  assert.deepEqual(machine.offer().sort(), ['0.0/0@1 NODE_LOCAL', '0.0/1@2 ANY']);
});

test('tasks without a preference run at once, also beside tasks that wait', () => {
  const machine = new TaskMachine({ localityWaitMs: waits });
  machine.executor('1', 2, 'y');
  machine.executor('2', 1, 'x');
  machine.submit(1, { stageId: 5, locations: [['x']] });
  machine.offer();
  machine.submit(2, { stageId: 6, locations: [['x'], []] });
  assert.deepEqual(machine.offer(), ['6.0/1@1 NO_PREF']);
});

test('there is no waiting for a host or an executor that is not there', () => {
  const machine = new TaskMachine({ localityWaitMs: waits });
  machine.executor('1', 2, 'y');
  machine.submit(2, { locations: [['gone'], ['executor_gone_7']] });
  assert.deepEqual(machine.offer(), ['0.0/0@1 ANY', '0.0/1@1 ANY']);
});

test('levels are found anew when executors come and go', () => {
  const machine = new TaskMachine({ localityWaitMs: waits });
  machine.executor('1', 1, 'y');
  machine.submit(1, { stageId: 8 });
  machine.offer(); // executor 1 is busy
  machine.submit(2, { locations: [['x'], ['x']] });
  assert.deepEqual(machine.offer(), []);
  machine.executor('2', 1, 'x');
  assert.deepEqual(machine.offer(), ['0.0/0@2 NODE_LOCAL']);
  machine.succeed([...machine.running.values()].find((info) => info.executorId === '1') ?? machine.task(0));
  assert.deepEqual(machine.offer(), []); // it waits for x now
  machine.lose('2');
  assert.deepEqual(machine.offer(), ['0.0/0@1 ANY']); // and now no more
});

test('another task set uses the cores that one waits past', () => {
  const machine = new TaskMachine({ localityWaitMs: waits });
  machine.executor('1', 1, 'x');
  machine.submit(2, { locations: [['x'], ['x']] });
  machine.offer();
  machine.executor('2', 1, 'y');
  machine.submit(1, { stageId: 1, jobId: 1 });
  assert.deepEqual(machine.offer(), ['1.0/0@2 NO_PREF']);
});

test('a full round that leaves nobody waiting starts the wait anew; a partial one after a refusal does not', () => {
  const machine = new TaskMachine({ localityWaitMs: waits });
  machine.executor('1', 1, 'x');
  machine.executor('2', 1, 'y');
  machine.submit(3, { locations: [['x'], ['x'], ['x']] });
  assert.deepEqual(machine.offer(), ['0.0/0@1 NODE_LOCAL']); // executor 2 was refused
  machine.at = 2000;
  machine.succeed(machine.task(0));
  assert.deepEqual(machine.offer(), ['0.0/1@1 NODE_LOCAL']); // a partial offer: the wait goes on
  machine.at = 3000;
  assert.deepEqual(machine.wake(), ['0.0/2@2 ANY']);
});

test('racks are a level of their own, when they are known', () => {
  const rackOf = (host: string): string | null => (host === 'far' ? 'r2' : 'r1');
  const machine = new TaskMachine({ rackOf, localityWaitMs: { process: 0, node: 0, rack: 1000 } });
  machine.executor('far', 1, 'far');
  machine.executor('near', 1, 'near');
  machine.submit(2, { locations: [['x'], ['x']] });
  assert.deepEqual(machine.offer(), ['0.0/0@near RACK_LOCAL']);
  machine.at = 1000;
  assert.deepEqual(machine.wake(), ['0.0/1@far ANY']);
});

test('a task that failed keeps its preference', () => {
  const machine = new TaskMachine({ localityWaitMs: waits });
  machine.executor('1', 1, 'x');
  machine.executor('2', 1, 'y');
  machine.submit(1, { locations: [['executor_x_1']] });
  machine.offer();
  machine.fail(machine.task(0), boom);
  assert.deepEqual(machine.offer(), ['0.0/0@1 PROCESS_LOCAL']);
});

test('waiting for locality with all cores busy does not ask to be woken over and over', () => {
  const machine = new TaskMachine({ localityWaitMs: waits });
  machine.executor('1', 1, 'x');
  machine.submit(2, { locations: [['x'], ['x']] });
  machine.offer();
  machine.at = 10_000;
  const before = machine.effects.length;
  assert.deepEqual(machine.wake(), []);
  assert.deepEqual(machine.effects.slice(before), []);
});

test('by the older rule any launch begins the wait anew', () => {
  const run = (legacyLocalityWaitReset: boolean): string[] => {
    const machine = new TaskMachine({ localityWaitMs: waits, legacyLocalityWaitReset });
    machine.executor('1', 1, 'x');
    machine.executor('2', 1, 'y');
    machine.submit(4, { locations: [['x'], ['x'], ['x'], ['x']] });
    const seen: string[] = [...machine.offer()];
    for (let i = 0; i < 3; i++) {
      machine.at += 2000;
      machine.succeed(machine.task(i));
      seen.push(...machine.offer(), ...machine.wake());
    }
    return seen;
  };
  // The host is never idle for 3 s: by the older rule the idle one beside it gets nothing.
  assert.deepEqual(
    run(true),
    [0, 1, 2, 3].map((i) => `0.0/${i}@1 NODE_LOCAL`),
  );
  assert.ok(run(false).some((launch) => launch.endsWith('@2 ANY')));
});
