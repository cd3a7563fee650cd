import { IllegalArgumentError } from '../base/errors.ts';
import type { Grouping } from './nodes/coalesced-rdd.ts';
import type { RDD } from './rdd.ts';
import type { RDDNode } from './rdd-node.ts';
import { describe } from './user-function.ts';

/** One partition of an RDD. Spark: Partition */
export interface Partition {
  /** Its place among the partitions of its RDD, from 0. */
  readonly index: number;
}

/** Partitions of the parent that become one. Spark: PartitionGroup */
export interface PartitionGroup {
  /** Partitions of the parent, or their indices, in the order in which they are read. */
  readonly partitions: readonly (Partition | number)[];
  /** Host where the group is best read. */
  readonly prefLoc?: string | null;
}

/** Decides for `coalesce` which partitions come together. It runs on the driver alone. Spark: PartitionCoalescer */
export interface PartitionCoalescer {
  coalesce(maxPartitions: number, parent: RDD<unknown>): readonly PartitionGroup[];
}

/** A user's coalescer as what a node takes. `handle` makes the RDD that the user sees. */
export function groupingOf(coalescer: unknown, handle: (node: RDDNode) => RDD<unknown>): Grouping {
  const { coalesce } = (coalescer ?? {}) as Partial<PartitionCoalescer>;
  if (typeof coalesce !== 'function')
    throw new IllegalArgumentError(
      `coalesce() needs a coalescer with a method coalesce(maxPartitions, parent), but was given ${describe(coalescer)}`,
    );
  return (maxPartitions, parent) => {
    const groups: unknown = coalesce.call(coalescer, maxPartitions, handle(parent));
    if (!Array.isArray(groups))
      throw new IllegalArgumentError(`the coalescer must return an array of groups, but returned ${describe(groups)}`);
    return (groups as readonly PartitionGroup[]).map((group) => ({
      members: membersOf(group, parent.numPartitions),
      host: group.prefLoc ?? null,
    }));
  };
}

function membersOf(group: Partial<PartitionGroup> | null, count: number): readonly number[] {
  const partitions: unknown = group?.partitions;
  if (!Array.isArray(partitions))
    throw new IllegalArgumentError(
      `each group of the coalescer must have an array \`partitions\`, but one has ${describe(partitions)}`,
    );
  return partitions.map((partition: Partition | number) => {
    const index = typeof partition === 'number' ? partition : partition?.index;
    if (!Number.isInteger(index) || index < 0 || index >= count)
      throw new IllegalArgumentError(
        `the coalescer named the partition ${describe(index)}, but its parent has partitions 0 to ${count - 1}`,
      );
    return index;
  });
}
