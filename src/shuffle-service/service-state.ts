import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { IskraError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { makeDirectory } from '../base/make-directory.ts';
import type { ExecutorId } from '../protocol/ids.ts';

/** An id that comes from the network and becomes part of a path. */
export const SAFE_ID: RegExp = /^(?!\.)[\w.-]{1,200}$/;

/** What is known of an application besides its executors. */
export interface ApplicationRecord {
  /** Null: it has none of its own. */
  readonly secret: Uint8Array | null;
  /** Its executors' directories lie below these; null: below those of the service. */
  readonly localRoots: readonly string[] | null;
}

export interface ExecutorRecord {
  readonly localDirs: readonly string[];
  readonly layout: string;
}

/** What was kept of one application. */
export interface KeptApplication {
  readonly appId: string;
  readonly application: ApplicationRecord | null;
  readonly executors: ReadonlyMap<ExecutorId, ExecutorRecord>;
}

const APPLICATION_FILE = 'application.json';
const EXECUTOR_FILE = /^executor-(.+)\.json$/;
const TEMPORARY = '.tmp';
const VERSION = 1;

/**
 * What a shuffle service must know again after a restart, as small files:
 *
 *   <directory>/                   mode 700, since secrets lie below
 *     <application id>/
 *       application.json           { version, secret (base64) or null, localRoots or null }
 *       executor-<id>.json         { version, localDirs, layout }
 *
 * A file is written under another name and renamed: it is whole, or not there. One that is damaged all the same is named in the
 * log and passed over; the map outputs of that executor are computed again when somebody wants them. Files are not synced: a
 * machine that loses its power loses its executors too.
 *
 * Spark: RegisteredExecutors' database, and YarnShuffleService's of secrets
 */
export class ServiceState {
  readonly #directory: string;
  readonly #log: Logger;

  /** @throws IskraError SHUFFLE_STATE_UNUSABLE when the directory cannot be made, or is somebody else's. */
  constructor(directory: string, log: Logger) {
    this.#directory = directory;
    this.#log = log;
    const unusable = (why: string, cause?: unknown): IskraError =>
      new IskraError(
        'SHUFFLE_STATE_UNUSABLE',
        `the shuffle service cannot keep its state in ${directory}: ${why}. Name another directory, or set spark.shuffle.service.db.enabled=false`,
        { cause, details: { directory } },
      );
    try {
      makeDirectory(directory);
      const stat = lstatSync(directory);
      if (!stat.isDirectory()) throw new Error('it is not a directory');
      // Whoever may write there could have anything served.
      if (process.getuid !== undefined && stat.uid !== process.getuid())
        throw new Error(`it belongs to user ${stat.uid}, not to this process's`);
      chmodSync(directory, 0o700);
    } catch (error) {
      throw unusable((error as Error).message, error);
    }
  }

  putApplication(appId: string, { secret, localRoots }: ApplicationRecord): void {
    const text = { secret: secret === null ? null : Buffer.from(secret).toString('base64'), localRoots };
    this.#write(appId, APPLICATION_FILE, text);
  }

  putExecutor(appId: string, executorId: ExecutorId, { localDirs, layout }: ExecutorRecord): void {
    this.#write(appId, `executor-${executorId}.json`, { localDirs, layout });
  }

  removeApplication(appId: string): void {
    try {
      rmSync(join(this.#directory, appId), { recursive: true, force: true });
    } catch (error) {
      this.#log.error(`the state of ${appId} cannot be removed: ${(error as Error).message}`);
    }
  }

  readAll(): KeptApplication[] {
    const all: KeptApplication[] = [];
    for (const appId of this.#list(this.#directory)) {
      if (!SAFE_ID.test(appId)) continue;
      let application: ApplicationRecord | null = null;
      const executors = new Map<ExecutorId, ExecutorRecord>();
      const directory = join(this.#directory, appId);
      for (const name of this.#list(directory)) {
        const path = join(directory, name);
        try {
          const executorId = EXECUTOR_FILE.exec(name)?.[1];
          if (name.endsWith(TEMPORARY)) rmSync(path, { force: true });
          else if (name === APPLICATION_FILE) application = parseApplication(readFileSync(path, 'utf8'));
          else if (executorId !== undefined && SAFE_ID.test(executorId))
            executors.set(executorId, parseExecutor(readFileSync(path, 'utf8')));
        } catch (error) {
          this.#log.error(
            `Shuffle service's file ${path} cannot be read and is passed over: ${(error as Error).message}`,
          );
        }
      }
      all.push({ appId, application, executors });
    }
    return all;
  }

  /** A disk that does not take it is no reason to refuse an executor: only a restart would miss it. */
  #write(appId: string, name: string, content: object): void {
    const directory = join(this.#directory, appId);
    const path = join(directory, name);
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      writeFileSync(path + TEMPORARY, JSON.stringify({ version: VERSION, ...content }), { mode: 0o600 });
      renameSync(path + TEMPORARY, path);
    } catch (error) {
      this.#log.error(`Error saving registered executors in ${path}: ${(error as Error).message}`);
    }
  }

  #list(directory: string): string[] {
    try {
      return readdirSync(directory).sort();
    } catch (error) {
      this.#log.error(`${directory} of the shuffle service cannot be read: ${(error as Error).message}`);
      return [];
    }
  }
}

function parseApplication(text: string): ApplicationRecord {
  const { secret, localRoots } = parse(text);
  if (secret !== null && (typeof secret !== 'string' || secret === '')) throw new Error('its secret is none');
  if (localRoots !== null && !isStrings(localRoots)) throw new Error('its localRoots are no list of paths');
  return { secret: secret === null ? null : Buffer.from(secret, 'base64'), localRoots };
}

function parseExecutor(text: string): ExecutorRecord {
  const { localDirs, layout } = parse(text);
  if (!isStrings(localDirs) || typeof layout !== 'string') throw new Error('it names no directories');
  return { localDirs, layout };
}

function parse(text: string): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) throw new Error('it is no record');
  const record = value as Record<string, unknown>;
  if (record['version'] !== VERSION) throw new Error(`it is of version ${String(record['version'])}, not ${VERSION}`);
  return record;
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string');
}
