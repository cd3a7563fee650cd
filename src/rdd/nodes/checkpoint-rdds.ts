import { checkpointPart } from '../../io/checkpoint-files.ts';
import type { RddId } from '../../protocol/ids.ts';
import type { NodeSource, Split } from '../../protocol/stage-program.ts';
import type { Partitioner } from '../partitioner.ts';
import { RDDNode } from '../rdd-node.ts';

/** The files of a reliable checkpoint. Spark: ReliableCheckpointRDD */
export class ReliableCheckpointRDD extends RDDNode {
  readonly className = 'ReliableCheckpointRDD';
  readonly dependencies = [] as const;
  readonly numPartitions: number;
  readonly dir: string;
  override readonly partitioner: Partitioner | null;

  constructor(id: RddId, callSite: string, dir: string, numPartitions: number, partitioner: Partitioner | null) {
    super(id, callSite);
    this.dir = dir;
    this.numPartitions = numPartitions;
    this.partitioner = partitioner;
  }

  split(partition: number): Split {
    return { index: partition, checkpoint: { rddId: this.id, path: checkpointPart(this.dir, partition) } };
  }

  plan(): NodeSource {
    return { kind: 'Checkpoint' };
  }
}

/** Stands where the lineage of a locally checkpointed RDD was: all that is left are the cached blocks. Spark: LocalCheckpointRDD */
export class LocalCheckpointRDD extends RDDNode {
  readonly className = 'LocalCheckpointRDD';
  readonly dependencies = [] as const;
  readonly numPartitions: number;
  readonly #rddId: RddId;

  constructor(id: RddId, callSite: string, of: RDDNode) {
    super(id, callSite);
    this.numPartitions = of.numPartitions;
    this.#rddId = of.id;
  }

  split(partition: number): Split {
    return { index: partition, checkpoint: { rddId: this.#rddId, path: null } };
  }

  plan(): NodeSource {
    return { kind: 'Checkpoint' };
  }
}
