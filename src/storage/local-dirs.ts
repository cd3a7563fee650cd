import { randomUUID } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { IskraError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { makeDirectory } from '../base/make-directory.ts';
import { hashString } from '../base/value-hash.ts';
import { OWNER_FILE, removeDirsOfDeadOwners, thisProcess } from './dir-owner.ts';

/** Spark: spark.diskStore.subDirectories */
const SUB_DIRS = 64;

/** A LocalDirs as plain data, for a worker thread. */
export interface LocalDirsData {
  readonly dirs: readonly string[];
}

/**
 * The directories where one process keeps its blocks, and where a block's file lies in them.
 *
 *   <root of spark.local.dir>/blockmgr-<uuid>/    mode 700
 *     owner.json                                  whose it is; a later process removes the directory of a dead owner
 *     00/ … 3f/                                   made when first needed
 *       shuffle_0_7_0.data
 *
 * Everything is synchronous: a slot calls it from inside a task. Spark: DiskBlockManager
 */
export class LocalDirs {
  readonly #dirs: readonly string[];
  readonly #made = new Set<string>();

  private constructor(dirs: readonly string[]) {
    this.#dirs = dirs;
  }

  /**
   * Makes a directory below each usable root, and removes what dead processes left there.
   *
   * @param localDir the value of spark.local.dir: paths with commas between them. Roots that cannot be used are skipped
   * with a warning.
   * @throws IskraError LOCAL_DIR_UNUSABLE naming each root with its reason when none can be used.
   */
  static open(localDir: string, logger: Logger): LocalDirs {
    const roots = [
      ...new Set(
        localDir
          .split(',')
          .map((root) => root.trim())
          .filter((root) => root !== '')
          .map((root) => resolve(root)),
      ),
    ];
    const log = logger.named('LocalDirs');
    const dirs: string[] = [];
    const failures: string[] = [];
    for (const root of roots) {
      try {
        dirs.push(makeOwnedDir(root));
      } catch (e) {
        const reason = (e as Error).message;
        failures.push(`${root} (${reason})`);
        log.warn(`Failed to create a directory below ${root}, so spark.local.dir goes on without it: ${reason}`);
        continue;
      }
      for (const removed of removeDirsOfDeadOwners(root)) log.info(`Removed ${removed}, whose process is gone`);
    }
    if (dirs.length === 0)
      throw new IskraError(
        'LOCAL_DIR_UNUSABLE',
        roots.length === 0
          ? `spark.local.dir is "${localDir}", which names no directory; set it to a directory that can be written`
          : `none of the directories of spark.local.dir can be used: ${failures.join('; ')}; set spark.local.dir to a directory that can be written`,
        { details: { roots } },
      );
    return new LocalDirs(dirs);
  }

  /** The same mapping in another thread of the process. */
  static fromData(data: LocalDirsData): LocalDirs {
    return new LocalDirs(data.dirs);
  }

  toData(): LocalDirsData {
    return { dirs: this.#dirs };
  }

  /**
   * The path of a block's file; the name alone decides it. Its directory exists afterwards.
   *
   * @throws IskraError LOCAL_DIR_UNUSABLE when the directory cannot be made.
   */
  file(name: string): string {
    const hash = hashString(name) >>> 0;
    const dir = this.#dirs[hash % this.#dirs.length] as string; // open() made one at least
    const sub = Math.floor(hash / this.#dirs.length) % SUB_DIRS;
    const path = join(dir, sub.toString(16).padStart(2, '0'));
    if (!this.#made.has(path)) {
      try {
        // Without `recursive` a removed directory is not made anew without its owner file.
        mkdirSync(path, { mode: 0o700 });
      } catch (e) {
        if ((e as NodeJS.ErrnoException).code !== 'EEXIST')
          throw new IskraError(
            'LOCAL_DIR_UNUSABLE',
            `cannot make ${path} for ${name}: ${(e as Error).message}; check the disk, and that nobody removes the directories of spark.local.dir while an application runs`,
            { cause: e, details: { path } },
          );
      }
      this.#made.add(path);
    }
    return join(path, name);
  }

  /** Removes the directories and everything in them; twice is fine. What cannot be removed is left to the next start. */
  removeAll(): void {
    this.#made.clear();
    for (const dir of this.#dirs) {
      try {
        rmSync(dir, { recursive: true, force: true, maxRetries: 2 });
      } catch {
        // The owner file tells the next process.
      }
    }
  }
}

function makeOwnedDir(root: string): string {
  makeDirectory(root);
  const dir = join(root, `blockmgr-${randomUUID()}`);
  // Under another name first: a directory that looks like ours has its owner file from the first moment.
  const unfinished = `${dir}.tmp`;
  mkdirSync(unfinished, { mode: 0o700 });
  try {
    writeFileSync(join(unfinished, OWNER_FILE), JSON.stringify(thisProcess()), { mode: 0o600 });
    renameSync(unfinished, dir);
  } catch (e) {
    rmSync(unfinished, { recursive: true, force: true });
    throw e;
  }
  return dir;
}
