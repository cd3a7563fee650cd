import type { RddId } from '../protocol/ids.ts';
import type { ResourceProfile } from '../protocol/resource-profile.ts';
import type { NodeSource, Ref, Split } from '../protocol/stage-program.ts';
import { StorageLevel } from '../protocol/storage-level.ts';
import type { Dependency } from './dependency.ts';
import { type DeterministicLevel, outputDeterministicLevel } from './determinism.ts';
import type { Partitioner } from './partitioner.ts';

/** Collects functions and values of a stage into one closure graph, and its nodes into one list. */
export interface ProgramBuilder {
  /** `what` names it in an error: `the function passed to map()`. */
  ref(value: unknown, what: string): Ref;
  /** Index of the node's plan; the same node gives the same index. */
  node(node: RDDNode): number;
}

/**
 * How a node's lineage is to be cut, and how far that is.
 *
 *   marked ── first job is over ──► writing ── all partitions are there ──► done
 *      ▲───────────── failed ──────────┘
 */
export interface CheckpointMark {
  readonly kind: 'reliable' | 'local';
  state: 'marked' | 'writing' | 'done';
  /** Of a reliable one: its directory, once it is done. */
  dir: string | null;
}

/** Where a partition comes from. `choice`: null, or which of its parents a union chose. */
export interface Hop {
  readonly node: RDDNode;
  readonly partition: number;
  readonly choice: number | null;
}

/**
 * One node of the lineage: data and functions, no SparkContext within reach, so it can never drag one along.
 *
 * A node is immutable but for its name, its storage level and its checkpoint. Parents are held in `dependencies` and nowhere
 * else, so that a checkpoint, which replaces those, lets them go. Names of subclasses are Spark's, since
 * `toDebugString` and the UI print them.
 *
 * Spark: RDD
 */
export abstract class RDDNode {
  readonly id: RddId;
  /** Where the user made it: `map at app.ts:12`. */
  readonly callSite: string;
  name: string | null = null;
  storageLevel: StorageLevel = StorageLevel.NONE;
  /** What the stages that compute it want; null: nothing in particular. */
  resourceProfile: ResourceProfile | null = null;
  /** Not null: the user wants its lineage cut; see do-checkpoint.ts. */
  checkpoint: CheckpointMark | null = null;
  /** A job ran on it, or on what was made of it: a mark set from now on is too late. Spark: RDD.doCheckpointCalled */
  sawJob = false;

  constructor(id: RddId, callSite: string) {
    this.id = id;
    this.callSite = callSite;
  }

  /** Spark's class name, `MapPartitionsRDD`. */
  abstract readonly className: string;
  abstract readonly dependencies: readonly Dependency[];
  /** Reading it may list files, and so may throw; the answer never changes. */
  abstract readonly numPartitions: number;
  readonly partitioner: Partitioner | null = null;
  /** True: other records come out when those of the parent come in another order (`sample`, `zip`, dealing round robin). */
  readonly isOrderSensitive: boolean = false;
  /** True: records leave in an order that may be another the next time (async calls whose results leave as they come). */
  readonly losesOrder: boolean = false;

  /** True: it must be computed in all partitions at the same time; so must all that its stage computes after it. */
  readonly isFromBarrier: boolean = false;

  /** What a partition is when it is computed again. Spark: RDD.outputDeterministicLevel */
  get outputDeterminism(): DeterministicLevel {
    return outputDeterministicLevel(this);
  }

  /** Hosts or `executor_<host>_<id>` names where this partition is best computed; empty: anywhere. */
  preferredLocations(_partition: number): readonly string[] {
    return [];
  }

  /** What a task must know of one partition. One-parent narrow nodes hand their parent's through. */
  abstract split(partition: number): Split;

  /** Not null when this partition reads exactly one partition of one parent; for walks that must not recurse. */
  hop(_partition: number): Hop | null {
    return null;
  }

  /** This node as part of a stage program. */
  abstract plan(builder: ProgramBuilder): NodeSource;

  /**
   * Its partitions are found in a checkpoint from now on: forgets how they were computed, and lets go of its parents.
   *
   * Tasks of programs that were made before get splits that say so; see executor/checkpointed-partition.ts.
   *
   * @param checkpoint stands in the lineage for what was there.
   * @param pathOf the file of a partition, or null where only the cached block has it.
   */
  cutLineage(checkpoint: RDDNode, pathOf: (partition: number) => string | null): void {
    const { numPartitions } = this;
    const rddId = this.id;
    const answers: Pick<RDDNode, 'dependencies' | 'numPartitions' | 'preferredLocations' | 'split' | 'hop' | 'plan'> = {
      dependencies: [{ kind: 'OneToOne', rdd: checkpoint }],
      numPartitions,
      preferredLocations: (partition) => checkpoint.preferredLocations(partition),
      split: (partition) => ({ index: partition, checkpoint: { rddId, path: pathOf(partition) } }),
      hop: () => null,
      plan: () => ({ kind: 'Checkpoint' }),
    };
    for (const [name, value] of Object.entries(answers)) Object.defineProperty(this, name, { value });
  }
}
