import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SparkContext } from '../../src/driver/spark-context.ts';
import { StorageLevel } from '../../src/protocol/storage-level.ts';

/** Far less than eight partitions take. */
const SMALL = { 'spark.driver.memory': '512m', 'spark.memory.fraction': '0.01' };

test('partitions that do not fit into memory are computed again, or lie on disk where the level has it', async (t) => {
  const settings = { master: 'local[2]', appName: 'small', 'spark.log.level': 'OFF', ...SMALL };
  const sc = await SparkContext.create(settings);
  t.after(() => sc.stop());
  for (const level of ['MEMORY_ONLY', 'MEMORY_AND_DISK'] as const) {
    const calls = sc.longAccumulator();
    const rdd = sc
      .range(0, 8, 1, 8)
      .flatMap((i) => {
        calls.add(1);
        // Nothing that compresses well.
        let state = i + 1;
        return Array.from({ length: 100_000 }, () => {
          state = (state * 48_271) % 2_147_483_647;
          return state / 7;
        });
      })
      .persist(StorageLevel[level]);
    const sums = [await rdd.sum(), await rdd.sum(), await rdd.sum()];
    assert.deepEqual(sums, [sums[0], sums[0], sums[0]]);
    const [info] = sc.getRDDStorageInfo().filter(({ id }) => id === rdd.id);
    if (level === 'MEMORY_ONLY') {
      assert.ok(Number(calls.value) > 8, `${calls.value} calls`);
      assert.ok((info?.numCachedPartitions ?? 0) < 8, JSON.stringify(info));
      assert.equal(info?.diskSize ?? 0, 0);
    } else {
      assert.equal(Number(calls.value), 8);
      assert.equal(info?.numCachedPartitions, 8);
      assert.ok((info?.diskSize ?? 0) > 0);
    }
    rdd.unpersist();
  }
});
