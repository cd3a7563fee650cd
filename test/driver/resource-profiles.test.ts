import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SparkContext } from '../../src/driver/spark-context.ts';
import { ResourceProfileBuilder } from '../../src/rdd/resource-profile-builder.ts';
import { ExecutorResourceRequests, TaskResourceRequests } from '../../src/rdd/resource-requests.ts';

test('local mode has one executor, which is as it is: no profile but the default one', async () => {
  const sc = await SparkContext.create({ master: 'local[2]', appName: 'profiles', 'spark.log.level': 'OFF' });
  try {
    const rdd = sc.range(4);
    const tasks = new ResourceProfileBuilder().require(new TaskResourceRequests().cpus(2)).build();
    assert.throws(
      () => rdd.withResources(tasks),
      /^IskraError: TaskResourceProfiles are only supported for Standalone, Yarn and Kubernetes cluster for now when dynamic allocation is disabled\.$/,
    );
    const executors = new ResourceProfileBuilder().require(new ExecutorResourceRequests().cores(2)).build();
    assert.throws(() => rdd.withResources(executors), /^IskraError: ResourceProfiles are only supported on YARN/);
    for (const none of [null, undefined, {}])
      assert.throws(
        () => rdd.withResources(none as never),
        /^IllegalArgumentError: withResources\(\) needs a ResourceProfile/,
      );
    assert.equal(rdd.getResourceProfile(), null);
    assert.equal(await rdd.count(), 4);
  } finally {
    await sc.stop();
  }
});
