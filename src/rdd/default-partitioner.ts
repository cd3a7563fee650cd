import { IllegalArgumentError } from '../base/errors.ts';
import { HashPartitioner, type Partitioner } from './partitioner.ts';
import type { RDDNode } from './rdd-node.ts';
import type { Site } from './site.ts';
import { checkPartitionCount } from './transformations.ts';
import { describe } from './user-function.ts';

/** What pair operators accept where a partitioner may be given. */
export type PartitionerArgument = number | Partitioner | undefined;

/**
 * The partitioner of an operator that was given none: the largest one among its inputs when that is not far smaller than the
 * largest input or not smaller than the default; else by hash.
 *
 * @param configuredParallelism spark.default.parallelism, null when not set: then the largest input counts.
 *
 * Spark: Partitioner.defaultPartitioner
 */
export function defaultPartitioner(inputs: readonly RDDNode[], configuredParallelism: number | null): Partitioner {
  const largestInput = Math.max(0, ...inputs.map((n) => n.numPartitions));
  const wanted = configuredParallelism ?? largestInput;
  let best: Partitioner | null = null;
  for (const { partitioner } of inputs) {
    if (partitioner === null || partitioner.numPartitions === 0) continue;
    if (best === null || partitioner.numPartitions > best.numPartitions) best = partitioner;
  }
  if (best !== null) {
    const eligible = Math.log10(largestInput) - Math.log10(best.numPartitions) < 1;
    if (eligible || wanted <= best.numPartitions) return best;
  }
  return new HashPartitioner(wanted);
}

/** @throws IllegalArgumentError for anything but a positive integer or a partitioner. */
export function choosePartitioner(at: Site, given: PartitionerArgument, others: readonly RDDNode[] = []): Partitioner {
  if (given === undefined) return defaultPartitioner([at.node, ...others], at.jobs.settings.configuredParallelism);
  if (typeof given === 'number') return new HashPartitioner(checkPartitionCount(at, given));
  return checkPartitioner(at, given);
}

export function checkPartitioner(at: { readonly operator: string }, given: unknown): Partitioner {
  const candidate = given as Partial<Partitioner> | null;
  if (typeof candidate !== 'object' || candidate === null || typeof candidate.getPartition !== 'function') {
    throw new IllegalArgumentError(
      `${at.operator}() needs a number of partitions or a Partitioner, but was given ${describe(given)}`,
    );
  }
  const parts = candidate.numPartitions;
  if (typeof parts !== 'number' || !Number.isInteger(parts) || parts < 0) {
    throw new IllegalArgumentError(`numPartitions of the partitioner given to ${at.operator}() is ${describe(parts)}`);
  }
  if (typeof candidate.equals !== 'function') {
    throw new IllegalArgumentError(
      `the partitioner given to ${at.operator}() has no equals(other) method; without it nobody knows when a shuffle can be left out`,
    );
  }
  return given as Partitioner; // all three members were looked at
}
