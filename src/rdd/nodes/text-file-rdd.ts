import { InvariantError } from '../../base/errors.ts';
import type { RddId } from '../../protocol/ids.ts';
import type { NodeSource, Split, TextSplit } from '../../protocol/stage-program.ts';
import { RDDNode } from '../rdd-node.ts';

/** The lines of text files. Files are listed when somebody first asks for the partitions. Spark: HadoopRDD of TextInputFormat */
export class TextFileRDD extends RDDNode {
  readonly className = 'HadoopRDD';
  readonly dependencies = [] as const;
  readonly #list: () => readonly TextSplit[];
  #splits: readonly TextSplit[] | null = null;

  constructor(id: RddId, callSite: string, path: string, list: () => readonly TextSplit[]) {
    super(id, callSite);
    this.name = path;
    this.#list = list;
  }

  /** @throws IskraError when a path does not exist or cannot be read. */
  get numPartitions(): number {
    return this.#listed().length;
  }

  split(partition: number): Split {
    const payload = this.#listed()[partition];
    if (payload === undefined) throw new InvariantError(`${this.name} has no partition ${partition}`);
    return { index: partition, payload };
  }

  plan(): NodeSource {
    return { kind: 'Text' };
  }

  #listed(): readonly TextSplit[] {
    this.#splits ??= this.#list();
    return this.#splits;
  }
}
