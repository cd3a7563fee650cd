import type { RddId } from '../../protocol/ids.ts';
import type { NodeSource, Split } from '../../protocol/stage-program.ts';
import type { Dependency } from '../dependency.ts';
import { type ProgramBuilder, RDDNode } from '../rdd-node.ts';
import { groupPartitions, type PartitionGroup } from './partition-groups.ts';

/** Groups the partitions of a parent into at most so many. */
export type Grouping = (maxPartitions: number, parent: RDDNode) => readonly PartitionGroup[];

/** Fewer partitions without a shuffle: each reads a group of the parent's, one after another. Spark: CoalescedRDD */
export class CoalescedRDD extends RDDNode {
  readonly className = 'CoalescedRDD';
  readonly dependencies: readonly [Dependency];
  readonly #wanted: number;
  readonly #group: Grouping | null;
  #grouped: readonly PartitionGroup[] | null = null;

  /** @param group null: neighbours, or by the places that partitions prefer. */
  constructor(id: RddId, callSite: string, parent: RDDNode, numPartitions: number, group: Grouping | null) {
    super(id, callSite);
    this.#wanted = numPartitions;
    this.#group = group;
    const parentPartitions = (partition: number) => this.#groups()[partition]?.members ?? [];
    this.dependencies = [{ kind: 'Narrow', rdd: parent, parentPartitions }];
  }

  get #parent(): RDDNode {
    return this.dependencies[0].rdd;
  }

  get numPartitions(): number {
    return this.#group === null ? Math.min(this.#wanted, this.#parent.numPartitions) : this.#groups().length;
  }

  override preferredLocations(partition: number): readonly string[] {
    const host = this.#groups()[partition]?.host ?? null;
    return host === null ? [] : [host];
  }

  split(partition: number): Split {
    const members = this.#groups()[partition]?.members ?? [];
    return { index: partition, parents: members.map((p) => this.#parent.split(p)) };
  }

  plan(builder: ProgramBuilder): NodeSource {
    return { kind: 'Coalesce', parent: builder.node(this.#parent) };
  }

  /** Lazily, since asking for the parent's partitions may list files. */
  #groups(): readonly PartitionGroup[] {
    if (this.#grouped === null) {
      if (this.#group !== null) {
        this.#grouped = this.#group(this.#wanted, this.#parent);
        return this.#grouped;
      }
      const hosts: (readonly string[])[] = [];
      for (let p = 0; p < this.#parent.numPartitions; p++) hosts.push(this.#parent.preferredLocations(p));
      this.#grouped = groupPartitions(hosts, this.#wanted);
    }
    return this.#grouped;
  }
}
