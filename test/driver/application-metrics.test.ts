import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../src/base/logger.ts';
import { SparkConf } from '../../src/config/spark-conf.ts';
import { ApplicationMetrics } from '../../src/driver/application-metrics.ts';

test('an application of which nothing is said has no metrics, and no pages of them before it runs', async () => {
  const metrics = await ApplicationMetrics.open(new SparkConf(), silentLogger);
  assert.deepEqual([metrics.properties, metrics.executorSettings, await metrics.pages()], [{}, {}, []]);
  await metrics.stop();
});

test('an application says what its settings say of metrics, its executors get that alone', async () => {
  const lines = { 'spark.metrics.conf.*.sink.out.class': 'ConsoleSink' };
  const metrics = await ApplicationMetrics.open(new SparkConf(lines), silentLogger);
  assert.deepEqual(metrics.executorSettings, lines);
  assert.equal(metrics.properties['*.sink.out.class'], 'ConsoleSink');
  assert.equal(metrics.properties['*.sink.servlet.path'], '/metrics/json');
  assert.deepEqual(
    (await metrics.pages()).map(({ path }) => path),
    ['/metrics/json', '/metrics/prometheus'],
  );
  await metrics.stop();
});
