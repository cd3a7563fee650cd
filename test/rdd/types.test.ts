import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SparkContext } from '../../src/driver/spark-context.ts';
import type { BoundedDouble, PartialResult } from '../../src/rdd/partial-result.ts';
import { HashPartitioner } from '../../src/rdd/partitioner.ts';
import type { RDD } from '../../src/rdd/rdd.ts';
import type { StatCounter } from '../../src/rdd/stat-counter.ts';
import { ArrayContext } from '../kit/array-context.ts';

// These tests are passed by compiling: wrong types fail the build.

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Compiles only when the RDD's records are exactly of type A: `records<A>()(rdd, true)`. */
const records =
  <A>() =>
  <T>(_rdd: RDD<T>, _same: Equal<A, T>): void => {};
const value =
  <A>() =>
  <T>(_promise: Promise<T>, _same: Equal<A, T>): void => {
    _promise.catch(() => {});
  };

const sc = new ArrayContext();
const lines = sc.parallelize(['a b', 'c'], 2);
const pairs = sc.parallelize(
  [
    ['a', 1],
    ['b', 2],
  ],
  2,
);
const others = sc.parallelize([['a', true]], 2);

test('records of narrow operators have the types that their functions return', () => {
  records<string>()(lines, true);
  records<number>()(
    lines.map((l) => l.length),
    true,
  );
  records<string>()(
    lines.flatMap((l) => l.split(' ')),
    true,
  );
  records<string>()(
    lines.filter((l) => l !== ''),
    true,
  );
  records<string[]>()(lines.glom(), true);
  records<string[]>()(
    lines.map((l) => l.split(' ')),
    true,
  );
  records<[number, string]>()(
    lines.keyBy((l) => l.length),
    true,
  );
  records<number | null>()(
    lines.map((l) => (l === '' ? null : l.length)),
    true,
  );
  records<{ word: string; n: number }>()(
    lines.map((word) => ({ word, n: 1 })),
    true,
  );
  records<string | number>()(lines.union(sc.range(3)), true);
  records<number>()(
    lines.mapPartitions((it) => [[...it].length]),
    true,
  );
  records<string>()(lines.distinct().coalesce(1).repartition(2).cache(), true);
});

test('an array of two is a pair, without a word from the user', () => {
  records<[string, number]>()(pairs, true);
  records<[string, number]>()(
    lines.map((l) => [l, 1]),
    true,
  );
  records<[string, number]>()(
    lines.flatMap((l) => l.split(' ').map((w) => [w, 1])),
    true,
  );
  records<[string, number]>()(
    lines
      .flatMap((l) => l.split(' '))
      .map((w) => [w, 1])
      .reduceByKey((a, b) => a + b),
    true,
  );
  records<[string, [number, string]]>()(
    lines.map((l) => [l, [l.length, l]]),
    true,
  );
});

test('a type guard narrows what filter gives', () => {
  const mixed = sc.parallelize<string | number>(['a', 1], 1);
  records<string>()(
    mixed.filter((x): x is string => typeof x === 'string'),
    true,
  );
});

test('operators by key know keys and values', () => {
  records<string>()(pairs.keys(), true);
  records<number>()(pairs.values(), true);
  records<[string, string]>()(
    pairs.mapValues((v) => `${v}`),
    true,
  );
  records<[string, string]>()(
    pairs.flatMapValues((v) => `${v}`),
    true,
  );
  records<[string, number[]]>()(pairs.groupByKey(), true);
  records<[string, number]>()(pairs.sortByKey(), true);
  records<[string, number]>()(pairs.partitionBy(new HashPartitioner(2)), true);
  records<[string, number[]]>()(
    pairs.aggregateByKey(
      [] as number[],
      (l, v) => [...l, v],
      (a, b) => [...a, ...b],
    ),
    true,
  );
  records<[string, { n: number }]>()(
    pairs.combineByKey(
      (v) => ({ n: v }),
      (c, v) => ({ n: c.n + v }),
      (a, b) => ({ n: a.n + b.n }),
    ),
    true,
  );
});

