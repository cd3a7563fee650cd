import { mkdirSync, renameSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InvariantError, IskraError } from '../base/errors.ts';
import { makeDirectory } from '../base/make-directory.ts';
import { ioError, isSystemError } from './io-error.ts';
import { showPath, toLocalPath } from './local-path.ts';
import { TextFileWriter } from './text-file-writer.ts';

// Where a job's files are, as Hadoop's FileOutputCommitter lays them out. A reader sees either nothing or all of it:
// every step that makes something visible is a rename, and _SUCCESS comes last.
//
//   <path>/_temporary/0/_temporary/attempt_<job>_m_000003_1/part-00003   a task attempt writes
//   <path>/_temporary/0/task_<job>_m_000003/part-00003                   commitTask (algorithm 1)
//   <path>/part-00003                                                    commitJob (algorithm 2: already commitTask)
//   <path>/_SUCCESS                                                      commitJob

/** One saveAsTextFile as plain data, the same on the driver and in every task. */
export interface TextOutputJob {
  /** Absolute and local: made by `textOutputJob`. */
  readonly path: string;
  readonly codec: 'none' | 'gzip';
  readonly jobUuid: string;
  /** spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version. Absent: 1. */
  readonly algorithm?: 1 | 2;
}

/** One attempt of one partition. */
export interface TextOutputTask {
  readonly partition: number;
  readonly attempt: number;
}

/** Describes the output below what the user calls a path; touches nothing. */
export function textOutputJob(path: string, codec: 'none' | 'gzip', jobUuid: string): TextOutputJob {
  return { path: toLocalPath(path, 'write'), codec, jobUuid };
}

/**
 * Makes the output directory; on the driver, before any task.
 *
 * @param options.validateOutputSpecs spark.hadoop.validateOutputSpecs: false writes into an existing directory.
 * @returns the topmost directory that had to be made, for `abortJob`; null when all existed.
 * @throws IskraError OUTPUT_EXISTS, OUTPUT_NOT_WRITABLE.
 */
export function setupJob(job: TextOutputJob, options: { readonly validateOutputSpecs?: boolean } = {}): string | null {
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
    const made = makeDirectory(attemptsDir(job));
    // Directories inside the output go with it.
    return made === null || made.startsWith(`${job.path}/`) ? null : made;
  } catch (e) {
    throw notWritable(`cannot create the output directory ${shown}`, e, job);
  }
}

/**
 * Opens the part file of a task attempt; on an executor. Leftovers of an equal attempt are removed.
 *
 * @throws IskraError OUTPUT_NOT_WRITABLE, also when the job has ended: a late attempt must not bring its directory back.
 */
export function openTaskOutput(job: TextOutputJob, task: TextOutputTask): TextFileWriter {
  const dir = attemptDir(job, task);
  try {
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir);
  } catch (e) {
    const ended = isSystemError(e, 'ENOENT')
      ? ' (the job has ended, or this directory is not the one that the driver sees)'
      : '';
    throw notWritable(`cannot create ${showPath(dir)}${ended}`, e, job);
  }
  return new TextFileWriter(join(dir, partName(job, task.partition)), job.codec, task.partition);
}

/** Makes an attempt's closed file the partition's. Ask for permission before: one attempt of a partition may do it. */
export function commitTask(job: TextOutputJob, task: TextOutputTask): void {
  const from = attemptDir(job, task);
  try {
    if (job.algorithm === 2) {
      const name = partName(job, task.partition);
      replace(join(from, name), join(job.path, name));
      rmSync(from, { recursive: true, force: true });
    } else replace(from, committedDir(job, task.partition));
  } catch (e) {
    throw notWritable(`cannot commit partition ${task.partition} of ${showPath(job.path)}`, e, job);
  }
}

/** Removes what an attempt has written; fine when there is nothing. */
export function abortTask(job: TextOutputJob, task: TextOutputTask): void {
  rmSync(attemptDir(job, task), { recursive: true, force: true });
}

/**
 * Moves all committed files to their final names, removes `_temporary`, writes `_SUCCESS`; on the driver, after all tasks.
 *
 * @throws InvariantError when a partition was not committed; IskraError OUTPUT_NOT_WRITABLE.
 */
export function commitJob(
  job: TextOutputJob,
  numPartitions: number,
  options: { readonly markSuccess?: boolean } = {},
): void {
  try {
    const moves: { from: string; to: string }[] = [];
    for (let partition = 0; partition < numPartitions; partition++) {
      const name = partName(job, partition);
      const to = join(job.path, name);
      const from = job.algorithm === 2 ? to : join(committedDir(job, partition), name);
      if (kindOf(from) !== 'other')
        throw new InvariantError(`partition ${partition} of ${showPath(job.path)} was never committed`);
      if (from !== to) moves.push({ from, to });
    }
    for (const { from, to } of moves) replace(from, to);
    removeTemporary(job);
    if (options.markSuccess ?? true) writeFileSync(join(job.path, '_SUCCESS'), '');
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
export function abortJob(job: TextOutputJob, made: string | null): void {
  removeTemporary(job);
  if (made === null) return;
  for (let dir = job.path; dir.startsWith(made); dir = dirname(dir)) {
    try {
      rmdirSync(dir);
    } catch {
      return; // not empty, or not ours to remove
    }
  }
}

// A task that was killed may still be creating files in there; then the directory is not empty at the first try.
const removeTemporary = (job: TextOutputJob): void =>
  rmSync(join(job.path, '_temporary'), { recursive: true, force: true, maxRetries: 3 });

/** Renames, also onto an existing file or directory, which is replaced. */
function replace(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (e) {
    if (!isSystemError(e, 'ENOTEMPTY', 'EEXIST', 'EISDIR', 'ENOTDIR')) throw e;
    rmSync(to, { recursive: true, force: true });
    renameSync(from, to);
  }
}

function kindOf(path: string): 'none' | 'directory' | 'other' {
  try {
    return statSync(path).isDirectory() ? 'directory' : 'other';
  } catch (e) {
    // What else is wrong with the path shows when it is made.
    if (isSystemError(e)) return 'none';
    throw e;
  }
}

const notWritable = (tried: string, cause: unknown, job: TextOutputJob): IskraError =>
  ioError('OUTPUT_NOT_WRITABLE', tried, cause, { path: job.path });

const taskName = (job: TextOutputJob, partition: number): string =>
  `${job.jobUuid}_m_${String(partition).padStart(6, '0')}`;
const partName = (job: TextOutputJob, partition: number): string =>
  `part-${String(partition).padStart(5, '0')}${job.codec === 'gzip' ? '.gz' : ''}`;
const attemptsDir = (job: TextOutputJob): string => join(job.path, '_temporary', '0', '_temporary');
const attemptDir = (job: TextOutputJob, task: TextOutputTask): string =>
  join(attemptsDir(job), `attempt_${taskName(job, task.partition)}_${task.attempt}`);
const committedDir = (job: TextOutputJob, partition: number): string =>
  join(job.path, '_temporary', '0', `task_${taskName(job, partition)}`);
