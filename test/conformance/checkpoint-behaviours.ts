import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StorageLevel } from '../../src/protocol/storage-level.ts';
import { HashPartitioner } from '../../src/rdd/partitioner.ts';
import { type Behaviour, type ContextLike, numbers, sorted } from './behaviour.ts';

async function withCheckpointDir(sc: ContextLike, prove: (root: string) => Promise<void>): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'iskra-checkpoint-'));
  sc.setCheckpointDir(root);
  try {
    await prove(root);
  } finally {
    sc.setCheckpointDir(null);
    rmSync(root, { recursive: true, force: true });
  }
}

/** checkpoint, localCheckpoint. */
export const checkpointBehaviours: readonly Behaviour[] = [
  [
    'an RDD is checkpointed by the first job on it, and its lineage is cut',
    (sc) =>
      withCheckpointDir(sc, async (root) => {
        const rdd = sc.range(0, 100, 1, 4).map((x) => x * 3);
        rdd.checkpoint();
        assert.deepEqual([rdd.isCheckpointed, rdd.getCheckpointFile()], [false, null]);
        assert.equal(await rdd.count(), 100);
        assert.equal(rdd.isCheckpointed, true);
        const dir = rdd.getCheckpointFile() ?? '';
        const [uuid] = readdirSync(root);
        assert.equal(dir, join(root, uuid ?? '', `rdd-${rdd.id}`));
        assert.deepEqual(readdirSync(dir).sort(), ['part-00000', 'part-00001', 'part-00002', 'part-00003']);
        assert.match(
          rdd.toDebugString(),
          /^\(4\) MapPartitionsRDD\[\d+\] at map at \S+ \[\]\n \| {2}ReliableCheckpointRDD\[\d+\] at count at \S+ \[\]$/,
        );
        const all = numbers(100).map((x) => x * 3);
        assert.deepEqual(await rdd.collect(), all);
        assert.deepEqual(await rdd.map((x) => x + 1).take(3), [1, 4, 7]);
        assert.equal(rdd.getNumPartitions(), 4);
      }),
  ],
  [
    'a checkpointed RDD is not computed again',
    (sc) =>
      withCheckpointDir(sc, async () => {
        const calls = sc.longAccumulator();
        const rdd = sc.range(0, 10, 1, 2).map((x) => {
          calls.add(1);
          return x;
        });
        rdd.checkpoint();
        await rdd.count();
        assert.equal(Number(calls.value), 20); // the job, and the pass that writes
        await rdd.count();
        await rdd.filter((x) => x > 3).count();
        assert.equal(Number(calls.value), 20);
      }),
  ],
  [
    'an RDD that is cached as well is computed once',
    (sc) =>
      withCheckpointDir(sc, async () => {
        const calls = sc.longAccumulator();
        const rdd = sc
          .range(0, 10, 1, 2)
          .map((x) => {
            calls.add(1);
            return x;
          })
          .cache();
        rdd.checkpoint();
        await rdd.count();
        rdd.unpersist();
        assert.equal(await rdd.sum(), 45);
        assert.equal(Number(calls.value), 10);
      }),
  ],
  [
    'take checkpoints all partitions',
    (sc) =>
      withCheckpointDir(sc, async () => {
        const rdd = sc.range(0, 100, 1, 10);
        rdd.checkpoint();
        assert.deepEqual(await rdd.take(2), [0, 1]);
        assert.equal(readdirSync(rdd.getCheckpointFile() ?? '').length, 10);
        assert.equal(await rdd.sum(), 4950);
      }),
  ],
  [
    'records keep their types, and empty partitions are partitions',
    (sc) =>
      withCheckpointDir(sc, async () => {
        const records = [{ at: new Date(5), n: 3n }, new Map([['k', [1, null]]]), 'é', undefined];
        const rdd = sc.parallelize<unknown>(records, 6);
        rdd.checkpoint();
        await rdd.count();
        assert.deepEqual(await rdd.collect(), records);
        assert.equal(rdd.getNumPartitions(), 6);
        const none = sc.emptyRDD<number>();
        none.checkpoint();
        await none.count();
        assert.equal(none.isCheckpointed, true);
        assert.deepEqual(await none.collect(), []);
      }),
  ],
  [
    'what was made of an RDD before its checkpoint reads it, too',
    (sc) =>
      withCheckpointDir(sc, async () => {
        const calls = sc.longAccumulator();
        const base = sc.range(0, 20, 1, 4).map((x): [number, number] => {
          calls.add(1);
          return [x % 3, x];
        });
        const counts = base.mapValues(() => 1).reduceByKey((a, b) => a + b, 2);
        const both = base.union(base);
        const fewer = base.coalesce(2);
        const grouped = base.cogroup(base);
        base.checkpoint();
        await base.count();
        const before = Number(calls.value);
        assert.deepEqual(sorted(await counts.collect()), sorted([[0, 7] as const, [1, 7] as const, [2, 6] as const]));
        assert.equal(await both.count(), 40);
        assert.equal(await fewer.values().sum(), 190);
        assert.equal(await grouped.count(), 3);
        assert.equal(Number(calls.value), before);
      }),
  ],
  [
    'the partitioner stays, and is written beside the parts',
    (sc) =>
      withCheckpointDir(sc, async () => {
        const rdd = sc
          .parallelize(
            numbers(20).map((x): [number, number] => [x % 5, x]),
            2,
          )
          .reduceByKey((a, b) => a + b, 3);
        rdd.checkpoint();
        await rdd.count();
        assert.ok(rdd.partitioner?.equals(new HashPartitioner(3)));
        const again = sc.checkpointFile<[number, number]>(rdd.getCheckpointFile() ?? '');
        assert.ok(again.partitioner?.equals(new HashPartitioner(3)));
        assert.deepEqual(sorted(await again.collect()), sorted(await rdd.collect()));
        const sortedRdd = rdd.sortByKey(false, 2);
        sortedRdd.checkpoint();
        await sortedRdd.count();
        const sortedAgain = sc.checkpointFile<[number, number]>(sortedRdd.getCheckpointFile() ?? '');
        assert.deepEqual(await sortedAgain.keys().collect(), [4, 3, 2, 1, 0]);
        assert.equal(sortedAgain.partitioner?.getPartition(4), 0);
        assert.equal(sortedAgain.partitioner?.getPartition(0), 1);
      }),
  ],
  [
    'where partitions were best computed before does not count after a checkpoint',
    (sc) =>
      withCheckpointDir(sc, async () => {
        const rdd = sc.range(0, 4, 1, 2).coalesce(2, false, {
          coalesce: (_, parent) => parent.partitions.map((p) => ({ partitions: [p], prefLoc: 'nowhere' })),
        });
        assert.deepEqual(rdd.preferredLocations(1), ['nowhere']);
        rdd.checkpoint();
        await rdd.count();
        assert.deepEqual(rdd.preferredLocations(1), []);
      }),
  ],
  [
    'a partitioner that cannot be read is left out',
    (sc) =>
      withCheckpointDir(sc, async () => {
        const rdd = sc.parallelize([[1, 1] as [number, number]], 2).partitionBy(new HashPartitioner(2));
        rdd.checkpoint();
        await rdd.count();
        const dir = rdd.getCheckpointFile() ?? '';
        writeFileSync(join(dir, '_partitioner'), 'garbage');
        const again = sc.checkpointFile<[number, number]>(dir);
        assert.equal(again.partitioner, null);
        assert.deepEqual(await again.collect(), [[1, 1]]);
        rmSync(join(dir, 'part-00000'));
        assert.throws(() => sc.checkpointFile(dir), /Invalid checkpoint file: \S+part-00001/);
        assert.throws(() => sc.checkpointFile(join(dir, 'no')), /Checkpoint directory does not exist/);
      }),
  ],
  [
    'only the nearest marked RDD is checkpointed, unless all marked ancestors are asked for',
    (sc) =>
      withCheckpointDir(sc, async () => {
        const make = () => {
          const parent = sc.range(0, 4, 1, 2).map((x) => x);
          const child = parent.map((x) => x + 1);
          parent.checkpoint();
          child.checkpoint();
          return { parent, child };
        };
        const one = make();
        await one.child.count();
        assert.deepEqual([one.parent.isCheckpointed, one.child.isCheckpointed], [false, true]);
        await one.parent.count();
        assert.equal(one.parent.isCheckpointed, true);

        const two = make();
        await sc.withLocalProperties({ 'spark.checkpoint.checkpointAllMarkedAncestors': 'true' }, () =>
          two.child.count(),
        );
        assert.deepEqual([two.parent.isCheckpointed, two.child.isCheckpointed], [true, true]);
        assert.deepEqual(await two.child.collect(), [1, 2, 3, 4]);
      }),
  ],
  [
    'a marked ancestor is checkpointed by a job on what was made of it',
    (sc) =>
      withCheckpointDir(sc, async () => {
        const parent = sc.range(0, 6, 1, 3).map((x) => x);
        parent.checkpoint();
        const child = parent.map((x): [number, number] => [x % 2, x]).reduceByKey((a, b) => a + b);
        assert.equal(await child.values().sum(), 15);
        assert.equal(parent.isCheckpointed, true);
        assert.equal(await child.values().sum(), 15);
      }),
  ],
  [
    'a mark that is set after the first job has no effect',
    (sc) =>
      withCheckpointDir(sc, async () => {
        const rdd = sc.range(3);
        await rdd.count();
        rdd.checkpoint();
        await rdd.count();
        assert.equal(rdd.isCheckpointed, false);
      }),
  ],
  [
    'checkpoint without a directory is an error',
    async (sc) => {
      assert.throws(() => sc.range(3).checkpoint(), /Checkpoint directory has not been set in the SparkContext/);
    },
  ],
  [
    'a checkpoint that cannot be written fails the action, and the next one tries again',
    (sc) =>
      withCheckpointDir(sc, async (root) => {
        const rdd = sc.range(0, 4, 1, 2).map((x) => x);
        rdd.checkpoint();
        const child = rdd.map((x) => x);
        const [uuid] = readdirSync(root);
        rmSync(join(root, uuid ?? ''), { recursive: true });
        writeFileSync(join(root, uuid ?? ''), 'a file is in the way');
        await assert.rejects(
          child.count().then(() => {}),
          (e: Error) =>
            e.message.includes(`Failed to create checkpoint path file:${root}`) && /ENOTDIR/.test(e.message),
        );
        assert.equal(rdd.isCheckpointed, false);
        rmSync(join(root, uuid ?? ''));
        assert.equal(await child.count(), 4);
        assert.equal(rdd.isCheckpointed, true);
      }),
  ],
  [
    'shuffles that are cleaned are computed again when they are needed',
    async (sc) => {
      const calls = sc.longAccumulator();
      const pairs = sc.range(0, 8, 1, 2).map((x): [number, number] => {
        calls.add(1);
        return [x % 2, x];
      });
      const sums = pairs.reduceByKey((a, b) => a + b, 2);
      for (const expected of [8, 8]) {
        assert.equal(await sums.values().sum(), 28);
        assert.equal(Number(calls.value), expected);
      }
      await sums.mapValues((x) => x).cleanShuffleDependencies(true);
      assert.equal(await sums.values().sum(), 28);
      assert.equal(Number(calls.value), 16);
    },
  ],
  [
    'shuffles behind a persisted RDD are not cleaned',
    async (sc) => {
      const calls = sc.longAccumulator();
      const pairs = sc.range(0, 8, 1, 2).map((x): [number, number] => {
        calls.add(1);
        return [x % 4, x];
      });
      const sums = pairs.reduceByKey((a, b) => a + b, 2).cache();
      const fewer = sums.map(([k, n]): [number, number] => [k % 2, n]).reduceByKey((a, b) => a + b, 2);
      assert.equal(await fewer.values().sum(), 28);
      await fewer.cleanShuffleDependencies(true);
      sums.unpersist();
      assert.equal(await fewer.values().sum(), 28);
      assert.equal(Number(calls.value), 8);
    },
  ],
  [
    'localCheckpoint keeps the blocks, and cuts the lineage',
    async (sc) => {
      const calls = sc.longAccumulator();
      const rdd = sc.range(0, 10, 1, 5).map((x) => {
        calls.add(1);
        return x * 2;
      });
      assert.equal(rdd.localCheckpoint(), rdd);
      assert.equal(rdd.isLocallyCheckpointed, true);
      assert.deepEqual(rdd.getStorageLevel(), StorageLevel.MEMORY_AND_DISK);
      assert.deepEqual(await rdd.take(1), [0]);
      assert.deepEqual([rdd.isCheckpointed, rdd.getCheckpointFile()], [true, null]);
      assert.equal(Number(calls.value), 10); // also of the partitions that take did not need
      assert.deepEqual(
        await rdd.collect(),
        numbers(10).map((x) => x * 2),
      );
      assert.equal(Number(calls.value), 10);
      assert.match(rdd.toDebugString(), /\n \| {2}LocalCheckpointRDD\[\d+\]/);
      rdd.unpersist();
    },
  ],
  [
    'localCheckpoint adds disk to the level, whichever comes first',
    async (sc) => {
      const a = sc.range(3).persist(StorageLevel.MEMORY_ONLY).localCheckpoint();
      assert.deepEqual(a.getStorageLevel(), { ...StorageLevel.MEMORY_ONLY, useDisk: true });
      const b = sc.range(3).localCheckpoint().persist(StorageLevel.MEMORY_ONLY_SER);
      assert.deepEqual(b.getStorageLevel(), StorageLevel.MEMORY_AND_DISK_SER);
      a.unpersist();
      b.unpersist();
    },
  ],
];
