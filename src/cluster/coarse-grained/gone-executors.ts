import { systemClock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { ExecutorId, RddId, ShuffleId } from '../../protocol/ids.ts';
import type { BlockManagerId, MapStatus } from '../../protocol/map-output.ts';
import type { RpcEnv } from '../../rpc/rpc-env.ts';
import { ShuffleServiceClient } from '../../shuffle-service/shuffle-service-client.ts';
import type { BlockUpdated } from '../application-backend.ts';

export interface GoneExecutorsOptions {
  readonly appId: string;
  /** spark.shuffle.service.port */
  readonly servicePort: number;
  /** spark.shuffle.service.removeShuffle */
  readonly removeShuffle: boolean;
  /** spark.shuffle.service.fetch.rdd.enabled */
  readonly fetchRdd: boolean;
  /** Connections that show the application's id; asked for once, when there is something to remove. */
  readonly openEnv: () => Promise<RpcEnv>;
  readonly log: Logger;
}

/** Cached partitions that an executor has on disk. */
type OnDisk = Map<RddId, Set<number>>;

/**
 * Executors that are gone, while the shuffle services of their hosts still have their files: who wants a cached partition is
 * sent there, and what nobody wants is removed there.
 *
 * Spark: BlockManagerMasterEndpoint, blockStatusByShuffleService
 */
export class GoneExecutors {
  readonly #options: GoneExecutorsOptions;
  readonly #log: Logger;
  /** Of all executors, gone or not. */
  readonly #onDisk = new Map<ExecutorId, OnDisk>();
  /** Executors that are gone, with where their partitions are served; only those that have some. */
  readonly #gone = new Map<ExecutorId, BlockManagerId>();
  #env: Promise<RpcEnv> | null = null;

  constructor(options: GoneExecutorsOptions) {
    this.#options = options;
    this.#log = options.log.named('BlockManagerMaster');
  }

  blockUpdated({ executorId, rddId, partition, stored, diskBytes }: BlockUpdated): void {
    if (!this.#options.fetchRdd) return;
    const held = this.#onDisk.get(executorId) ?? new Map<RddId, Set<number>>();
    const partitions = held.get(rddId) ?? new Set<number>();
    if (stored && diskBytes > 0) partitions.add(partition);
    else partitions.delete(partition);
    if (partitions.size > 0) held.set(rddId, partitions);
    else held.delete(rddId);
    if (held.size > 0) this.#onDisk.set(executorId, held);
    else this.#onDisk.delete(executorId);
  }

  executorLost({ executorId, host }: BlockManagerId): void {
    if (this.#onDisk.has(executorId)) this.#gone.set(executorId, { executorId, host, port: this.#options.servicePort });
  }

  /** The host is gone, and its service with it. @returns the cached partitions that went along. */
  hostLost(host: string): BlockUpdated[] {
    const lost: BlockUpdated[] = [];
    for (const [executorId, service] of this.#gone) {
      if (service.host !== host) continue;
      for (const [rddId, partitions] of this.#onDisk.get(executorId) ?? [])
        for (const partition of partitions) lost.push(gone(executorId, rddId, partition));
      this.#onDisk.delete(executorId);
      this.#gone.delete(executorId);
    }
    return lost;
  }

  /** Services that have this cached partition of an executor that is gone. */
  locations(rddId: RddId, partition: number): BlockManagerId[] {
    return [...this.#gone.values()].filter(({ executorId }) =>
      this.#onDisk.get(executorId)?.get(rddId)?.has(partition),
    );
  }

  removeRdd(rddId: RddId): void {
    for (const [executorId, held] of this.#onDisk) {
      const service = this.#gone.get(executorId);
      const names = [...(held.get(rddId) ?? [])].map((partition) => `rdd_${rddId}_${partition}`);
      held.delete(rddId);
      if (service !== undefined) void this.#remove(service, names);
      if (held.size > 0) continue;
      this.#onDisk.delete(executorId);
      this.#gone.delete(executorId);
    }
  }

  /** @param isHere executors that are, and remove theirs themselves. */
  removeShuffle(
    shuffleId: ShuffleId,
    outputs: readonly MapStatus[],
    isHere: (executorId: ExecutorId) => boolean,
  ): void {
    if (!this.#options.removeShuffle) return;
    const names = new Map<ExecutorId, { readonly service: BlockManagerId; readonly names: string[] }>();
    for (const { location, mapId } of outputs) {
      const { executorId } = location;
      if (isHere(executorId)) continue;
      const ofExecutor = names.get(executorId) ?? { service: location, names: [] };
      names.set(executorId, ofExecutor);
      ofExecutor.names.push(`shuffle_${shuffleId}_${mapId}_0.data`, `shuffle_${shuffleId}_${mapId}_0.index`);
    }
    for (const each of names.values()) void this.#remove(each.service, each.names);
  }

  /** Removals that have not been answered are given up: the application's files go with it. */
  async close(): Promise<void> {
    const env = await this.#env?.catch(() => null);
    await env?.stop();
  }

  async #remove(service: BlockManagerId, names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    const { appId, openEnv } = this.#options;
    const { executorId, host, port } = service;
    try {
      this.#env ??= openEnv();
      const client = new ShuffleServiceClient(await this.#env, appId, systemClock, this.#log);
      const removed = await client.removeBlocks({ host, port }, executorId, names);
      this.#log.debug(`${removed} files of executor ${executorId} are removed`, { host });
    } catch (error) {
      this.#log.warn(
        `Files of executor ${executorId} on ${host}, which is gone, are not removed before the application ends`,
        {
          error: (error as Error).message,
        },
      );
    }
  }
}

function gone(executorId: ExecutorId, rddId: RddId, partition: number): BlockUpdated {
  return { type: 'BlockUpdated', executorId, rddId, partition, stored: false, memoryBytes: 0, diskBytes: 0 };
}
