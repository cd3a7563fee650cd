import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { IllegalArgumentError } from '../../src/base/errors.ts';
import { SparkContext } from '../../src/driver/spark-context.ts';
import type { SparkListenerEvent } from '../../src/protocol/spark-listener-event.ts';
import type { FutureAction } from '../../src/rdd/future-action.ts';
import { TaskContext } from '../../src/rdd/task-context.ts';
import { until } from '../kit/until.ts';

let sc: SparkContext;
const events: SparkListenerEvent[] = [];
before(async () => {
  sc = await SparkContext.create({ master: 'local[2]', appName: 'jobs', 'spark.log.level': 'OFF' });
  sc.addSparkListener({ onEvent: (event) => void events.push(event) });
});
after(() => sc.stop());

const ended = (action: Promise<unknown>): Promise<Error> =>
  action.then(
    () => assert.fail('the job was not cancelled'),
    (error: Error) => error,
  );

/** A job of one task that goes on until it is killed. */
const endless = (): FutureAction<number> =>
  sc
    .range(0, 1, 1, 1)
    .map((x) => {
      while (!(TaskContext.get()?.isInterrupted() ?? true));
      return x;
    })
    .count();

const started = async (jobs: number): Promise<void> => {
  await until(() => sc.statusTracker.getActiveJobIds().length >= jobs);
};

/** A scope of its own for each test: what one sets is not the next one's. */
const scoped = (body: () => Promise<void>) => () => sc.withLocalProperties({}, body);

describe('local properties', () => {
  test(
    'reach the tasks, and null removes them',
    scoped(async () => {
      const seen = () => sc.range(0, 1, 1, 1).map(() => TaskContext.get()?.getLocalProperty('colour') ?? 'none');
      sc.setLocalProperty('colour', 'red');
      assert.deepEqual(await seen().collect(), ['red']);
      sc.setLocalProperty('colour', null);
      assert.equal(sc.getLocalProperty('colour'), null);
      assert.deepEqual(await seen().collect(), ['none']);
    }),
  );

  test(
    'are inherited by what is called, and never leak between siblings',
    scoped(async () => {
      sc.setLocalProperty('a', 'outer');
      const child = (name: string) =>
        sc.withLocalProperties({ b: name }, async () => {
          await Promise.resolve();
          sc.setLocalProperty('a', name);
          await Promise.resolve();
          return [sc.getLocalProperty('a'), sc.getLocalProperty('b')];
        });
      assert.deepEqual(await Promise.all([child('x'), child('y')]), [
        ['x', 'x'],
        ['y', 'y'],
      ]);
      assert.deepEqual([sc.getLocalProperty('a'), sc.getLocalProperty('b')], ['outer', null]);
    }),
  );

  test('are not seen by async functions that run beside', async () => {
    const child = async (name: string): Promise<string | null> => {
      await Promise.resolve();
      sc.setLocalProperty('side', name);
      await new Promise((go) => setImmediate(go));
      return sc.getLocalProperty('side');
    };
    assert.deepEqual(await Promise.all([child('x'), child('y')]), ['x', 'y']);
    assert.equal(sc.getLocalProperty('side'), null);
  });

  test('a job has those of the moment of its call', async () => {
    const described = sc.withLocalProperties({ 'spark.job.description': 'first' }, () => sc.range(3).count());
    await described;
    const start = events.findLast((e) => e.type === 'SparkListenerJobStart');
    assert.equal(start?.type === 'SparkListenerJobStart' && start.properties['spark.job.description'], 'first');
  });
});

test('local properties are texts by names, and nothing else', () =>
  sc.withLocalProperties({}, async () => {
    assert.equal(sc.getLocalProperty('toString'), null);
    const seen = await sc.runJob(sc.range(0, 1, 1, 1), (_, task) => task.getLocalProperty('toString'));
    assert.deepEqual(seen, [null]);
    for (const wrong of [5, undefined])
      assert.throws(() => sc.withLocalProperties({ a: wrong as never }, () => assert.fail()), {
        name: 'IllegalArgumentError',
        message: `local property a must be a string, or null to remove it, but is ${wrong}`,
      });
    sc.setJobGroup('G');
    assert.deepEqual(
      [sc.getLocalProperty('spark.jobGroup.id'), sc.getLocalProperty('spark.job.description')],
      ['G', null],
    );
  }));

