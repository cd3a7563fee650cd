import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { SparkContext } from '../../src/driver/spark-context.ts';
import { StandaloneCluster } from '../kit/standalone-cluster.ts';

describe('an application on a standalone cluster', () => {
  let cluster: StandaloneCluster;
  let sc: SparkContext;
  before(async () => {
    cluster = await StandaloneCluster.start();
    sc = await SparkContext.create({ master: cluster.url, appName: 'standalone', 'spark.log.level': 'WARN' });
  });
  after(async () => {
    await sc.stop();
    await cluster.stop();
  });

  test('has the id that the master gave it', async () => {
    assert.match(sc.applicationId, /^app-\d{14}-0000$/);
    assert.equal((await cluster.app(sc.applicationId))?.app.name, 'standalone');
  });

  test('runs jobs with shuffles on executors of both workers', async () => {
    const pairs = sc.range(0, 1000, 1, 4).map((x) => [x % 10, 1] as [number, number]);
    const counts = await pairs.reduceByKey((a, b) => a + b, 3).collect();
    assert.deepEqual(
      counts.sort((a, b) => a[0] - b[0]),
      [...Array(10).keys()].map((k) => [k, 100]),
    );
  });
});
