import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_RESOURCE_PROFILE } from '../../src/protocol/resource-profile.ts';
import { ResourceProfileBuilder } from '../../src/rdd/resource-profile-builder.ts';
import { ExecutorResourceRequests, TaskResourceRequests } from '../../src/rdd/resource-requests.ts';
import { type ResourceProfileRules, ResourceProfiles } from '../../src/scheduler/resource-profiles.ts';
import { mapped, shuffled, source } from '../kit/fake-nodes.ts';
import { FakeCluster } from '../kit/fake-scheduler.ts';

const rules: ResourceProfileRules = {
  hasClusterManager: true,
  dynamicAllocation: true,
  mergeConflicts: true,
  cpusPerTask: 1,
};
const profile = (cores: number, cpus: number) =>
  new ResourceProfileBuilder()
    .require(new ExecutorResourceRequests().cores(cores))
    .require(new TaskResourceRequests().cpus(cpus))
    .build();

test('a builder gathers requests; of two about one resource the later counts', () => {
  const builder = new ResourceProfileBuilder()
    .require(new ExecutorResourceRequests().cores(2).cores(4).memory('2g').memoryOverhead('512').offHeapMemory('1g'))
    .require(new ExecutorResourceRequests().resource('gpu', 2, '/bin/gpus', 'acme'))
    .require(new TaskResourceRequests().cpus(2).resource('gpu', 0.25));
  const first = builder.build();
  assert.deepEqual(
    Object.values(first.executorResources).map((r) => [r.resourceName, r.amount, r.discoveryScript, r.vendor]),
    [
      ['cores', 4, '', ''],
      ['memory', 2048, '', ''],
      ['memoryOverhead', 512, '', ''],
      ['offHeap', 1024, '', ''],
      ['gpu', 2, '/bin/gpus', 'acme'],
    ],
  );
  assert.deepEqual(first.taskResources, {
    cpus: { resourceName: 'cpus', amount: 2 },
    gpu: { resourceName: 'gpu', amount: 0.25 },
  });
  const second = builder.clearExecutorResourceRequests().clearTaskResourceRequests().build();
  assert.deepEqual([second.executorResources, second.taskResources, second.id - first.id], [{}, {}, 1]);
});

test('amounts that mean nothing are refused', () => {
  const task = new TaskResourceRequests();
  const executor = new ExecutorResourceRequests();
  assert.throws(
    () => task.resource('gpu', 1.5),
    /The resource amount 1\.5 must be either <= 1\.0, or a whole number\./,
  );
  assert.throws(() => task.resource('gpu', -1), /must be either/);
  assert.throws(() => task.cpus(0.5), /cpus\(\) takes a whole number of 1 or more, but got 0\.5/);
  assert.throws(() => executor.cores(1.5), /the amount of cores of an executor must be a whole number/);
  assert.throws(() => executor.memory('much'), /memory\(\) of ExecutorResourceRequests takes .*, but got "much"/);
  assert.throws(() => executor.resource('', 1), /takes the name of a resource, but got ""/);
  assert.throws(() => new ResourceProfileBuilder().require({} as never), /require\(\) takes .* but got an object/);
});

test('a profile whose executors have fewer cores than a task takes is refused', () => {
  const text = /^IskraError: The number of cores per executor \(=2\) has to be >= the number of cpus per task = 3\.$/;
  assert.throws(() => new ResourceProfiles(rules).add(profile(2, 3)), text);
  const coresAlone = new ResourceProfileBuilder().require(new ExecutorResourceRequests().cores(2)).build();
  assert.throws(() => new ResourceProfiles({ ...rules, cpusPerTask: 3 }).add(coresAlone), text);
  new ResourceProfiles({ ...rules, cpusPerTask: 2 }).add(coresAlone);
  new ResourceProfiles(rules).add(profile(3, 3));
});

test('which profiles an application may have depends on who gives it executors', () => {
  const tasksAlone = new ResourceProfileBuilder().require(new TaskResourceRequests().cpus(2)).build();
  const full = profile(4, 2);
  const ofTasks =
    /^IskraError: TaskResourceProfiles are only supported for Standalone, Yarn and Kubernetes cluster for now/;
  const ofAll =
    /^IskraError: ResourceProfiles are only supported on YARN and Kubernetes and Standalone with dynamic alloc/;
  for (const [hasClusterManager, dynamicAllocation, tasksError, fullError] of [
    [false, false, ofTasks, ofAll],
    [true, false, null, ofAll],
    [true, true, null, null],
  ] as const) {
    const profiles = new ResourceProfiles({ ...rules, hasClusterManager, dynamicAllocation });
    profiles.add(DEFAULT_RESOURCE_PROFILE);
    for (const [which, error] of [
      [tasksAlone, tasksError],
      [full, fullError],
    ] as const)
      if (error === null) profiles.add(which);
      else assert.throws(() => profiles.add(which), error);
  }
});

test('conflicts within a stage are an error, or merged into the larger amounts, always the same profile', () => {
  const a = profile(4, 1);
  const b = profile(2, 2);
  const strict = new ResourceProfiles({ ...rules, mergeConflicts: false });
  assert.equal(strict.ofStage(new Set()), DEFAULT_RESOURCE_PROFILE);
  assert.equal(strict.ofStage(new Set([b])), b);
  assert.throws(
    () => strict.ofStage(new Set([a, b])),
    /^IllegalArgumentError: Multiple ResourceProfiles specified in the/,
  );
  const merging = new ResourceProfiles(rules);
  for (const known of [a, b]) merging.add(known);
  const merged = merging.ofStage(new Set([b, a]));
  assert.deepEqual([merged.executorResources['cores']?.amount, merged.taskResources['cpus']?.amount], [4, 2]);
  assert.equal(merging.ofStage(new Set([a, b])), merged);
  assert.equal(merging.get(merged.id), merged);
});

test('the profile of an RDD is that of the stages that compute it, and of no others', () => {
  const cluster = new FakeCluster();
  cluster.backend.addExecutor('1', 4);
  const wanted = profile(4, 2);
  cluster.backend.addExecutor('2', 4, 'host-2', 0, wanted.id);
  const first = mapped(source(1));
  first.resourceProfile = wanted;
  cluster.run(shuffled(1, mapped(first)));
  assert.equal(cluster.backend.launched[0]?.task.cpus, 2);
  assert.equal(cluster.backend.launched[0]?.task.executorId, '2');
  cluster.backend.mapped(cluster.backend.task(0, 0));
  cluster.clock.advance(3000); // its input is on the host of the other executor
  assert.equal(cluster.backend.launched[1]?.task.cpus, 1);
  assert.equal(cluster.backend.launched[1]?.task.executorId, '1');
});

test('two profiles in one stage fail the job at submit', () => {
  const cluster = new FakeCluster();
  const below = source(1);
  below.resourceProfile = profile(4, 2);
  const above = mapped(below);
  above.resourceProfile = profile(2, 2);
  const job = cluster.run(above);
  return assert.rejects(
    job.done,
    /^IllegalArgumentError: Multiple ResourceProfiles specified in the RDDs for this stage/,
  );
});
