import { closeSync, fstatSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { IskraError } from '../base/errors.ts';

/** The file calls of the shuffle; an argument, so that a test can have a full disk. */
export interface FileOps {
  open(path: string, flags: 'r' | 'w' | 'w+'): number;
  close(fd: number): void;
  /** Bytes read; 0 at the end of the file. */
  read(fd: number, target: Uint8Array, at: number, length: number, position: number): number;
  /** Bytes written, which may be fewer than asked. */
  write(fd: number, bytes: Uint8Array, at: number, length: number, position: number): number;
  size(fd: number): number;
  rename(from: string, to: string): void;
  /** Does nothing when there is no such file. */
  remove(path: string): void;
}

export const nodeFiles: FileOps = {
  open: (path, flags) => openSync(path, flags, 0o600),
  close: (fd) => closeSync(fd),
  read: (fd, target, at, length, position) => readSync(fd, target, at, length, position),
  write: (fd, bytes, at, length, position) => writeSync(fd, bytes, at, length, position),
  size: (fd) => fstatSync(fd).size,
  rename: (from, to) => renameSync(from, to),
  remove: (path) => rmSync(path, { force: true }),
};

const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; free some space or let spark.local.dir name a larger disk',
  EDQUOT: 'the disk quota is used up; free some space or let spark.local.dir name another disk',
  EFBIG: 'the file is too large for this disk or limit (ulimit -f); let spark.local.dir name another disk',
  EMFILE: 'too many files are open; raise the limit (ulimit -n)',
  ENFILE: 'too many files are open on this machine; raise its limit',
  EACCES: 'it may not be written; check the owner and mode of the directory, or let spark.local.dir name another one',
  EPERM: 'it may not be written; check the owner and mode of the directory, or let spark.local.dir name another one',
  EROFS: 'the disk is read-only; let spark.local.dir name another one',
  ENOENT: 'the directory is gone; do not remove the directories of spark.local.dir while an application runs',
  EIO: 'the disk has a fault; let spark.local.dir name another one',
};

/** Says which file could not be written or read, why, and what to do. */
export function fileError(doing: string, path: string, bytes: number, cause: unknown): IskraError {
  if (IskraError.is(cause)) return cause;
  const { code, message } = (cause ?? {}) as { code?: unknown; message?: unknown };
  const errno = typeof code === 'string' ? code : 'unknown';
  const advice = ADVICE[errno] ?? `${String(message)}; check the disks of spark.local.dir`;
  return new IskraError('SHUFFLE_FILE_FAILED', `cannot ${doing} ${path} (after ${bytes} bytes, ${errno}): ${advice}`, {
    cause,
    details: { path, bytes, errno },
  });
}
