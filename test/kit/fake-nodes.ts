import type { NodeSource, Split } from '../../src/protocol/stage-program.ts';
import { StorageLevel } from '../../src/protocol/storage-level.ts';
import type { Dependency, ShuffleDependency } from '../../src/rdd/dependency.ts';
import { HashPartitioner } from '../../src/rdd/partitioner.ts';
import { type Hop, RDDNode } from '../../src/rdd/rdd-node.ts';

let nextRddId = 0;
let nextShuffleId = 0;

/** A node that only has a place in a lineage: planning it is an error, so nothing can compute it by mistake. */
export class FakeNode extends RDDNode {
  readonly className = 'FakeRDD';
  readonly dependencies: readonly Dependency[];
  readonly numPartitions: number;

  constructor(numPartitions: number, dependencies: readonly Dependency[] = []) {
    const id = nextRddId++;
    super(id, `fake at test.ts:${id}`);
    this.numPartitions = numPartitions;
    this.dependencies = dependencies;
  }

  split(partition: number): Split {
    return { index: partition };
  }

  plan(): NodeSource {
    throw new Error('a fake node cannot be planned');
  }

  cached(): this {
    this.storageLevel = StorageLevel.MEMORY_ONLY;
    return this;
  }
}

class PlacedNode extends FakeNode {
  readonly #preferred: readonly (readonly string[])[];

  constructor(numPartitions: number, preferred: readonly (readonly string[])[]) {
    super(numPartitions);
    this.#preferred = preferred;
  }

  override preferredLocations(partition: number): readonly string[] {
    return this.#preferred[partition] ?? [];
  }
}

/** Like the real one-parent nodes: says of itself that it only hands through, preferences too. */
class HoppingNode extends FakeNode {
  readonly #parent: RDDNode;

  constructor(parent: RDDNode) {
    super(parent.numPartitions, [{ kind: 'OneToOne', rdd: parent }]);
    this.#parent = parent;
  }

  override preferredLocations(partition: number): readonly string[] {
    return this.#parent.preferredLocations(partition);
  }

  override hop(partition: number): Hop {
    return { node: this.#parent, partition, choice: null };
  }
}

/** A source without parents. `preferred` is per partition. */
export function source(numPartitions: number, preferred: readonly (readonly string[])[] = []): FakeNode {
  return preferred.length === 0 ? new FakeNode(numPartitions) : new PlacedNode(numPartitions, preferred);
}

/** A narrow step with the partitions of its parent. */
export function mapped(parent: RDDNode): FakeNode {
  return new FakeNode(parent.numPartitions, [{ kind: 'OneToOne', rdd: parent }]);
}

/** The same, as a node that hops. */
export function hopping(parent: RDDNode): FakeNode {
  return new HoppingNode(parent);
}

class OrderSensitiveNode extends FakeNode {
  override readonly isOrderSensitive = true;
}

/** A narrow step whose records depend on the order of its input; indeterminate when that comes from a shuffle. */
export function orderSensitive(parent: RDDNode): FakeNode {
  return new OrderSensitiveNode(parent.numPartitions, [{ kind: 'OneToOne', rdd: parent }]);
}

export function shuffleOf(parent: RDDNode, numReduces: number): ShuffleDependency {
  return {
    kind: 'Shuffle',
    rdd: parent,
    shuffleId: nextShuffleId++,
    partitioner: new HashPartitioner(numReduces),
    combine: null,
    mapSideCombine: false,
    ordering: null,
  };
}

/** A node that reads the shuffles of these parents. */
export function shuffled(numPartitions: number, ...parents: readonly (RDDNode | ShuffleDependency)[]): FakeNode {
  return new FakeNode(
    numPartitions,
    parents.map((p) => (p instanceof RDDNode ? shuffleOf(p, numPartitions) : p)),
  );
}

/** The partitions of all parents, one after another. */
export function unionOf(...parents: readonly RDDNode[]): FakeNode {
  let start = 0;
  const dependencies = parents.map((rdd): Dependency => {
    const length = rdd.numPartitions;
    start += length;
    return { kind: 'Range', rdd, inStart: 0, outStart: start - length, length };
  });
  return new FakeNode(start, dependencies);
}

export function shuffleIdOf(node: RDDNode, parent = 0): number {
  const dependency = node.dependencies[parent];
  if (dependency?.kind !== 'Shuffle') throw new Error('not a shuffle');
  return dependency.shuffleId;
}

export function allPartitions(node: RDDNode): number[] {
  return Array.from({ length: node.numPartitions }, (_, i) => i);
}
