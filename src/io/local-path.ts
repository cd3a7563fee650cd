import { resolve } from 'node:path';
import { IllegalArgumentError } from '../base/errors.ts';

const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]*):(?=\/)/;

/**
 * Turns what a user calls a path into an absolute local one; `file:/x` and `file:///x` are understood, and nothing is
 * percent-decoded, as in Hadoop's Path.
 *
 * @param purpose what the path is for, as the message says it: `read`, `write`.
 * @throws IllegalArgumentError for an empty path and for file systems that this build cannot reach.
 */
export function toLocalPath(text: string, purpose: 'read' | 'write'): string {
  if (text === '') throw new IllegalArgumentError('Can not create a Path from an empty string');
  if (text.includes('\0')) throw new IllegalArgumentError(`path ${JSON.stringify(text)} has a NUL character`);
  const scheme = SCHEME.exec(text)?.[1];
  if (scheme === undefined) return resolve(text);
  if (scheme.toLowerCase() !== 'file')
    throw new IllegalArgumentError(
      `cannot ${purpose} ${text}: the file system "${scheme}" is not available in this build yet; use a local or mounted directory`,
      { path: text, scheme },
    );
  const rest = text.slice(scheme.length + 1);
  if (!rest.startsWith('//')) return resolve(rest);
  const [, host = '', path = ''] = /^\/\/([^/]*)(.*)$/s.exec(rest) ?? [];
  if (host !== '')
    throw new IllegalArgumentError(
      `cannot ${purpose} ${text}: a file: path names no host; write file:///${host}${path}`,
    );
  return resolve(path === '' ? '/' : path);
}

/** A local path as Hadoop shows it: `file:/tmp/x`, not percent-encoded. */
export function showPath(path: string): string {
  return `file:${path}`;
}

/** Names that Hadoop takes for bookkeeping (`_SUCCESS`, `_temporary`, `.part-00000.crc`) and never reads as input. */
export function isHiddenName(name: string): boolean {
  return name.startsWith('_') || name.startsWith('.');
}
