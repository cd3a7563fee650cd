import { IllegalArgumentError, IskraError } from '../base/errors.ts';
import type { RddId, ShuffleId } from '../protocol/ids.ts';
import type { ResourceProfile } from '../protocol/resource-profile.ts';
import { StorageLevel, sameLevel } from '../protocol/storage-level.ts';
import { callSite } from './call-site.ts';
import { checkStorageLevel } from './check-storage-level.ts';
import { debugString, nodeTitle } from './debug-string.ts';
import { dependencyView, type RDDDependency } from './dependency-view.ts';
import { noCheckpointDir } from './do-checkpoint.ts';
import type { JobRunner, RDDContext } from './job-runner.ts';
import { notAnRdd } from './pair-functions.ts';
import type { Partition } from './partition-coalescer.ts';
import type { Partitioner } from './partitioner.ts';
import type { RDD } from './rdd.ts';
import type { RDDNode } from './rdd-node.ts';
import type { Site } from './site.ts';
import { describe } from './user-function.ts';

/**
 * The root of the classes that make up RDD: what an RDD is and how it is kept. Each of them has the methods of one kind and
 * extends the one before; users see RDD alone, which is the last.
 */
export abstract class RDDCore {
  /** What tasks must know of it; holds no context. */
  readonly node: RDDNode;
  /** The context that it was made with. On the driver only: neither can be reached from a task. */
  readonly context: RDDContext;

  /** @internal Users get RDDs from a SparkContext. */
  constructor(context: JobRunner, node: RDDNode) {
    this.context = context as RDDContext; // what it is, in an application
    this.node = node;
  }

  /** @internal The method's signature says what records are. */
  protected abstract to<U>(node: RDDNode): RDD<U>;

  /** @internal Notes who called what. To be called by the user's method itself: the stack is searched for its caller. */
  protected at(operator: string): Site {
    this.context.assertNotStopped();
    return { jobs: this.context, node: this.node, operator, callSite: callSite(operator) };
  }

  // ---- What it is

  /** The same as `context`. */
  get sparkContext(): RDDContext {
    return this.context;
  }

  get id(): RddId {
    return this.node.id;
  }

  get name(): string | null {
    return this.node.name;
  }

  setName(name: string): this {
    this.node.name = name;
    return this;
  }

  get partitioner(): Partitioner | null {
    return this.node.partitioner;
  }

  /** What it is made of: one entry a parent. */
  get dependencies(): readonly RDDDependency[] {
    return this.node.dependencies.map((dependency) => dependencyView(dependency, (node) => this.to(node)));
  }

  /** @throws IskraError when it is made from files that do not exist or cannot be read. */
  get partitions(): readonly Partition[] {
    return Array.from({ length: this.node.numPartitions }, (_, index) => ({ index }));
  }

  /**
   * Hosts, or `executor_<host>_<id>` names, where a partition is best computed; empty: anywhere.
   *
   * @throws IllegalArgumentError when there is no such partition.
   */
  preferredLocations(partition: Partition | number): readonly string[] {
    const index = typeof partition === 'number' ? partition : partition?.index;
    const { numPartitions } = this.node;
    if (!Number.isInteger(index) || index < 0 || index >= numPartitions)
      throw new IllegalArgumentError(
        `preferredLocations() needs a partition of ${this}, which has ${numPartitions}, but was given ${describe(index)}`,
      );
    return this.node.preferredLocations(index);
  }

  /** @throws IskraError when it is made from files that do not exist or cannot be read. */
  getNumPartitions(): number {
    return this.node.numPartitions;
  }

  getStorageLevel(): StorageLevel {
    return this.node.storageLevel;
  }

  toString(): string {
    return nodeTitle(this.node);
  }

  /** Its lineage, one line an RDD, shuffles indented. */
  toDebugString(): string {
    return debugString(this.node, this.context);
  }

  /**
   * Stages that compute it run on executors and in slots of this profile.
   *
   * @throws IskraError when the application can have no such executors, IllegalArgumentError for what is no profile.
   */
  withResources(profile: ResourceProfile): this {
    this.context.assertNotStopped();
    if (typeof profile?.id !== 'number')
      throw new IllegalArgumentError(
        `withResources() needs a ResourceProfile, which a ResourceProfileBuilder builds, but was given ${describe(profile)}`,
      );
    this.context.addResourceProfile(profile);
    this.node.resourceProfile = profile;
    return this;
  }

  getResourceProfile(): ResourceProfile | null {
    return this.node.resourceProfile;
  }

  // ---- Keeping it

  /**
   * Keeps its partitions where they were first computed.
   *
   * @throws IskraError when it is kept already, but in another way, IllegalArgumentError for what is no level.
   */
  persist(level: StorageLevel = StorageLevel.MEMORY_ONLY): this {
    this.context.assertNotStopped();
    checkStorageLevel(level);
    const now = this.node.storageLevel;
    if (this.isLocallyCheckpointed) return this.#setLevel(withDisk(level));
    if (!sameLevel(now, StorageLevel.NONE) && !sameLevel(now, level)) {
      throw new IskraError(
        'UNSUPPORTED_OPERATION',
        `Cannot change storage level of an RDD after it was already assigned a level: ${this} must be unpersisted before`,
      );
    }
    return this.#setLevel(level);
  }

