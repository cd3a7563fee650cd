import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SparkContext } from '../../src/driver/spark-context.ts';

test('garbage is collected once in an interval, without a flag of node, and does not keep the process', async () => {
  const sc = await SparkContext.create({
    master: 'local[1]',
    appName: 'periodic',
    'spark.log.level': 'OFF',
    'spark.cleaner.periodicGC.interval': '20ms',
  });
  await (async () => {
    await sc.range(0, 10, 1, 1).cache().count();
  })();
  const unpersisted = new Promise<void>((resolve) => sc.addSparkListener({ onUnpersistRDD: () => resolve() }));
  const awake = setInterval(() => {}, 1000);
  await unpersisted;
  clearInterval(awake);
  assert.equal(sc.getPersistentRDDs().size, 0);
  await sc.stop();
});