test('listeners, names of accumulators and ids of executors are what they should be', async () => {
  for (const wrong of [null, undefined, 5])
    assert.throws(
      () => sc.addSparkListener(wrong as never),
      /^IllegalArgumentError: addSparkListener\(\) needs an object/,
    );
  assert.throws(() => sc.longAccumulator(5 as never), /the name of an accumulator must be a text, but is 5/);
  await assert.rejects(
    sc.killExecutors('12' as never),
    /killExecutors\(\) needs a list of ids of executors, but was given "12"/,
  );
});

describe('tags', () => {
  test(
    'are kept once each, in order, as one property',
    scoped(async () => {
      for (const tag of ['a', 'b', 'a']) sc.addJobTag(tag);
      assert.deepEqual([...sc.getJobTags()], ['a', 'b']);
      assert.equal(sc.getLocalProperty('spark.job.tags'), 'a,b');
      sc.removeJobTag('a');
      sc.removeJobTag('unknown');
      assert.deepEqual([...sc.getJobTags()], ['b']);
      sc.addJobTags(new Set(['c', 'b', 'd']));
      assert.deepEqual([...sc.getJobTags()], ['b', 'c', 'd']);
      sc.removeJobTags(['b', 'd', 'unknown']);
      assert.deepEqual([...sc.getJobTags()], ['c']);
      assert.throws(() => sc.addJobTags(['e', 'f,g']), /Spark job tag cannot contain ','/);
      assert.deepEqual([...sc.getJobTags()], ['c']);
      sc.clearJobTags();
      assert.deepEqual([...sc.getJobTags()], []);
      assert.equal(sc.getLocalProperty('spark.job.tags'), null);
    }),
  );

  test('that cannot be tags are refused', () => {
    const cases: [unknown, string][] = [
      [null, 'Spark job tag cannot be null.'],
      ['', 'Spark job tag cannot be an empty string.'],
      ['a,b', "Spark job tag cannot contain ','."],
    ];
    for (const [tag, message] of cases)
      for (const method of ['addJobTag', 'removeJobTag', 'cancelJobsWithTag'] as const)
        assert.throws(
          () => sc[method](tag as string),
          (e) => e instanceof IllegalArgumentError && e.message === message,
        );
  });

  test('choose the jobs that are cancelled', async () => {
    const tagged = (...tags: string[]) =>
      sc.withLocalProperties({ 'spark.job.tags': tags.join(',') }, () => ended(endless()));
    const one = tagged('x', 'y');
    const other = tagged('z');
    await started(2);
    const ids = sc.statusTracker.getJobIdsForTag('y');
    assert.equal(ids.length, 1);
    sc.cancelJobsWithTag('y', 'not wanted');
    assert.equal((await one).message, `Job ${ids[0]} cancelled not wanted`);
    assert.deepEqual(sc.statusTracker.getActiveJobIds(), sc.statusTracker.getJobIdsForTag('z'));
    sc.cancelJobsWithTag('z');
    assert.match((await other).message, /cancelled part of cancelled job tags z$/);
  });
});

