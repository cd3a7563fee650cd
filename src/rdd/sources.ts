import { IllegalArgumentError } from '../base/errors.ts';
import { checkpointPath, countCheckpointParts, readPartitionerFile } from '../io/checkpoint-files.ts';
import { callSite } from './call-site.ts';
import { decodePartitioner } from './checkpoint-partitioner.ts';
import type { Element, Nullish } from './element.ts';
import type { JobRunner } from './job-runner.ts';
import { ReliableCheckpointRDD } from './nodes/checkpoint-rdds.ts';
import { EmptyRDD } from './nodes/empty-rdd.ts';
import { ParallelCollectionRDD } from './nodes/parallel-collection-rdd.ts';
import { RangeRDD } from './nodes/range-rdd.ts';
import { notAnRdd } from './pair-functions.ts';
import type { Partitioner } from './partitioner.ts';
import { RDD } from './rdd.ts';
import { union } from './transformations.ts';
import { describe } from './user-function.ts';

// Where RDDs come from: what SparkContext's methods of the same names do.

/**
 * @param collection an array or typed array is not copied: what it holds at the first action counts. Any other iterable is
 *   read at once.
 * @throws IllegalArgumentError when numSlices is not a positive integer.
 */
export function parallelize<T extends Element<N>, N extends Nullish = Nullish>(
  jobs: JobRunner,
  collection: ArrayLike<T> | Iterable<T>,
  numSlices: number = jobs.settings.defaultParallelism,
  operator = 'parallelize',
): RDD<T> {
  jobs.assertNotStopped();
  const slices = checkSlices(operator, numSlices);
  const records = toArrayLike(operator, collection);
  return new RDD<T>(jobs, new ParallelCollectionRDD(jobs.newRddId(), callSite(operator), records, slices));
}

/** One partition for each record, with the hosts where it is best computed. Spark: SparkContext.makeRDD(Seq[(T, Seq[String])]) */
export function parallelizeWithHosts<T extends Element<N>, N extends Nullish = Nullish>(
  jobs: JobRunner,
  records: readonly (readonly [record: T, hosts: readonly string[]])[],
): RDD<T> {
  jobs.assertNotStopped();
  if (!Array.isArray(records))
    throw new IllegalArgumentError(
      `makeRDD() with hosts needs a list of [record, hosts] entries, but was given ${describe(records)}`,
    );
  for (const entry of records) {
    if (!Array.isArray(entry) || !Array.isArray(entry[1]))
      throw new IllegalArgumentError(
        `makeRDD() with hosts needs [record, hosts] entries, but one is ${describe(entry)}`,
      );
    for (const host of entry[1]) {
      if (typeof host !== 'string')
        throw new IllegalArgumentError(`hosts of makeRDD() must be names, but one is ${describe(host)}`);
    }
  }
  const values = records.map(([record]) => record);
  const hosts = records.map(([, places]) => places);
  const slices = Math.max(1, values.length);
  return new RDD<T>(jobs, new ParallelCollectionRDD(jobs.newRddId(), callSite('makeRDD'), values, slices, hosts));
}

/**
 * start, start + step, … before end. `range(jobs, n)` counts from 0 to n - 1.
 *
 * @throws IllegalArgumentError for step 0 and for numbers beyond the safe integers, where steps would be lost.
 */
export function range(
  jobs: JobRunner,
  start: number,
  end?: number,
  step = 1,
  numSlices: number = jobs.settings.defaultParallelism,
): RDD<number> {
  jobs.assertNotStopped();
  const [from, until] = end === undefined ? [0, start] : [start, end];
  for (const [name, value] of Object.entries({ start: from, end: until, step })) {
    if (!Number.isSafeInteger(value))
      throw new IllegalArgumentError(`${name} of range() must be a safe integer, but is ${describe(value)}`);
  }
  if (step === 0) throw new IllegalArgumentError('step cannot be 0');
  const slices = checkSlices('range', numSlices);
  return new RDD<number>(jobs, new RangeRDD(jobs.newRddId(), callSite('range'), from, until, step, slices));
}

/** What a reliable checkpoint holds; see do-checkpoint.ts. Spark: SparkContext.checkpointFile */
export function checkpointFile<T>(jobs: JobRunner, directory: string): RDD<T> {
  jobs.assertNotStopped();
  const dir = checkpointPath(directory, 'read');
  const numPartitions = countCheckpointParts(dir);
  const partitioner = readPartitioner(jobs, dir);
  const at = callSite('checkpointFile');
  return new RDD<T>(jobs, new ReliableCheckpointRDD(jobs.newRddId(), at, dir, numPartitions, partitioner));
}

/** Doing without costs a shuffle perhaps, so nothing of this is an error. */
function readPartitioner(jobs: JobRunner, dir: string): Partitioner | null {
  try {
    const bytes = readPartitionerFile(dir);
    return bytes === null ? null : decodePartitioner(bytes);
  } catch (error) {
    jobs.checkpoints.warn(
      `Error reading partitioner from ${dir}, partitioner will not be recovered which may lead to performance loss: ${String(error)}`,
    );
    return null;
  }
}

export function emptyRDD<T = never>(jobs: JobRunner): RDD<T> {
  jobs.assertNotStopped();
  return new RDD<T>(jobs, new EmptyRDD(jobs.newRddId(), callSite('emptyRDD')));
}

/** All records of all of them; duplicates stay. An empty list gives an empty RDD. Spark: SparkContext.union */
export function unionAll<T>(jobs: JobRunner, rdds: readonly RDD<T>[]): RDD<T> {
  jobs.assertNotStopped();
  const at = { jobs, operator: 'union', callSite: callSite('union') };
  if (!Array.isArray(rdds))
    throw new IllegalArgumentError(`union() needs a list of RDDs, but was given ${describe(rdds)}`);
  for (const rdd of rdds) if (!(rdd instanceof RDD)) throw notAnRdd(at, rdd);
  if (rdds.length === 0) return new RDD<T>(jobs, new EmptyRDD(jobs.newRddId(), at.callSite));
  return new RDD<T>(
    jobs,
    union(
      at,
      rdds.map((rdd) => rdd.node),
    ),
  );
}

function checkSlices(operator: string, numSlices: number): number {
  if (Number.isInteger(numSlices) && numSlices >= 1) return numSlices;
  throw new IllegalArgumentError(
    `Positive number of partitions required: numSlices of ${operator}() must be an integer of at least 1, but is ${describe(numSlices)}`,
  );
}

function toArrayLike(operator: string, collection: unknown): ArrayLike<unknown> {
  if (Array.isArray(collection)) return collection;
  if (ArrayBuffer.isView(collection) && !(collection instanceof DataView))
    return collection as unknown as ArrayLike<unknown>;
  if (typeof collection === 'object' && collection !== null) {
    if (Symbol.iterator in collection) return Array.from(collection as Iterable<unknown>);
    if (typeof (collection as { length?: unknown }).length === 'number') return collection as ArrayLike<unknown>;
  }
  if (typeof collection === 'string') return Array.from(collection);
  throw new IllegalArgumentError(
    `${operator}() needs an array or another iterable, but was given ${describe(collection)}`,
  );
}
