import { IllegalArgumentError } from '../../base/errors.ts';
import type { RddId } from '../../protocol/ids.ts';
import type { NodeSource, Split } from '../../protocol/stage-program.ts';
import type { Dependency } from '../dependency.ts';
import type { Partitioner } from '../partitioner.ts';
import { type ProgramBuilder, RDDNode } from '../rdd-node.ts';

/** What is done with the partitions of one index, given the parents' indices in the program. */
export type ZipPlan = (parents: readonly number[], builder: ProgramBuilder) => NodeSource;

/** Partition i is made of partition i of every parent. Spark: ZippedPartitionsBaseRDD */
export class ZippedPartitionsRDD extends RDDNode {
  readonly className: string;
  readonly dependencies: readonly Dependency[];
  readonly numPartitions: number;
  override readonly partitioner: Partitioner | null;
  override readonly isOrderSensitive: boolean;
  readonly #plan: ZipPlan;

  /** @throws IllegalArgumentError when the parents differ in their number of partitions. */
  constructor(
    id: RddId,
    callSite: string,
    parents: readonly RDDNode[],
    preservesPartitioning: boolean,
    plan: ZipPlan,
    isOrderSensitive: boolean,
  ) {
    super(id, callSite);
    const counts = parents.map((p) => p.numPartitions);
    const [first = 0] = counts;
    if (counts.some((n) => n !== first))
      throw new IllegalArgumentError(
        `Can't zip RDDs with unequal numbers of partitions: List(${counts.join(', ')}). RDDs with a different number of ` +
          'partitions can be brought together by a repartition() of one of them, or by key with zipWithIndex() and join()',
      );
    this.className = `ZippedPartitionsRDD${parents.length}`;
    this.dependencies = parents.map((rdd) => ({ kind: 'OneToOne', rdd }));
    this.numPartitions = first;
    this.partitioner = preservesPartitioning ? (parents[0]?.partitioner ?? null) : null;
    this.isOrderSensitive = isOrderSensitive;
    this.#plan = plan;
  }

  /** Where all parents like to be; if there is no such place, where any does. */
  override preferredLocations(partition: number): readonly string[] {
    const wishes = this.dependencies.map((d) => d.rdd.preferredLocations(partition));
    const all = new Set(wishes.flat());
    const common = [...all].filter((place) => wishes.every((places) => places.includes(place)));
    return common.length > 0 ? common : [...all];
  }

  split(partition: number): Split {
    return { index: partition, parents: this.dependencies.map((d) => d.rdd.split(partition)) };
  }

  plan(builder: ProgramBuilder): NodeSource {
    return this.#plan(
      this.dependencies.map((d) => builder.node(d.rdd)),
      builder,
    );
  }
}
