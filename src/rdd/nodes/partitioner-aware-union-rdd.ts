import type { RddId } from '../../protocol/ids.ts';
import type { NodeSource, Split } from '../../protocol/stage-program.ts';
import type { Dependency } from '../dependency.ts';
import type { Partitioner } from '../partitioner.ts';
import { type ProgramBuilder, RDDNode } from '../rdd-node.ts';

/** Partition i holds partition i of every parent; all have the same partitioner, which stays. Spark: PartitionerAwareUnionRDD */
export class PartitionerAwareUnionRDD extends RDDNode {
  readonly className = 'PartitionerAwareUnionRDD';
  readonly dependencies: readonly Dependency[];
  readonly numPartitions: number;
  override readonly partitioner: Partitioner;

  constructor(id: RddId, callSite: string, parents: readonly RDDNode[], partitioner: Partitioner) {
    super(id, callSite);
    this.partitioner = partitioner;
    this.numPartitions = partitioner.numPartitions;
    this.dependencies = parents.map((rdd) => ({ kind: 'OneToOne', rdd }));
  }

  /** The place that most parents prefer. */
  override preferredLocations(partition: number): readonly string[] {
    const votes = new Map<string, number>();
    for (const { rdd } of this.dependencies) {
      for (const place of rdd.preferredLocations(partition)) votes.set(place, (votes.get(place) ?? 0) + 1);
    }
    const best = [...votes].sort((a, b) => b[1] - a[1])[0];
    return best === undefined ? [] : [best[0]];
  }

  split(partition: number): Split {
    return { index: partition, parents: this.dependencies.map((d) => d.rdd.split(partition)) };
  }

  plan(builder: ProgramBuilder): NodeSource {
    return { kind: 'UnionAll', parents: this.dependencies.map((d) => builder.node(d.rdd)) };
  }
}
