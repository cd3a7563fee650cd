import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ArrayContext } from '../kit/array-context.ts';

const sc = new ArrayContext();
const pairs = (): ReturnType<typeof make> => make();
const make = () => sc.range(10).map((x) => [x % 3, x] as [number, number]);

test('sources and narrow operators over them are determinate', () => {
  const rdd = pairs()
    .filter(([k]) => k > 0)
    .union(pairs())
    .coalesce(2);
  assert.equal(rdd.node.outputDeterminism, 'DETERMINATE');
});

test('what comes out of a shuffle is unordered', () => {
  const reduced = pairs().reduceByKey((a, b) => a + b, 3);
  assert.equal(reduced.node.outputDeterminism, 'UNORDERED');
  assert.equal(reduced.mapValues((v) => v + 1).union(pairs()).node.outputDeterminism, 'UNORDERED');
  assert.equal(pairs().join(pairs()).node.outputDeterminism, 'UNORDERED');
  assert.equal(pairs().sortByKey().node.outputDeterminism, 'UNORDERED');
});

test('what is partitioned as asked is not shuffled, and stays what it was', () => {
  const placed = pairs().reduceByKey((a, b) => a + b, 3);
  assert.equal(placed.groupByKey(3).node.outputDeterminism, 'UNORDERED');
  assert.equal(pairs().repartition(2).node.outputDeterminism, 'UNORDERED');
});

test('a repartition of what is unordered is indeterminate, and so is all that comes of it', () => {
  const dealt = pairs()
    .reduceByKey((a, b) => a + b)
    .repartition(2);
  assert.equal(dealt.node.outputDeterminism, 'INDETERMINATE');
  assert.equal(dealt.map((x) => x).reduceByKey((a, b) => a + b).node.outputDeterminism, 'INDETERMINATE');
});

test('operators that look at the order of what is unordered are indeterminate', () => {
  const unordered = pairs().reduceByKey((a, b) => a + b, 4);
  const ordered = pairs().coalesce(4);
  for (const rdd of [
    unordered.sample(false, 0.5),
    unordered.randomSplit([1, 1])[0],
    unordered.zipWithIndex(),
    unordered.zipWithUniqueId(),
    unordered.zip(unordered),
  ])
    assert.equal(rdd?.node.outputDeterminism, 'INDETERMINATE');
  assert.equal(unordered.cartesian(ordered).node.outputDeterminism, 'UNORDERED');
  assert.equal(ordered.zipWithIndex().sample(false, 0.5).node.outputDeterminism, 'DETERMINATE');
});

test('a lineage thousands deep is looked at without recursion', () => {
  let rdd = pairs().reduceByKey((a, b) => a + b);
  // Operators without a function: looking into 20,000 functions takes seconds.
  for (let i = 0; i < 20_000; i++) rdd = rdd.coalesce(2);
  assert.equal(rdd.node.outputDeterminism, 'UNORDERED');
});

test('results of async calls that leave as they come are unordered, and so are dealt out differently each time', () => {
  const inOrder = sc.range(10).mapAsync(async (x) => x);
  assert.equal(inOrder.repartition(2).node.outputDeterminism, 'UNORDERED');
  const asTheyCome = sc.range(10).mapAsync(async (x) => x, { ordered: false });
  assert.equal(asTheyCome.node.outputDeterminism, 'UNORDERED');
  assert.equal(asTheyCome.repartition(2).node.outputDeterminism, 'INDETERMINATE');
});
