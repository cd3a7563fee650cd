import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
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
  /** A byte for each directory, in shared memory: 1 when it failed and gets no new files. */
  readonly failed: SharedArrayBuffer;
}

/** What is wrong with a directory or its disk, not with one file: another directory may work. */
const DIRECTORY_ERRORS: ReadonlySet<unknown> = new Set([
  'ENOSPC',
  'EDQUOT',
  'EIO',
  'EROFS',
  'EACCES',
  'EPERM',
  'ENOENT',
  'ENOTDIR',
  'ENODEV',
  'ENXIO',
  'ESTALE',
]);

/**
 * The directories where one process keeps its blocks, and where a block's file lies in them.
 *
 *   <root of spark.local.dir>/blockmgr-<uuid>/    mode 700
 *     owner.json                                  whose it is; a later process removes the directory of a dead owner
 *     00/ … 3f/                                   made when first needed
 *       shuffle_0_7_0.data
 *
 * A directory that fails, because its disk is full or broken, gets no new files from then on; what would lie there lies in the
 * next one, below the same number. Readers look at a file's own place first, then in the others.
 *
 * Everything is synchronous: a slot calls it from inside a task. Spark: DiskBlockManager
 */
export class LocalDirs {
  readonly #dirs: readonly string[];
  readonly #made = new Set<string>();
  readonly #failed: Uint8Array;
  readonly #log: Logger;
  #closed = false;
  /** Resolves when what dead processes left is removed, or `removeAll` was called before. */
  swept: Promise<unknown> = Promise.resolve();

  private constructor(dirs: readonly string[], failed: SharedArrayBuffer, logger: Logger) {
    this.#dirs = dirs;
    this.#failed = new Uint8Array(failed);
    this.#log = logger.named('LocalDirs');
  }

