import { VERSION } from '../base/version.ts';
import { ARCHIVES, FILES } from '../config/context-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import { SUBMIT_DEPLOY_MODE } from '../config/submit-entries.ts';
import type { RddId, ShuffleId } from '../protocol/ids.ts';
import type { ResourceInformation, ResourceProfile } from '../protocol/resource-profile.ts';
import type { StorageLevel } from '../protocol/storage-level.ts';
import type { CheckpointHost, RddStorageInfo } from '../rdd/job-runner.ts';
import type { RDDNode } from '../rdd/rdd-node.ts';
import { userName } from './application-events.ts';
import { ContextJobs } from './context-jobs.ts';
import type { DriverEnv } from './driver-env.ts';

/** Spark: RDDInfo. Sizes in bytes. */
export interface RDDInfo {
  readonly id: RddId;
  readonly name: string;
  readonly numPartitions: number;
  readonly storageLevel: StorageLevel;
  readonly numCachedPartitions: number;
  readonly memSize: number;
  readonly diskSize: number;
}

/** Memory for cached blocks, in bytes. */
export interface ExecutorMemory {
  readonly maxMemory: number;
  readonly remainingMemory: number;
}

/** The part of SparkContext that tells about the application, and about what it keeps. */
export abstract class ContextStorage extends ContextJobs {
  readonly #env: DriverEnv;

  /** @internal */
  protected constructor(env: DriverEnv) {
    super(env);
    this.#env = env;
  }

  // --- about the application

  /** A copy of the settings. */
  get conf(): SparkConf {
    return this.#env.conf.clone();
  }

  getConf(): SparkConf {
    return this.conf;
  }

  /** Iskra's version. */
  get version(): string {
    return VERSION;
  }

  get appName(): string {
    return this.#env.appName;
  }

  get applicationId(): string {
    return this.#env.applicationId;
  }

  /** Null: only cluster managers that start a driver again count its attempts. */
  get applicationAttemptId(): string | null {
    return null;
  }

  get master(): string {
    return this.#env.master;
  }

  get deployMode(): 'client' | 'cluster' {
    return this.#env.conf.get(SUBMIT_DEPLOY_MODE);
  }

  /** Who started the driver; SPARK_USER wins. */
  get sparkUser(): string {
    return userName();
  }

  /** Epoch ms. */
  get startTime(): number {
    return this.#env.startTime;
  }

  get isLocal(): boolean {
    return this.#env.isLocal;
  }

  /** Where the pages of this application are; null with `spark.ui.enabled=false`. */
  get uiWebUrl(): string | null {
    return this.#env.uiWebUrl;
  }

  /** What the driver was given besides cores and memory, by name: addresses of GPUs, for instance. */
  get resources(): ReadonlyMap<string, ResourceInformation> {
    return new Map(Object.entries(this.#env.resources).map(([name, addresses]) => [name, { name, addresses }]));
  }

  /** `spark.files` */
  get files(): readonly string[] {
    return this.#env.conf.get(FILES);
  }

  /** `spark.archives` */
  get archives(): readonly string[] {
    return this.#env.conf.get(ARCHIVES);
  }

  // --- files

  /**
   * Copies a file to where every task finds it, from the next task set on, and the driver at once: `SparkFiles.get(name)`.
   *
   * @param path local, a `file:` URI, or an http(s) URL. With `recursive` a directory, in local mode.
   * @throws IskraError when it cannot be had, or another file of that name is there; what was there stays then.
   */
  async addFile(path: string, recursive = false): Promise<void> {
    this.assertNotStopped();
    await this.#env.files.addFile(path, recursive);
  }

  /** The URIs of what addFile added. */
  listFiles(): string[] {
    return this.#env.files.keys('file');
  }

  /** Unpacks a zip, jar, tar, tar.gz or tgz as addFile copies a file; `path#name` chooses the directory's name. */
  async addArchive(path: string): Promise<void> {
    this.assertNotStopped();
    await this.#env.files.addArchive(path);
  }

  /** The URIs of what addArchive added. */
  listArchives(): string[] {
    return this.#env.files.keys('archive');
  }

  // --- checkpoints

  /**
   * Where rdd.checkpoint() writes: a directory with a name of its own is made below this one, which executors must see too.
   * Null: nowhere any more.
   *
   * @throws IskraError naming the directory and the reason, when it cannot be made.
   */
  setCheckpointDir(directory: string | null): void {
    this.assertNotStopped();
    this.#env.kept.checkpoints.setDir(directory);
  }

  /** The directory that setCheckpointDir made; null before. */
  getCheckpointDir(): string | null {
    return this.#env.kept.checkpoints.dir;
  }

  /** @internal For RDDs. */
  get checkpoints(): CheckpointHost {
    return this.#env.kept.checkpoints;
  }

  // --- persisted RDDs

  /** What is cached now. */
  getRDDStorageInfo(): RDDInfo[] {
    this.assertNotStopped();
    return this.#env.kept.persisted.all().flatMap((node) => {
      const stored = this.#env.storageInfo(node.id);
      if (stored === null || stored.numCachedPartitions === 0) return [];
      const { numCachedPartitions, memoryBytes: memSize, diskBytes: diskSize } = stored;
      const { id, numPartitions, storageLevel } = node;
      const name = node.name ?? node.className;
      return [{ id, name, numPartitions, storageLevel, numCachedPartitions, memSize, diskSize }];
    });
  }

  /** By `host:executorId`, since executors may share a host. */
  getExecutorMemoryStatus(): Map<string, ExecutorMemory> {
    this.assertNotStopped();
    const status = new Map<string, ExecutorMemory>();
    for (const { host, executorId, ...memory } of this.#env.executorInfos()) {
      const maxMemory = memory.totalOnHeapStorageMemory + memory.totalOffHeapStorageMemory;
      const used = memory.usedOnHeapStorageMemory + memory.usedOffHeapStorageMemory;
      status.set(`${host}:${executorId}`, { maxMemory, remainingMemory: maxMemory - used });
    }
    return status;
  }

  /** @internal For RDDs. */
  persistRDD(node: RDDNode): void {
    this.#env.kept.persist(node);
  }

  /** @internal For RDDs. */
  async unpersistRDD(node: RDDNode): Promise<void> {
    this.#env.kept.unpersist(node.id);
  }

  /** @internal For RDDs. */
  addResourceProfile(profile: ResourceProfile): void {
    this.#env.resourceProfiles.add(profile);
  }

  /** @internal For RDDs. */
  async removeShuffle(shuffleId: ShuffleId): Promise<void> {
    this.#env.scheduler.unregisterShuffle(shuffleId);
  }

  /** @internal For RDDs. */
  storageInfo(rddId: RddId): RddStorageInfo | null {
    return this.#env.storageInfo(rddId);
  }
}
