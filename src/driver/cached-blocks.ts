import type { BlockUpdated, LostReplica } from '../cluster/application-backend.ts';
import type { ExecutorId, RddId } from '../protocol/ids.ts';
import type { RddStorageInfo } from '../rdd/job-runner.ts';
import type { CacheLocations } from '../scheduler/ports.ts';

/** Bytes of one block on one executor. */
export interface BlockStatus {
  readonly memoryBytes: number;
  readonly diskBytes: number;
}

/** Which executor holds which partition of which persisted RDD. Spark: BlockManagerMaster */
export class CachedBlocks implements CacheLocations {
  readonly #diskOutlivesExecutor: boolean;
  readonly #onReplicaLost: ((lost: LostReplica) => void) | null;
  /** rdd → partition → executor → size */
  readonly #rdds = new Map<RddId, Map<number, Map<ExecutorId, BlockStatus>>>();

  /**
   * @param diskOutlivesExecutor shuffle services serve what lies on disk: it is forgotten block by block, when it goes.
   * @param onReplicaLost told of each partition that a lost executor had and others have still.
   */
  constructor(diskOutlivesExecutor = false, onReplicaLost: ((lost: LostReplica) => void) | null = null) {
    this.#diskOutlivesExecutor = diskOutlivesExecutor;
    this.#onReplicaLost = onReplicaLost;
  }

  update(u: BlockUpdated): void {
    const partitions = this.#rdds.get(u.rddId) ?? new Map<number, Map<ExecutorId, BlockStatus>>();
    const holders = partitions.get(u.partition) ?? new Map<ExecutorId, BlockStatus>();
    if (!u.stored) {
      holders.delete(u.executorId);
      return;
    }
    this.#rdds.set(u.rddId, partitions);
    partitions.set(u.partition, holders);
    holders.set(u.executorId, { memoryBytes: u.memoryBytes, diskBytes: u.diskBytes });
  }

  locations(rddId: RddId, partition: number): readonly ExecutorId[] {
    const holders = this.#rdds.get(rddId)?.get(partition);
    return holders === undefined ? [] : [...holders.keys()];
  }

  /** Undefined: it is not there. */
  statusOn(executorId: ExecutorId, rddId: RddId, partition: number): BlockStatus | undefined {
    return this.#rdds.get(rddId)?.get(partition)?.get(executorId);
  }

  isStored(rddId: RddId, partition: number): boolean {
    return (this.#rdds.get(rddId)?.get(partition)?.size ?? 0) > 0;
  }

  /** Bytes of blocks in memory there. */
  memoryUsed(executorId: ExecutorId): number {
    return this.#total(executorId, (status) => status.memoryBytes);
  }

  /** Bytes of blocks there, in memory and on disk. */
  bytesOn(executorId: ExecutorId): number {
    return this.#total(executorId, (status) => status.memoryBytes + status.diskBytes);
  }

  #total(executorId: ExecutorId, bytes: (status: BlockStatus) => number): number {
    let total = 0;
    for (const partitions of this.#rdds.values())
      for (const holders of partitions.values()) {
        const status = holders.get(executorId);
        if (status !== undefined) total += bytes(status);
      }
    return total;
  }

  executorLost(executorId: ExecutorId): void {
    for (const [rddId, partitions] of this.#rdds)
      for (const [partition, holders] of partitions) {
        const diskBytes = this.#diskOutlivesExecutor ? (holders.get(executorId)?.diskBytes ?? 0) : 0;
        if (diskBytes > 0) holders.set(executorId, { memoryBytes: 0, diskBytes });
        else if (holders.delete(executorId) && holders.size > 0)
          this.#onReplicaLost?.({ rddId, partition, holders: [...holders.keys()] });
      }
  }

  removeRdd(rddId: RddId): void {
    this.#rdds.delete(rddId);
  }

  /** What is stored of an RDD; null when nothing is. */
  info(rddId: RddId): RddStorageInfo | null {
    const partitions = this.#rdds.get(rddId);
    if (partitions === undefined) return null;
    let numCachedPartitions = 0;
    let memoryBytes = 0;
    let diskBytes = 0;
    for (const holders of partitions.values()) {
      if (holders.size > 0) numCachedPartitions++;
      for (const status of holders.values()) {
        memoryBytes += status.memoryBytes;
        diskBytes += status.diskBytes;
      }
    }
    return { numCachedPartitions, memoryBytes, diskBytes };
  }
}
