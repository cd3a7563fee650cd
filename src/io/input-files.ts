import { IskraError } from '../base/errors.ts';
import { childOf, type FileStatus, fileSystemOf, isHiddenName, nameOf, qualifyPath, showPath } from './file-system.ts';
import { globPaths, hasGlob, splitCommaList } from './glob.ts';
import { ioError, isSystemError } from './io-error.ts';

export interface InputFile {
  readonly path: string;
  readonly bytes: number;
}

/**
 * The files below what a user calls a path: one path or several with commas between; files, directories (the files directly
 * inside), globs (`* ? [ab] {a,b}`), URIs. Reads directories only, never content.
 *
 * @param operator names the method in messages.
 * @returns files in the order of the list, within one item by path.
 * @throws IllegalArgumentError, or IskraError INPUT_NOT_FOUND, INPUT_NOT_A_FILE, INPUT_NOT_READABLE.
 *
 * Hadoop: FileInputFormat.listStatus
 */
export function listInputFiles(list: string, operator: string): InputFile[] {
  const files: InputFile[] = [];
  const missing: string[] = [];
  for (const item of splitCommaList(list)) {
    const path = qualifyPath(item, 'read');
    const isGlob = hasGlob(path);
    const found = isGlob || path.includes('\\') ? globPaths(path) : existing(path);
    const visible = found.filter((p) => !isHiddenName(nameOf(p)));
    if (visible.length === 0)
      missing.push(
        isGlob ? `Input Pattern ${showPath(path)} matches 0 files` : `Input path does not exist: ${showPath(path)}`,
        found.length > 0 ? '  (names that begin with _ or . are hidden and never read; rename the file)' : '',
      );
    for (const p of visible) addFiles(p, files, operator);
  }
  if (missing.length > 0) {
    const lines = missing.filter((m) => m !== '').join('\n');
    throw new IskraError('INPUT_NOT_FOUND', `${lines}\nCheck the path; relative ones start at ${process.cwd()}`, {
      details: { path: list },
    });
  }
  return files;
}

function existing(path: string): string[] {
  return statusOf(path) === null ? [] : [path];
}

function statusOf(path: string): FileStatus | null {
  try {
    return fileSystemOf(path).status(path);
  } catch (e) {
    throw ioError('INPUT_NOT_READABLE', `cannot read ${showPath(path)}`, e, { path });
  }
}

function addFiles(path: string, files: InputFile[], operator: string): void {
  const status = statusOf(path);
  if (status === null) return; // gone since it was listed
  if (status.kind !== 'directory') {
    addFile(status, files);
    return;
  }
  let names: readonly string[];
  try {
    names = fileSystemOf(path).list(path);
  } catch (e) {
    if (isSystemError(e, 'ENOENT')) return;
    throw ioError('INPUT_NOT_READABLE', `cannot list the directory ${showPath(path)}`, e, { path });
  }
  for (const name of names) {
    if (isHiddenName(name)) continue;
    const inside = statusOf(childOf(path, name));
    if (inside === null) continue; // a dangling link, or gone since it was listed
    if (inside.kind === 'directory')
      throw new IskraError(
        'INPUT_NOT_A_FILE',
        `Not a file: ${showPath(inside.path)}; ${operator} reads the files directly inside a directory. ` +
          `Name the directory itself or use a glob such as ${showPath(childOf(childOf(path, '*'), '*'))}`,
        { details: { path: inside.path } },
      );
    addFile(inside, files);
  }
}

function addFile({ path, kind, bytes }: FileStatus, files: InputFile[]): void {
  if (kind !== 'file')
    throw new IskraError(
      'INPUT_NOT_A_FILE',
      `Not a file: ${showPath(path)} is a pipe, socket or device; copy its content to a file first`,
      { details: { path } },
    );
  files.push({ path, bytes });
}
