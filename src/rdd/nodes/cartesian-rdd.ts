import { IllegalArgumentError } from '../../base/errors.ts';
import type { RddId } from '../../protocol/ids.ts';
import type { NodeSource, Split } from '../../protocol/stage-program.ts';
import type { Dependency } from '../dependency.ts';
import { type ProgramBuilder, RDDNode } from '../rdd-node.ts';

/** Spark's Int.MaxValue: a partition's index is a 32-bit integer in its files and messages. */
const MAX_PARTITIONS = 2 ** 31 - 1;

/** Every pair of a partition of one parent and a partition of the other. Spark: CartesianRDD */
export class CartesianRDD extends RDDNode {
  readonly className = 'CartesianRDD';
  readonly dependencies: readonly [Dependency, Dependency];
  readonly numPartitions: number;
  readonly #width: number;

  /** @throws IllegalArgumentError when there would be more partitions than there can be. */
  constructor(id: RddId, callSite: string, left: RDDNode, right: RDDNode) {
    super(id, callSite);
    const width = right.numPartitions;
    this.#width = width;
    this.numPartitions = left.numPartitions * width;
    if (this.numPartitions > MAX_PARTITIONS)
      throw new IllegalArgumentError(
        `the cartesian product of ${left.numPartitions} and ${width} partitions would have more than ${MAX_PARTITIONS}; coalesce() one side`,
      );
    this.dependencies = [
      { kind: 'Narrow', rdd: left, parentPartitions: (p) => [Math.floor(p / width)] },
      { kind: 'Narrow', rdd: right, parentPartitions: (p) => [p % width] },
    ];
  }

  get #left(): RDDNode {
    return this.dependencies[0].rdd;
  }

  get #right(): RDDNode {
    return this.dependencies[1].rdd;
  }

  override preferredLocations(partition: number): readonly string[] {
    const left = this.#left.preferredLocations(Math.floor(partition / this.#width));
    return [...new Set([...left, ...this.#right.preferredLocations(partition % this.#width)])];
  }

  split(partition: number): Split {
    const left = this.#left.split(Math.floor(partition / this.#width));
    return { index: partition, parents: [left, this.#right.split(partition % this.#width)] };
  }

  plan(builder: ProgramBuilder): NodeSource {
    return { kind: 'Cartesian', parents: [builder.node(this.#left), builder.node(this.#right)] };
  }
}
