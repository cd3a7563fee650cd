import { IllegalArgumentError, IskraError } from '../base/errors.ts';
import type { RddId } from '../protocol/ids.ts';
import { StorageLevel, sameLevel } from '../protocol/storage-level.ts';
import { callSite } from './call-site.ts';
import { debugString, nodeTitle } from './debug-string.ts';
import { dependencyView, type RDDDependency } from './dependency-view.ts';
import type { JobRunner } from './job-runner.ts';
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
  /** Where it belongs. */
  readonly context: JobRunner;

  /** @internal Users get RDDs from a SparkContext. */
  constructor(context: JobRunner, node: RDDNode) {
    this.context = context;
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

  // ---- Keeping it

  /**
   * Keeps its partitions where they were first computed.
   *
   * @throws IskraError when it is kept already, but in another way.
   */
  persist(level: StorageLevel = StorageLevel.MEMORY_ONLY): this {
    this.context.assertNotStopped();
    const now = this.node.storageLevel;
    if (!sameLevel(now, StorageLevel.NONE) && !sameLevel(now, level)) {
      throw new IskraError(
        'UNSUPPORTED_OPERATION',
        `Cannot change storage level of an RDD after it was already assigned a level: ${this} must be unpersisted before`,
      );
    }
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
      this.node.storageLevel = StorageLevel.NONE;
      // Nobody waits: a block that could not be removed is logged by whoever tried, and is gone with its executor.
      this.context.unpersistRDD(this.node).catch(() => {});
    }
    return this;
  }
}

export function isRDD(value: unknown): value is RDD<unknown> {
  return value instanceof RDDCore;
}

/** @throws IllegalArgumentError when it is no RDD. */
export function nodeOf(at: Site, other: unknown): RDDNode {
  if (!isRDD(other)) throw notAnRdd(at, other);
  return other.node;
}
