import type { RddId } from '../../protocol/ids.ts';
import type { NodeSource, Split } from '../../protocol/stage-program.ts';
import type { Dependency } from '../dependency.ts';
import { type ProgramBuilder, RDDNode } from '../rdd-node.ts';

/**
 * Some partitions of its parent; the others are not computed.
 *
 * Which they are may be known only after jobs that the lineage needs (a RangePartitioner's bounds). When it is not known as the
 * node is made, the node keeps the number of partitions, and those that turn out not to be wanted are empty.
 *
 * Spark: PartitionPruningRDD
 */
export class PartitionPruningRDD extends RDDNode {
  readonly className = 'PartitionPruningRDD';
  readonly dependencies: readonly [Dependency];
  readonly numPartitions: number;
  /** The wanted ones, in order; null while nobody knows. */
  readonly #kept: readonly number[] | null;
  readonly #wanted: (partition: number) => boolean;

  /** @param known `wanted` can answer now. */
  constructor(id: RddId, callSite: string, parent: RDDNode, wanted: (partition: number) => boolean, known: boolean) {
    super(id, callSite);
    this.#wanted = wanted;
    this.#kept = known ? Array.from({ length: parent.numPartitions }, (_, p) => p).filter(wanted) : null;
    this.numPartitions = this.#kept?.length ?? parent.numPartitions;
    this.dependencies = [{ kind: 'Narrow', rdd: parent, parentPartitions: (p) => this.#parents(p) }];
  }

  get #parent(): RDDNode {
    return this.dependencies[0].rdd;
  }

  override preferredLocations(partition: number): readonly string[] {
    return this.#parents(partition).flatMap((p) => this.#parent.preferredLocations(p));
  }

  split(partition: number): Split {
    return { index: partition, parents: this.#parents(partition).map((p) => this.#parent.split(p)) };
  }

  plan(builder: ProgramBuilder): NodeSource {
    return { kind: 'Coalesce', parent: builder.node(this.#parent) };
  }

  /** One, or none of a partition that is not wanted. */
  #parents(partition: number): readonly number[] {
    const p = this.#kept === null ? partition : this.#kept[partition];
    return p !== undefined && this.#wanted(p) ? [p] : [];
  }
}
