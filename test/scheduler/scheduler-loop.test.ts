import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IskraError } from '../../src/base/errors.ts';
import { JobFailedError } from '../../src/scheduler/errors.ts';
import { failedWith, mapOutputOf, resultOf } from '../kit/fake-backend.ts';
import { FakeNode, mapped, shuffled, shuffleIdOf, shuffleOf, source } from '../kit/fake-nodes.ts';
import { FakeCluster, settled } from '../kit/fake-scheduler.ts';

function failureOf(outcome: unknown): JobFailedError {
  assert.ok(outcome instanceof JobFailedError, String(outcome));
  return outcome;
}

test('tasks are launched before submitJob returns, so a driver that goes on computing does not hold them up', () => {
  const cluster = new FakeCluster();
  cluster.backend.addExecutor('1', 2);
  cluster.run(source(2));
  assert.equal(cluster.backend.launched.length, 2);
});

test('a task says all that a slot must know', () => {
  const cluster = new FakeCluster();
  cluster.backend.addExecutor('1', 1);
  cluster.run(source(3), { partitions: [2], properties: { 'spark.jobGroup.id': 'g' } });
  assert.deepEqual(cluster.backend.launched[0]?.task, {
    taskId: 0,
    attemptNumber: 0,
    executorId: '1',
    name: '0.0 in stage 0.0 (TID 0)',
    stageId: 0,
    stageAttemptId: 0,
    partition: 2,
    numPartitions: 3,
    cpus: 1,
    resources: null,
    localProperties: { 'spark.jobGroup.id': 'g' },
    programKey: '0.0',
    barrier: null,
    split: { index: 2 },
  });
});

test('the program of a stage attempt travels once to an executor, and is forgotten when the attempt is over', () => {
  const cluster = new FakeCluster();
  cluster.backend.addExecutor('1', 1);
  cluster.backend.addExecutor('2', 1);
  cluster.run(source(4));
  for (let p = 0; p < 4; p++)
    cluster.backend.succeed([...cluster.backend.running.values()][0] ?? cluster.backend.task(0, p));
  const programs = cluster.backend.launched.map((l) => `${l.task.executorId} ${l.program?.key ?? '-'}`).sort();
  assert.deepEqual(
    programs.filter((p) => !p.endsWith('-')),
    ['1 0.0', '2 0.0'],
  );
  assert.deepEqual(cluster.backend.forgotten.map((f) => `${f.executorId} ${f.programKey}`).sort(), ['1 0.0', '2 0.0']);
});

test('a program that cannot be made fails its job with the error that was thrown', async () => {
  const cluster = new FakeCluster();
  cluster.backend.addExecutor('1', 1);
  const cause = new TypeError('cannot capture x');
  cluster.makeProgram = () => {
    throw cause;
  };
  const job = cluster.run(source(1));
  await settled();
  const error = failureOf(job.outcome());
  assert.equal(error.cause, cause);
  assert.match(
    error.message,
    /^Job aborted due to stage failure: Task serialization failed: TypeError: cannot capture x/,
  );
  assert.ok(cluster.scheduler.isIdle);
});

test('what all stages capture is read when the job is submitted, once, whatever the number of attempts', async () => {
  const cluster = new FakeCluster();
  const { makeProgram } = cluster;
  const made: string[] = [];
  cluster.makeProgram = (work, key) => {
    made.push(`${key} ${work.kind}`);
    return makeProgram(work, key);
  };
  cluster.backend.addExecutor('1', 1, 'h');
  const node = shuffled(1, source(1));
  cluster.run(node);
  assert.deepEqual(made, ['0.0 ShuffleMap', '1.0 Result']);
  cluster.backend.loseExecutor('1');
  cluster.backend.addExecutor('2', 1, 'h');
  cluster.backend.mapped(cluster.backend.task(0, 0));
  const reason = {
    kind: 'FetchFailed',
    location: null,
    shuffleId: shuffleIdOf(node),
    mapId: null,
    mapIndex: null,
    reduceId: 0,
    message: '',
  } as const;
  cluster.backend.end(cluster.backend.task(1, 0), { kind: 'Failed', reason, metrics: null });
  cluster.clock.advance(200);
  assert.equal(cluster.backend.launched.at(-1)?.program?.key, '1.1');
  cluster.backend.succeed(cluster.backend.task(1, 0));
  cluster.run(mapped(node));
  assert.deepEqual(made, ['0.0 ShuffleMap', '1.0 Result', '3.0 Result']);
});

