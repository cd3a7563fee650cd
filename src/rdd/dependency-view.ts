import type { ShuffleId } from '../protocol/ids.ts';
import { type Dependency, parentPartitions } from './dependency.ts';
import type { Partitioner } from './partitioner.ts';
import type { RDD } from './rdd.ts';
import type { RDDNode } from './rdd-node.ts';

/** What `rdd.dependencies` shows of one parent. Spark: Dependency */
export type RDDDependency =
  /** Partitions of the RDD read few partitions of the parent, and no shuffle lies between. */
  | {
      readonly kind: 'OneToOne' | 'Range' | 'Narrow';
      readonly rdd: RDD<unknown>;
      /** The parent's partitions that a partition reads. */
      getParents(partition: number): readonly number[];
    }
  | {
      readonly kind: 'Shuffle';
      readonly rdd: RDD<unknown>;
      readonly shuffleId: ShuffleId;
      readonly partitioner: Partitioner;
      readonly mapSideCombine: boolean;
    };

export function dependencyView(dependency: Dependency, handle: (node: RDDNode) => RDD<unknown>): RDDDependency {
  const rdd = handle(dependency.rdd);
  if (dependency.kind !== 'Shuffle')
    return { kind: dependency.kind, rdd, getParents: (partition) => parentPartitions(dependency, partition) };
  const { shuffleId, partitioner, mapSideCombine } = dependency;
  return { kind: 'Shuffle', rdd, shuffleId, partitioner, mapSideCombine };
}
