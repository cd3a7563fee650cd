import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SparkContext } from '../../src/driver/spark-context.ts';

const KEY = 'spark.scheduler.listenerbus.eventqueue.capacity';

test('events that find no room are dropped, as many as the setting says may wait', async (t) => {
  const settings = { master: 'local[2]', appName: 'capacity', 'spark.log.level': 'OFF', 'spark.ui.enabled': 'false' };
  const sc = await SparkContext.create({ ...settings, [KEY]: '2' });
  t.after(() => sc.stop());
  const heard: string[] = [];
  sc.addSparkListener({ onEvent: ({ type }) => heard.push(type) });
  // What a submission posts comes at once: the job, its stage, and two tasks, for which there is no room.
  assert.equal(await sc.range(0, 2, 1, 2).count(), 2);
  assert.deepEqual(heard.slice(0, 2), ['SparkListenerJobStart', 'SparkListenerStageSubmitted']);
  assert.ok(!heard.includes('SparkListenerTaskStart'), heard.join());
});

test('a capacity of nothing is refused', async () => {
  await assert.rejects(
    SparkContext.create({ master: 'local', appName: 'capacity', [KEY]: '0' }),
    /'0' in spark\.scheduler\.listenerbus\.eventqueue\.capacity is invalid\. It must be larger than 0/,
  );
});