test('a late stage that cannot be captured fails the job before any task runs', async () => {
  const cluster = new FakeCluster();
  const { makeProgram } = cluster;
  cluster.makeProgram = (work, key) => {
    if (work.kind === 'Result') throw new Error('no');
    return makeProgram(work, key);
  };
  cluster.backend.addExecutor('1', 4);
  const job = cluster.run(shuffled(1, source(1), source(1)));
  await settled();
  assert.match(failureOf(job.outcome()).message, /Task serialization failed: Error: no/);
  assert.equal(cluster.backend.launched.length, 0);
  assert.deepEqual(cluster.heard('StageSubmitted', 'StageCompleted', 'JobEnd'), [
    'StageSubmitted 0.0',
    'StageSubmitted 1.0',
    'StageCompleted 0.0 failed',
    'StageCompleted 1.0 failed',
    'JobEnd 0 failed',
  ]);
  assert.ok(cluster.scheduler.isIdle);
});

test('a split that cannot be made fails its job, and its siblings are killed', async () => {
  class Broken extends FakeNode {
    override split(index: number) {
      if (index === 1) throw new RangeError('no such block');
      return { index };
    }
  }
  const cluster = new FakeCluster();
  cluster.backend.addExecutor('1', 2);
  const job = cluster.run(new Broken(2));
  await settled();
  assert.ok(failureOf(job.outcome()).cause instanceof RangeError);
  assert.deepEqual(
    cluster.backend.kills.map((k) => k.taskId),
    [...cluster.backend.running.keys()],
  );
  for (const task of cluster.backend.running.values()) cluster.backend.end(task, failedWith('killed'));
  assert.ok(cluster.scheduler.isIdle);
});

test('a launch that throws fails its tasks, not the context', async () => {
  const cluster = new FakeCluster();
  cluster.backend.addExecutor('1', 1);
  const { launch } = cluster.backend;
  cluster.backend.launch = () => {
    throw new Error('could not be cloned');
  };
  const job = cluster.run(source(1));
  await settled();
  assert.match(failureOf(job.outcome()).message, /failed 1 times, .*could not be cloned/s);
  cluster.backend.launch = launch;
  const next = cluster.run(source(1));
  cluster.backend.succeed(cluster.backend.task(1, 0));
  await settled();
  assert.equal(next.outcome(), null);
});

test('a result handler that throws fails its job alone, also at the last result', async () => {
  for (const numTasks of [1, 2]) {
    const cluster = new FakeCluster();
    cluster.backend.addExecutor('1', 4);
    const cause = new Error('not mine');
    const job = cluster.run(source(numTasks), {
      onTaskResult: () => {
        throw cause;
      },
    });
    const other = cluster.run(source(1));
    cluster.backend.succeed(cluster.backend.task(0, 0));
    cluster.backend.succeed(cluster.backend.task(1, 0));
    await settled();
    const error = failureOf(job.outcome());
    assert.equal(error.code, 'RESULT_HANDLER_FAILED');
    assert.equal(error.cause, cause);
    assert.equal(other.outcome(), null);
    for (const task of cluster.backend.running.values()) cluster.backend.succeed(task);
    assert.ok(cluster.scheduler.isIdle);
  }
});

test('a job may be started from the result handler of another', async () => {
  const cluster = new FakeCluster();
  cluster.backend.addExecutor('1', 1);
  let inner: ReturnType<FakeCluster['run']> | null = null;
  const outer = cluster.run(source(1), {
    onTaskResult: () => {
      inner = cluster.run(source(1));
    },
  });
  cluster.backend.succeed(cluster.backend.task(0, 0));
  cluster.backend.succeed(cluster.backend.task(1, 0));
  await settled();
  assert.equal(outer.outcome(), null);
  assert.equal((inner as ReturnType<FakeCluster['run']> | null)?.outcome(), null);
});

test('a backend that answers within launch is heard', async () => {
  const cluster = new FakeCluster();
  const { backend } = cluster;
  backend.launch = (_executorId, launches) => {
    for (const { task } of launches)
      backend.listener.statusUpdate(task.taskId, task.stageId === 0 ? mapOutputOf(task, 'h') : resultOf(task));
  };
  backend.addExecutor('1', 1, 'h');
  const job = cluster.run(shuffled(50, source(50)));
  await settled();
  assert.equal(job.outcome(), null);
  assert.equal(job.results.size, 50);
});

