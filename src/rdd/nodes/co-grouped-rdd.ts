import type { RddId, ShuffleId } from '../../protocol/ids.ts';
import type { NodeSource, Split } from '../../protocol/stage-program.ts';
import type { Dependency } from '../dependency.ts';
import { type Partitioner, samePartitioner } from '../partitioner.ts';
import { type ProgramBuilder, RDDNode } from '../rdd-node.ts';

/**
 * For every key of any side, the lists of its values on each side. A side that is partitioned alike already is read where
 * it is, the others are shuffled.
 *
 * Spark: CoGroupedRDD
 */
export class CoGroupedRDD extends RDDNode {
  readonly className = 'CoGroupedRDD';
  readonly dependencies: readonly Dependency[];
  readonly numPartitions: number;
  override readonly partitioner: Partitioner;

  constructor(
    id: RddId,
    callSite: string,
    sides: readonly RDDNode[],
    partitioner: Partitioner,
    newShuffleId: () => ShuffleId,
  ) {
    super(id, callSite);
    this.partitioner = partitioner;
    this.numPartitions = partitioner.numPartitions;
    this.dependencies = sides.map((rdd): Dependency => {
      if (samePartitioner(rdd.partitioner, partitioner)) return { kind: 'OneToOne', rdd };
      return {
        kind: 'Shuffle',
        rdd,
        shuffleId: newShuffleId(),
        partitioner,
        combine: null,
        mapSideCombine: false,
        ordering: null,
      };
    });
  }

  split(partition: number): Split {
    const parents = this.dependencies.map((d) => (d.kind === 'Shuffle' ? null : d.rdd.split(partition)));
    return { index: partition, parents };
  }

  plan(builder: ProgramBuilder): NodeSource {
    return {
      kind: 'CoGroup',
      sides: this.dependencies.map((d) =>
        d.kind === 'Shuffle'
          ? { kind: 'shuffle', shuffleId: d.shuffleId }
          : { kind: 'narrow', parent: builder.node(d.rdd) },
      ),
    };
  }
}
