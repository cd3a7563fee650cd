import { InvariantError } from '../../base/errors.ts';
import type { RddId } from '../../protocol/ids.ts';
import type { NodeSource, Split } from '../../protocol/stage-program.ts';
import type { Dependency } from '../dependency.ts';
import { type Hop, type ProgramBuilder, RDDNode } from '../rdd-node.ts';
import { locationsThroughHops, splitThroughHops } from './hops.ts';

/** The partitions of the first parent, then those of the second, and so on. Spark: UnionRDD */
export class UnionRDD extends RDDNode {
  readonly className = 'UnionRDD';
  readonly dependencies: readonly Dependency[];
  readonly numPartitions: number;
  /** starts[i]: this node's partition that is partition 0 of parent i. */
  readonly #starts: readonly number[];

  constructor(id: RddId, callSite: string, parents: readonly RDDNode[]) {
    super(id, callSite);
    const starts: number[] = [];
    const dependencies: Dependency[] = [];
    let start = 0;
    for (const rdd of parents) {
      const length = rdd.numPartitions;
      starts.push(start);
      dependencies.push({ kind: 'Range', rdd, inStart: 0, outStart: start, length });
      start += length;
    }
    this.#starts = starts;
    this.dependencies = dependencies;
    this.numPartitions = start;
  }

  override preferredLocations(partition: number): readonly string[] {
    return locationsThroughHops(this, partition);
  }

  override hop(partition: number): Hop {
    const choice = this.#parentOf(partition);
    // parentOf gives an existing parent
    return {
      node: (this.dependencies[choice] as Dependency).rdd,
      partition: partition - (this.#starts[choice] as number),
      choice,
    };
  }

  split(partition: number): Split {
    return splitThroughHops(this, partition);
  }

  plan(builder: ProgramBuilder): NodeSource {
    return { kind: 'Union', parents: this.dependencies.map((d) => builder.node(d.rdd)) };
  }

  #parentOf(partition: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#starts[middle] as number) <= partition) low = middle;
      else high = middle - 1;
    }
    // Of parents without partitions several start at one place; the last of them is the one that has partitions.
    if (low < 0 || partition >= this.numPartitions) throw new InvariantError(`a union has no partition ${partition}`);
    return low;
  }
}
