import { InvariantError, IskraError } from '../base/errors.ts';
import { childOf, fileSystemOf, parentOf, qualifyPath, showPath } from './file-system.ts';
import { ioError, isSystemError } from './io-error.ts';

// Where a job's files are, as Hadoop's FileOutputCommitter lays them out. A reader sees either nothing or all of it:
// every step that makes something visible is a rename, and _SUCCESS comes last.
//
//   <path>/_temporary/0/_temporary/attempt_<job>_m_000003_1/part-00003   a task attempt writes
//   <path>/_temporary/0/task_<job>_m_000003/part-00003                   commitTask (algorithm 1)
//   <path>/part-00003                                                    commitJob (algorithm 2: already commitTask)
//   <path>/_SUCCESS                                                      commitJob

/** One output as plain data, the same on the driver and in every task. */
export interface OutputJob {
  /** Qualified: made by `outputJob`. */
  readonly path: string;
  /** Of the part files: `.gz`. */
  readonly extension: string;
  readonly jobUuid: string;
  /** spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version. Absent: 1. */
  readonly algorithm?: 1 | 2;
}

/** One attempt of one partition. */
export interface OutputTask {
  readonly partition: number;
  readonly attempt: number;
}

/** Describes the output below what the user calls a path; touches nothing. */
export function outputJob(path: string, extension: string, jobUuid: string): OutputJob {
  return { path: qualifyPath(path, 'write'), extension, jobUuid };
}

/**
 * Makes the output directory; on the driver, before any task.
 *
 * @param options.validateOutputSpecs spark.hadoop.validateOutputSpecs: false writes into an existing directory.
 * @returns the topmost directory that had to be made, for `abortJob`; null when all existed.
 * @throws IskraError OUTPUT_EXISTS, OUTPUT_NOT_WRITABLE.
 */
export function setupJob(job: OutputJob, options: { readonly validateOutputSpecs?: boolean } = {}): string | null {
  const shown = showPath(job.path);
  const kind = kindOf(job.path);
  if (kind === 'other' || (kind === 'directory' && (options.validateOutputSpecs ?? true)))
    throw new IskraError(
      'OUTPUT_EXISTS',
      kind === 'directory'
        ? `Output directory ${shown} already exists; remove it, choose another, or set spark.hadoop.validateOutputSpecs=false to write into it`
        : `Output directory ${shown} already exists and is not a directory; choose another path`,
      { details: { path: job.path } },
    );
  try {
    const made = fileSystemOf(job.path).makeDirectories(attemptsDir(job));
    // Directories inside the output go with it.
    return made === null || made.startsWith(`${job.path}/`) ? null : made;
  } catch (e) {
    throw notWritable(`cannot create the output directory ${shown}`, e, job);
  }
}

/**
 * Makes the directory of a task attempt; on an executor. Leftovers of an equal attempt are removed.
 *
 * @returns the path of the part file that the attempt is to write.
 * @throws IskraError OUTPUT_NOT_WRITABLE, also when the job has ended: a late attempt must not bring its directory back.
 */
export function setupTask(job: OutputJob, task: OutputTask): string {
  const dir = attemptDir(job, task);
  const files = fileSystemOf(dir);
  try {
    files.delete(dir);
    files.makeDirectory(dir);
  } catch (e) {
    const ended = isSystemError(e, 'ENOENT')
      ? ' (the job has ended, or this directory is not the one that the driver sees)'
      : '';
    throw notWritable(`cannot create ${showPath(dir)}${ended}`, e, job);
  }
  return childOf(dir, partName(job, task.partition));
}

/** Makes an attempt's closed file the partition's. Ask for permission before: one attempt of a partition may do it. */
export function commitTask(job: OutputJob, task: OutputTask): void {
  const from = attemptDir(job, task);
  const files = fileSystemOf(from);
  try {
    if (job.algorithm === 2) {
      const name = partName(job, task.partition);
      files.rename(childOf(from, name), childOf(job.path, name));
      files.delete(from);
    } else files.rename(from, committedDir(job, task.partition));
  } catch (e) {
    throw notWritable(`cannot commit partition ${task.partition} of ${showPath(job.path)}`, e, job);
  }
}

