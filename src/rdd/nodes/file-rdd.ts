import { InvariantError } from '../../base/errors.ts';
import type { FileSplit, InputFormat } from '../../protocol/file-formats.ts';
import type { RddId } from '../../protocol/ids.ts';
import type { NodeSource, Split } from '../../protocol/stage-program.ts';
import { RDDNode } from '../rdd-node.ts';

/** What of the files is whose, and how they are read; found out when somebody first asks. */
export interface FileListing {
  /** A list of splits for each partition. */
  readonly partitions: readonly (readonly FileSplit[])[];
  readonly format: InputFormat;
}

/** The records of files. Spark: HadoopRDD, NewHadoopRDD, BinaryFileRDD, WholeTextFileRDD */
export class FileRDD extends RDDNode {
  readonly className: string;
  readonly dependencies = [] as const;
  readonly #list: () => FileListing;
  #listing: FileListing | null = null;

  /** @param className Spark's class for this kind of files. */
  constructor(id: RddId, callSite: string, className: string, path: string, list: () => FileListing) {
    super(id, callSite);
    this.className = className;
    this.name = path;
    this.#list = list;
  }

  /** @throws IskraError when a path does not exist or cannot be read. */
  get numPartitions(): number {
    return this.#listed().partitions.length;
  }

  split(partition: number): Split {
    const payload = this.#listed().partitions[partition];
    if (payload === undefined) throw new InvariantError(`${this.name} has no partition ${partition}`);
    return { index: partition, payload };
  }

  plan(): NodeSource {
    return { kind: 'Files', format: this.#listed().format };
  }

  #listed(): FileListing {
    this.#listing ??= this.#list();
    return this.#listing;
  }
}