  #setLevel(level: StorageLevel): this {
    this.node.storageLevel = level;
    if (!sameLevel(level, StorageLevel.NONE)) this.context.persistRDD(this.node);
    return this;
  }

  /** persist(MEMORY_ONLY) */
  cache(): this {
    return this.persist();
  }

  /** Drops what is kept, without waiting for it. */
  unpersist(): this {
    this.context.assertNotStopped();
    if (!sameLevel(this.node.storageLevel, StorageLevel.NONE)) {
      if (this.isLocallyCheckpointed)
        this.context.checkpoints.warn(
          `RDD ${this.id} was locally checkpointed, its lineage has been truncated and cannot be recomputed after unpersisting`,
        );
      this.node.storageLevel = StorageLevel.NONE;
      // Nobody waits: a block that could not be removed is logged by whoever tried, and is gone with its executor.
      this.context.unpersistRDD(this.node).catch(() => {});
    }
    return this;
  }

  // ---- Cutting its lineage

  /**
   * Marks it to be written below sc.setCheckpointDir() after the first job on it, or on what was made of it; then it is read
   * from there, and what came before it is forgotten. It is computed a second time for that: cache() it as well.
   *
   * @throws IskraError when no directory is set.
   */
  checkpoint(): void {
    this.context.assertNotStopped();
    const { checkpoints } = this.context;
    if (checkpoints.dir === null) throw noCheckpointDir();
    if (this.node.checkpoint !== null) return;
    this.#warnIfLate('checkpoint');
    this.node.checkpoint = { kind: 'reliable', state: 'marked', dir: null };
  }

  /**
   * Marks it to be cut from its lineage after the first job on it, or on what was made of it; from then on its cached blocks
   * are all there is. Needs no directory and no second pass, but what an executor takes along is gone.
   */
  localCheckpoint(): this {
    this.context.assertNotStopped();
    const { checkpoints } = this.context;
    if (checkpoints.unsafeLocally !== null) checkpoints.warn(checkpoints.unsafeLocally);
    const { checkpoint, storageLevel } = this.node;
    this.#setLevel(sameLevel(storageLevel, StorageLevel.NONE) ? StorageLevel.MEMORY_AND_DISK : withDisk(storageLevel));
    if (checkpoint?.state === 'done') {
      checkpoints.warn(
        `Not marking RDD ${this.id} for local checkpoint because it was already checkpointed and materialized`,
      );
      return this;
    }
    if (checkpoint?.state === 'writing') return this;
    if (checkpoint?.kind === 'reliable')
      checkpoints.warn(
        `RDD ${this.id} was already marked for reliable checkpointing: overriding with local checkpoint.`,
      );
    this.#warnIfLate('localCheckpoint');
    this.node.checkpoint = { kind: 'local', state: 'marked', dir: null };
    return this;
  }

  /** Whether it was checkpointed, reliably or locally: marked alone is not enough. */
  get isCheckpointed(): boolean {
    return this.node.checkpoint?.state === 'done';
  }

  /** Whether it is marked for a local checkpoint, or has one. */
  get isLocallyCheckpointed(): boolean {
    return this.node.checkpoint?.kind === 'local';
  }

  /** The directory of its reliable checkpoint; null before that is written, and for local ones. */
  getCheckpointFile(): string | null {
    return this.node.checkpoint?.dir ?? null;
  }

  /**
   * Removes the files of the shuffles it was made by, up to persisted RDDs. A job that needs them again writes them again.
   *
   * @param blocking resolves when executors have been told; else at once.
   */
  async cleanShuffleDependencies(blocking = false): Promise<void> {
    this.context.assertNotStopped();
    const removed = shufflesAbove(this.node).map((shuffleId) => this.context.removeShuffle(shuffleId));
    if (blocking) await Promise.all(removed);
  }

  #warnIfLate(method: string): void {
    if (this.node.sawJob && this.node.checkpoint === null)
      this.context.checkpoints.warn(
        `${method}() on ${this} has no effect: a job ran on it already; call it before the first one`,
      );
  }
}

/** What a local checkpoint needs of a level: blocks that are not dropped for want of memory. Spark: transformStorageLevel */
function withDisk(level: StorageLevel): StorageLevel {
  return level.useDisk ? level : { ...level, useDisk: true };
}

/** Spark: RDD.cleanShuffleDependencies, whose walk ends at persisted RDDs, too. */
function shufflesAbove(root: RDDNode): readonly ShuffleId[] {
  const found = new Set<ShuffleId>();
  const seen = new Set<RDDNode>([root]);
  const stack = [root];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    for (const dependency of node.dependencies) {
      const { rdd } = dependency;
      if (dependency.kind === 'Shuffle') found.add(dependency.shuffleId);
      if (seen.has(rdd)) continue;
      seen.add(rdd);
      if (sameLevel(rdd.storageLevel, StorageLevel.NONE)) stack.push(rdd);
    }
  }
  return [...found];
}

export function isRDD(value: unknown): value is RDD<unknown> {
  return value instanceof RDDCore;
}

/** @throws IllegalArgumentError when it is no RDD. */
export function nodeOf(at: { readonly operator: string }, other: unknown): RDDNode {
  if (!isRDD(other)) throw notAnRdd(at, other);
  return other.node;
}
