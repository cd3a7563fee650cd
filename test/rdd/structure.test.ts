import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PartitionGroup } from '../../src/rdd/partition-coalescer.ts';
import { HashPartitioner } from '../../src/rdd/partitioner.ts';
import type { RDD } from '../../src/rdd/rdd.ts';
import { ArrayContext } from '../kit/array-context.ts';

const sc = new ArrayContext();

test('partitions have their places as index', () => {
  assert.deepEqual(sc.range(0, 9, 1, 3).partitions, [{ index: 0 }, { index: 1 }, { index: 2 }]);
  assert.deepEqual(sc.emptyRDD().partitions, []);
});

test('dependencies show the parents, and which of their partitions are read', () => {
  const a = sc.range(0, 4, 1, 2);
  const b = sc.range(0, 3, 1, 3);
  const [one] = a.map((x) => x).dependencies;
  assert.ok(one?.kind === 'OneToOne');
  assert.equal(one.rdd.id, a.id);
  assert.deepEqual(one.getParents(1), [1]);
  const [, second] = a.union(b).dependencies;
  assert.ok(second?.kind === 'Range');
  assert.deepEqual(second.getParents(4), [2]);
  const [left, right] = a.cartesian(b).dependencies;
  assert.ok(left?.kind === 'Narrow' && right?.kind === 'Narrow');
  assert.deepEqual([left.getParents(4), right.getParents(4)], [[1], [1]]);
  const [shuffle] = a.map((x) => [x, x]).reduceByKey((x, y) => x + y, 5).dependencies;
  assert.ok(shuffle?.kind === 'Shuffle');
  assert.equal(shuffle.mapSideCombine, true);
  assert.ok(shuffle.partitioner.equals(new HashPartitioner(5)));
  assert.deepEqual(a.dependencies, []);
});

test('preferredLocations takes a partition or its index', () => {
  const rdd = sc.makeRDDWithHosts([
    ['x', ['a', 'b']],
    ['y', ['b', 'c']],
  ]);
  const swapped = sc.makeRDDWithHosts([
    [1, ['b']],
    [2, ['d']],
  ]);
  const [first] = rdd.partitions;
  assert.ok(first !== undefined);
  assert.deepEqual(rdd.preferredLocations(first), ['a', 'b']);
  assert.deepEqual(rdd.zip(swapped).preferredLocations(0), ['b']);
  assert.deepEqual(rdd.zip(swapped).preferredLocations(1), ['b', 'c', 'd']);
  assert.deepEqual(rdd.cartesian(swapped).preferredLocations(1), ['a', 'b', 'd']);
  assert.deepEqual(rdd.zipWithIndex().preferredLocations(1), ['b', 'c']);
  assert.throws(() => rdd.preferredLocations(2), /which has 2, but was given 2/);
  assert.throws(() => rdd.preferredLocations('x' as never), /preferredLocations\(\) needs a partition/);
});

test('a coalescer of the user decides which partitions come together, in which order, and where', async () => {
  const asked: number[] = [];
  const byParity = {
    coalesce(maxPartitions: number, parent: RDD<unknown>): readonly PartitionGroup[] {
      asked.push(maxPartitions, parent.getNumPartitions());
      const [even, odd] = [0, 1].map((r) => parent.partitions.filter(({ index }) => index % 2 === r));
      return [{ partitions: odd ?? [], prefLoc: 'host-x' }, { partitions: even ?? [] }];
    },
  };
  const rdd = sc.range(0, 5, 1, 5).coalesce(3, false, byParity);
  assert.deepEqual(asked, []);
  assert.deepEqual(await rdd.glom().collect(), [
    [1, 3],
    [0, 2, 4],
  ]);
  assert.deepEqual(asked, [3, 5]);
  assert.deepEqual(rdd.preferredLocations(0), ['host-x']);
  assert.equal(rdd.getNumPartitions(), 2);
  const shuffled = sc.range(0, 100, 1, 2).coalesce(4, true, byParity);
  assert.equal(shuffled.getNumPartitions(), 2);
  assert.equal(await shuffled.count(), 100);
});

test('a coalescer that names partitions that do not exist, or is none, is refused', async () => {
  const rdd = sc.range(0, 5, 1, 2);
  assert.throws(() => rdd.coalesce(1, false, {} as never), /needs a coalescer with a method coalesce/);
  const wrong = rdd.coalesce(1, false, { coalesce: () => [{ partitions: [0, 2] }] });
  assert.throws(
    () => wrong.getNumPartitions(),
    /the coalescer named the partition 2, but its parent has partitions 0 to 1/,
  );
  await assert.rejects(wrong.count(), /the coalescer named the partition 2/);
  assert.throws(
    () => rdd.coalesce(1, false, { coalesce: () => 5 as never }).partitions,
    /must return an array of groups/,
  );
});

test('zipWithIndex counts all partitions but the last, once, and one partition not at all', async () => {
  const own = new ArrayContext();
  const rdd = own.range(0, 9, 1, 3).zipWithIndex();
  assert.equal(own.engine.jobs.length, 0);
  await rdd.collect();
  await rdd.count();
  assert.deepEqual(
    own.engine.jobs.map(({ sink, partitions }) => [sink, partitions]),
    [
      ['count', [0, 1]],
      ['collect', [0, 1, 2]],
      ['count', [0, 1, 2]],
    ],
  );
  const before = own.engine.jobs.length;
  await own.range(0, 9, 1, 1).zipWithIndex().collect();
  assert.equal(own.engine.jobs.length, before + 1);
});

test('toLocalIterator runs a job a partition, with prefetching one ahead', async () => {
  const own = new ArrayContext();
  const rdd = own.range(0, 6, 1, 3);
  const plain = rdd.toLocalIterator();
  assert.deepEqual(await plain.next(), { value: 0, done: false });
  assert.equal(own.engine.jobs.length, 1);
  await plain.return();
  const ahead = rdd.toLocalIterator({ prefetchPartitions: true });
  assert.deepEqual(await ahead.next(), { value: 0, done: false });
  assert.equal(own.engine.jobs.length, 3);
  const rest: number[] = [];
  for await (const x of ahead) rest.push(x);
  assert.deepEqual(rest, [1, 2, 3, 4, 5]);
  assert.equal(own.engine.jobs.length, 4);
});

test('a prefetched job is cancelled when nobody reads on, and one that fails is told when its turn comes', async () => {
  const own = new ArrayContext();
  const failing = own.range(0, 4, 1, 2).map((x) => {
    if (x > 1) throw new Error(`no ${x}`);
    return x;
  });
  const iterator = failing.toLocalIterator({ prefetchPartitions: true });
  assert.deepEqual([(await iterator.next()).value, (await iterator.next()).value], [0, 1]);
  await assert.rejects(iterator.next(), /no 2/);
  let open = (): void => {};
  const left = own.range(0, 4, 1, 2).toLocalIterator({ prefetchPartitions: true });
  const first = left.next();
  await first;
  own.engine.gate = new Promise((resolve) => {
    open = resolve;
  });
  await left.return();
  assert.ok(own.engine.cancelled.length <= 1);
  open();
});

test('treeAggregate has as many levels as its depth makes useful', async () => {
  const own = new ArrayContext();
  const add = (a: number, b: number): number => a + b;
  for (const [depth, stages] of [
    [1, 1],
    [2, 2],
    [3, 3],
  ] as const) {
    own.engine.programs.length = 0;
    assert.equal(await own.range(0, 64, 1, 64).treeAggregate(0, add, add, depth), 2016);
    assert.equal(own.engine.programs.length, stages);
  }
});
