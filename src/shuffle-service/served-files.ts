import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../base/logger.ts';
import { LocalDirs } from '../storage/local-dirs.ts';

const MAP_OUTPUT = /^shuffle_\d{1,16}_\d{1,16}_0\.(data|index)$/;
const CACHED_PARTITION = /^rdd_\d{1,16}_\d{1,16}$/;

/** Whether a name is that of a file which a service serves, and so cannot lead anywhere else. */
export function isServedFile(name: unknown, withCachedPartitions: boolean): name is string {
  if (typeof name !== 'string') return false;
  return MAP_OUTPUT.test(name) || (withCachedPartitions && CACHED_PARTITION.test(name));
}

/** Removes an executor's directories. What cannot be removed is logged. */
export async function removeDirectories(paths: readonly string[], log: Logger): Promise<void> {
  for (const path of paths) {
    try {
      // It was one when it registered; whatever is there now has to be one as well.
      if (LocalDirs.isBlockDirectory(path)) await rm(path, { recursive: true, force: true, maxRetries: 2 });
    } catch (error) {
      log.warn(`Failed to remove ${path}: ${(error as Error).message}`);
    }
  }
}

/** Removes all that nobody is served: spills, broadcasts, added files. Spark: deleteNonShuffleServiceServedFiles */
export async function removeUnservedFiles(
  paths: readonly string[],
  withCachedPartitions: boolean,
  log: Logger,
): Promise<void> {
  for (const path of paths) {
    try {
      if (!LocalDirs.isBlockDirectory(path)) continue;
      for (const entry of await readdir(path)) {
        if (LocalDirs.isSubDirectory(entry)) await removeUnservedIn(join(path, entry), withCachedPartitions);
        else if (!LocalDirs.isOwnerFile(entry)) await rm(join(path, entry), { recursive: true, force: true });
      }
    } catch (error) {
      log.warn(`Files in ${path} that nobody needs cannot be removed: ${(error as Error).message}`);
    }
  }
}

async function removeUnservedIn(directory: string, withCachedPartitions: boolean): Promise<void> {
  for (const name of await readdir(directory))
    if (!isServedFile(name, withCachedPartitions)) await rm(join(directory, name), { recursive: true, force: true });
}