describe('groups', () => {
  test(
    'are three properties, which clearJobGroup removes',
    scoped(async () => {
      const keys = ['spark.jobGroup.id', 'spark.job.description', 'spark.job.interruptOnCancel'];
      const now = () => keys.map((key) => sc.getLocalProperty(key));
      sc.setJobGroup('G', 'about G');
      assert.deepEqual(now(), ['G', 'about G', 'false']);
      sc.setJobDescription('more of it');
      sc.setInterruptOnCancel(true);
      assert.deepEqual(now(), ['G', 'more of it', 'true']);
      sc.clearJobGroup();
      assert.deepEqual(now(), [null, null, null]);
    }),
  );

  test('are cancelled by themselves', async () => {
    const grouped = (group: string) =>
      sc.withLocalProperties({}, () => {
        sc.setJobGroup(group, `about ${group}`, true);
        return ended(endless());
      });
    const a = grouped('A');
    const b = grouped('B');
    await started(2);
    const [id] = sc.statusTracker.getJobIdsForGroup('A');
    sc.cancelJobGroup('A');
    assert.equal((await a).message, `Job ${id} cancelled part of cancelled job group A`);
    assert.equal(sc.statusTracker.getJobInfo(sc.statusTracker.getJobIdsForGroup('B')[0] ?? -1)?.status, 'RUNNING');
    sc.cancelJobGroup('B', 'enough');
    assert.match((await b).message, /cancelled enough$/);
  });

  test(
    'are cancelled with what is to come',
    scoped(async () => {
      sc.cancelJobGroupAndFutureJobs('never');
      sc.setJobGroup('never', null);
      assert.match((await ended(sc.range(3).count())).message, /part of cancelled job group never/);
      sc.clearJobGroup();
      assert.equal(await sc.range(3).count(), 3);
    }),
  );
});

describe('cancelling', () => {
  test('a job, or all of them, shows the reason', async () => {
    const one = endless();
    sc.cancelJob(one.jobIds[0] ?? -1, 'for a reason');
    assert.equal((await ended(one)).message, `Job ${one.jobIds[0]} cancelled for a reason`);
    const others = [endless(), endless()];
    const ends = Promise.all(others.map(ended));
    sc.cancelAllJobs();
    assert.deepEqual(
      (await ends).map(({ message }) => message),
      others.map(({ jobIds: [id] }) => `Job ${id} cancelled as part of cancellation of all jobs`),
    );
  });

  test('a stage fails its jobs', async () => {
    const job = ended(endless());
    await until(() => sc.statusTracker.getActiveStageIds().length > 0);
    const [stage] = sc.statusTracker.getActiveStageIds();
    sc.cancelStage(stage ?? -1, 'of a reason');
    assert.match((await job).message, /cancelled because of a reason/);
  });

  test('what nobody knows is harmless', async () => {
    sc.cancelJob(10_000);
    sc.cancelStage(10_000);
    sc.cancelJobGroup('nobody');
    sc.cancelJobsWithTag('nobody');
    assert.equal(sc.killTaskAttempt(10_000_000), false);
    assert.equal(await sc.range(3).count(), 3);
  });

  test('a task attempt has it tried again, in a job that may not fail once', async () => {
    const before = events.length;
    const counted = sc
      .range(0, 1, 1, 1)
      .map(() => {
        const task = TaskContext.get();
        while (task?.attemptNumber === 0 && !task.isInterrupted());
        return task?.attemptNumber ?? -1;
      })
      .collect();
    const running = () => events.slice(before).find((e) => e.type === 'SparkListenerTaskStart');
    await until(() => running() !== undefined);
    const start = running();
    assert.ok(start?.type === 'SparkListenerTaskStart');
    assert.equal(sc.killTaskAttempt(start.task.taskId, true, 'to see'), true);
    assert.deepEqual(await counted, [1]);
    const end = events.slice(before).find((e) => e.type === 'SparkListenerTaskEnd');
    assert.deepEqual(end?.type === 'SparkListenerTaskEnd' && end.reason, { kind: 'TaskKilled', reason: 'to see' });
  });
});

