import {
  closeSync,
  existsSync,
  fstatSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { IllegalArgumentError, IskraError } from '../base/errors.ts';
import { makeDirectory } from '../base/make-directory.ts';
import { fileSystemOf, qualifyPath, showPath } from './file-system.ts';
import { ioError, isSystemError } from './io-error.ts';
import { localFileSystem } from './local-file-system.ts';

// Where a reliable checkpoint lies, named as Spark names it:
//
//   <setCheckpointDir>/<uuid>/rdd-7/part-00000                  serializer blocks back to back, then where they end
//                                  .part-00000-attempt-12       while attempt 12 writes
//                                  _partitioner                 absent when the RDD has none

const PARTITIONER_FILE = '_partitioner';

/** Spark: ReliableCheckpointRDD.checkpointFileName */
function partName(partition: number): string {
  return `part-${String(partition).padStart(5, '0')}`;
}

export function checkpointPart(dir: string, partition: number): string {
  return join(dir, partName(partition));
}

/** What a user calls a directory, as a path. @throws IllegalArgumentError for file systems that cannot be reached. */
export function checkpointPath(text: string, purpose: 'read' | 'write'): string {
  const path = qualifyPath(text, purpose);
  if (fileSystemOf(path) !== localFileSystem)
    throw new IllegalArgumentError(
      `cannot ${purpose} ${text}: checkpoints are kept in local or mounted directories only`,
    );
  return path;
}

/** Makes a directory that did not exist. @throws IskraError CHECKPOINT_DIR_UNUSABLE naming it and the reason. */
export function makeCheckpointDir(dir: string): void {
  try {
    makeDirectory(dir);
  } catch (cause) {
    throw ioError('CHECKPOINT_DIR_UNUSABLE', `Failed to create checkpoint path ${showPath(dir)}`, cause, { path: dir });
  }
}

/** Removes a checkpoint; fine when it is gone. What cannot be removed is the caller's to tell. */
export function removeCheckpoint(dir: string): void {
  rmSync(dir, { recursive: true, force: true });
}

/**
 * The number of parts of a checkpoint.
 *
 * @throws IskraError CHECKPOINT_LOST when there is no such directory, CHECKPOINT_INVALID when parts are missing.
 */
export function countCheckpointParts(dir: string): number {
  let names: string[];
  try {
    names = readdirSync(dir);
  } catch (cause) {
    if (isSystemError(cause, 'ENOENT'))
      throw new IskraError('CHECKPOINT_LOST', `Checkpoint directory does not exist: ${showPath(dir)}`, { cause });
    throw ioError('CHECKPOINT_LOST', `cannot list the checkpoint ${showPath(dir)}`, cause, { path: dir });
  }
  const parts = names
    .filter((name) => name.startsWith('part-'))
    .sort((a, b) => Number(a.slice('part-'.length)) - Number(b.slice('part-'.length)));
  for (const [i, name] of parts.entries())
    if (name !== partName(i))
      throw new IskraError(
        'CHECKPOINT_INVALID',
        `Invalid checkpoint file: ${showPath(join(dir, name))}; ${partName(i)} should stand in its place`,
      );
  return parts.length;
}

export function writePartitionerFile(dir: string, bytes: Uint8Array): void {
  writeFileSync(join(dir, PARTITIONER_FILE), bytes);
}

/** Null when the checkpoint has none. @throws the error of the operating system. */
export function readPartitionerFile(dir: string): Uint8Array | null {
  const path = join(dir, PARTITIONER_FILE);
  return statSync(path, { throwIfNoEntry: false }) === undefined ? null : readFileSync(path);
}

/** A part that an RDD should be read from is not to be had. */
export function checkpointLost(path: string, cause: unknown): IskraError {
  const dir = dirname(path);
  const isDirGone = isSystemError(cause, 'ENOENT') && !existsSync(dir);
  const { message, details } = ioError('CHECKPOINT_LOST', `cannot read the checkpoint file ${showPath(path)}`, cause, {
    path,
  });
  const what = isDirGone ? `the checkpoint directory ${showPath(dir)} does not exist any more` : message;
  const toDo = `put the ${isDirGone ? 'directory' : 'file'} back, or make the RDD anew from its source`;
  return new IskraError('CHECKPOINT_LOST', `${what}; a checkpointed RDD is not computed again: ${toDo}`, {
    cause,
    details,
  });
}

/** After the blocks: how many bytes they are, and a mark. A file that was cut has neither. */
const END_MARK = 0x6b72_6973;
const END_BYTES = 16;

/** What to do about a part that is damaged. */
export const CHECKPOINT_DAMAGE_ADVICE = 'a checkpointed RDD is not computed again: make it anew from its source';

/**
 * How many bytes of blocks a part has.
 *
 * @throws IskraError CHECKPOINT_DAMAGED when it is not whole; the error of the operating system.
 */
export function checkpointBytes(path: string): number {
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    const bytes = size - END_BYTES;
    const end = Buffer.alloc(END_BYTES);
    if (bytes >= 0) readSync(fd, end, 0, END_BYTES, bytes);
    if (end.readUInt32LE(8) === END_MARK && end.readDoubleLE(0) === bytes) return bytes;
    throw new IskraError(
      'CHECKPOINT_DAMAGED',
      `the checkpoint file ${showPath(path)} has ${size} bytes and is not whole; ${CHECKPOINT_DAMAGE_ADVICE}`,
      { details: { path, size } },
    );
  } finally {
    closeSync(fd);
  }
}

