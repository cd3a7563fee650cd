import { randomUUID } from 'node:crypto';
import { IllegalArgumentError } from '../base/errors.ts';
import { abortJob, commitJob, setupJob, textOutputJob } from '../io/text-output.ts';
import { type ActionOptions, type FutureAction, startAction } from './future-action.ts';
import { everyPartition } from './results.ts';
import type { Site } from './site.ts';
import { describe } from './user-function.ts';

export interface SaveTextOptions extends ActionOptions {
  readonly codec?: 'gzip';
}

/** One file a partition, all or nothing. Spark: RDD.saveAsTextFile, SparkHadoopWriter */
export function saveAsTextFile(at: Site, path: string, options: SaveTextOptions | undefined): FutureAction<void> {
  if (typeof path !== 'string' || path === '')
    throw new IllegalArgumentError(`saveAsTextFile() needs the path of a directory, but was given ${describe(path)}`);
  const codec = options?.codec ?? 'none';
  if (codec !== 'none' && codec !== 'gzip')
    throw new IllegalArgumentError(`codec of saveAsTextFile() must be 'gzip' or left out, but is ${describe(codec)}`);
  return startAction(at.jobs, at.callSite, options, async (action) => {
    const { validateOutputSpecs } = at.jobs.settings;
    const job = textOutputJob(path, codec, randomUUID());
    const partitions = everyPartition(at.node);
    const made = setupJob(job, { validateOutputSpecs });
    action.onCancelled(() => abortJob(job, made));
    try {
      const { jobUuid } = job;
      await action.run(at.node, { kind: 'saveText', path: job.path, codec, jobUuid }, partitions, () => {});
      commitJob(job, partitions.length);
    } catch (error) {
      abortJob(job, made);
      throw error;
    }
  });
}
