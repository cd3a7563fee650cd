import { IskraError } from '../base/errors.ts';

/** What Node's errors of system calls carry. */
export interface SystemError extends Error {
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;
}

export function isSystemError(thrown: unknown, ...codes: readonly string[]): thrown is SystemError {
  if (!(thrown instanceof Error) || !('code' in thrown) || typeof thrown.code !== 'string') return false;
  return codes.length === 0 || codes.includes(thrown.code);
}

const MEANING: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  ENOENT: 'no such file or directory',
  ENOTDIR: 'a part of the path is not a directory',
  EISDIR: 'it is a directory',
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  ELOOP: 'too many symbolic links',
  EMFILE: 'too many open files in this process; raise ulimit -n',
  ENFILE: 'too many open files on this machine',
  ENAMETOOLONG: 'the name is too long',
  EIO: 'the device reports an input/output error',
};

/** What to do about it, where the meaning does not say. */
const NEXT: Readonly<Record<string, string>> = {
  ENOSPC: '; free some space, or choose another disk',
  EDQUOT: '; remove something, or choose another disk',
  EROFS: '; mount it for writing, or choose another one',
};

/**
 * An `IskraError` that says what was tried and what the operating system answered:
 * `cannot open file:/x: permission denied (EACCES)`.
 */
export function ioError(
  code: string,
  tried: string,
  cause: unknown,
  details: Record<string, unknown> = {},
): IskraError {
  const why = isSystemError(cause)
    ? `${MEANING[cause.code] ?? cause.message} (${cause.code})${NEXT[cause.code] ?? ''}`
    : cause instanceof Error
      ? cause.message
      : String(cause);
  const errno = isSystemError(cause) ? { errno: cause.code } : {};
  return new IskraError(code, `${tried}: ${why}`, { cause, details: { ...details, ...errno } });
}
