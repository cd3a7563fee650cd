import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { resolve } from 'node:path';
import { IllegalArgumentError } from '../base/errors.ts';
import { makeDirectory } from '../base/make-directory.ts';
import type { FileStatus, FileSystem, NewFile, OpenFile } from './file-system.ts';
import { isSystemError } from './io-error.ts';

class LocalOpenFile implements OpenFile {
  #fd: number;

  constructor(path: string) {
    this.#fd = openSync(path, 'r');
  }

  read(target: Uint8Array, offset: number, length: number, position: number): number {
    return readSync(this.#fd, target, offset, length, position);
  }

  close(): void {
    if (this.#fd < 0) return;
    const fd = this.#fd;
    this.#fd = -1;
    closeSync(fd);
  }
}

class LocalNewFile implements NewFile {
  #fd: number;

  constructor(path: string) {
    this.#fd = openSync(path, 'w');
  }

  write(bytes: Uint8Array): void {
    // A disk that is nearly full takes a part first and says so at the next call.
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at, bytes.length - at);
  }

  close(): void {
    if (this.#fd < 0) return;
    const fd = this.#fd;
    this.#fd = -1;
    closeSync(fd);
  }
}

/** The files of this machine, and of what is mounted on it. Hadoop: RawLocalFileSystem, without checksum files */
export const localFileSystem: FileSystem = {
  scheme: 'file',

  qualify(path: string): string {
    const rest = path.slice('file:'.length);
    if (!rest.startsWith('//')) return resolve(rest);
    const [, host = '', inside = ''] = /^\/\/([^/]*)(.*)$/s.exec(rest) ?? [];
    if (host !== '') throw new IllegalArgumentError(`a file: path names no host; write file:///${host}${inside}`);
    return resolve(inside === '' ? '/' : inside);
  },

  open: (path: string): OpenFile => new LocalOpenFile(path),

  create: (path: string): NewFile => new LocalNewFile(path),

  status(path: string): FileStatus | null {
    try {
      const stats = statSync(path);
      const kind = stats.isDirectory() ? 'directory' : stats.isFile() ? 'file' : 'other';
      return { path, kind, bytes: stats.size };
    } catch (e) {
      if (isSystemError(e, 'ENOENT', 'ENOTDIR')) return null;
      throw e;
    }
  },

  list: (path: string): readonly string[] => readdirSync(path).sort(),

  rename(from: string, to: string): void {
    try {
      renameSync(from, to);
    } catch (e) {
      if (!isSystemError(e, 'ENOTEMPTY', 'EEXIST', 'EISDIR', 'ENOTDIR')) throw e;
      rmSync(to, { recursive: true, force: true });
      renameSync(from, to);
    }
  },

  // A task that was killed may still be creating files in there; then the directory is not empty at the first try.
  delete: (path: string): void => rmSync(path, { recursive: true, force: true, maxRetries: 3 }),

  removeEmptyDirectory(path: string): boolean {
    try {
      rmdirSync(path);
      return true;
    } catch {
      return false;
    }
  },

  makeDirectory: (path: string): void => mkdirSync(path),

  makeDirectories: (path: string): string | null => makeDirectory(path),
};