test('the side that may be missing is undefined in the type', () => {
  records<[string, [number, boolean]]>()(pairs.join(others), true);
  records<[string, [number, boolean | undefined]]>()(pairs.leftOuterJoin(others), true);
  records<[string, [number | undefined, boolean]]>()(pairs.rightOuterJoin(others), true);
  records<[string, [number | undefined, boolean | undefined]]>()(pairs.fullOuterJoin(others), true);
  records<[string, [number[], boolean[]]]>()(pairs.cogroup(others), true);
  records<[string, [number[], boolean[], number[]]]>()(pairs.cogroup(others, pairs, 3), true);
  records<[string, number]>()(pairs.subtractByKey(others), true);
});

test('operators over partitions and whole records know their types', () => {
  records<string>()(lines.sample(false, 0.5, 1), true);
  const [part = lines] = lines.randomSplit([1, 2]);
  records<string>()(part, true);
  records<[number, string[]]>()(
    lines.groupBy((l) => l.length),
    true,
  );
  records<string>()(lines.intersection(lines).subtract(lines, 3), true);
  records<[string, number]>()(lines.zip(sc.range(0, 2, 1, 2)), true);
  records<[string, [string, number]]>()(lines.cartesian(pairs), true);
  records<[string, number]>()(lines.zipWithIndex().union(lines.zipWithUniqueId()), true);
  records<[string, number]>()(
    lines.zipPartitions(pairs, others, (ls, ps, os) => [...ls].map((l) => [l, [...ps].length + [...os].length])),
    true,
  );
  records<number>()(
    lines.mapPartitionsWithEvaluator({
      createEvaluator: () => ({ eval: (index, records) => [index + [...(records ?? [])].length] }),
    }),
    true,
  );
  const run = (): void => {
    value<string[]>()(lines.takeSample(true, 3), true);
    value<string>()(
      lines.treeReduce((a, b) => a + b),
      true,
    );
    value<number>()(
      lines.treeAggregate(
        0,
        (n, l) => n + l.length,
        (a, b) => a + b,
        3,
      ),
      true,
    );
  };
  assert.equal(typeof run, 'function');
});

test('actions promise what they bring', () => {
  value<string[]>()(lines.collect(), true);
  value<number>()(lines.count(), true);
  value<string>()(lines.first(), true);
  value<Map<string, number>>()(pairs.collectAsMap(), true);
  value<Map<string, number>>()(pairs.countByKey(), true);
  value<Map<string, number>>()(lines.countByValue(), true);
  value<number[]>()(pairs.lookup('a'), true);
  value<number>()(sc.range(3).sum(), true);
  value<[number, number]>()(
    sc.range(3).aggregate(
      [0, 0],
      ([s, n], x) => [s + x, n + 1],
      (a, b) => [a[0] + b[0], a[1] + b[1]],
    ),
    true,
  );
});

test('async operators unwrap promises', () => {
  records<number>()(
    lines.mapAsync(async (l) => l.length),
    true,
  );
  records<[string, number]>()(
    lines.mapAsync(async (l) => [l, 1]),
    true,
  );
  records<string>()(
    lines.flatMapAsync(async (l) => l.split('')),
    true,
  );
  records<string>()(
    lines.filterAsync(async () => true),
    true,
  );
});

