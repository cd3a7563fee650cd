import assert from 'node:assert/strict';
import { StorageLevel } from '../../src/protocol/storage-level.ts';
import { type Behaviour, numbers, sorted } from './behaviour.ts';

/** cache, persist, unpersist, names, toDebugString. */
export const persistBehaviours: readonly Behaviour[] = [
  [
    'a cached RDD is computed once',
    async (sc) => {
      const calls = sc.longAccumulator();
      const rdd = sc
        .range(0, 100, 1, 4)
        .map((x) => {
          calls.add(1);
          return x * 2;
        })
        .cache();
      assert.equal(await rdd.count(), 100);
      assert.deepEqual(
        await rdd.collect(),
        numbers(100).map((x) => x * 2),
      );
      assert.equal(await rdd.filter((x) => x > 100).count(), 49);
      assert.equal(Number(calls.value), 100);
      rdd.unpersist();
    },
  ],
  [
    'an RDD that is not persisted is computed each time',
    async (sc) => {
      const calls = sc.longAccumulator();
      const rdd = sc.range(0, 10, 1, 2).map((x) => {
        calls.add(1);
        return x;
      });
      await rdd.count();
      await rdd.count();
      assert.equal(Number(calls.value), 20);
    },
  ],
  [
    'all storage levels give the same records',
    async (sc) => {
      const { MEMORY_ONLY, MEMORY_ONLY_SER, MEMORY_AND_DISK, MEMORY_AND_DISK_SER, DISK_ONLY } = StorageLevel;
      for (const level of [MEMORY_ONLY, MEMORY_ONLY_SER, MEMORY_AND_DISK, MEMORY_AND_DISK_SER, DISK_ONLY]) {
        const rdd = sc
          .range(0, 5000, 1, 3)
          .map((x) => [x, `v${x}`])
          .persist(level);
        for (let i = 0; i < 2; i++)
          assert.deepEqual(
            await rdd.values().collect(),
            numbers(5000).map((x) => `v${x}`),
          );
        rdd.unpersist();
      }
    },
  ],
  [
    'a cached shuffle result, cached partitions that are empty, and a cached union',
    async (sc) => {
      const counts = sc
        .parallelize(['a', 'b', 'a'], 2)
        .map((w) => [w, 1])
        .reduceByKey((a, b) => a + b, 6)
        .cache();
      const both = counts.union(counts.mapValues((n) => -n)).cache();
      for (let i = 0; i < 2; i++) {
        assert.deepEqual(sorted(await counts.collect()), [
          ['a', 2],
          ['b', 1],
        ]);
        assert.equal(await both.values().sum(), 0);
      }
      both.unpersist();
      counts.unpersist();
    },
  ],
  [
    'take on a cached RDD does not spoil the cache',
    async (sc) => {
      const rdd = sc
        .range(0, 10_000, 1, 2)
        .map((x) => x + 1)
        .cache();
      assert.deepEqual(await rdd.take(2), [1, 2]);
      assert.equal(await rdd.count(), 10_000);
      assert.deepEqual(await rdd.take(2), [1, 2]);
      rdd.unpersist();
    },
  ],
  [
    'a user cannot change cached records through what an action gave',
    async (sc) => {
      const rdd = sc
        .parallelize([{ n: 1 }], 1)
        .map((r) => ({ n: r.n }))
        .cache();
      for (let i = 0; i < 2; i++) {
        const [record] = await rdd.collect();
        assert.equal(record?.n, 1);
        if (record !== undefined) record.n = 99;
      }
      rdd.unpersist();
    },
  ],
  [
    'persist again with the same level is fine, with another an error until unpersist',
    async (sc) => {
      const rdd = sc.range(3);
      assert.deepEqual(rdd.getStorageLevel(), StorageLevel.NONE);
      assert.equal(rdd.persist(StorageLevel.DISK_ONLY), rdd);
      rdd.persist(StorageLevel.DISK_ONLY);
      assert.throws(() => rdd.cache(), /Cannot change storage level of an RDD after it was already assigned a level/);
      assert.deepEqual(rdd.getStorageLevel(), StorageLevel.DISK_ONLY);
      assert.equal(rdd.unpersist(), rdd);
      assert.deepEqual(rdd.getStorageLevel(), StorageLevel.NONE);
      assert.deepEqual(rdd.cache().getStorageLevel(), StorageLevel.MEMORY_ONLY);
      rdd.unpersist();
      rdd.unpersist();
    },
  ],
  [
    'persist refuses what is no storage level, and takes those of the user',
    async (sc) => {
      const rdd = sc.range(0, 4, 1, 2);
      const { MEMORY_ONLY } = StorageLevel;
      for (const wrong of [
        null,
        {},
        'MEMORY_ONLY',
        { ...MEMORY_ONLY, replication: 0 },
        { ...MEMORY_ONLY, replication: 40 },
        { ...MEMORY_ONLY, useMemory: 1 },
      ])
        assert.throws(() => rdd.persist(wrong as never), {
          name: 'IllegalArgumentError',
          message: /storage level|^Replication restricted to be less than 40/,
        });
      assert.deepEqual(rdd.getStorageLevel(), StorageLevel.NONE);
      rdd.persist({ ...MEMORY_ONLY, useDisk: true, deserialized: false });
      assert.equal(await rdd.sum(), 6);
      rdd.unpersist();
    },
  ],
  [
    'ids grow and names are kept',
    async (sc) => {
      const a = sc.range(3);
      const b = a.map((x) => x);
      assert.ok(b.id > a.id);
      assert.equal(b.name, null);
      assert.equal(b.setName('numbers'), b);
      assert.equal(b.name, 'numbers');
      assert.match(b.toString(), /^numbers MapPartitionsRDD\[\d+\] at map at persist-behaviours\.[tj]s:\d+$/);
    },
  ],
  [
    'toDebugString draws the lineage as Spark does',
    async (sc) => {
      const words = sc.parallelize(['a'], 2);
      const counts = words
        .map((w) => [w, 1])
        .reduceByKey((a, b) => a + b, 3)
        .mapValues((n) => n);
      const drawn = counts.toDebugString().replace(/\[\d+\] at (\w+) at \S+/g, ' $1');
      assert.equal(
        drawn,
        [
          '(3) MapPartitionsRDD mapValues []',
          ' |  ShuffledRDD reduceByKey []',
          ' +-(2) MapPartitionsRDD map []',
          '    |  ParallelCollectionRDD parallelize []',
        ].join('\n'),
      );
    },
  ],
  [
    'toDebugString shows joins and storage levels, and sizes of what is cached',
    async (sc) => {
      const a = sc.parallelize([['a', 1]], 10).cache();
      const b = sc.parallelize([['a', 2]], 2);
      const drawn = a
        .join(b, 10)
        .toDebugString()
        .replace(/\[\d+\] at (\w+) at \S+/g, ' $1');
      assert.equal(
        drawn,
        [
          '(10) MapPartitionsRDD join []',
          ' |   CoGroupedRDD join []',
          ' +-(10) ParallelCollectionRDD parallelize [Memory Deserialized 1x Replicated]',
          ' +-(2) ParallelCollectionRDD parallelize []',
        ].join('\n'),
      );
      await a.count();
      assert.match(
        a.toDebugString(),
        /^\(10\) Par\S+ at parallelize at \S+ \[Memory Deserialized 1x Replicated\]\n \| {8}CachedPartitions: 10; MemorySize: [\d.]+ (B|KiB); DiskSize: 0\.0 B$/,
      );
      a.unpersist();
      assert.match(a.toDebugString(), / \[\]$/);
    },
  ],
  [
    'an async operator that is persisted makes its calls once',
    async (sc) => {
      const calls = sc.longAccumulator('calls');
      const rdd = sc
        .range(0, 10, 1, 2)
        .mapAsync(async (x) => {
          calls.add(1);
          return x * 2;
        })
        .cache();
      assert.equal(await rdd.sum(), 90);
      assert.equal(await rdd.map((x) => x + 1).sum(), 100);
      assert.equal(Number(calls.value), 10);
      rdd.unpersist();
    },
  ],
];