/** Writes one partition of a checkpoint; in a task. Spark: ReliableCheckpointRDD.writePartitionToCheckpointFile */
export class CheckpointFileWriter {
  readonly #path: string;
  readonly #attemptPath: string;
  #fd: number;
  bytesWritten = 0;

  /** @throws IskraError CHECKPOINT_NOT_WRITABLE, as the other methods do. */
  constructor(dir: string, partition: number, attempt: number) {
    this.#path = checkpointPart(dir, partition);
    this.#attemptPath = join(dir, `.${partName(partition)}-attempt-${attempt}`);
    this.#fd = this.#guard(() => openSync(this.#attemptPath, 'w'));
  }

  write(block: Uint8Array): void {
    this.#guard(() => {
      for (let at = 0; at < block.byteLength; ) at += writeSync(this.#fd, block, at);
    });
    this.bytesWritten += block.byteLength;
  }

  /** Gives the file its name, unless another attempt was faster: a file that somebody reads is never replaced. */
  commit(): void {
    const end = Buffer.alloc(END_BYTES);
    end.writeDoubleLE(this.bytesWritten, 0);
    end.writeUInt32LE(END_MARK, 8);
    this.write(end);
    this.#close();
    this.#guard(() => {
      try {
        linkSync(this.#attemptPath, this.#path);
        rmSync(this.#attemptPath, { force: true });
      } catch (e) {
        if (isSystemError(e, 'EEXIST')) rmSync(this.#attemptPath, { force: true });
        // Some file systems know no hard links; there the last attempt wins, whole as well.
        else renameSync(this.#attemptPath, this.#path);
      }
    });
  }

  /** The task failed: leaves nothing behind. */
  abandon(): void {
    try {
      this.#close();
      rmSync(this.#attemptPath, { force: true });
    } catch {
      // The directory is gone or cannot be written any more; the task has the reason.
    }
  }

  #close(): void {
    if (this.#fd < 0) return;
    const fd = this.#fd;
    this.#fd = -1;
    this.#guard(() => closeSync(fd));
  }

  #guard<R>(write: () => R): R {
    try {
      return write();
    } catch (cause) {
      throw ioError('CHECKPOINT_NOT_WRITABLE', `cannot write the checkpoint file ${showPath(this.#path)}`, cause, {
        path: this.#path,
      });
    }
  }
}
