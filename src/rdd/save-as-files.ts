import { randomUUID } from 'node:crypto';
import { IllegalArgumentError } from '../base/errors.ts';
import { abortJob, commitJob, outputJob, setupJob } from '../io/file-output.ts';
import { partExtension } from '../io/open-record-writer.ts';
import type { OutputFormat } from '../protocol/file-formats.ts';
import { type ActionOptions, type FutureAction, startAction } from './future-action.ts';
import { everyPartition } from './results.ts';
import type { Site } from './site.ts';
import { describe } from './user-function.ts';

/** One file a partition in a new directory, all or nothing. Spark: SparkHadoopWriter.write */
export function saveAsFiles(
  at: Site,
  path: string,
  format: OutputFormat,
  options: ActionOptions | undefined,
): FutureAction<void> {
  if (typeof path !== 'string' || path === '')
    throw new IllegalArgumentError(`${at.operator}() needs the path of a directory, but was given ${describe(path)}`);
  return startAction(at.jobs, at.callSite, options, async (action) => {
    const { validateOutputSpecs } = at.jobs.settings;
    const job = outputJob(path, partExtension(format), randomUUID());
    const partitions = everyPartition(at.node);
    const made = setupJob(job, { validateOutputSpecs });
    action.onCancelled(() => abortJob(job, made));
    try {
      const { jobUuid } = job;
      await action.run(at.node, { kind: 'saveFiles', path: job.path, format, jobUuid }, partitions, () => {});
      commitJob(job, partitions.length);
    } catch (error) {
      abortJob(job, made);
      throw error;
    }
  });
}
