import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RangePayload } from '../../src/protocol/stage-program.ts';
import { defaultPartitioner } from '../../src/rdd/default-partitioner.ts';
import { parentPartitions } from '../../src/rdd/dependency.ts';
import { groupPartitions } from '../../src/rdd/nodes/partition-groups.ts';
import { HashPartitioner } from '../../src/rdd/partitioner.ts';
import { decodeRecords } from '../../src/rdd/record-blocks.ts';
import { buildStageProgram, splitFor } from '../../src/rdd/stage-program-builder.ts';
import { ArrayContext } from '../kit/array-context.ts';

const sc = new ArrayContext();

test('a range split holds start, step and count of its slice', () => {
  const { node } = sc.range(10, 20, 3, 3); // 10 13 16 19
  assert.deepEqual(
    [0, 1, 2].map((p) => node.split(p).payload as RangePayload),
    [
      { start: 10, step: 3, count: 1 },
      { start: 13, step: 3, count: 1 },
      { start: 16, step: 3, count: 2 },
    ],
  );
});

test('slices of a collection are encoded when the split is asked for', () => {
  const list = [1, 2, 3];
  const { node } = sc.parallelize(list, 2);
  list[0] = 9;
  const records: unknown[] = [];
  decodeRecords(node.split(0).payload as Uint8Array, records);
  assert.deepEqual(records, [9]);
});

test('typed arrays and iterables are parallelized', async () => {
  assert.deepEqual(await sc.parallelize(new Float64Array([1.5, 2, 3]), 2).collect(), [1.5, 2, 3]);
  assert.deepEqual(await sc.parallelize(new Set(['a', 'b']), 2).collect(), ['a', 'b']);
  assert.throws(() => sc.parallelize(5 as never), /needs an array or another iterable, but was given 5/);
});

test('makeRDD with hosts refuses what is no list of records with names of hosts', () => {
  for (const [given, message] of [
    [null, /^makeRDD\(\) with hosts needs a list of \[record, hosts\] entries, but was given null/],
    [[1], /\[record, hosts\] entries, but one is 1/],
    [[[1, 'a']], /\[record, hosts\] entries, but one is an array of 2/],
    [[[1, [5]]], /hosts of makeRDD\(\) must be names, but one is 5/],
  ] as const)
    assert.throws(() => sc.makeRDDWithHosts(given as never), {
      name: 'IllegalArgumentError',
      message,
    });
});

test('makeRDD with hosts has one partition a record, which prefers them, also through narrow operators', () => {
  const rdd = sc.makeRDDWithHosts([
    ['x', ['host-a']],
    ['y', ['host-b', 'host-c']],
  ]);
  assert.equal(rdd.getNumPartitions(), 2);
  const { node } = sc
    .range(0, 3, 1, 3)
    .map((x) => `${x}`)
    .union(rdd.map((x) => x))
    .filter(() => true);
  assert.deepEqual(node.preferredLocations(0), []);
  assert.deepEqual(node.preferredLocations(4), ['host-b', 'host-c']);
});

test('a union depends on ranges of partitions of its parents', () => {
  const { node } = sc.range(0, 2, 1, 2).union(sc.range(0, 3, 1, 3));
  const [, second] = node.dependencies;
  assert.ok(second?.kind === 'Range');
  assert.deepEqual(parentPartitions(second, 3), [1]);
  assert.deepEqual(parentPartitions(second, 1), []);
  assert.deepEqual(splitFor(node, 4).payload, 1);
  assert.deepEqual(splitFor(node, 4).parents?.[0]?.index, 2);
});

test('a cogroup shuffles only sides that are not partitioned alike', () => {
  const placed = sc.parallelize([['a', 1]], 2).partitionBy(new HashPartitioner(4));
  const other = sc.parallelize([['a', 2]], 3);
  const { node } = placed.cogroup(other);
  assert.deepEqual(
    node.dependencies.map((d) => d.kind),
    ['OneToOne', 'Shuffle'],
  );
  assert.equal(node.numPartitions, 4);
  assert.equal(splitFor(node, 2).parents?.[1], null);
});

test('combining before the shuffle is for reduceByKey, not for groupByKey', () => {
  const pairs = sc.parallelize([['a', 1]], 2);
  const of = (rdd: { readonly node: typeof pairs.node }) => {
    const [d] = rdd.node.dependencies;
    assert.ok(d?.kind === 'Shuffle');
    return [d.combine?.kind ?? null, d.mapSideCombine];
  };
  assert.deepEqual(of(pairs.reduceByKey((a) => a)), ['reduce', true]);
  assert.deepEqual(of(pairs.groupByKey()), ['group', false]);
  assert.deepEqual(of(pairs.foldByKey(0, (a) => a)), ['aggregate', true]);
  assert.deepEqual(
    of(
      pairs.combineByKey(
        (v) => v,
        (c) => c,
        (c) => c,
        2,
        false,
      ),
    ),
    ['combine', false],
  );
  assert.deepEqual(of(pairs.partitionBy(new HashPartitioner(2))), [null, false]);
  assert.deepEqual(of(pairs.sortByKey()), [null, false]);
});

