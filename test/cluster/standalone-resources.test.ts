import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SparkContext } from '../../src/driver/spark-context.ts';
import { TaskContext } from '../../src/rdd/task-context.ts';
import { StandaloneCluster } from '../kit/standalone-cluster.ts';
import { until } from '../kit/until.ts';

test('addresses of a worker go to its executors, and from them to tasks; they come back with the application', async () => {
  const cluster = await StandaloneCluster.start({ workers: 0 });
  try {
    const worker = await cluster.addWorker({ cores: 4, memory: 4096, resources: { gpu: ['a', 'b', 'c', 'd', 'e'] } });
    await cluster.until(({ workers }) => workers.length === 1);
    const sc = await SparkContext.create({
      master: cluster.url,
      appName: 'gpus',
      'spark.log.level': 'FATAL',
      'spark.executor.cores': '2',
      'spark.executor.memory': '1g',
      'spark.executor.resource.gpu.amount': '2',
      'spark.task.resource.gpu.amount': '1',
      'spark.scheduler.minRegisteredResourcesRatio': '1',
      'spark.cores.max': '4',
    });
    try {
      const seen = await sc
        .range(0, 8, 1, 8)
        .map(() => {
          const from = Date.now();
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
          const addresses = TaskContext.get()?.resources().get('gpu')?.addresses ?? [];
          return { pid: process.pid, address: addresses.join(), from, to: Date.now() };
        })
        .collect();
      // Two executors with two addresses each; the fifth is nobody's.
      assert.deepEqual([...new Set(seen.map(({ address }) => address))].sort(), ['a', 'b', 'c', 'd']);
      const owners = new Map(seen.map(({ address, pid }) => [address, pid]));
      assert.ok(owners.get('a') === owners.get('b') && owners.get('c') === owners.get('d'));
      assert.ok(seen.every(({ address, pid }) => owners.get(address) === pid));
      // No two tasks have one address at the same time.
      for (const one of seen)
        for (const other of seen)
          assert.ok(one === other || one.address !== other.address || one.to <= other.from || other.to <= one.from);
      assert.deepEqual(worker.state().resourcesUsed, { gpu: ['a', 'b', 'c', 'd'] });
    } finally {
      await sc.stop();
    }
    await cluster.until(({ workers }) => Object.keys(workers[0]?.resourcesUsed ?? {}).length === 0);
    await until(() => worker.state().executors.length === 0);
    assert.deepEqual(worker.state().resourcesUsed, {});
  } finally {
    await cluster.stop();
  }
});

test('the driver of an application in client mode finds its own resources by script', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'gpus-'));
  try {
    const script = join(directory, 'find.sh');
    writeFileSync(script, `#!/bin/sh\necho '{"name":"gpu","addresses":["7"]}'\n`, { mode: 0o755 });
    const conf = {
      ...{ master: 'local[1]', appName: 'gpus', 'spark.driver.resource.gpu.amount': '1' },
      'spark.driver.resource.gpu.discoveryScript': script,
    };
    const sc = await SparkContext.create(conf);
    await sc.stop();
    assert.deepEqual(sc.resources, new Map([['gpu', { name: 'gpu', addresses: ['7'] }]]));
    await assert.rejects(
      SparkContext.create({ ...conf, 'spark.driver.resource.gpu.amount': '2' }),
      /Resource: gpu, with addresses: 7 is less than what the user requested: 2/,
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('amounts that are none are said before any master is asked', async () => {
  for (const [key, value, why] of [
    ['spark.executor.resource.gpu.amount', 'many', /spark\.executor\.resource\.gpu\.amount .*whole number/],
    ['spark.executor.resource.gpu.amount', '0.5', /spark\.executor\.resource\.gpu\.amount .*whole number/],
    ['spark.executor.resource.gpu', '1', /You must specify an amount config for resource: gpu/],
  ] as const)
    await assert.rejects(
      SparkContext.create({ master: 'spark://127.0.0.1:1', appName: 'x', 'spark.log.level': 'OFF', [key]: value }),
      why,
    );
});
