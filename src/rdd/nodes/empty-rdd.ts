import { InvariantError } from '../../base/errors.ts';
import type { NodeSource, Split } from '../../protocol/stage-program.ts';
import { RDDNode } from '../rdd-node.ts';

/** No partitions at all. */
export class EmptyRDD extends RDDNode {
  readonly className = 'EmptyRDD';
  readonly dependencies = [] as const;
  readonly numPartitions = 0;

  split(partition: number): Split {
    throw new InvariantError(`an empty RDD has no partition ${partition}`);
  }

  plan(): NodeSource {
    return { kind: 'Records' };
  }
}