test('statistics and approximate actions promise what they bring', () => {
  const ns = sc.range(3);
  value<StatCounter>()(ns.stats(), true);
  value<number>()(ns.mean(), true);
  value<[edges: number[], counts: number[]]>()(ns.histogram(3), true);
  value<number[]>()(ns.histogram([0, 1, 2]), true);
  value<number[]>()(ns.histogram([0, 1, 2], true), true);
  value<PartialResult<BoundedDouble>>()(lines.countApprox(10), true);
  value<PartialResult<BoundedDouble>>()(ns.sumApprox(10, 0.9), true);
  value<PartialResult<Map<string, BoundedDouble>>>()(lines.countByValueApprox(10), true);
  value<PartialResult<Map<string, BoundedDouble>>>()(pairs.countByKeyApprox(10), true);
  value<number>()(lines.countApproxDistinct(), true);
  value<number>()(lines.countApproxDistinct(12, 25), true);
  value<Map<string, number>>()(
    pairs.reduceByKeyLocally((a, b) => a + b),
    true,
  );
  records<[string, number]>()(others.countApproxDistinctByKey(0.1, 3), true);
  records<[string, number]>()(others.countApproxDistinctByKey(12, 0, new HashPartitioner(2)), true);
  records<[string, [number[], boolean[]]]>()(pairs.groupWith(others), true);
  records<[string, [number[], boolean[], number[]]]>()(pairs.groupWith(others, pairs), true);
  records<[string, boolean]>()(others.filterByRange('a', 'b'), true);
  records<[string, boolean]>()(others.sampleByKey(false, new Map([['a', 1]])), true);
  records<[string, boolean]>()(others.repartitionAndSortWithinPartitions(new HashPartitioner(2)), true);
});

test('jobs of the user promise what their function returns', () => {
  const lengths = (ls: Iterable<string>): number => [...ls].length;
  value<number[]>()(sc.runJob(lines, lengths), true);
  value<string[]>()(
    sc.runJob(lines, (ls, context) => `${context.partitionId} ${[...ls].length}`, [0]),
    true,
  );
  value<void>()(
    sc.runJob(lines, lengths, (_, n) => n.toFixed()),
    true,
  );
  value<void>()(
    sc.runJob(lines, lengths, [0], (_, n) => n.toFixed()),
    true,
  );
  value<boolean>()(
    sc.submitJob(
      lines,
      lengths,
      [0],
      () => {},
      () => true,
    ),
    true,
  );
});

test('wrong calls do not compile', () => {
  const wrong = (): void => {
    // @ts-expect-error numbers are no pairs
    sc.range(3).reduceByKey((a, b) => a + b);
    // @ts-expect-error lines are no pairs
    lines.groupByKey();
    // @ts-expect-error strings have no sum
    void lines.sum();
    // @ts-expect-error the function must give what it takes
    pairs.reduceByKey((a, b) => `${a}${b}`);
    // @ts-expect-error keys differ
    pairs.join(sc.parallelize([[1, 'x']], 1)).collect;
    // @ts-expect-error lines and numbers have nothing in common
    lines.intersection(sc.range(3));
    // @ts-expect-error the function takes two iterators
    lines.zipPartitions(pairs, (a: number) => [a]);
    // @ts-expect-error flatMap needs something iterable
    lines.flatMap((l) => l.length);
    // @ts-expect-error the comparator compares keys
    pairs.sortByKey(true, 2, (a: number, b: number) => a - b);
    // @ts-expect-error lookup takes a key
    void pairs.lookup(5);
    // @ts-expect-error a partitioner is no string
    pairs.partitionBy('hash');
    // @ts-expect-error strings have no mean
    void lines.mean();
    // @ts-expect-error nor a histogram
    void lines.histogram(3);
    // @ts-expect-error edges are numbers
    void sc.range(3).histogram(['a', 'b']);
    // @ts-expect-error lines are no pairs
    void lines.countByKeyApprox(10);
    // @ts-expect-error a time is needed
    void lines.countApprox();
    // @ts-expect-error bounds are keys
    pairs.filterByRange(1, 2);
    // @ts-expect-error a number of partitions is no partitioner
    pairs.repartitionAndSortWithinPartitions(3);
    // @ts-expect-error fractions are of keys
    pairs.sampleByKey(false, new Map([[1, 0.5]]));
    // @ts-expect-error lines are no numbers
    void sc.runJob(lines, (ns: Iterable<number>) => [...ns].length);
    const handler = (_: number, text: string): string => text;
    // @ts-expect-error the handler takes what the function returns
    void sc.runJob(lines, () => 1, handler);
    // @ts-expect-error partitions are numbers
    void sc.runJob(lines, () => 1, ['a']);
    // @ts-expect-error groupWith takes no partitioner
    pairs.groupWith(others, 3);
    // @ts-expect-error keys differ
    pairs.groupWith(sc.parallelize([[1, 'x']], 1));
    // @ts-expect-error the function must give what it takes
    void pairs.reduceByKeyLocally((a, b) => `${a}${b}`);
    // @ts-expect-error p and sp go with a partitioner
    pairs.countApproxDistinctByKey(12, 0, 'x');
  };
  assert.equal(typeof wrong, 'function');
});