test('cancelling kills what runs and fails the job with the reason', async () => {
  const cluster = new FakeCluster();
  cluster.backend.addExecutor('1', 2);
  const job = cluster.run(source(2), { properties: { 'spark.job.interruptOnCancel': 'true' } });
  job.cancel('because of rain');
  await settled();
  const error = failureOf(job.outcome());
  assert.equal(error.message, 'Job 0 cancelled because of rain');
  assert.equal(error.code, 'JOB_CANCELLED');
  assert.deepEqual(
    cluster.backend.kills.map((k) => [k.taskId, k.interrupt]),
    [
      [0, true],
      [1, true],
    ],
  );
  for (const task of cluster.backend.running.values()) cluster.backend.end(task, failedWith('killed'));
  assert.ok(cluster.scheduler.isIdle);
});

test('cancelling a group leaves other jobs alone', async () => {
  const cluster = new FakeCluster();
  cluster.backend.addExecutor('1', 2);
  const mine = cluster.run(source(1), { properties: { 'spark.jobGroup.id': 'a' } });
  const other = cluster.run(source(1), { properties: { 'spark.jobGroup.id': 'b' } });
  cluster.scheduler.cancelJobGroup('a');
  cluster.backend.succeed(cluster.backend.task(1, 0));
  await settled();
  assert.equal(failureOf(mine.outcome()).message, 'Job 0 cancelled part of cancelled job group a');
  assert.equal(other.outcome(), null);
});

test('a task killed by hand runs again', async () => {
  const cluster = new FakeCluster({ maxFailures: 1 });
  cluster.backend.addExecutor('1', 1);
  const job = cluster.run(source(1));
  assert.equal(cluster.scheduler.killTaskAttempt(7, true, 'no such task'), false);
  assert.equal(cluster.scheduler.killTaskAttempt(0, true, 'by hand'), true);
  assert.deepEqual(cluster.backend.kills[0], { taskId: 0, executorId: '1', interrupt: true, reason: 'by hand' });
  const reason = { kind: 'TaskKilled', reason: 'by hand' } as const;
  cluster.backend.end(cluster.backend.task(0, 0), { kind: 'Failed', reason, metrics: null });
  cluster.backend.succeed(cluster.backend.task(0, 0));
  await settled();
  assert.equal(job.outcome(), null);
});

test('stopping fails every job, stops the backend once, and refuses new jobs', async () => {
  const cluster = new FakeCluster();
  cluster.backend.addExecutor('1', 1);
  const jobs = [cluster.run(source(1)), cluster.run(shuffled(1, source(1)))];
  const task = cluster.backend.task(0, 0);
  cluster.scheduler.stop(new Error('why'));
  cluster.scheduler.stop();
  cluster.backend.succeed(task);
  await settled();
  for (const [id, job] of jobs.entries()) {
    const error = failureOf(job.outcome());
    assert.equal(error.message, `Job ${id} cancelled because SparkContext was shut down`);
    assert.equal((error.cause as Error).message, 'why');
  }
  assert.equal(cluster.backend.stops, 1);
  assert.equal(cluster.clock.numTimers, 0);
  assert.throws(() => cluster.run(source(1)), IskraError);
});

test('a lineage that cannot be listed rejects with its own error, and the context stays usable', async () => {
  const cluster = new FakeCluster();
  cluster.backend.addExecutor('1', 1);
  const cause = new Error('Input path does not exist');
  const node = Object.defineProperty(new FakeNode(1), 'numPartitions', {
    get: () => {
      throw cause;
    },
  });
  const job = cluster.run(node, { partitions: [0] });
  const next = cluster.run(source(1));
  cluster.backend.succeed(cluster.backend.task(0, 0));
  await settled();
  assert.equal(job.outcome(), cause);
  assert.equal(next.outcome(), null);
});

test('a bug in a machine fails every job instead of leaving one hanging', async () => {
  const cluster = new FakeCluster();
  cluster.backend.addExecutor('1', 1);
  const job = cluster.run(shuffled(1, source(1)));
  cluster.mapOutputs.registerMapOutput = () => {
    throw new Error('bug');
  };
  cluster.backend.mapped(cluster.backend.task(0, 0));
  await settled();
  assert.match(failureOf(job.outcome()).message, /the scheduler failed: Error: bug/);
  assert.equal(cluster.fatal.length, 1);
  assert.equal(cluster.backend.stops, 1);
});

