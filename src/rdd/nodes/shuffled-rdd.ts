import type { RddId, ShuffleId } from '../../protocol/ids.ts';
import type { NodeSource, Split } from '../../protocol/stage-program.ts';
import type { Combine, Ordering, ShuffleDependency } from '../dependency.ts';
import type { Partitioner } from '../partitioner.ts';
import { combinePlan, orderingPlan } from '../plans.ts';
import { type ProgramBuilder, RDDNode } from '../rdd-node.ts';

export interface ShuffleOptions {
  readonly partitioner: Partitioner;
  readonly combine?: Combine | null;
  readonly mapSideCombine?: boolean;
  readonly ordering?: Ordering | null;
}

/** The reading side of one shuffle. Spark: ShuffledRDD */
export class ShuffledRDD extends RDDNode {
  readonly className = 'ShuffledRDD';
  readonly dependencies: readonly [ShuffleDependency];
  readonly numPartitions: number;
  override readonly partitioner: Partitioner;

  constructor(id: RddId, callSite: string, parent: RDDNode, shuffleId: ShuffleId, options: ShuffleOptions) {
    super(id, callSite);
    this.partitioner = options.partitioner;
    this.numPartitions = options.partitioner.numPartitions;
    const combine = options.combine ?? null;
    this.dependencies = [
      {
        kind: 'Shuffle',
        rdd: parent,
        shuffleId,
        partitioner: options.partitioner,
        combine,
        mapSideCombine: combine !== null && (options.mapSideCombine ?? true),
        ordering: options.ordering ?? null,
      },
    ];
  }

  split(partition: number): Split {
    return { index: partition };
  }

  plan(builder: ProgramBuilder): NodeSource {
    const { shuffleId, combine, mapSideCombine, ordering } = this.dependencies[0];
    return {
      kind: 'ShuffleRead',
      read: {
        shuffleId,
        combine: combine && combinePlan(combine, builder),
        mapSideCombine,
        ordering: ordering && orderingPlan(ordering, builder),
      },
    };
  }
}
