import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SparkConf } from '../../src/config/spark-conf.ts';
import { checkHeartbeats } from '../../src/driver/backend-needs.ts';
import { SparkContext } from '../../src/driver/spark-context.ts';

const INTERVAL = 'spark.executor.heartbeatInterval';
const TIMEOUT = 'spark.network.timeout';

test('heartbeats have to come more often than an executor may be silent', async () => {
  const text =
    /^IllegalArgumentError: The value of spark\.network\.timeout=5000ms must be greater than the value of spark\.executor\.heartbeatInterval=10000ms\.$/;
  assert.throws(() => checkHeartbeats(new SparkConf({ [TIMEOUT]: '5s' })), text);
  assert.throws(() => checkHeartbeats(new SparkConf({ [TIMEOUT]: '10s', [INTERVAL]: '10s' })), /=10000ms\.$/);
  checkHeartbeats(new SparkConf({ [TIMEOUT]: '5s', [INTERVAL]: '4s' }));
  for (const master of ['local', 'local-cluster[1,1,1024]', 'spark://127.0.0.1:1'])
    await assert.rejects(SparkContext.create({ master, appName: 'silent', [TIMEOUT]: '5s' }), text);
});