const ns = sc.range(3);
const numbered = sc.parallelize([[1, 'x']], 1);
const objects = sc.parallelize([{ a: 1 }], 1);
const add = (a: number, b: number): number => a + b;
const addLater = async (a: number, b: number): Promise<number> => a + b;
const join = (a: number, b: unknown): string => `${a}${b}`;

test('async functions are refused by types where what they give has to be a value of its own kind', () => {
  const wrong = (): void => {
    // @ts-expect-error
    lines.flatMap(async (l) => l.split(''));
    // @ts-expect-error
    lines.mapPartitions(async (it) => [...it]);
    // @ts-expect-error
    lines.mapPartitionsWithIndex(async (_, it) => [...it]);
    // @ts-expect-error
    lines.barrier().mapPartitions(async (it) => [...it]);
    // @ts-expect-error
    lines.zipPartitions(pairs, async (ls) => [...ls]);
    // @ts-expect-error
    pairs.flatMapValues(async (v) => [v]);
    // @ts-expect-error
    pairs.reduceByKey(async (a, b) => a + b);
    // @ts-expect-error
    pairs.foldByKey(0, async (a, b) => a + b);
    // @ts-expect-error
    void pairs.reduceByKeyLocally(async (a, b) => a + b);
    // @ts-expect-error
    pairs.combineByKey(add, addLater, add);
    // @ts-expect-error
    void ns.reduce(async (a, b) => a + b);
    // @ts-expect-error
    void ns.treeReduce(async (a, b) => a + b);
    // @ts-expect-error
    void ns.fold(0, async (a, b) => a + b);
    // @ts-expect-error
    void ns.aggregate(0, addLater, add);
    // @ts-expect-error
    void ns.max(async (a, b) => a - b);
    // @ts-expect-error
    lines.sortBy(String, true, 2, async () => 1);
  };
  assert.equal(typeof wrong, 'function');
});

test('methods of pairs want pairs, and their own keys and values', () => {
  const wrong = (): void => {
    // @ts-expect-error
    lines.keys();
    // @ts-expect-error
    lines.values();
    // @ts-expect-error
    lines.mapValues((v) => v);
    // @ts-expect-error
    lines.flatMapValues((v) => [v]);
    // @ts-expect-error
    lines.partitionBy(new HashPartitioner(2));
    // @ts-expect-error
    lines.reduceByKey((a) => a);
    // @ts-expect-error
    lines.combineByKey(
      (v) => v,
      (c) => c,
      (a) => a,
    );
    // @ts-expect-error
    lines.aggregateByKey(
      0,
      (a) => a,
      (a) => a,
    );
    // @ts-expect-error
    lines.foldByKey('', (a) => a);
    // @ts-expect-error
    lines.join(pairs);
    // @ts-expect-error
    pairs.join(lines);
    // @ts-expect-error
    lines.cogroup(pairs);
    // @ts-expect-error
    lines.subtractByKey(pairs);
    // @ts-expect-error
    void lines.collectAsMap();
    // @ts-expect-error
    void lines.countByKey();
    // @ts-expect-error
    void lines.lookup('a');
    // @ts-expect-error
    void lines.reduceByKeyLocally((a) => a);
    // @ts-expect-error
    lines.sampleByKey(false, new Map());
    // @ts-expect-error
    lines.sampleByKeyExact(false, new Map());
    // @ts-expect-error
    lines.sortByKey();
    // @ts-expect-error
    lines.filterByRange('a', 'b');
    // @ts-expect-error
    lines.repartitionAndSortWithinPartitions(new HashPartitioner(2));
    // @ts-expect-error
    lines.countApproxDistinctByKey();
    // @ts-expect-error
    void lines.saveAsSequenceFile('x');
    // @ts-expect-error
    pairs.leftOuterJoin(numbered);
    // @ts-expect-error
    pairs.rightOuterJoin(numbered);
    // @ts-expect-error
    pairs.fullOuterJoin(numbered);
    // @ts-expect-error
    pairs.cogroup(numbered);
    // @ts-expect-error
    pairs.subtractByKey(numbered);
    // @ts-expect-error
    pairs.foldByKey('', (a) => a);
    // @ts-expect-error
    pairs.aggregateByKey(0, join, add);
    // @ts-expect-error
    others.reduceByKey((a, b) => a + b);
    // @ts-expect-error
    pairs.groupByKey('4');
  };
  assert.equal(typeof wrong, 'function');
});

