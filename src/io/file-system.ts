import { resolve } from 'node:path';
import { IllegalArgumentError } from '../base/errors.ts';
import { localFileSystem } from './local-file-system.ts';

/** A file that is read, at any place. */
export interface OpenFile {
  /** Reads at most `length` bytes that begin at byte `position` into `target` at `offset`; 0 is the end. */
  read(target: Uint8Array, offset: number, length: number, position: number): number;
  /** May be called more than once. */
  close(): void;
}

/** A file that is written from start to end. */
export interface NewFile {
  /** Writes all of it. */
  write(bytes: Uint8Array): void;
  /** May be called more than once. */
  close(): void;
}

export interface FileStatus {
  readonly path: string;
  /** `other`: a pipe, a socket, a device. */
  readonly kind: 'file' | 'directory' | 'other';
  readonly bytes: number;
}

/**
 * A place where files are. Synchronous, since tasks may block and never wait; one that is reached over a network answers
 * from its executor's main thread.
 *
 * Paths are qualified (`qualifyPath`): absolute local ones, or `scheme://authority/path`. What fails throws an error with a
 * POSIX `code` (ENOENT, EACCES, …), which callers put into words.
 *
 * Hadoop: FileSystem
 */
export interface FileSystem {
  readonly scheme: string;
  /** The qualified form of what a user calls a path. */
  qualify(path: string): string;
  open(path: string): OpenFile;
  /** An existing file is replaced. */
  create(path: string): NewFile;
  /** Null when there is nothing. */
  status(path: string): FileStatus | null;
  /** Names directly inside a directory, in order; what vanishes meanwhile may be missing. */
  list(path: string): readonly string[];
  /** Also onto an existing file or directory, which is replaced. Readers see the one or the other. */
  rename(from: string, to: string): void;
  /** With all that is inside; fine when there is nothing. */
  delete(path: string): void;
  /** False when it is not an empty directory, or cannot be removed. */
  removeEmptyDirectory(path: string): boolean;
  /** One directory, whose parent must exist and it must not. */
  makeDirectory(path: string): void;
  /** With all that is missing above it. Gives the topmost directory that was made, null when all existed. */
  makeDirectories(path: string): string | null;
}

const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]*):(?=\/)/;
const systems = new Map<string, FileSystem>([['file', localFileSystem]]);

/** Makes paths that begin with `<scheme>:/` reachable in this thread. */
export function registerFileSystem(system: FileSystem): void {
  systems.set(system.scheme, system);
}

/**
 * Turns what a user calls a path into a qualified one: relative ones start at the working directory, `file:/x` and
 * `file:///x` are understood, and nothing is percent-decoded, as in Hadoop's Path.
 *
 * @param purpose what the path is for, as the message says it.
 * @throws IllegalArgumentError for an empty path and for file systems that this build cannot reach.
 */
export function qualifyPath(text: string, purpose: 'read' | 'write'): string {
  if (text === '') throw new IllegalArgumentError('Can not create a Path from an empty string');
  if (text.includes('\0')) throw new IllegalArgumentError(`path ${JSON.stringify(text)} has a NUL character`);
  const scheme = SCHEME.exec(text)?.[1];
  if (scheme === undefined) return resolve(text);
  const system = systems.get(scheme.toLowerCase());
  if (system === undefined)
    throw new IllegalArgumentError(
      `cannot ${purpose} ${text}: No FileSystem for scheme "${scheme}" is available in this build yet; use a local or mounted directory`,
      { path: text, scheme },
    );
  try {
    return system.qualify(text);
  } catch (e) {
    if (!(e instanceof IllegalArgumentError)) throw e;
    throw new IllegalArgumentError(`cannot ${purpose} ${text}: ${e.message}`);
  }
}

/** The file system of a qualified path. */
export function fileSystemOf(path: string): FileSystem {
  const scheme = SCHEME.exec(path)?.[1]?.toLowerCase();
  if (scheme === undefined) return localFileSystem;
  const system = systems.get(scheme);
  if (system === undefined)
    throw new IllegalArgumentError(`No FileSystem for scheme "${scheme}" in this thread: ${path}`, { path, scheme });
  return system;
}

/** A qualified path as Hadoop shows it: `file:/tmp/x`, not percent-encoded. */
export function showPath(path: string): string {
  return SCHEME.test(path) ? path : `file:${path}`;
}

/** Names that Hadoop takes for bookkeeping (`_SUCCESS`, `_temporary`, `.part-00000.crc`) and never reads as input. */
export function isHiddenName(name: string): boolean {
  return name.startsWith('_') || name.startsWith('.');
}

/** `/` of a local path, `scheme://authority/` of another, and the rest. */
export function splitRoot(path: string): readonly [root: string, rest: string] {
  const root = /^[A-Za-z][A-Za-z0-9+.-]*:\/(?:\/[^/]*(?:\/|$))?/.exec(path)?.[0] ?? '/';
  return [root.endsWith('/') ? root : `${root}/`, path.slice(root.length)];
}

export function childOf(directory: string, name: string): string {
  return directory.endsWith('/') ? directory + name : `${directory}/${name}`;
}

/** The directory that a path is in; the root is in itself. */
export function parentOf(path: string): string {
  const [root, rest] = splitRoot(path);
  const cut = rest.lastIndexOf('/');
  return cut < 0 ? root : root + rest.slice(0, cut);
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
