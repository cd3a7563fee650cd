import type { RddId } from '../../protocol/ids.ts';
import type { NodeSource, Split } from '../../protocol/stage-program.ts';
import { RDDNode } from '../rdd-node.ts';
import { encodeRecords } from '../record-blocks.ts';
import { boundary } from './range-rdd.ts';

/**
 * A collection of the driver in slices as even as possible. The collection is not copied: what it holds when a task is
 * made is what the task sees.
 *
 * Spark: ParallelCollectionRDD
 */
export class ParallelCollectionRDD extends RDDNode {
  readonly className = 'ParallelCollectionRDD';
  readonly dependencies = [] as const;
  readonly numPartitions: number;
  readonly #records: ArrayLike<unknown>;
  readonly #hosts: readonly (readonly string[])[] | null;

  /** @param hosts for makeRDD with preferred hosts: one list per partition. */
  constructor(
    id: RddId,
    callSite: string,
    records: ArrayLike<unknown>,
    numPartitions: number,
    hosts: readonly (readonly string[])[] | null = null,
  ) {
    super(id, callSite);
    this.#records = records;
    this.numPartitions = numPartitions;
    this.#hosts = hosts;
  }

  override preferredLocations(partition: number): readonly string[] {
    return this.#hosts?.[partition] ?? [];
  }

  split(partition: number): Split {
    const { length } = this.#records;
    const from = boundary(partition, length, this.numPartitions);
    const until = boundary(partition + 1, length, this.numPartitions);
    return from === until
      ? { index: partition }
      : { index: partition, payload: encodeRecords(this.#records, from, until) };
  }

  plan(): NodeSource {
    return { kind: 'Records' };
  }
}
