import { accessSync, constants, statSync } from 'node:fs';
import type { FileProbe } from '../protocol/app-package.ts';

/** Whether this process sees the file as whoever made the probe did, and may read it. */
export function isSameFile({ path, bytes, mtimeMs }: FileProbe): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.size !== bytes || stat.mtimeMs !== mtimeMs) return false;
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** Null: it is no file. */
export function probeOf(path: string): FileProbe | null {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isFile() === true ? { path, bytes: stat.size, mtimeMs: stat.mtimeMs } : null;
}
