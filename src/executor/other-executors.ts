import type { Logger } from '../base/logger.ts';
import type { AskScheduler } from '../protocol/executor-registration.ts';
import type { AskExecutor, StoredBlock } from '../protocol/executor-slot.ts';
import type { ExecutorId, RddId } from '../protocol/ids.ts';
import type { StorageLevel } from '../protocol/storage-level.ts';
import type { BlockClient } from './block-client.ts';
import type { BlockFetcher } from './block-fetcher.ts';
import { MapOutputCache } from './map-output-cache.ts';
import type { TorrentBroadcasts } from './torrent-broadcast.ts';

/** What an executor gets from others, when there are any. */
export interface OtherExecutors {
  readonly fetcher: BlockFetcher;
  readonly broadcasts: TorrentBroadcasts;
  readonly mapOutputs: MapOutputCache;
  /** A cached partition that another executor has; null when nobody has it. */
  rddBlock(rddId: RddId, partition: number): Promise<StoredBlock | null>;
  /** Where executors of this host keep their files. */
  hostLocalDirs(executorIds: readonly ExecutorId[]): Promise<AskExecutor['GetHostLocalDirs'][1]>;
  /**
   * Gives copies away until there are as many as the level says, or nobody takes one.
   *
   * @param holders who has one already, besides.
   */
  replicate(
    rddId: RddId,
    partition: number,
    level: StorageLevel,
    block: StoredBlock,
    holders?: readonly ExecutorId[],
  ): Promise<void>;
}

type Ask = <K extends keyof AskScheduler & string>(name: K, request: AskScheduler[K][0]) => Promise<AskScheduler[K][1]>;

/** Spark: BlockManager.getRemoteBlock, BlockManager.replicate */
export class RemoteExecutors implements OtherExecutors {
  readonly fetcher: BlockFetcher;
  readonly broadcasts: TorrentBroadcasts;
  readonly mapOutputs: MapOutputCache;
  readonly hostLocalDirs: OtherExecutors['hostLocalDirs'];
  readonly #me: ExecutorId;
  readonly #client: BlockClient;
  readonly #ask: Ask;
  readonly #readBlock: (block: StoredBlock) => Uint8Array;
  readonly #random: () => number;
  readonly #log: Logger;

  constructor(options: {
    readonly me: ExecutorId;
    readonly client: BlockClient;
    readonly fetcher: BlockFetcher;
    readonly broadcasts: TorrentBroadcasts;
    readonly ask: Ask;
    /** The bytes of a block, wherever it is. */
    readonly readBlock: (block: StoredBlock) => Uint8Array;
    /** Where executors of this host keep their files. */
    readonly hostLocalDirs: OtherExecutors['hostLocalDirs'];
    readonly random: () => number;
    readonly log: Logger;
  }) {
    this.fetcher = options.fetcher;
    this.broadcasts = options.broadcasts;
    this.mapOutputs = new MapOutputCache((shuffleId, epoch) => options.ask('GetMapOutputs', { shuffleId, epoch }));
    this.hostLocalDirs = options.hostLocalDirs;
    this.#me = options.me;
    this.#client = options.client;
    this.#ask = options.ask;
    this.#readBlock = options.readBlock;
    this.#random = options.random;
    this.#log = options.log.named('BlockManager');
  }

  async rddBlock(rddId: RddId, partition: number): Promise<StoredBlock | null> {
    const { locations } = await this.#ask('GetRddBlockLocations', { rddId, partition, executorId: this.#me });
    for (const owner of locations) {
      try {
        const bytes = await this.#client.fetchRddBlock(owner, rddId, partition);
        if (bytes !== null)
          return { kind: 'memory', chunks: bytes.length === 0 ? [] : [bytes], bytes: bytes.byteLength };
      } catch (error) {
        this.#log.warn(`rdd_${rddId}_${partition} cannot be had from executor ${owner.executorId}`, {
          error: String(error),
        });
      }
    }
    return null;
  }

  async replicate(
    rddId: RddId,
    partition: number,
    level: StorageLevel,
    block: StoredBlock,
    holders: readonly ExecutorId[] = [],
  ): Promise<void> {
    const all = (await this.#ask('GetPeers', { executorId: this.#me })).peers;
    const peers = all.filter(({ executorId }) => !holders.includes(executorId));
    let wanted = level.replication - 1 - holders.length;
    const first = Math.floor(this.#random() * peers.length);
    const bytes = this.#readBlock(block);
    for (let i = 0; i < peers.length && wanted > 0; i++) {
      const peer = peers[(first + i) % peers.length];
      if (peer === undefined) break;
      try {
        if (await this.#client.uploadRddBlock(peer, { rddId, partition, level, bytes })) wanted--;
      } catch (error) {
        this.#log.warn(`executor ${peer.executorId} did not take a copy of rdd_${rddId}_${partition}`, {
          error: String(error),
        });
      }
    }
    if (wanted > 0)
      this.#log.warn(
        `Block rdd_${rddId}_${partition} replicated to only ${level.replication - 1 - wanted} peer(s) instead of ${level.replication - 1} peers`,
      );
  }
}
