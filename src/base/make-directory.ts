import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a directory with all that is missing above it; fine when it exists.
 *
 * Node's own `recursive` never comes back where the kernel answers ENOENT for a directory that can have no children, as in
 * /proc.
 *
 * @param mode of those that are made.
 * @returns the topmost directory that was made; null when all existed.
 * @throws the error of the operating system.
 */
export function makeDirectory(path: string, mode = 0o777): string | null {
  try {
    mkdirSync(path, { mode });
    return path;
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException;
    // What there is may be told as another error, such as that its disk is read-only.
    if (code !== 'ENOENT' && isDirectory(path)) return null;
    const parent = dirname(path);
    if (code !== 'ENOENT' || parent === path || isDirectory(parent)) throw e;
    const made = makeDirectory(parent, mode);
    return makeDirectory(path, mode) === null ? made : (made ?? path);
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