/** Removes what an attempt has written; fine when there is nothing. */
export function abortTask(job: OutputJob, task: OutputTask): void {
  const dir = attemptDir(job, task);
  fileSystemOf(dir).delete(dir);
}

/**
 * Moves all committed files to their final names, removes `_temporary`, writes `_SUCCESS`; on the driver, after all tasks.
 *
 * @throws InvariantError when a partition was not committed; IskraError OUTPUT_NOT_WRITABLE.
 */
export function commitJob(
  job: OutputJob,
  numPartitions: number,
  options: { readonly markSuccess?: boolean } = {},
): void {
  const files = fileSystemOf(job.path);
  try {
    const moves: { from: string; to: string }[] = [];
    for (let partition = 0; partition < numPartitions; partition++) {
      const name = partName(job, partition);
      const to = childOf(job.path, name);
      const from = job.algorithm === 2 ? to : childOf(committedDir(job, partition), name);
      const there = kindOf(from);
      // An attempt may commit without a file when its format has none for no records.
      if (there === 'none' && job.algorithm !== 2 && kindOf(committedDir(job, partition)) === 'directory') continue;
      if (there !== 'other')
        throw new InvariantError(`partition ${partition} of ${showPath(job.path)} was never committed`);
      if (from !== to) moves.push({ from, to });
    }
    for (const { from, to } of moves) files.rename(from, to);
    removeTemporary(job);
    if (options.markSuccess ?? true) files.create(childOf(job.path, '_SUCCESS')).close();
  } catch (e) {
    if (e instanceof IskraError) throw e;
    throw notWritable(`cannot commit the output ${showPath(job.path)}`, e, job);
  }
}

/**
 * Removes everything that is not committed, and the directories that `setupJob` made if they are empty, so that a failed job
 * can be run again (Spark leaves the directory behind).
 *
 * @param made what `setupJob` returned.
 */
export function abortJob(job: OutputJob, made: string | null): void {
  removeTemporary(job);
  if (made === null) return;
  // Not empty, or not ours to remove: then it stays, and all above it.
  for (let dir = job.path; dir.startsWith(made); dir = parentOf(dir))
    if (!fileSystemOf(dir).removeEmptyDirectory(dir)) return;
}

/** Aside first: tasks that were told to end, and have not yet, find no place for what they would still make. */
const removeTemporary = (job: OutputJob): void => {
  const dir = childOf(job.path, '_temporary');
  const aside = childOf(job.path, `_removed_${job.jobUuid}`);
  const files = fileSystemOf(dir);
  try {
    files.rename(dir, aside);
  } catch (e) {
    if (isSystemError(e, 'ENOENT')) return;
    throw e;
  }
  files.delete(aside);
};

function kindOf(path: string): 'none' | 'directory' | 'other' {
  try {
    const status = fileSystemOf(path).status(path);
    return status === null ? 'none' : status.kind === 'directory' ? 'directory' : 'other';
  } catch (e) {
    // What else is wrong with the path shows when it is made.
    if (isSystemError(e)) return 'none';
    throw e;
  }
}

const notWritable = (tried: string, cause: unknown, job: OutputJob): IskraError =>
  ioError('OUTPUT_NOT_WRITABLE', tried, cause, { path: job.path });

const taskName = (job: OutputJob, partition: number): string =>
  `${job.jobUuid}_m_${String(partition).padStart(6, '0')}`;
const partName = (job: OutputJob, partition: number): string =>
  `part-${String(partition).padStart(5, '0')}${job.extension}`;
const attemptsDir = (job: OutputJob): string => `${childOf(job.path, '_temporary')}/0/_temporary`;
const attemptDir = (job: OutputJob, task: OutputTask): string =>
  childOf(attemptsDir(job), `attempt_${taskName(job, task.partition)}_${task.attempt}`);
const committedDir = (job: OutputJob, partition: number): string =>
  `${childOf(job.path, '_temporary')}/0/task_${taskName(job, partition)}`;
