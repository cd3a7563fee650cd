import type { ExecutorId, RddId, ShuffleId, TaskId } from './ids.ts';
import type { BlockManagerId } from './map-output.ts';
import type { StorageLevel } from './storage-level.ts';

/** One reduce partition of one map output, or a part of it. */
export interface ShuffleBlockRequest {
  readonly shuffleId: ShuffleId;
  readonly mapId: TaskId;
  readonly reduceId: number;
  /** Reduce partitions of the shuffle. */
  readonly numPartitions: number;
  /** From this byte of the block on … */
  readonly offset: number;
  /** … at most so many. */
  readonly maxBytes: number;
}

/** The part that was asked for; or why this one block cannot be served, while others may be. */
export type ShuffleBlockReply =
  | {
      readonly kind: 'bytes';
      /** Of the whole block. */
      readonly length: number;
      readonly bytes: Uint8Array;
    }
  | { readonly kind: 'error'; readonly message: string };

/** Whose blocks: a shuffle service has those of many, and an executor makes sure that it is the one that is meant. */
export interface BlockOwner {
  readonly appId: string;
  readonly executorId: ExecutorId;
}

/**
 * What one executor asks of another, of the driver, or of a shuffle service: endpoint `BlockTransfer`.
 * name → [request, reply]. Spark: BlockTransferService
 */
export interface AskBlocks {
  /** One reply a request, in order. */
  FetchShuffleBlocks: [
    BlockOwner & { readonly blocks: readonly ShuffleBlockRequest[] },
    { readonly replies: ShuffleBlockReply[] },
  ];
  /** A cached partition; null: not here. */
  FetchRddBlock: [
    BlockOwner & { readonly rddId: RddId; readonly partition: number },
    { readonly bytes: Uint8Array | null },
  ];
  /** A copy of a cached partition to keep. */
  UploadRddBlock: [
    {
      readonly rddId: RddId;
      readonly partition: number;
      readonly level: StorageLevel;
      readonly bytes: Uint8Array;
    },
    { readonly stored: boolean },
  ];
  /** A part of a map output file to keep, parts in order; the data file first, and the index makes it whole. */
  UploadShuffleFile: [
    {
      readonly shuffleId: ShuffleId;
      readonly mapId: TaskId;
      readonly file: 'data' | 'index';
      readonly offset: number;
      readonly bytes: Uint8Array;
      readonly last: boolean;
    },
    null,
  ];
  /** One piece of a broadcast value; null: not here. */
  FetchBroadcastPiece: [
    { readonly broadcastId: number; readonly piece: number },
    { readonly bytes: Uint8Array | null },
  ];
}

/** A part of a remote shuffle block on its way to the slot that reads it. */
export interface FetchedPart {
  /** Index in the requests of its fetch. */
  readonly request: number;
  readonly offset: number;
  /** Of the whole block. */
  readonly length: number;
  readonly bytes: Uint8Array;
}

/** A shuffle block that lies with another executor. */
export interface RemoteBlock {
  readonly location: BlockManagerId;
  readonly shuffleId: ShuffleId;
  readonly mapId: TaskId;
  readonly reduceId: number;
  readonly numPartitions: number;
  /** As the map status has it; may be an estimate. */
  readonly bytes: number;
}
