import { IllegalArgumentError } from '../base/errors.ts';
import { listFileSplits, type SplitOptions } from '../io/file-splits.ts';
import { callSite } from './call-site.ts';
import type { JobRunner } from './job-runner.ts';
import { type FileListing, FileRDD } from './nodes/file-rdd.ts';
import { RDD } from './rdd.ts';
import { describe } from './user-function.ts';

// RDDs of files: what SparkContext's methods of the same names do. Paths are files, directories, globs, comma lists; they are
// looked at when somebody first asks for the partitions.

/**
 * The lines of text files.
 *
 * @param minPartitions a wish: small files are not joined, packed ones not cut but for bzip2.
 */
export function textFile(
  jobs: JobRunner,
  path: string,
  minPartitions: number = jobs.settings.defaultMinPartitions,
  options: SplitOptions = {},
): RDD<string> {
  const request = { operator: 'textFile', path, minPartitions, content: 'text' } as const;
  return files<string>(jobs, request, 'HadoopRDD', () => ({
    partitions: listFileSplits(request, options).map((split) => [split]),
    format: { kind: 'text' },
  }));
}

interface Call {
  readonly operator: string;
  readonly path: string;
  readonly minPartitions: number;
}

function files<T>(jobs: JobRunner, call: Call, className: string, list: () => FileListing): RDD<T> {
  jobs.assertNotStopped();
  const { operator, path, minPartitions } = call;
  if (typeof path !== 'string' || path === '')
    throw new IllegalArgumentError(`${operator}() needs a path, but was given ${describe(path)}`);
  if (!Number.isInteger(minPartitions) || minPartitions < 0)
    throw new IllegalArgumentError(
      `minPartitions of ${operator}() must be an integer of at least 0, but is ${describe(minPartitions)}`,
    );
  return new RDD<T>(jobs, new FileRDD(jobs.newRddId(), callSite(operator), className, path, list));
}
