import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ResourceProfile } from '../../src/protocol/resource-profile.ts';
import { ExecutorResources, resourceInformation, type TaskResources } from '../../src/scheduler/executor-resources.ts';
import { TaskMachine } from '../kit/task-machine.ts';

const gpus = (
  n: number,
  resourceProfileId = 0,
): { resourceProfileId: number; resources: Record<string, string[]> } => ({
  resourceProfileId,
  resources: { gpu: Array.from({ length: n }, (_, i) => String(i)) },
});

function profile(id: number, tasks: Record<string, number>, executorCores?: number): ResourceProfile {
  const request = (resourceName: string, amount: number) => ({ resourceName, amount });
  const taskResources = Object.fromEntries(Object.entries(tasks).map(([name, n]) => [name, request(name, n)]));
  const cores = { resourceName: 'cores', amount: executorCores ?? 0, discoveryScript: '', vendor: '' };
  return { id, taskResources, executorResources: executorCores === undefined ? {} : { cores } };
}

const addresses = (machine: TaskMachine): string[] =>
  machine.effects.flatMap((effect) =>
    effect.type === 'Launch'
      ? [effect.resources === null ? '-' : (resourceInformation(effect.resources)['gpu']?.addresses.join('+') ?? '-')]
      : [],
  );

test('a stage with a profile runs on executors of that profile, others do not', () => {
  const machine = new TaskMachine();
  machine.executor('plain', 4);
  machine.executor('large', 4, 'h', 0, { resourceProfileId: 1, resources: {} });
  machine.submit(2, { resourceProfile: profile(1, { cpus: 2 }, 4) });
  assert.deepEqual(machine.offer(), ['0.0/0@large NO_PREF', '0.0/1@large NO_PREF']);
  machine.submit(1, { stageId: 1, jobId: 1 });
  assert.deepEqual(machine.offer(), ['1.0/0@plain NO_PREF']);
});

test('a profile for tasks alone uses the executors there are, unless executors are allocated for it', () => {
  const machine = new TaskMachine();
  machine.executor('plain', 4);
  machine.submit(2, { resourceProfile: profile(1, { cpus: 3 }) });
  assert.deepEqual(machine.offer(), ['0.0/0@plain NO_PREF']);
  machine.succeed(machine.task(0));
  assert.deepEqual(machine.offer(), ['0.0/1@plain NO_PREF']);
  const dynamic = new TaskMachine({ dynamicAllocation: true });
  dynamic.executor('plain', 4);
  dynamic.submit(1, { resourceProfile: profile(1, { cpus: 3 }) });
  assert.deepEqual(dynamic.offer(), []);
});

test('tasks of different sizes share an executor without overfilling it', () => {
  const machine = new TaskMachine();
  machine.executor('a', 5);
  machine.submit(2, { resourceProfile: profile(1, { cpus: 2 }) });
  machine.submit(3, { stageId: 1, jobId: 1 });
  assert.equal(machine.offer().length, 3);
  machine.succeed(machine.task(0));
  assert.equal(machine.offer().length, 2);
});

test('each task gets addresses of its own, and gives them back', () => {
  const machine = new TaskMachine({ taskResources: { gpu: 2 } });
  machine.executor('a', 8, 'h', 0, gpus(5));
  machine.submit(3);
  assert.equal(machine.offer().length, 2);
  assert.deepEqual(addresses(machine), ['0+1', '2+3']);
  machine.succeed(machine.task(0));
  assert.equal(machine.offer().length, 1);
  assert.deepEqual(addresses(machine), ['0+1', '2+3', '0+1']);
});

test('parts of an address are shared until it is used up', () => {
  const machine = new TaskMachine({ taskResources: { gpu: 1 / 3 } });
  machine.executor('a', 16, 'h', 0, gpus(2));
  machine.submit(8);
  assert.equal(machine.offer().length, 6);
  assert.deepEqual(addresses(machine), ['0', '0', '0', '1', '1', '1']);
});

test('an executor without the resource gets none of the tasks that want it', () => {
  const machine = new TaskMachine();
  machine.executor('a', 4);
  machine.submit(1, { resourceProfile: profile(1, { cpus: 1, gpu: 1 }) });
  assert.deepEqual(machine.offer(), []);
  machine.executor('b', 4, 'h', 0, gpus(1));
  assert.deepEqual(machine.offer(), ['0.0/0@b NO_PREF']);
});

test('a barrier stage counts slots by cores and by addresses, and gives back what it could not use', () => {
  const machine = new TaskMachine({ taskResources: { gpu: 1 } });
  machine.executor('a', 8, 'h', 0, gpus(2));
  machine.submit(3, { isBarrier: true });
  assert.deepEqual(machine.offer(), []);
  machine.executor('b', 8, 'h', 0, gpus(1));
  assert.equal(machine.offer().length, 3);
  assert.deepEqual(addresses(machine).sort(), ['0', '0', '1']);
});

test('whatever is taken and given back, no address is given out twice', () => {
  const step = fc.record({ amount: fc.constantFrom(0.1, 0.25, 1 / 3, 0.5, 1, 2, 3), release: fc.nat(10) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const resources = new ExecutorResources({ gpu: ['0', '1', '2'] });
      const held: TaskResources[] = [];
      for (const { amount, release } of steps) {
        const wanted = new Map([['gpu', amount]]);
        assert.ok(resources.slots(wanted) <= resources.capacity(wanted));
        const slots = resources.slots(wanted);
        const got = resources.assign(wanted);
        assert.equal(got !== null, slots > 0);
        if (got !== null) held.push(got);
        const [back] = held.splice(release, 1);
        if (back !== undefined) resources.release(back);
      }
      for (const task of held) resources.release(task);
      for (const amount of [0.25, 1, 2]) {
        const wanted = new Map([['gpu', amount]]);
        assert.equal(resources.slots(wanted), resources.capacity(wanted));
      }
    }),
  );
});
