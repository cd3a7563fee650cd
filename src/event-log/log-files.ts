// The files of an event log that is being written: made, filled one after another, renamed at the end.
import {
  chmodSync,
  closeSync,
  existsSync,
  fchmodSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  write,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { IllegalArgumentError, IskraError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { IN_PROGRESS, rolledFileName, rollingDirName, singleFileName, statusFileName } from './log-names.ts';

const FILE_MODE = 0o660;
const DIR_MODE = 0o770;

export interface LogFilesOptions {
  /** An absolute path. */
  readonly dir: string;
  /** `log-names.ts` · `logName` */
  readonly name: string;
  readonly rolling: boolean;
  readonly overwrite: boolean;
  /** Of compressed files, without a dot. */
  readonly extension: string | null;
  readonly log: Logger;
}

/** @throws IskraError when logs cannot be written there. Spark: EventLogFileWriter.requireLogBaseDirAsDirectory */
export function requireLogDirectory(dir: string): void {
  let isDirectory: boolean;
  try {
    isDirectory = statSync(dir).isDirectory();
  } catch (cause) {
    const why =
      (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'does not exist' : `cannot be used: ${String(cause)}`;
    throw new IskraError(
      'EVENT_LOG_DIR',
      `File file:${dir} ${why}: make the directory of spark.eventLog.dir, or set spark.eventLog.enabled to false`,
      { cause },
    );
  }
  if (!isDirectory) throw new IllegalArgumentError(`Log directory file:${dir} is not a directory.`);
}

/**
 * A log on disk. Writes are positional and one at a time: what was on its way when the process ends can be written once more, at
 * the same place.
 *
 * Spark: SingleEventLogFileWriter, RollingEventLogFilesWriter
 */
export class LogFiles {
  readonly #options: LogFilesOptions;
  /** What readers find at the end: a file, or the directory of a rolling log. */
  readonly path: string;
  #fd: number;
  #index = 1;
  #position = 0;

  /** @throws IskraError when there is such a log already; whatever making files throws. */
  constructor(options: LogFilesOptions) {
    const { dir, name, rolling, overwrite, extension } = options;
    this.#options = options;
    if (rolling) {
      this.path = join(dir, rollingDirName(name));
      this.#makeWay(this.path, `Target log directory already exists (${this.path})`, overwrite);
      mkdirSync(this.path, { mode: DIR_MODE });
      chmodSync(this.path, DIR_MODE);
      closeSync(create(join(this.path, statusFileName(name, true))));
      this.#fd = create(join(this.path, rolledFileName(name, 1, extension)));
    } else {
      this.path = join(dir, singleFileName(name, extension));
      for (const path of [this.path, this.path + IN_PROGRESS])
        this.#makeWay(path, `Target log file already exists (${path})`, overwrite);
      this.#fd = create(this.path + IN_PROGRESS);
    }
  }

  #makeWay(path: string, message: string, overwrite: boolean): void {
    if (!existsSync(path)) return;
    if (!overwrite)
      throw new IskraError('EVENT_LOG_EXISTS', `${message}; set spark.eventLog.overwrite to true, or remove it`);
    this.#options.log.warn(`Event log ${path} already exists. Overwriting...`);
    rmSync(path, { recursive: true, force: true });
  }

  /** Number of the file that the next bytes go to, from 1 on; always 1 when the log is one file. */
  get index(): number {
    return this.#index;
  }

  /** The bytes of the current file so far. */
  get fileBytes(): number {
    return this.#position;
  }

  /** Goes on in the next file. */
  roll(): void {
    const { name, extension } = this.#options;
    const next = create(join(this.path, rolledFileName(name, this.#index + 1, extension)));
    closeSync(this.#fd);
    this.#fd = next;
    this.#index++;
    this.#position = 0;
  }

  /** Appends. One call at a time. */
  async append(bytes: Buffer): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const from = done;
      done += await new Promise<number>((resolve, reject) =>
        write(this.#fd, bytes, from, bytes.length - from, this.#position + from, (error, n) =>
          error === null ? resolve(n) : reject(error),
        ),
      );
    }
    this.#position += bytes.length;
  }

  /** The same at once; also of bytes whose `append` has not ended. */
  appendNow(bytes: Buffer): void {
    for (let done = 0; done < bytes.length; )
      done += writeSync(this.#fd, bytes, done, bytes.length - done, this.#position + done);
    this.#position += bytes.length;
  }

  /** The application is over: readers take the log as complete. */
  finish(): void {
    closeSync(this.#fd);
    const { rolling, name, overwrite } = this.#options;
    if (rolling) {
      renameSync(join(this.path, statusFileName(name, true)), join(this.path, statusFileName(name, false)));
      return;
    }
    // Somebody else's, who came meanwhile.
    this.#makeWay(this.path, `Target log file already exists (${this.path})`, overwrite);
    renameSync(this.path + IN_PROGRESS, this.path);
  }

  /** Leaves it as it is: one that is not complete. */
  abandon(): void {
    closeSync(this.#fd);
  }
}

function create(path: string): number {
  const fd = openSync(path, 'wx', FILE_MODE);
  // Also where the process hides its files from its group.
  fchmodSync(fd, FILE_MODE);
  return fd;
}
