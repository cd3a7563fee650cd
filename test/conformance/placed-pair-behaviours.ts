import assert from 'node:assert/strict';
import { HashPartitioner, type Partitioner } from '../../src/rdd/partitioner.ts';
import { type Behaviour, sorted } from './behaviour.ts';

const WORDS = 'the quick brown fox jumps over the lazy dog the end'.split(' ');
const pairs: [string, number][] = WORDS.map((w, i) => [w, i]);

/** Reducing to the driver, the default partitioner, lookup. */
export const placedPairBehaviours: readonly Behaviour[] = [
  [
    'reduceByKeyLocally reduces to a Map on the driver, without a shuffle',
    async (sc) => {
      const found = await sc
        .parallelize(WORDS, 3)
        .map((w) => [w, 1])
        .reduceByKeyLocally((a, b) => a + b);
      assert.ok(found instanceof Map);
      assert.deepEqual(sorted(found), sorted(new Map(WORDS.map((w) => [w, WORDS.filter((x) => x === w).length]))));
    },
  ],
  [
    'reduceByKeyLocally knows keys by value, keeps single values, and is empty of nothing',
    async (sc) => {
      const rdd = sc.parallelize([[[1], 'a'] as [number[], string], [[1], 'b'], [[2], 'c']], 3);
      const found = await rdd.reduceByKeyLocally((a, b) => a + b);
      assert.deepEqual(
        [...found],
        [
          [[1], 'ab'],
          [[2], 'c'],
        ],
      );
      assert.equal((await sc.emptyRDD<[string, number]>().reduceByKeyLocally((a, b) => a + b)).size, 0);
      assert.equal((await sc.parallelize<[string, number]>([], 2).reduceByKeyLocally((a) => a)).size, 0);
      assert.throws(() => rdd.reduceByKeyLocally(5 as never), /needs a function/);
    },
  ],
  [
    'without anything given, the largest partitioner is used while it is not far smaller than the largest input',
    async (sc) => {
      const place = (n: number) => sc.parallelize(pairs, 2).partitionBy(new HashPartitioner(n));
      const wide = (n: number) => sc.parallelize(pairs, n);
      // 3 is within one order of magnitude of 29, not of 30.
      assert.equal(place(3).join(wide(29)).getNumPartitions(), 3);
      assert.equal(place(3).join(wide(30)).getNumPartitions(), 30);
      assert.equal(wide(29).join(place(3)).getNumPartitions(), 3);
      assert.equal(place(3).cogroup(place(5), wide(4)).getNumPartitions(), 5);
      assert.equal(wide(4).cogroup(wide(7), wide(5)).getNumPartitions(), 7);
      const kept = place(3);
      assert.equal(kept.join(wide(4)).partitioner, kept.partitioner);
      assert.equal(kept.groupByKey().partitioner, kept.partitioner);
    },
  ],
  [
    'a partitioner of no partitions is not taken by default',
    async (sc) => {
      const none = sc.emptyRDD<[string, number]>().partitionBy(new HashPartitioner(0));
      const joined = none.fullOuterJoin(sc.parallelize(pairs, 2));
      assert.equal(joined.getNumPartitions(), 2);
      assert.equal(await joined.count(), pairs.length);
    },
  ],
  [
    'lookup refuses a partitioner that sends the key nowhere, and keeps the order of values',
    async (sc) => {
      const odd = new (class implements Partitioner {
        readonly numPartitions = 2;
        getPartition(key: unknown): number {
          return key === 'lost' ? 7 : 1;
        }
        equals(other: Partitioner): boolean {
          return other === this;
        }
      })();
      const placed = sc.parallelize(pairs, 1).partitionBy(odd);
      assert.deepEqual(await placed.lookup('the'), [0, 6, 9]);
      assert.deepEqual(await placed.lookup('absent'), []);
      await assert.rejects(
        placed.lookup('lost'),
        (e: Error) => e.name === 'IllegalArgumentError' && /7/.test(e.message),
      );
    },
  ],
];
