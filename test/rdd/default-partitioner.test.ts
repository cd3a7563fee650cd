import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HashPartitioner } from '../../src/rdd/partitioner.ts';
import type { RDD } from '../../src/rdd/rdd.ts';
import { ArrayContext } from '../kit/array-context.ts';

const PAIRS: [string, number][] = [
  ['a', 1],
  ['b', 2],
];

/** A context in which spark.default.parallelism is set. */
function context(parallelism: number | null): ArrayContext {
  const sc = new ArrayContext();
  sc.engine.settings = { ...sc.engine.settings, configuredParallelism: parallelism };
  return sc;
}

const wide = (sc: ArrayContext, n: number): RDD<[string, number]> => sc.parallelize(PAIRS, n);
const placed = (sc: ArrayContext, n: number): RDD<[string, number]> => wide(sc, 2).partitionBy(new HashPartitioner(n));

test('spark.default.parallelism is the number of partitions when no input has a partitioner', () => {
  const sc = context(6);
  assert.equal(wide(sc, 3).groupByKey().getNumPartitions(), 6);
  assert.equal(wide(sc, 30).join(wide(sc, 2)).getNumPartitions(), 6);
  assert.equal(wide(context(null), 30).join(wide(sc, 2)).getNumPartitions(), 30);
});

test('the largest partitioner counts while it is within one order of magnitude of the largest input', () => {
  for (const parallelism of [null, 500]) {
    const sc = context(parallelism);
    assert.equal(placed(sc, 4).join(wide(sc, 39)).getNumPartitions(), 4);
    assert.equal(placed(sc, 4).cogroup(placed(sc, 7), wide(sc, 69)).getNumPartitions(), 7);
    assert.equal(placed(sc, 4).join(wide(sc, 40)).getNumPartitions(), parallelism ?? 40);
  }
});

test('a partitioner that is far smaller still counts when it is not below spark.default.parallelism', () => {
  assert.equal(
    placed(context(4), 4)
      .join(wide(context(4), 100))
      .getNumPartitions(),
    4,
  );
  assert.equal(
    placed(context(3), 4)
      .join(wide(context(3), 100))
      .getNumPartitions(),
    4,
  );
  assert.equal(
    placed(context(5), 4)
      .join(wide(context(5), 100))
      .getNumPartitions(),
    5,
  );
});

test('subtractByKey keeps to its receiver, whatever the other side is', () => {
  const sc = context(6);
  assert.equal(placed(sc, 2).subtractByKey(placed(sc, 50)).getNumPartitions(), 2);
  assert.equal(wide(sc, 3).subtractByKey(placed(sc, 50)).getNumPartitions(), 3);
});
