import type { RddId } from '../../protocol/ids.ts';
import type { NodeSource, Split } from '../../protocol/stage-program.ts';
import type { Dependency } from '../dependency.ts';
import type { Partitioner } from '../partitioner.ts';
import { type Hop, type ProgramBuilder, RDDNode } from '../rdd-node.ts';
import { locationsThroughHops, splitThroughHops } from './hops.ts';

/** What a one-parent narrow node does, given its parent's index in the program. */
export type NarrowPlan = (parent: number, builder: ProgramBuilder) => NodeSource;

/** Every operator that needs one partition of one parent. Runs of them become one loop in a task. Spark: MapPartitionsRDD */
export class MapPartitionsRDD extends RDDNode {
  readonly className = 'MapPartitionsRDD';
  readonly dependencies: readonly [Dependency];
  override readonly partitioner: Partitioner | null;
  override readonly isOrderSensitive: boolean;
  override readonly losesOrder: boolean;
  override readonly isFromBarrier: boolean;
  readonly #plan: NarrowPlan;

  /** @param partitioning whether the parent's partitioner stays, or how records are partitioned now. */
  constructor(
    id: RddId,
    callSite: string,
    parent: RDDNode,
    partitioning: boolean | Partitioner,
    plan: NarrowPlan,
    isOrderSensitive = false,
    isFromBarrier = false,
    losesOrder = false,
  ) {
    super(id, callSite);
    this.dependencies = [{ kind: 'OneToOne', rdd: parent }];
    if (typeof partitioning === 'boolean') this.partitioner = partitioning ? parent.partitioner : null;
    else this.partitioner = partitioning;
    this.isOrderSensitive = isOrderSensitive;
    this.losesOrder = losesOrder;
    this.isFromBarrier = isFromBarrier;
    this.#plan = plan;
  }

  get parent(): RDDNode {
    return this.dependencies[0].rdd;
  }

  get numPartitions(): number {
    let node = this.parent;
    while (node instanceof MapPartitionsRDD) node = node.parent;
    return node.numPartitions;
  }

  override preferredLocations(partition: number): readonly string[] {
    return locationsThroughHops(this, partition);
  }

  override hop(partition: number): Hop {
    return { node: this.parent, partition, choice: null };
  }

  split(partition: number): Split {
    return splitThroughHops(this, partition);
  }

  plan(builder: ProgramBuilder): NodeSource {
    return this.#plan(builder.node(this.parent), builder);
  }
}
