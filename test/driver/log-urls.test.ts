import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SparkConf } from '../../src/config/spark-conf.ts';
import { workerLogUrls } from '../../src/driver/log-urls.ts';

const executor = { execId: 3, workerId: 'worker-1-h-7078', workerWebUiUrl: 'http://h:8081' };

test('logs of an executor are at its worker, or behind its master', () => {
  const query = '/logPage/?appId=app-1&executorId=3&logType=stderr';
  for (const [settings, url] of [
    [{}, `http://h:8081${query}`],
    [{ 'spark.ui.reverseProxy': 'true' }, `/proxy/worker-1-h-7078${query}`],
    [
      { 'spark.ui.reverseProxy': 'true', 'spark.ui.reverseProxyUrl': 'https://front/spark/' },
      `https://front/spark/proxy/worker-1-h-7078${query}`,
    ],
  ] as const) {
    const urls = workerLogUrls(new SparkConf(settings), 'app-1', executor);
    assert.deepEqual(Object.keys(urls), ['stdout', 'stderr']);
    assert.equal(urls['stderr'], url);
  }
  assert.deepEqual(workerLogUrls(new SparkConf(), 'app-1', { ...executor, workerWebUiUrl: '' }), {});
});
