// The comparisons that compare.mjs knows: what they do, and their arguments at full size and at a size for a quick look.
import { makeRecords } from './data/make-records.mjs';
import { makeText } from './data/make-text.mjs';
import { startDelayServer } from './lib/delay-server.mjs';

/**
 * One comparison. `job`: the program's name on both sides (`bench/jobs/<job>.ts`, `bench/spark/*.scala`); `spark`: another name
 * on Spark's side. `args(scale, url)` gives the arguments of both, and makes input files that are missing; `service` starts what
 * they call, at `url`. `timed`: 'rounds' times the rounds in a process that is warm, 'first' its first round, 'process' the time
 * from start to exit. The shorter a round, the more of them: the JVM compiles while the first ones run, and Spark is to be
 * measured at its best.
 */
export const SUITE = [
  {
    name: 'startup',
    what: () => '`parallelize(1..10).count()`, whole process',
    timed: 'process',
    args: () => [],
  },
  {
    name: 'empty-tasks',
    what: (small) => `${small ? '1,000' : '10,000'} empty tasks in one stage`,
    args: (small) => [`tasks=${small ? 1000 : 10_000}`, 'rounds=8'],
  },
  {
    name: 'range-20m',
    job: 'range-map-filter-reduce',
    what: (small) => `range(${small ? '1M' : '20M'}) map, filter, reduce`,
    args: (small) => [`n=${small ? 1_000_000 : 20_000_000}`, 'rounds=12'],
  },
  {
    name: 'range-200m',
    job: 'range-map-filter-reduce',
    what: (small) => `range(${small ? '2M' : '200M'}) map, filter, reduce`,
    args: (small) => [`n=${small ? 2_000_000 : 200_000_000}`, 'rounds=5'],
  },
  {
    name: 'object-pipeline',
    what: (small) => `${small ? '200k' : '5M'} objects: map, filter, flatMap, map, reduce`,
    args: (small) => [`n=${small ? 200_000 : 5_000_000}`, 'rounds=12'],
  },
  {
    name: 'word-count',
    what: (small) => `word count, ${small ? '20 MB' : '200 MB'} of text`,
    args: (small) => [`path=${makeText(small ? '20MB' : '200MB')}`, 'rounds=6'],
  },
  {
    name: 'word-count-1gb',
    job: 'word-count',
    what: (small) => `word count, ${small ? '20 MB' : '1 GB'} of text`,
    args: (small) => [`path=${makeText(small ? '20MB' : '1GB')}`, 'rounds=3'],
  },
  {
    name: 'word-count-python',
    job: 'word-count',
    spark: 'word_count.py',
    what: (small) => `word count, ${small ? '20 MB' : '200 MB'} of text, against PySpark`,
    args: (small) => [`path=${makeText(small ? '20MB' : '200MB')}`, 'rounds=3'],
  },
  {
    name: 'sort-ints-2m',
    job: 'sort-ints',
    what: (small) => `sortByKey, ${small ? '100k' : '2M'} int keys`,
    args: (small) => [`n=${small ? 100_000 : 2_000_000}`, 'rounds=8'],
  },
  {
    name: 'sort-ints-20m',
    job: 'sort-ints',
    what: (small) => `sortByKey, ${small ? '200k' : '20M'} int keys`,
    args: (small) => [`n=${small ? 200_000 : 20_000_000}`, 'rounds=5'],
  },
  {
    name: 'sort-strings',
    what: (small) => `sortByKey, ${small ? '100k' : '10M'} strings of 10 letters`,
    args: (small) => [`n=${small ? 100_000 : 10_000_000}`, 'rounds=5'],
  },
  {
    name: 'sort-records',
    what: (small) => `sortByKey, ${small ? '10 MB' : '1 GB'} of 100-byte records from a file`,
    args: (small) => [`path=${makeRecords(small ? 100_000 : 10_000_000)}`, 'rounds=3'],
  },
  {
    name: 'reduce-by-key',
    what: (small) => (small ? 'reduceByKey, 200k records, 50k keys' : 'reduceByKey, 20M records, 5M keys'),
    args: (small) => (small ? ['n=200000', 'keys=50000', 'rounds=3'] : ['rounds=5']),
  },
  {
    name: 'join',
    what: (small) => (small ? 'join 100k × 10k' : 'join 10M × 1M'),
    args: (small) => (small ? ['n=100000', 'keys=10000', 'rounds=3'] : ['rounds=5']),
  },
  {
    name: 'group-by-key',
    what: (small) => (small ? 'groupByKey, 200k records, 10k keys' : 'groupByKey, 20M records, 1M keys'),
    args: (small) => (small ? ['n=200000', 'keys=10000', 'rounds=3'] : ['rounds=5']),
  },
  {
    name: 'page-rank',
    what: (small) =>
      small ? 'PageRank, 10 rounds, 10k nodes, 80k edges' : 'PageRank, 10 rounds, 1M nodes, 8M edges, cached',
    args: (small) => (small ? ['nodes=10000', 'edges=80000', 'rounds=2'] : ['rounds=3']),
  },
  {
    name: 'web-calls',
    what: (small) => `${small ? '400' : '10,000'} calls of a web service that answers after 50 ms`,
    // Nearly all of it is waiting, and Spark waits for minutes: one round, after some calls that warm both up.
    timed: 'first',
    service: () => startDelayServer(50),
    args: (small, url) => [`n=${small ? 400 : 10_000}`, `warm=${small ? 100 : 1000}`, 'concurrency=64', `url=${url}`],
  },
].map((entry) => ({ timed: 'rounds', job: entry.name, spark: entry.job ?? entry.name, ...entry }));
