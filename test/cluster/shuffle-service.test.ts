import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { SparkContext } from '../../src/driver/spark-context.ts';
import { StorageLevel } from '../../src/protocol/storage-level.ts';
import { executorPids } from '../kit/executors.ts';
import { filesBelow } from '../kit/files-below.ts';
import { isAlive, kill } from '../kit/processes.ts';
import { until } from '../kit/until.ts';

const OUTPUT = /\.(data|index)$/;

let scratch: string;
let sc: SparkContext;
before(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'iskra-service-'));
  sc = await SparkContext.create({
    master: 'local-cluster[2,1,1024]',
    appName: 'shuffle service',
    'spark.local.dir': scratch,
    'spark.log.level': 'ERROR',
    'spark.shuffle.service.enabled': 'true',
    'spark.shuffle.readHostLocalDisk': 'false',
    'spark.decommission.enabled': 'true',
    'spark.storage.decommission.enabled': 'true',
    'spark.shuffle.service.fetch.rdd.enabled': 'true',
  });
});
after(async () => {
  await sc.stop();
  assert.deepEqual(readdirSync(scratch), [], 'the files go with the application');
  rmSync(scratch, { recursive: true });
});

test('executors are killed between the stages: no map task runs again', async () => {
  const mapped = sc.longAccumulator('mapped');
  const counts = sc
    .parallelize([...Array(1000).keys()], 4)
    .map((x): [number, number] => {
      mapped.add(1);
      return [x % 10, 1];
    })
    .reduceByKey((a, b) => a + b, 4);
  assert.equal(await counts.count(), 10);
  assert.equal(mapped.value, 1000);
  for (const pid of await executorPids(sc, 2)) await kill(pid);
  const values = await counts.values().collect();
  assert.deepEqual(values, Array(10).fill(100));
  assert.equal(mapped.value, 1000);
});

test('an executor that ends in peace leaves its map outputs, and nothing else', async () => {
  const others = new Set(filesBelow(scratch, OUTPUT));
  const pairs = sc.parallelize([...Array(100).keys()], 2).map((x): [number, number] => [x % 10, x]);
  const grouped = pairs.groupByKey(2);
  assert.equal(await grouped.count(), 10);
  const written = filesBelow(scratch, OUTPUT).filter((name) => !others.has(name));
  assert.equal(written.length, 4);
  const [id] = sc.statusTracker.getExecutorInfos().map((info) => info.executorId);
  await sc.killExecutors([id as string]);
  await until(() => sc.statusTracker.getExecutorInfos().every((info) => info.executorId !== id));
  await sc.requestTotalExecutors(2);
  for (const name of written) assert.ok(existsSync(join(scratch, name)), name);
  const living = 2; // their own files are theirs
  await until(() => filesBelow(scratch, /executors\/blockmgr-[^/]+\/(?!..$|owner\.json)[^/]{3,}$/).length <= living);
  assert.equal(
    (
      await grouped
        .mapValues((xs) => [...xs].length)
        .values()
        .collect()
    ).length,
    10,
  );
});

test('map outputs that a drained executor has handed on outlive their new owner, too', async () => {
  const mapped = sc.longAccumulator('mapped');
  const counts = sc
    .parallelize([...Array(1000).keys()], 4)
    .map((x): [number, number] => {
      mapped.add(1);
      return [x % 10, 1];
    })
    .reduceByKey((a, b) => a + b, 4);
  const [drained = 0, other = 0] = await executorPids(sc, 2);
  assert.equal(await counts.count(), 10);
  process.kill(drained, 'SIGPWR');
  await until(() => !isAlive(drained));
  await kill(other);
  assert.deepEqual(await counts.values().collect(), Array(10).fill(100));
  assert.equal(mapped.value, 1000);
});

test('cached partitions on disk outlive their executor', async () => {
  const computed = sc.longAccumulator('computed');
  const numbers = sc
    .parallelize([...Array(100).keys()], 4)
    .map((x) => {
      computed.add(1);
      return x;
    })
    .persist(StorageLevel.DISK_ONLY);
  assert.equal(await numbers.sum(), 4950);
  assert.equal(computed.value, 100);
  for (const pid of await executorPids(sc, 2)) await kill(pid);
  await executorPids(sc, 2);
  assert.equal(await numbers.sum(), 4950);
  assert.equal(computed.value, 100);
  await numbers.unpersist();
  await until(() => filesBelow(scratch, /rdd_/).length === 0);
});

test('what executors that are gone have written for a shuffle goes when nobody needs it', async () => {
  const others = new Set(filesBelow(scratch, OUTPUT));
  const shuffled = sc
    .parallelize([...Array(100).keys()], 4)
    .map((x): [number, number] => [x % 10, x])
    .groupByKey(4);
  assert.equal(await shuffled.count(), 10);
  const written = filesBelow(scratch, OUTPUT).filter((name) => !others.has(name));
  assert.equal(written.length, 8);
  for (const pid of await executorPids(sc, 2)) await kill(pid);
  await executorPids(sc, 2);
  await shuffled.cleanShuffleDependencies();
  await until(() => written.every((name) => !existsSync(join(scratch, name))));
});