test('failed stages are submitted again by the clock', async () => {
  const cluster = new FakeCluster();
  cluster.backend.addExecutor('1', 1, 'h');
  const node = shuffled(1, source(1));
  const job = cluster.run(node);
  const map = cluster.backend.task(0, 0);
  cluster.backend.mapped(map);
  const dependency = node.dependencies[0];
  assert.ok(dependency?.kind === 'Shuffle');
  const location = { executorId: '1', host: 'h', port: 0 };
  const { shuffleId } = dependency;
  const lost = {
    kind: 'FetchFailed',
    location,
    shuffleId,
    mapId: map.taskId,
    mapIndex: 0,
    reduceId: 0,
    message: '',
  } as const;
  cluster.backend.end(cluster.backend.task(1, 0), { kind: 'Failed', reason: lost, metrics: null });
  assert.equal(cluster.backend.running.size, 0);
  cluster.clock.advance(199);
  assert.equal(cluster.backend.running.size, 0);
  cluster.clock.advance(1);
  cluster.backend.mapped(cluster.backend.task(0, 0));
  cluster.backend.succeed(cluster.backend.task(1, 0));
  await settled();
  assert.equal(job.outcome(), null);
  assert.deepEqual(cluster.heard('StageSubmitted'), [
    'StageSubmitted 0.0',
    'StageSubmitted 1.0',
    'StageSubmitted 0.1',
    'StageSubmitted 1.1',
  ]);
});

test('a timer that fires late lets what has arrived be read first', () => {
  const cluster = new FakeCluster();
  cluster.run(source(1));
  cluster.clock.skip(60_000); // the driver computed for a minute
  cluster.clock.after(0, () => cluster.backend.addExecutor('1', 1));
  cluster.clock.advance(0);
  assert.deepEqual(cluster.logs, []);
  assert.equal(cluster.backend.running.size, 1);
});

test('accumulator updates are handed over; one that cannot be added is logged and fails nothing', async () => {
  const cluster = new FakeCluster();
  cluster.backend.addExecutor('1', 2);
  const job = cluster.run(source(2));
  const update = { id: 3, name: 'n', value: 1 };
  const end = (partition: number): void => {
    const task = cluster.backend.task(0, partition);
    const result = resultOf(task);
    assert.ok(result.kind === 'Result');
    cluster.backend.end(task, { ...result, accumulators: [update] });
  };
  end(0);
  assert.deepEqual(cluster.accumulated, [update]);
  cluster.addToAccumulators = () => {
    throw new Error('cannot merge');
  };
  end(1);
  await settled();
  assert.equal(job.outcome(), null);
  assert.match(cluster.logs.join(), /an accumulator could not be updated: Error: cannot merge/);
});

test('a map stage can be computed alone', async () => {
  const cluster = new FakeCluster();
  cluster.backend.addExecutor('1', 2);
  const dependency = shuffleOf(mapped(source(2)), 2);
  const { done } = cluster.scheduler.submitMapStage({ dependency, properties: {}, callSite: 'x' });
  cluster.backend.mapped(cluster.backend.task(0, 0), [1, 2]);
  cluster.backend.mapped(cluster.backend.task(0, 1), [10, 20]);
  assert.deepEqual(await done, { shuffleId: dependency.shuffleId, bytesByPartition: [11, 23] });
});

test('the story of a job with a shuffle, as listeners hear it', () => {
  const cluster = new FakeCluster();
  cluster.backend.addExecutor('1', 1);
  cluster.run(shuffled(1, source(1)));
  cluster.backend.mapped(cluster.backend.task(0, 0));
  cluster.backend.succeed(cluster.backend.task(1, 0));
  const kinds = ['JobStart', 'StageSubmitted', 'TaskStart', 'TaskEnd', 'StageCompleted', 'JobEnd'];
  assert.deepEqual(cluster.heard(...kinds), [
    'JobStart 0',
    'StageSubmitted 0.0',
    'TaskStart 0.0/0',
    'TaskEnd 0.0/0 Success',
    'StageCompleted 0.0',
    'StageSubmitted 1.0',
    'TaskStart 1.0/0',
    'TaskEnd 1.0/0 Success',
    'StageCompleted 1.0',
    'JobEnd 0',
  ]);
});
