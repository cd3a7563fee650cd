import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type Logger, silentLogger } from '../../src/base/logger.ts';
import { type ConfValues, SparkConf } from '../../src/config/spark-conf.ts';
import { Checkpoints } from '../../src/driver/checkpoints.ts';
import { SparkContext } from '../../src/driver/spark-context.ts';

const root = mkdtempSync(join(tmpdir(), 'iskra-context-'));
after(() => rmSync(root, { recursive: true, force: true }));

const create = (conf: ConfValues = {}): Promise<SparkContext> =>
  SparkContext.create({ master: 'local[2]', appName: 'context', 'spark.log.level': 'OFF', ...conf });

test('a master and a name are needed, in Spark’s words', async () => {
  await assert.rejects(
    SparkContext.create({ appName: 'a' }),
    /^IskraError: A master URL must be set in your configuration/,
  );
  await assert.rejects(
    SparkContext.create({ master: 'local' }),
    /^IskraError: An application name must be set in your configuration/,
  );
});

test('one runs at a time; what failed to start leaves no trace, and after stop there is room', async () => {
  await assert.rejects(create({ 'spark.task.cpus': '3' }), /has to be >= the number of cpus per task/);
  const [first, second] = await Promise.allSettled([create(), create()]);
  assert.ok(first.status === 'fulfilled');
  const sc = first.value;
  // Also one that only begins to be.
  assert.match(String(second.status === 'rejected' && second.reason), /Only one SparkContext should be running/);
  await assert.rejects(create(), /Only one SparkContext should be running in this process \(see SPARK-2243\)/);
  const same = await SparkContext.getOrCreate({ master: 'local[7]', appName: 'other' });
  assert.equal(same, sc);
  assert.deepEqual([same.master, same.appName, same.defaultParallelism], ['local[2]', 'context', 2]);
  await sc.stop();
  const next = await SparkContext.getOrCreate({ master: 'local[1]', appName: 'next', 'spark.log.level': 'OFF' });
  assert.deepEqual([next === sc, next.appName], [false, 'next']);
  await next.stop();
});

test('a stopped one says so at every call, and its jobs are told why they end', async () => {
  const sc = await create();
  const rdd = sc.range(3);
  const endless = sc.range(0, 1, 1, 1).mapAsync(() => new Promise<number>(() => {}));
  const pending = endless.count();
  const told = assert.rejects(
    pending.then(() => {}),
    {
      message: `Job ${pending.jobIds[0]} cancelled because SparkContext was shut down`,
    },
  );
  assert.equal(sc.isStopped, false);
  await Promise.all([sc.stop(), sc.stop()]);
  await sc.stop();
  await told;
  assert.equal(sc.isStopped, true);
  const calls: (() => unknown)[] = [
    () => rdd.map((x) => x),
    () => rdd.count(),
    () => rdd.cache(),
    () => rdd.checkpoint(),
    () => sc.parallelize([1]),
    () => sc.range(1),
    () => sc.textFile(root),
    () => sc.emptyRDD(),
    () => sc.union([]),
    () => sc.runJob(rdd, () => 1),
    () => sc.broadcast(1),
    () => sc.longAccumulator(),
    () => sc.setCheckpointDir(root),
    () => sc.getAllPools(),
    () => sc.getPersistentRDDs(),
  ];
  for (const call of calls)
    assert.throws(call, { code: 'CONTEXT_STOPPED', message: /SparkContext has been shutdown$/ }, String(call));
  await assert.rejects(sc.addFile(root), /SparkContext has been shutdown/);
  await assert.rejects(sc.requestExecutors(1), /SparkContext has been shutdown/);
});

test('as many partitions as slots, or as spark.default.parallelism says; of files two at most', async () => {
  for (const [conf, parallelism, ofFiles] of [
    [{ master: 'local[3]' }, 3, 2],
    [{ master: 'local' }, 1, 1],
    [{ master: 'local[2]', 'spark.default.parallelism': '7' }, 7, 2],
  ] as const) {
    await using sc = await create(conf);
    assert.deepEqual([sc.defaultParallelism, sc.defaultMinPartitions], [parallelism, ofFiles]);
    assert.equal(sc.parallelize([1]).getNumPartitions(), parallelism);
  }
});

