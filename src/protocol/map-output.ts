import type { BlockSizes } from './block-sizes.ts';
import type { ExecutorId, ShuffleId, TaskId } from './ids.ts';

/** Who serves blocks. In local mode host is `localhost` and port 0: every reader is in the same process. */
export interface BlockManagerId {
  readonly executorId: ExecutorId;
  readonly host: string;
  readonly port: number;
}

/** What a finished map task tells: where its output lies and how many bytes each reduce partition got. Spark: MapStatus */
export interface MapStatus {
  readonly location: BlockManagerId;
  /** Task id of the attempt that wrote the output; part of the file name, so attempts never overwrite each other. */
  readonly mapId: TaskId;
  /** Bytes per reduce partition; 0 means: nothing to fetch. */
  readonly sizes: BlockSizes;
}

/** The map outputs of one shuffle, index = map partition. */
export interface MapOutputs {
  readonly shuffleId: ShuffleId;
  readonly epoch: number;
  readonly statuses: readonly (MapStatus | null)[];
}
