import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../src/base/logger.ts';
import { SparkConf } from '../../src/config/spark-conf.ts';
import { allocationSettings } from '../../src/driver/allocation-settings.ts';
import { DEFAULT_ALLOCATION } from '../../src/scheduler/allocation-settings.ts';

const on = { master: 'spark://h:7077', 'spark.dynamicAllocation.enabled': 'true' };
const read = (values: Record<string, string>) => allocationSettings(new SparkConf({ ...on, ...values }), silentLogger);
const key = (name: string): string => `spark.dynamicAllocation.${name}`;

test('dynamic allocation is off unless asked for, and in local masters', () => {
  assert.equal(allocationSettings(new SparkConf({ master: 'spark://h:7077' }), silentLogger), null);
  assert.equal(read({ master: 'local[2]' }), null);
  assert.deepEqual(read({}), DEFAULT_ALLOCATION);
});

test('the application begins with the largest of the three numbers', () => {
  assert.equal(read({ [key('minExecutors')]: '3' })?.initialExecutors, 3);
  assert.equal(read({ [key('minExecutors')]: '3', [key('initialExecutors')]: '5' })?.initialExecutors, 5);
  assert.equal(read({ [key('minExecutors')]: '3', 'spark.executor.instances': '7' })?.initialExecutors, 7);
  assert.equal(read({ [key('minExecutors')]: '3', [key('initialExecutors')]: '1' })?.initialExecutors, 3);
});

test('settings that do not fit together are refused', () => {
  const refused: [Record<string, string>, RegExp][] = [
    [{ [key('minExecutors')]: '-1' }, /must be positive!$/],
    [{ [key('maxExecutors')]: '-1' }, /must be positive!$/],
    [{ [key('maxExecutors')]: '0' }, /^IskraError: spark\.dynamicAllocation\.maxExecutors cannot be 0!$/],
    [
      { [key('minExecutors')]: '4', [key('maxExecutors')]: '3' },
      /minExecutors \(4\) must be less than or equal to spark\.dynamicAllocation\.maxExecutors \(3\)!$/,
    ],
    [{ [key('schedulerBacklogTimeout')]: '0' }, /schedulerBacklogTimeout must be > 0!$/],
    [{ [key('sustainedSchedulerBacklogTimeout')]: '0' }, /sustainedSchedulerBacklogTimeout must be > 0!$/],
    [{ [key('executorAllocationRatio')]: '1.5' }, /executorAllocationRatio must be > 0 and <= 1\.0$/],
    [{ [key('executorIdleTimeout')]: '-1' }, /^IskraError: Timeout must be >= 0\.$/],
    [
      { [key('shuffleTracking.enabled')]: 'false' },
      /^IskraError: Dynamic allocation of executors requires one of the following conditions: 1\) enabling external/,
    ],
  ];
  for (const [values, message] of refused) assert.throws(() => read(values), message);
});

test('somebody keeps shuffle data: the service, the tracking, or the draining', () => {
  assert.equal(read({ 'spark.shuffle.service.enabled': 'true' })?.shuffleTimeoutMs, null);
  assert.equal(read({ [key('shuffleTracking.timeout')]: '5min' })?.shuffleTimeoutMs, 300_000);
  const draining = { [key('shuffleTracking.enabled')]: 'false', 'spark.decommission.enabled': 'true' };
  assert.equal(read(draining)?.shuffleTimeoutMs, null);
  assert.equal(read(draining)?.decommission, true);
});