test('methods of numbers want numbers', () => {
  const wrong = (): void => {
    // @ts-expect-error
    void pairs.sum();
    // @ts-expect-error
    void lines.stats();
    // @ts-expect-error
    void lines.variance();
    // @ts-expect-error
    void lines.popVariance();
    // @ts-expect-error
    void lines.sampleVariance();
    // @ts-expect-error
    void lines.stdev();
    // @ts-expect-error
    void lines.popStdev();
    // @ts-expect-error
    void lines.sampleStdev();
    // @ts-expect-error
    void lines.meanApprox(10);
    // @ts-expect-error
    void lines.sumApprox(10);
    // @ts-expect-error
    void lines.histogram([0, 1]);
  };
  assert.equal(typeof wrong, 'function');
});

test('records, functions, options and numbers are of their kinds', () => {
  const wrong = (): void => {
    // @ts-expect-error
    lines.map('x');
    // @ts-expect-error
    lines.filter(1);
    // @ts-expect-error
    objects.map((o) => o.b);
    // @ts-expect-error
    void lines.take('3');
    // @ts-expect-error
    void lines.takeSample(3);
    // @ts-expect-error
    void lines.reduce((a, b) => a.length + b.length);
    // @ts-expect-error
    void lines.fold(0, (a) => a);
    // @ts-expect-error
    void lines.treeAggregate(0, join, add);
    // @ts-expect-error
    void lines.top(3, (a: number, b: number) => a - b);
    // @ts-expect-error
    lines.repartition('4');
    // @ts-expect-error
    lines.coalesce();
    // @ts-expect-error
    lines.sample(0.5);
    // @ts-expect-error
    lines.randomSplit(0.5);
    // @ts-expect-error
    lines.subtract(ns);
    // @ts-expect-error
    lines.union('x');
    // @ts-expect-error
    lines.zip([1, 2]);
    // @ts-expect-error
    lines.mapPartitionsWithIndex((i: string, it) => [...it, i]);
    // @ts-expect-error
    lines.persist('MEMORY_ONLY');
    // @ts-expect-error
    lines.setName(3);
    // @ts-expect-error
    void lines.saveAsTextFile(3);
    // @ts-expect-error
    lines.mapAsync(async (l: number) => l);
    // @ts-expect-error
    lines.mapAsync(async (l) => l, { concurrency: '3' });
    // @ts-expect-error
    lines.flatMapAsync(async (l) => l.length);
    // @ts-expect-error
    void lines.count({ signal: 3 });
    // @ts-expect-error
    void lines.countAsync().then((n: string) => n);
    // @ts-expect-error
    sc.parallelize(5);
    // @ts-expect-error
    sc.range('3');
  };
  assert.equal(typeof wrong, 'function');
});

test('the context of an RDD is a SparkContext', () => {
  const check = (context: SparkContext): RDD<number> => context.range(1);
  const right = (): void => {
    records<number>()(check(lines.sparkContext), true);
    records<number>()(check(lines.context), true);
    value<number>()(lines.countAsync(), true);
    value<string[]>()(lines.takeAsync(2), true);
    const settled: PromiseSettledResult<number> | null = ns.count().value;
    assert.equal(settled, null);
  };
  assert.equal(typeof right, 'function');
});
