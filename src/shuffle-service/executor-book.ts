import { realpathSync, statSync } from 'node:fs';
import { isAbsolute, resolve, sep } from 'node:path';
import { IskraError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { ExecutorId } from '../protocol/ids.ts';
import { type ExecutorShuffleInfo, SHUFFLE_LAYOUT } from '../protocol/shuffle-service.ts';
import { LocalDirs } from '../storage/local-dirs.ts';
import { type ApplicationRecord, type ExecutorRecord, SAFE_ID, type ServiceState } from './service-state.ts';

export interface ExecutorBookOptions {
  /** Below these lie the directories of executors, unless their application has roots of its own. */
  readonly localRoots: readonly string[];
  /** Whether applications have to be told of before their executors register. */
  readonly onlyToldApplications: boolean;
  /** Null: a restart forgets all. */
  readonly state: ServiceState | null;
  readonly log: Logger;
}

interface Application {
  /** Null: nobody told of it, an executor came. */
  readonly record: ApplicationRecord | null;
  readonly executors: Map<ExecutorId, { readonly dirs: LocalDirs; readonly paths: readonly string[] }>;
}

/**
 * Which executor of which application keeps its files where.
 *
 * A directory is taken only where executors keep theirs (below a root), when it is one (it has an owner file), and when no
 * other application has it: so nobody can have a service read, or remove, what is not its own.
 *
 * Spark: ExternalShuffleBlockResolver
 */
export class ExecutorBook {
  readonly #options: ExecutorBookOptions;
  readonly #log: Logger;
  readonly #applications = new Map<string, Application>();

  constructor(options: ExecutorBookOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#load();
  }

  /** Spark: ShuffleSecretManager.registerApp */
  startApplication(appId: string, record: ApplicationRecord): void {
    checkId('application', appId);
    const known = this.#applications.get(appId);
    // A worker that was restarted makes new directories; what lies in the old ones is served on.
    const localRoots = [...new Set([...(known?.record?.localRoots ?? []), ...(record.localRoots ?? [])])];
    const whole = { secret: record.secret, localRoots: localRoots.length > 0 ? localRoots : null };
    this.#applications.set(appId, { record: whole, executors: known?.executors ?? new Map() });
    this.#options.state?.putApplication(appId, whole);
  }

  get numExecutors(): number {
    return [...this.#applications.values()].reduce((sum, { executors }) => sum + executors.size, 0);
  }

  /** What is known of an application; null when it is not known, or nobody told of it. */
  recordOf(appId: string): ApplicationRecord | null {
    return this.#applications.get(appId)?.record ?? null;
  }

  /** @throws IskraError naming what is wrong. Spark: ExternalShuffleBlockResolver.registerExecutor */
  register(appId: string, executorId: ExecutorId, { localDirs, layout }: ExecutorShuffleInfo): void {
    checkId('application', appId);
    checkId('executor', executorId);
    if (this.#options.onlyToldApplications && this.recordOf(appId) === null)
      throw refuse(`application ${appId} is not running here: its worker has not told of it, or it is over`);
    if (layout !== SHUFFLE_LAYOUT)
      throw refuse(
        `executor ${executorId} of ${appId} writes the layout ${layout}, but this service reads ${SHUFFLE_LAYOUT}: run the same Iskra on both`,
      );
    if (!Array.isArray(localDirs) || localDirs.length === 0)
      throw refuse(`executor ${executorId} of ${appId} names no local directories`);
    for (const path of localDirs) this.#checkDirectory(appId, executorId, path);
    this.#put(appId, executorId, localDirs);
    this.#options.state?.putExecutor(appId, executorId, { localDirs, layout });
    this.#log.info(`Registered executor ${executorId} of ${appId}`, { localDirs: localDirs.join(',') });
  }

  /** @throws IskraError when it has not registered. */
  dirsOf(appId: string, executorId: ExecutorId): LocalDirs {
    const executor = this.#applications.get(appId)?.executors.get(executorId);
    if (executor !== undefined) return executor.dirs;
    throw new IskraError(
      'EXECUTOR_NOT_REGISTERED',
      `Executor is not registered (appId=${appId}, execId=${executorId})`,
    );
  }

  /** Its directories in order; null when it has not registered. */
  pathsOf(appId: string, executorId: ExecutorId): readonly string[] | null {
    return this.#applications.get(appId)?.executors.get(executorId)?.paths ?? null;
  }

  /** Forgets it. @returns the directories of its executors; null when it is not known. */
  removeApplication(appId: string): string[] | null {
    const application = this.#applications.get(appId);
    if (application === undefined) return null;
    this.#applications.delete(appId);
    this.#options.state?.removeApplication(appId);
    return [...application.executors.values()].flatMap(({ paths }) => paths);
  }

  /** Forgets applications without a directory that is still there: somebody else has removed them. */
  forgetVanished(): void {
    for (const [appId, { record, executors }] of this.#applications) {
      const known = [...(record?.localRoots ?? []), ...[...executors.values()].flatMap(({ paths }) => paths)];
      if (known.length === 0 || known.some(isDirectory)) continue;
      this.removeApplication(appId);
      this.#log.info(`Forgot ${appId}, whose directories are gone`);
    }
  }

  #load(): void {
    for (const { appId, application, executors } of this.#options.state?.readAll() ?? []) {
      if (application !== null) this.#applications.set(appId, { record: application, executors: new Map() });
      for (const [executorId, record] of executors) this.#restore(appId, executorId, record);
      if (!this.#applications.has(appId)) this.#options.state?.removeApplication(appId);
    }
    this.forgetVanished();
  }

  #restore(appId: string, executorId: ExecutorId, { localDirs, layout }: ExecutorRecord): void {
    // All on a full or broken disk may be gone; what is left is served.
    if (layout !== SHUFFLE_LAYOUT || !localDirs.some(isDirectory)) return;
    try {
      for (const path of localDirs) if (isDirectory(path)) this.#checkDirectory(appId, executorId, path);
      this.#put(appId, executorId, localDirs);
      this.#log.info(`Executor ${executorId} of ${appId} is served as before`);
    } catch (error) {
      this.#log.warn(`What is kept of executor ${executorId} of ${appId} is passed over: ${(error as Error).message}`);
    }
  }

  #put(appId: string, executorId: ExecutorId, paths: readonly string[]): void {
    let application = this.#applications.get(appId);
    if (application === undefined) {
      this.forgetVanished();
      application = { record: null, executors: new Map() };
      this.#applications.set(appId, application);
    }
    const failed = new SharedArrayBuffer(paths.length);
    application.executors.set(executorId, { dirs: LocalDirs.fromData({ dirs: paths, failed }, this.#log), paths });
  }

  /** @throws IskraError */
  #checkDirectory(appId: string, executorId: ExecutorId, path: unknown): void {
    const who = `executor ${executorId} of ${appId}`;
    if (typeof path !== 'string' || !isAbsolute(path) || resolve(path) !== path)
      throw refuse(`${who} names ${JSON.stringify(path)}, which is no absolute path without '..'`);
    const roots = this.recordOf(appId)?.localRoots ?? this.#options.localRoots;
    let real: string;
    try {
      real = realpathSync(path);
    } catch (error) {
      throw refuse(`${who} names ${path}, which cannot be read: ${(error as Error).message}`);
    }
    if (!roots.some((root) => isBelow(real, root)))
      throw refuse(
        `${who} names ${path}, which does not lie below ${roots.join(', ')}: set spark.local.dir (SPARK_LOCAL_DIRS) to the same for the service and the executors of its host`,
      );
    if (!LocalDirs.isBlockDirectory(real)) throw refuse(`${who} names ${path}, which is no directory for blocks`);
    for (const [other, { executors }] of this.#applications)
      if (other !== appId)
        for (const { paths } of executors.values())
          if (paths.includes(path)) throw refuse(`${who} names ${path}, which belongs to another application`);
  }
}

function checkId(what: string, id: unknown): void {
  if (typeof id !== 'string' || !SAFE_ID.test(id)) throw refuse(`${JSON.stringify(id)} is no id of an ${what}`);
}

function refuse(message: string): IskraError {
  return new IskraError('SHUFFLE_REGISTRATION_REFUSED', message);
}

function isBelow(real: string, root: string): boolean {
  try {
    return real.startsWith(realpathSync(root) + sep);
  } catch {
    return false; // nobody has made it
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
