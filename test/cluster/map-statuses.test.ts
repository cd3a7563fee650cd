import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SparkContext } from '../../src/driver/spark-context.ts';
import { HashPartitioner } from '../../src/rdd/partitioner.ts';

test('blocks that are larger than their average says, and empty ones, are fetched whole from other executors', async () => {
  const sc = await SparkContext.create({
    master: 'local-cluster[2,1,1024]',
    appName: 'averaged sizes',
    'spark.log.level': 'WARN',
    'spark.shuffle.minNumPartitionsToHighlyCompress': '3',
    'spark.shuffle.accurateBlockThreshold': '64m',
    'spark.stage.maxConsecutiveAttempts': '1', // a failed fetch fails the test
  });
  try {
    // Of six partitions one gets 24 MiB from each map task, one little, the others nothing: the average is far from both.
    const large = 12;
    const lengths = sc
      .parallelize([0, 1, 2, 3], 4)
      .flatMap((map) =>
        Array.from({ length: large + 1 }, (_, i): [number, Uint8Array] => {
          if (i === large) return [1, new Uint8Array([map])];
          const bytes = new Uint8Array(2 << 20);
          for (let at = 0, x = map * 31 + i + 1; at < bytes.length; at++) {
            x = (Math.imul(x, 1_103_515_245) + 12_345) >>> 0;
            bytes[at] = x >>> 24;
          }
          return [0, bytes];
        }),
      )
      .partitionBy(new HashPartitioner(6))
      .mapPartitionsWithIndex((index, records) => {
        let [count, bytes] = [0, 0];
        for (const [, value] of records) {
          count++;
          bytes += value.length;
        }
        return [[index, count, bytes]];
      });
    assert.deepEqual(await lengths.collect(), [
      [0, 4 * large, (4 * large * 2) << 20],
      [1, 4, 4],
      [2, 0, 0],
      [3, 0, 0],
      [4, 0, 0],
      [5, 0, 0],
    ]);
  } finally {
    await sc.stop();
  }
});