test('coalesce groups neighbours when nothing is known about places', () => {
  const none = Array.from({ length: 10 }, () => []);
  assert.deepEqual(
    groupPartitions(none, 4).map((g) => g.members),
    [
      [0, 1],
      [2, 3, 4],
      [5, 6],
      [7, 8, 9],
    ],
  );
  assert.equal(groupPartitions(none, 20).length, 10);
  assert.deepEqual(groupPartitions([], 3), []);
});

test('coalesce keeps partitions of one host together, and groups of even size', () => {
  const hosts = Array.from({ length: 40 }, (_, i) => [i % 2 === 0 ? 'a' : 'b']);
  const groups = groupPartitions(hosts, 4);
  assert.deepEqual(
    groups.flatMap((g) => g.members).sort((x, y) => x - y),
    Array.from(hosts.keys()),
  );
  for (const { host, members } of groups) {
    assert.equal(members.length, 10);
    for (const p of members) assert.deepEqual(hosts[p], [host]);
  }
});

test('coalesce does not let one popular host have everything', () => {
  const hosts = Array.from({ length: 100 }, (_, i) => [i < 99 ? 'a' : 'b']);
  for (const { members } of groupPartitions(hosts, 4)) assert.ok(members.length <= 40, `${members.length}`);
});

test('the default partitioner is the largest one there is, unless it is far smaller than the data', () => {
  const small = sc.parallelize([['a', 1]], 2).partitionBy(new HashPartitioner(3)).node;
  const large = sc.parallelize([['a', 1]], 2).partitionBy(new HashPartitioner(8)).node;
  const plain = sc.range(0, 9, 1, 9).node;
  const huge = sc.range(0, 99, 1, 99).node;
  assert.equal(defaultPartitioner([small, large, plain], null), large.partitioner);
  assert.equal(defaultPartitioner([plain], null).numPartitions, 9);
  assert.equal(defaultPartitioner([plain], 4).numPartitions, 4);
  assert.equal(defaultPartitioner([small, huge], null).numPartitions, 99);
  assert.equal(defaultPartitioner([small, huge], 2), small.partitioner);
  assert.equal(defaultPartitioner([sc.emptyRDD().node], null).numPartitions, 0);
});

test('a stage program lists each node once, parents first, and stops at shuffles', () => {
  const base = sc.range(0, 4, 1, 2).map((x) => x + 1);
  const both = base
    .union(base)
    .map((x) => [x, 1])
    .reduceByKey((a, b) => a + b)
    .mapValues((v) => v);
  const capture = (roots: readonly unknown[], whats: readonly string[]) => {
    assert.equal(roots.length, whats.length);
    return new Uint8Array(1);
  };
  const [shuffle] = both.node.dependencies[0]?.rdd.dependencies ?? [];
  assert.ok(shuffle?.kind === 'Shuffle');
  const map = buildStageProgram({ key: '0.0', node: shuffle.rdd, sink: shuffle, capture });
  assert.deepEqual(
    map.nodes.map((n) => n.kind),
    ['Range', 'Narrow', 'Union', 'Narrow'],
  );
  assert.equal(map.root, 3);
  assert.ok(map.sink.kind === 'shuffleWrite');
  assert.deepEqual(map.sink.combine, { kind: 'reduce', f: 2 });
  const result = buildStageProgram({ key: '1.0', node: both.node, sink: { kind: 'count' }, capture });
  assert.deepEqual(
    result.nodes.map((n) => n.kind),
    ['ShuffleRead', 'Narrow'],
  );
});

test('functions are captured by the names of their operators, each once', () => {
  const double = (x: number): number => x * 2;
  const rdd = sc
    .range(3)
    .map(double)
    .map(double)
    .filter((x) => x > 0);
  let names: readonly string[] = [];
  const capture = (_: readonly unknown[], whats: readonly string[]) => {
    names = whats;
    return new Uint8Array(1);
  };
  const program = buildStageProgram({ key: '0.0', node: rdd.node, sink: { kind: 'count' }, capture });
  assert.deepEqual(names, ['the function passed to map()', 'the function passed to filter()']);
  assert.deepEqual(
    program.nodes.map((n) => (n.kind === 'Narrow' && 'f' in n.op ? n.op.f : null)),
    [null, 0, 0, 1],
  );
});

test('a stage without functions captures nothing', () => {
  const capture = () => assert.fail('nothing to capture');
  const program = buildStageProgram({ key: '0.0', node: sc.range(3).glom().node, sink: { kind: 'count' }, capture });
  assert.equal(program.closures.length, 0);
});

test('lineages of thousands of nodes neither overflow the stack nor take long', () => {
  let chain = sc.range(0, 2, 1, 2);
  const f = (x: number): number => x;
  for (let i = 0; i < 5000; i++) chain = chain.map(f);
  let unions = sc.range(0, 1, 1, 1);
  const one = sc.range(0, 1, 1, 1);
  for (let i = 0; i < 3000; i++) unions = unions.union(one).filter(f);
  for (const rdd of [chain, unions]) {
    const capture = () => new Uint8Array(1);
    const program = buildStageProgram({ key: '0.0', node: rdd.node, sink: { kind: 'count' }, capture });
    assert.ok(program.nodes.length > 5000);
    assert.ok(splitFor(rdd.node, 0) !== undefined);
    assert.deepEqual(rdd.node.preferredLocations(0), []);
    assert.ok(rdd.toDebugString().length > 0);
  }
  assert.equal(unions.getNumPartitions(), 3001);
});