  /**
   * Makes a directory below each usable root, and begins to remove what dead processes left there.
   *
   * @param localDir the value of spark.local.dir: paths with commas between them, or a list. Roots that cannot be used are
   * skipped with a warning.
   * @param keepOfTheDead what dead processes left is served to others.
   * @throws IskraError LOCAL_DIR_UNUSABLE naming each root with its reason when none can be used.
   */
  static open(localDir: string | readonly string[], logger: Logger, keepOfTheDead = false): LocalDirs {
    const roots = [
      ...new Set(
        (typeof localDir === 'string' ? localDir.split(',') : localDir)
          .map((root) => root.trim())
          .filter((root) => root !== '')
          .map((root) => resolve(root)),
      ),
    ];
    const log = logger.named('LocalDirs');
    const dirs: string[] = [];
    const usable: string[] = [];
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
      usable.push(root);
    }
    if (dirs.length === 0)
      throw new IskraError(
        'LOCAL_DIR_UNUSABLE',
        roots.length === 0
          ? `spark.local.dir is "${String(localDir)}", which names no directory; set it to a directory that can be written`
          : `none of the directories of spark.local.dir can be used: ${failures.join('; ')}; set spark.local.dir to a directory that can be written`,
        { details: { roots } },
      );
    const opened = new LocalDirs(dirs, new SharedArrayBuffer(dirs.length), logger);
    if (!keepOfTheDead) opened.swept = Promise.all(usable.map((root) => opened.#sweep(root)));
    return opened;
  }

  /** Whether this is a directory that `open` made, in whichever process. */
  static isBlockDirectory(path: string): boolean {
    return existsSync(join(path, OWNER_FILE));
  }

  static isOwnerFile(name: string): boolean {
    return name === OWNER_FILE;
  }

  /** Whether an entry of such a directory is one of those in which the files lie. */
  static isSubDirectory(name: string): boolean {
    return /^[0-9a-f]{2}$/.test(name);
  }

  /** The same mapping in another thread of the process. */
  static fromData(data: LocalDirsData, logger: Logger): LocalDirs {
    return new LocalDirs(data.dirs, data.failed, logger);
  }

  toData(): LocalDirsData {
    return { dirs: this.#dirs, failed: this.#failed.buffer as SharedArrayBuffer };
  }

  /**
   * Where a block's file is to be written. Its directory exists afterwards.
   *
   * @throws IskraError LOCAL_DIR_UNUSABLE when no directory can be made for it.
   */
  file(name: string): string {
    const { home, sub } = this.#placeOf(name);
    for (let i = 0; ; i++) {
      const index = (home + i) % this.#dirs.length;
      if (i < this.#dirs.length && this.#failed[index] === 1) continue;
      const path = join(this.#dirs[index] as string, sub); // below length
      try {
        this.#make(path);
        return join(path, name);
      } catch (e) {
        if (i < this.#dirs.length && this.#giveUp(index, e)) continue;
        throw new IskraError(
          'LOCAL_DIR_UNUSABLE',
          `cannot make ${path} for ${name}: ${(e as Error).message}; check the disk, and that nobody removes the directories of spark.local.dir while an application runs`,
          { cause: e, details: { path } },
        );
      }
    }
  }

  /** Where a block's file is; where it should be if it is nowhere. */
  find(name: string): string {
    const { home, sub } = this.#placeOf(name);
    const path = join(this.#dirs[home] as string, sub, name); // one of them
    if (this.#dirs.length === 1 || existsSync(path)) return path;
    for (const dir of this.#dirs) {
      const other = join(dir, sub, name);
      if (existsSync(other)) return other;
    }
    return path;
  }

  /**
   * Where to go on with a file that could not be written; its directory gets no more files then.
   *
   * @param path what `file` gave, or that with something added to its name.
   * @returns null when it is not the directory's fault, or there is no other one left.
   */
  elsewhere(path: string, error: unknown): string | null {
    const index = this.#dirs.findIndex((dir) => path.startsWith(dir + sep));
    if (index < 0 || !this.#giveUp(index, error)) return null;
    const rest = path.slice((this.#dirs[index] as string).length + 1); // found above
    const [sub = ''] = rest.split(sep);
    for (let i = 1; i < this.#dirs.length; i++) {
      const next = (index + i) % this.#dirs.length;
      if (this.#failed[next] === 1) continue;
      const dir = this.#dirs[next] as string; // below length
      try {
        this.#make(join(dir, sub));
        return join(dir, rest);
      } catch (e) {
        if (!this.#giveUp(next, e)) return null;
      }
    }
    return null;
  }

  /** Writes a whole file, in another directory if its own fails. @returns its path. */
  write(name: string, bytes: Uint8Array): string {
    for (let path: string | null = this.file(name); ; ) {
      try {
        writeFileSync(path, bytes, { mode: 0o600 });
        return path;
      } catch (e) {
        rmSync(path, { force: true });
        path = this.elsewhere(path, e);
        if (path === null) throw e;
      }
    }
  }

  /** For whoever keeps files here and goes on without one. */
  warn(message: string): void {
    this.#log.warn(message);
  }

  async #sweep(root: string): Promise<void> {
    const sweep = {
      goesOn: () => !this.#closed,
      removed: (dir: string) => this.#log.info(`Removed ${dir}, whose process is gone`),
    };
    // What cannot be removed is in nobody's way but the disk's, and the next start tries again.
    await removeDirsOfDeadOwners(root, sweep).catch((error: unknown) =>
      this.#log.debug(`Could not look for what dead processes left in ${root}: ${(error as Error).message}`),
    );
  }

  #placeOf(name: string): { readonly home: number; readonly sub: string } {
    const hash = hashString(name) >>> 0;
    const sub = Math.floor(hash / this.#dirs.length) % SUB_DIRS;
    return { home: hash % this.#dirs.length, sub: sub.toString(16).padStart(2, '0') };
  }

  #make(path: string): void {
    if (this.#made.has(path)) return;
    try {
      // Without `recursive` a removed directory is not made anew without its owner file.
      mkdirSync(path, { mode: 0o700 });
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code !== 'EEXIST') throw e;
    }
    this.#made.add(path);
  }

  /** @returns true: there is another one. The last one stays, so that it is tried again when it has space. */
  #giveUp(index: number, error: unknown): boolean {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!DIRECTORY_ERRORS.has(code)) return false;
    if (Atomics.load(this.#failed, index) === 1) return this.#failed.includes(0);
    if (this.#failed.reduce((good, failed) => good + 1 - failed, 0) < 2) return false;
    if (Atomics.exchange(this.#failed, index, 1) === 0)
      this.#log.warn(`${this.#dirs[index]} gets no more files, others of spark.local.dir take its part: ${message}`);
    return true;
  }

  /** Removes the directories and everything in them; twice is fine. What cannot be removed is left to the next start. */
  removeAll(): void {
    this.#made.clear();
    this.#closed = true;
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
  // Not imported above: slots and commands that need it not start 3 ms sooner.
  const dir = join(root, `blockmgr-${process.getBuiltinModule('node:crypto').randomUUID()}`);
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
