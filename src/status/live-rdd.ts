import { describeLevel, type StorageLevel } from '../protocol/storage-level.ts';
import type { LiveExecutor } from './live-executor.ts';
import { type LoggedObject, numberOf, objectOf, textOf } from './logged-values.ts';

/** A partition that is kept somewhere. */
export interface Partition {
  executors: string[];
  memoryUsed: number;
  diskUsed: number;
}

interface Distribution {
  readonly executor: LiveExecutor;
  memoryUsed: number;
  diskUsed: number;
  onHeapUsed: number;
  offHeapUsed: number;
}

/** What came of a block that was told of, for its executor. */
export interface BlockChange {
  readonly executorId: string;
  readonly executor: LiveExecutor | null;
  readonly level: StorageLevel;
  /** Below zero: it is gone from there. */
  readonly memory: number;
  readonly disk: number;
}

/** A persisted RDD. Spark: LiveRDD */
export class LiveRDD {
  readonly id: number;
  readonly name: string;
  readonly numPartitions: number;
  level: StorageLevel;
  memoryUsed = 0;
  diskUsed = 0;
  readonly partitions: Map<string, Partition> = new Map();
  readonly distributions: Map<string, Distribution> = new Map();

  constructor(info: LoggedObject, level: StorageLevel) {
    this.id = numberOf(info['RDD ID'], -1);
    this.name = textOf(info['Name']);
    this.numPartitions = numberOf(info['Number of Partitions']);
    this.level = level;
  }

  get isCached(): boolean {
    return this.partitions.size > 0;
  }

  /** @returns how many blocks more its executor has. Spark: AppStatusListener.updateRDDBlock */
  update(blockName: string, { executorId, executor, level, memory, disk }: BlockChange): number {
    const isStored = level.useMemory || level.useDisk;
    if (isStored) this.level = level;
    const partition = this.partitions.get(blockName) ?? { executors: [], memoryUsed: 0, diskUsed: 0 };
    const had = partition.executors.includes(executorId);
    const delta = isStored ? (had ? 0 : 1) : -1;
    if (isStored && !had) partition.executors.push(executorId);
    if (!isStored) partition.executors = partition.executors.filter((id) => id !== executorId);
    if (partition.executors.length === 0) this.partitions.delete(blockName);
    else {
      partition.memoryUsed = Math.max(0, partition.memoryUsed + memory);
      partition.diskUsed = Math.max(0, partition.diskUsed + disk);
      this.partitions.set(blockName, partition);
    }
    if (executor !== null) {
      if (executor.rddBlocks + delta > 0) this.#distribute(executor, level, memory, disk);
      else this.distributions.delete(executor.id);
    }
    this.memoryUsed = Math.max(0, this.memoryUsed + memory);
    this.diskUsed = Math.max(0, this.diskUsed + disk);
    return delta;
  }

  #distribute(executor: LiveExecutor, level: StorageLevel, memory: number, disk: number): void {
    let distribution = this.distributions.get(executor.id);
    if (distribution === undefined) {
      distribution = { executor, memoryUsed: 0, diskUsed: 0, onHeapUsed: 0, offHeapUsed: 0 };
      this.distributions.set(executor.id, distribution);
    }
    distribution.memoryUsed = Math.max(0, distribution.memoryUsed + memory);
    distribution.diskUsed = Math.max(0, distribution.diskUsed + disk);
    if (executor.memory === null) return;
    const which = level.useOffHeap ? 'offHeapUsed' : 'onHeapUsed';
    distribution[which] = Math.max(0, distribution[which] + memory);
  }

  executorRemoved(executorId: string): void {
    this.distributions.delete(executorId);
    for (const [name, partition] of this.partitions) {
      if (!partition.executors.includes(executorId)) continue;
      if (partition.executors.length === 1) {
        this.memoryUsed = Math.max(0, this.memoryUsed - partition.memoryUsed);
        this.diskUsed = Math.max(0, this.diskUsed - partition.diskUsed);
        this.partitions.delete(name);
        continue;
      }
      // Each replica has as much.
      const share = (bytes: number): number =>
        Math.floor((bytes / partition.executors.length) * (partition.executors.length - 1));
      const memoryUsed = share(partition.memoryUsed);
      const diskUsed = share(partition.diskUsed);
      this.memoryUsed = Math.max(0, this.memoryUsed - partition.memoryUsed + memoryUsed);
      this.diskUsed = Math.max(0, this.diskUsed - partition.diskUsed + diskUsed);
      partition.executors = partition.executors.filter((id) => id !== executorId);
      partition.memoryUsed = memoryUsed;
      partition.diskUsed = diskUsed;
    }
  }

  /** Spark: RDDStorageInfo */
  toJson(): LoggedObject {
    const storageLevel = describeLevel(this.level);
    const distribution = [...this.distributions.values()].map((d) => {
      const { executor } = d;
      const { memory } = executor;
      return {
        address: executor.hostPort === '' ? executor.host : executor.hostPort,
        memoryUsed: d.memoryUsed,
        memoryRemaining: executor.maxMemory - executor.memoryUsed,
        diskUsed: d.diskUsed,
        ...(memory === null
          ? {}
          : {
              onHeapMemoryUsed: d.onHeapUsed,
              offHeapMemoryUsed: d.offHeapUsed,
              onHeapMemoryRemaining: memory.totalOnHeap - memory.usedOnHeap,
              offHeapMemoryRemaining: memory.totalOffHeap - memory.usedOffHeap,
            }),
      };
    });
    return {
      id: this.id,
      name: this.name,
      numPartitions: this.numPartitions,
      numCachedPartitions: this.partitions.size,
      storageLevel,
      memoryUsed: this.memoryUsed,
      diskUsed: this.diskUsed,
      ...(distribution.length === 0 ? {} : { dataDistribution: distribution }),
      partitions: [...this.partitions].map(([blockName, { memoryUsed, diskUsed, executors }]) => ({
        blockName,
        storageLevel,
        memoryUsed,
        diskUsed,
        executors,
      })),
    };
  }
}

export function levelOf(logged: unknown): StorageLevel {
  const level = objectOf(logged);
  return {
    useDisk: level['Use Disk'] === true,
    useMemory: level['Use Memory'] === true,
    useOffHeap: level['Use Off Heap'] === true,
    deserialized: level['Deserialized'] === true,
    replication: numberOf(level['Replication'], 1),
  };
}
