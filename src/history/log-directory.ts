// The applications of a directory of event logs: looks for logs, reads them when somebody asks, removes old ones.
import { rm, stat } from 'node:fs/promises';
import type { Clock } from '../base/clock.ts';
import { IllegalArgumentError, IskraError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { findLogs, type LogFound, readEvents } from '../event-log/event-log-reader.ts';
import { AppStatusStore } from '../status/app-status-store.ts';
import type { Retention } from '../status/retention.ts';
import type { ApplicationListed, ApplicationSource } from '../ui/api/application-source.ts';
import { ApplicationCache } from './application-cache.ts';
import { type CatalogEffect, LogCatalog } from './log-catalog.ts';
import { summarize } from './log-summary.ts';
import { logZip } from './log-zip.ts';

export interface LogDirectoryOptions {
  /** An absolute path. */
  readonly dir: string;
  readonly updateIntervalMs: number;
  readonly retainedApplications: number;
  readonly retention: Retention;
  /** Null: nothing is removed. */
  readonly cleaner: { readonly intervalMs: number; readonly maxAgeMs: number; readonly maxNum: number } | null;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * The loop of LogCatalog: one round after the other, each begins when the one before has done all its reading.
 *
 * Spark: FsHistoryProvider
 */
export class LogDirectory implements ApplicationSource {
  readonly #options: LogDirectoryOptions;
  readonly #catalog: LogCatalog;
  readonly #cache: ApplicationCache;
  /** Paths whose fault was told, with its text: once is enough. */
  readonly #told = new Map<string, string>();
  readonly #cancel = new Set<() => void>();
  #closed = false;
  #round: Promise<void> = Promise.resolve();
  #lastUpdated = 0;

  private constructor(options: LogDirectoryOptions) {
    this.#options = options;
    const { dir, cleaner, retainedApplications } = options;
    this.#catalog = new LogCatalog({
      logDir: dir,
      cleanerMaxAgeMs: cleaner?.maxAgeMs ?? Number.POSITIVE_INFINITY,
      cleanerMaxNum: cleaner?.maxNum ?? Number.POSITIVE_INFINITY,
    });
    this.#cache = new ApplicationCache(retainedApplications, (log) => this.#replay(log));
  }

  /**
   * Has looked through the directory once when it resolves.
   *
   * @throws IskraError when there is no such directory. Spark: FsHistoryProvider.startPolling
   */
  static async open(options: LogDirectoryOptions): Promise<LogDirectory> {
    const { dir, log } = options;
    let isDirectory: boolean;
    try {
      isDirectory = (await stat(dir)).isDirectory();
    } catch (cause) {
      throw new IskraError(
        'HISTORY_LOG_DIRECTORY',
        `Log directory specified does not exist: file:${dir} Did you configure the correct one through spark.history.fs.logDirectory?`,
        { cause },
      );
    }
    if (!isDirectory) throw new IllegalArgumentError(`Logging directory specified is not a directory: file:${dir}`);
    const directory = new LogDirectory(options);
    await directory.#update();
    log.info(`Found ${directory.#catalog.numLogs} event logs in file:${dir}`);
    directory.#later(options.updateIntervalMs, () => directory.#nextRound());
    if (options.cleaner !== null) directory.#cleanUp();
    return directory;
  }

  get dir(): string {
    return this.#options.dir;
  }

  /** When the directory was looked through last. */
  get lastUpdated(): number {
    return this.#lastUpdated;
  }

  applications(): readonly ApplicationListed[] {
    return this.#catalog.applications();
  }

  async store(appId: string, attemptId: string | null): Promise<AppStatusStore | null> {
    const log = this.#catalog.logOf(appId, attemptId);
    return log === null ? null : this.#cache.get(log);
  }

  async logZip(appId: string, attemptId: string | null): Promise<AsyncIterable<Uint8Array> | null> {
    const log = this.#catalog.logOf(appId, attemptId);
    return log === null ? null : logZip(log);
  }

  /** Twice is fine. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const cancel of this.#cancel) cancel();
    await this.#round;
  }

  #later(ms: number, act: () => void): void {
    if (this.#closed) return;
    const cancel = this.#options.clock.after(ms, () => {
      this.#cancel.delete(cancel);
      act();
    });
    this.#cancel.add(cancel);
  }

  #nextRound(): void {
    this.#round = this.#update().then(() => this.#later(this.#options.updateIntervalMs, () => this.#nextRound()));
  }

  async #update(): Promise<void> {
    const { dir, clock } = this.#options;
    let found: Awaited<ReturnType<typeof findLogs>>;
    try {
      found = await findLogs(dir);
    } catch (error) {
      this.#tell(dir, `The log directory file:${dir} cannot be read: ${textOf(error)}`);
      return;
    }
    this.#told.delete(dir);
    for (const { path, error } of found.faults)
      this.#tell(path, `The event log ${path} cannot be read: ${textOf(error)}`);
    await this.#do(this.#catalog.scanned(found.logs));
    this.#lastUpdated = clock.now();
  }

  async #do(effects: readonly CatalogEffect[]): Promise<void> {
    for (const effect of effects) {
      if (this.#closed) return;
      switch (effect.type) {
        case 'Read':
          await this.#read(effect.log);
          break;
        case 'Forget':
          this.#cache.forget(effect.path);
          this.#told.delete(effect.path);
          break;
        case 'Delete':
          await this.#delete(effect.path);
          break;
      }
    }
  }

  async #read(log: LogFound): Promise<void> {
    try {
      this.#catalog.parsed(log, await summarize(log));
    } catch (error) {
      this.#catalog.failed(log);
      this.#tell(log.path, textOf(error));
    }
  }

  async #delete(path: string): Promise<void> {
    try {
      await rm(path, { recursive: true });
      this.#options.log.info(
        `Deleted event log ${path}: it is older than spark.history.fs.cleaner allows, or one too many`,
      );
    } catch (error) {
      this.#tell(path, `The event log ${path} should go, but cannot be removed: ${textOf(error)}`);
    }
  }

  #cleanUp(): void {
    const { cleaner, clock } = this.#options;
    if (cleaner === null) return;
    // Not while a round reads what would go.
    this.#round = this.#round
      .then(() => this.#do(this.#catalog.cleanUp(clock.now())))
      .then(() => this.#later(cleaner.intervalMs, () => this.#cleanUp()));
  }

  async #replay(log: LogFound): Promise<AppStatusStore> {
    const store = new AppStatusStore(this.#options.retention);
    let broken = 0;
    await readEvents(
      log,
      (event) => store.hear(event),
      () => broken++,
    );
    if (broken > 0)
      this.#tell(log.path, `${broken} lines of the event log ${log.path} are no events, and were left out`);
    store.now = log.modifiedAt;
    return store;
  }

  #tell(path: string, text: string): void {
    if (this.#told.get(path) === text) return;
    this.#told.set(path, text);
    this.#options.log.warn(text);
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