test('a small cluster counts for two slots', async () => {
  await using sc = await create({ master: 'local-cluster[1,1,1024]' });
  assert.deepEqual([sc.defaultParallelism, sc.defaultMinPartitions, sc.isLocal], [2, 2, false]);
});

test('how many partitions take() looks at is set by spark.rdd.limit.*', async () => {
  for (const [conf, jobs] of [
    [{}, 3],
    [{ 'spark.rdd.limit.initialNumPartitions': '20' }, 1],
    [{ 'spark.rdd.limit.scaleUpFactor': '20' }, 2],
  ] as const) {
    await using sc = await create(conf);
    const taking = sc
      .range(0, 20, 1, 20)
      .filter((x) => x === 19)
      .take(1);
    assert.deepEqual(await taking, [19]);
    assert.equal(taking.jobIds.length, jobs, JSON.stringify(conf));
  }
});

test('with spark.hadoop.validateOutputSpecs=false a save goes into a directory that is there', async () => {
  await using sc = await create({ 'spark.hadoop.validateOutputSpecs': 'false' });
  const out = join(root, 'out');
  await sc.parallelize(['a', 'b'], 2).saveAsTextFile(out);
  await sc.parallelize(['c'], 1).saveAsTextFile(out);
  assert.deepEqual(await sc.textFile(out).collect(), ['c', 'b']);
});

test('pools of the FAIR mode are the default one and those that jobs named', async () => {
  await using sc = await create({ 'spark.scheduler.mode': 'FAIR' });
  assert.equal(sc.getSchedulingMode(), 'FAIR');
  await sc.withLocalProperties({ 'spark.scheduler.pool': 'night' }, () => sc.range(3).count());
  assert.deepEqual(
    sc.getAllPools().map(({ name }) => name),
    ['default', 'night'],
  );
  assert.deepEqual(sc.getPoolForName('night'), {
    name: 'night',
    schedulingMode: 'FIFO',
    weight: 1,
    minShare: 0,
    runningTasks: 0,
  });
  assert.equal(sc.getPoolForName('day'), null);
});

test('the log level is one of eight, in any case', async () => {
  await using sc = await create();
  for (const level of ['all', 'Warn', 'OFF']) sc.setLogLevel(level);
  for (const wrong of ['LOUD', '', null, 3])
    assert.throws(() => sc.setLogLevel(wrong as string), {
      name: 'IllegalArgumentError',
      message: `Supplied level ${wrong} did not match one of: ALL,TRACE,DEBUG,INFO,WARN,ERROR,FATAL,OFF`,
    });
});

test('executors cannot be asked for by less than none', async () => {
  await using sc = await create();
  const message =
    'Attempted to request a negative number of executor(s) -2 from the cluster manager. Please specify a positive number!';
  await assert.rejects(sc.requestTotalExecutors(-2), { name: 'IllegalArgumentError', message });
  await assert.rejects(sc.requestExecutors(-2), {
    name: 'IllegalArgumentError',
    message: message.replace('executor(s)', 'additional executor(s)'),
  });
});

test('of checkpoints on a local disk there is a warning where executors may not see it, and of local ones that may go', () => {
  const warnings: string[] = [];
  const log: Logger = { ...silentLogger, named: () => log, warn: (message) => warnings.push(message) };
  const of = (isLocal: boolean, conf: Record<string, string> = {}): Checkpoints =>
    new Checkpoints({
      conf: new SparkConf(conf),
      isLocal,
      log,
      isStored: () => false,
      written: () => {},
    });
  of(true).setDir(root);
  assert.deepEqual(warnings, []);
  of(false).setDir(root);
  assert.deepEqual(warnings, [
    `Spark is not running in local mode, therefore the checkpoint directory must not be on the local filesystem. Directory '${root}' appears to be on the local filesystem.`,
  ]);
  const dynamic = { 'spark.dynamicAllocation.enabled': 'true' };
  const timeout = { 'spark.dynamicAllocation.cachedExecutorIdleTimeout': '10s' };
  assert.deepEqual(
    [of(true).unsafeLocally, of(true, dynamic).unsafeLocally, of(true, timeout).unsafeLocally],
    [null, null, null],
  );
  assert.match(
    String(of(true, { ...dynamic, ...timeout }).unsafeLocally),
    /^Local checkpointing is NOT safe to use with dynamic allocation/,
  );
});