describe('the status tracker', () => {
  test('tells of jobs and stages, running and over', async () => {
    const tracker = sc.statusTracker;
    const action = sc
      .range(0, 8, 1, 4)
      .map((x): [number, number] => [x % 2, x])
      .reduceByKey((a, b) => a + b, 2)
      .collect();
    const [jobId = -1] = action.jobIds;
    const running = tracker.getJobInfo(jobId);
    assert.equal(running?.status, 'RUNNING');
    const [map = -1, result = -1] = running?.stageIds ?? [];
    assert.deepEqual(tracker.getActiveStageIds(), [map]);
    assert.equal(tracker.getStageInfo(map)?.numTasks, 4);
    await action;
    assert.equal(tracker.getJobInfo(jobId)?.status, 'SUCCEEDED');
    assert.ok(tracker.getJobIdsForGroup(null).includes(jobId));
    assert.deepEqual(tracker.getActiveStageIds(), []);
    const info = tracker.getStageInfo(result);
    assert.deepEqual(
      [info?.numTasks, info?.numCompletedTasks, info?.numActiveTasks, info?.numFailedTasks, info?.currentAttemptId],
      [2, 2, 0, 0, 0],
    );
    assert.match(info?.name ?? '', /^collect at /);
    assert.ok((info?.submissionTime ?? 0) >= sc.startTime);
    assert.equal(tracker.getJobInfo(99_999), null);
    assert.equal(tracker.getStageInfo(99_999), null);
  });

  test('says that a job failed, and how many of its tasks', async () => {
    const action = sc.range(0, 1, 1, 1).map((x): number => {
      throw new Error(`no ${x}`);
    });
    const running = action.count();
    await assert.rejects(running.then(() => {}));
    const info = sc.statusTracker.getJobInfo(running.jobIds[0] ?? -1);
    assert.equal(info?.status, 'FAILED');
    assert.equal(sc.statusTracker.getStageInfo(info?.stageIds[0] ?? -1)?.numFailedTasks, 1);
  });

  test('knows the executor, its tasks and its cached bytes', async () => {
    const cached = sc.range(0, 1000, 1, 2).cache();
    await cached.count();
    const [executor] = sc.statusTracker.getExecutorInfos();
    assert.equal(sc.statusTracker.getExecutorInfos().length, 1);
    assert.deepEqual([executor?.executorId, executor?.numRunningTasks], ['driver', 0]);
    assert.ok((executor?.cacheSize ?? 0) > 0);
    const [info] = sc.getRDDStorageInfo();
    assert.deepEqual(
      [info?.id, info?.name, info?.numPartitions, info?.numCachedPartitions, info?.memSize],
      [cached.id, 'RangeRDD', 2, 2, executor?.usedOnHeapStorageMemory],
    );
    assert.deepEqual([...sc.getPersistentRDDs().keys()], [cached.id]);
    assert.equal(await sc.getPersistentRDDs().get(cached.id)?.count(), 1000);
    const [memory] = sc.getExecutorMemoryStatus().values();
    assert.equal((memory?.maxMemory ?? 0) - (memory?.remainingMemory ?? 0), info?.memSize);
    cached.unpersist();
    assert.deepEqual([sc.getRDDStorageInfo(), sc.getPersistentRDDs().size], [[], 0]);
    await Promise.resolve();
    assert.deepEqual(
      events.findLast((e) => e.type === 'SparkListenerUnpersistRDD'),
      { ...events.findLast((e) => e.type === 'SparkListenerUnpersistRDD'), rddId: cached.id },
    );
  });
});

describe('the context', () => {
  test('tells what it is', () => {
    assert.match(sc.version, /^\d+\.\d+/);
    assert.ok(sc.sparkUser.length > 0);
    assert.deepEqual(
      [sc.deployMode, sc.applicationAttemptId, sc.uiWebUrl, sc.getCheckpointDir(), sc.isLocal],
      ['client', null, null, null, true],
    );
    assert.deepEqual([sc.resources, sc.files, sc.archives], [new Map(), [], []]);
    assert.equal(sc.getConf().getText('spark.app.name'), 'jobs');
    sc.getConf().set('spark.app.name', 'other');
    assert.equal(sc.appName, 'jobs');
  });

  test('has no pools in FIFO mode, and no executors to ask for', async () => {
    assert.equal(sc.getSchedulingMode(), 'FIFO');
    assert.deepEqual([sc.getAllPools(), sc.getPoolForName('default')], [[], null]);
    assert.equal(await sc.requestExecutors(1), false);
    assert.equal(await sc.requestTotalExecutors(1), false);
    assert.equal(await sc.killExecutors(['1']), false);
    assert.equal(await sc.killExecutor('1'), false);
    await assert.rejects(sc.requestExecutors(-1), IllegalArgumentError);
  });
});
