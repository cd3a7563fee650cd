// Executors and drivers, and the shuffle service of a host. Blocks are read from it as from an executor: see block-transfer.ts.
import type { ExecutorId } from './ids.ts';

/** Spark: spark-shuffle's ExternalBlockHandler */
export const SHUFFLE_SERVICE_ENDPOINT = 'ExternalShuffleService';

/** How map outputs lie in local directories; another one another day has another name. */
export const SHUFFLE_LAYOUT = 'iskra-1';

/** Where a service keeps what it must know after a restart: below its worker's work directory, or the first local directory. */
export const SHUFFLE_STATE_DIRECTORY = 'registeredExecutors';

/** Where an executor keeps its files. Spark: ExecutorShuffleInfo */
export interface ExecutorShuffleInfo {
  /** Absolute; in the executor's order, which says what lies where. */
  readonly localDirs: readonly string[];
  /** SHUFFLE_LAYOUT of who writes there. */
  readonly layout: string;
}

/** Questions to a shuffle service. name → [request, reply]. Spark: BlockTransferMessage */
export interface AskShuffleService {
  /** From now on, serve what lies there. Again with others: those count. */
  RegisterExecutor: [
    { readonly appId: string; readonly executorId: ExecutorId; readonly shuffleInfo: ExecutorShuffleInfo },
    null,
  ];
  /** By file name: `shuffle_0_7_0.data`, `rdd_3_1`. The reply counts those that were there. */
  RemoveBlocks: [
    { readonly appId: string; readonly executorId: ExecutorId; readonly blocks: readonly string[] },
    { readonly removed: number },
  ];
  /** Where these executors keep their files, for readers on the same host; those that are not registered are left out. */
  GetLocalDirsForExecutors: [
    { readonly appId: string; readonly executorIds: readonly ExecutorId[] },
    { readonly localDirs: Readonly<Record<ExecutorId, readonly string[]>> },
  ];
  /**
   * Of the machine's worker, who shows the cluster's key; so are the two that follow. `secret`: of the application's executors;
   * null: the cluster's. `localRoots`: below which they keep their files.
   */
  ApplicationStarted: [
    { readonly appId: string; readonly secret: Uint8Array | null; readonly localRoots: readonly string[] },
    null,
  ];
  ExecutorRemoved: [{ readonly appId: string; readonly executorId: ExecutorId }, null];
  ApplicationRemoved: [{ readonly appId: string }, null];
}
