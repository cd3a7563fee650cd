import { randomUUID } from 'node:crypto';
import { accessSync, constants, renameSync, statSync } from 'node:fs';
import { lstat, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import type { EpochMs } from '../../base/clock.ts';
import { IskraError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { makeDirectory } from '../../base/make-directory.ts';
import type { ResourceAddresses } from '../../protocol/deploy-description.ts';
import {
  ownAsWorker,
  removeDirsOfDeadWorkers,
  removeEmptyDirsOfDeadWorkers,
  removeEmptyWorkerDir,
} from '../../storage/dir-owner.ts';
import { oldDirectories, type WorkDirEntry } from './old-directories.ts';
import { resourcesFileOf, resourcesText } from './resources-file.ts';

/** What a directory is called from the moment on in which it is to go. No application is called so. */
const DOOMED = '.removed-';

/** How directories begin that hold what is said by processes that wait to be executors. No application is called so. */
export const SPARES_PREFIX = '.spares-';

/** How preparing an executor ended. */
export type ExecutorDirs =
  | { readonly type: 'Ready'; readonly appDirs: readonly string[] }
  | { readonly type: 'Failed'; readonly message: string; readonly appDirs: readonly string[] | null };

/**
 * Makes the directory in which a worker keeps what its processes write.
 *
 * @throws IskraError with Spark's "Failed to create work directory" when it cannot be made or written, or is a file.
 */
export function createWorkDir(path: string): void {
  try {
    makeDirectory(path);
    if (!statSync(path).isDirectory()) throw new Error('it is not a directory');
    accessSync(path, constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'EEXIST' ? 'it is a file' : message;
    throw new IskraError(
      'WORK_DIR',
      `Failed to create work directory ${path}: ${why}. Name a directory that can be written with --work-dir or SPARK_WORKER_DIR`,
      { cause: error, details: { path } },
    );
  }
}

/**
 * The directories of one worker:
 *
 *   <work dir>/app-…/0/          an executor: stdout, stderr, its working directory
 *   <work dir>/driver-…/         a driver
 *   <local root>/executor-<id>/  blocks and shuffle files of one application, for all its executors here; mode 700
 */
export class WorkDirs {
  readonly #workDir: string;
  readonly #localRoots: readonly string[];
  readonly #log: Logger;
  /** Those that this worker has made, and not removed. */
  readonly #appDirs = new Set<string>();
  #cleaning = false;

  constructor(workDir: string, localRoots: readonly string[], log: Logger) {
    this.#workDir = workDir;
    this.#localRoots = localRoots;
    this.#log = log;
  }

  /** Removes what workers that were killed have left: what spares had, and local directories, as far as they are empty. */
  removeLeftBehind(): void {
    removeDirsOfDeadWorkers(this.#workDir, SPARES_PREFIX);
    for (const root of this.#localRoots) {
      try {
        for (const directory of removeEmptyDirsOfDeadWorkers(root))
          this.#log.info(`Removed ${directory}, whose worker is gone`);
      } catch {
        // Nobody has made it yet, or it is told of when it is used.
      }
    }
  }

  /** @param appDirs those of the application, when they are there already. */
  async prepareExecutor(
    directory: string,
    appDirs: readonly string[] | null,
    resources: ResourceAddresses,
  ): Promise<ExecutorDirs> {
    try {
      await mkdir(dirname(directory), { recursive: true });
      // Not what another executor has left: its files would be taken for this one's.
      await mkdir(directory);
      await writeResources(directory, 'executor', resources);
    } catch (error) {
      const why = (error as NodeJS.ErrnoException).code === 'EEXIST' ? 'it exists' : (error as Error).message;
      return { type: 'Failed', message: `Failed to create directory ${directory}: ${why}`, appDirs };
    }
    const made = appDirs ?? (await this.#makeAppDirs());
    if (made.length > 0) return { type: 'Ready', appDirs: made };
    return { type: 'Failed', message: `No subfolder can be created in ${this.#localRoots.join(',')}.`, appDirs: null };
  }

  /** @throws IskraError when the directory cannot be made. */
  async prepareDriver(directory: string, resources: ResourceAddresses): Promise<void> {
    try {
      await mkdir(directory, { recursive: true });
      await writeResources(directory, 'driver', resources);
    } catch (error) {
      throw new IskraError('DRIVER_DIRECTORY', `Failed to create directory ${directory}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  /** When the worker ends, and all of its executors have. @param served a shuffle service may serve what they have left. */
  async removeAppDirs(served: boolean): Promise<void> {
    const left = [...this.#appDirs];
    if (!served) return this.remove(left);
    for (const directory of left) removeEmptyWorkerDir(directory);
  }

  /** What cannot be removed is logged. */
  async remove(directories: readonly string[]): Promise<void> {
    for (const directory of directories) {
      try {
        await rm(directory, { recursive: true, force: true, maxRetries: 2 });
        this.#appDirs.delete(directory);
      } catch (error) {
        this.#log.warn(`Failed to remove ${directory}: ${(error as Error).message}`);
      }
    }
  }

  /**
   * Removes what nobody needs any more. Does nothing while it does so already.
   *
   * @param needed names that must stay, asked again at the very moment in which something would go.
   * @param removed is told of each that has gone.
   */
  async clean(needed: () => ReadonlySet<string>, olderThan: EpochMs, removed: (name: string) => void): Promise<void> {
    if (this.#cleaning) return;
    this.#cleaning = true;
    try {
      const entries = await this.#entries(needed());
      for (const name of oldDirectories(entries, needed(), olderThan)) {
        const directory = join(this.#workDir, name);
        const doomed = join(this.#workDir, DOOMED + randomUUID());
        if (needed().has(name)) continue;
        try {
          // In the same turn: whoever is launched from now on finds it gone.
          renameSync(directory, doomed);
        } catch (error) {
          this.#log.warn(`Failed to remove ${directory}: ${(error as Error).message}`); // something is mounted there, say
          continue;
        }
        this.#log.info(`Removing directory: ${directory}`);
        await this.remove([doomed]);
        removed(name);
      }
    } catch (error) {
      this.#log.error(`App dir cleanup failed: ${(error as Error).message}`);
    } finally {
      this.#cleaning = false;
    }
  }

  /** @param needed what is not looked into: it stays, and may be large. */
  async #entries(needed: ReadonlySet<string>): Promise<WorkDirEntry[]> {
    const entries: WorkDirEntry[] = [];
    for (const entry of await readdir(this.#workDir, { withFileTypes: true })) {
      if (needed.has(entry.name) || entry.name.startsWith(SPARES_PREFIX)) continue;
      const isDirectory = entry.isDirectory();
      try {
        const newest = isDirectory ? await newestBelow(join(this.#workDir, entry.name)) : 0;
        entries.push({ name: entry.name, isDirectory, newest });
      } catch (error) {
        this.#log.warn(`${join(this.#workDir, entry.name)} is not looked at: ${(error as Error).message}`);
      }
    }
    return entries;
  }

  /** Empty: nowhere. */
  async #makeAppDirs(): Promise<string[]> {
    const made: string[] = [];
    for (const root of this.#localRoots) {
      const directory = join(root, `executor-${randomUUID()}`);
      try {
        if (directory.includes(delimiter)) throw new Error(`its name has a '${delimiter}'`);
        makeDirectory(root);
        await mkdir(directory, { mode: 0o700 });
        ownAsWorker(directory);
        made.push(directory);
        this.#appDirs.add(directory);
      } catch (error) {
        this.#log.warn(`Failed to create ${directory}: ${(error as Error).message}. Ignoring this directory.`);
      }
    }
    return made;
  }
}

/** Of the directory itself and all below; links are not followed. */
async function newestBelow(directory: string): Promise<EpochMs> {
  let newest = (await lstat(directory)).mtimeMs;
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    newest = Math.max(newest, entry.isDirectory() ? await newestBelow(path) : (await lstat(path)).mtimeMs);
  }
  return newest;
}

async function writeResources(
  directory: string,
  component: 'executor' | 'driver',
  resources: ResourceAddresses,
): Promise<void> {
  if (Object.keys(resources).length === 0) return;
  await writeFile(resourcesFileOf(directory, component), resourcesText(component, resources), { mode: 0o600 });
}
