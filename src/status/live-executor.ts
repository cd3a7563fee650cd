import { PeakMetrics } from './executor-metrics.ts';
import { dateText, ifKnown, type LoggedObject } from './logged-values.ts';

/** An executor, or the driver. Spark: LiveExecutor */
export class LiveExecutor {
  readonly id: string;
  readonly addTime: number;
  hostPort = '';
  host = '';
  isActive = true;
  rddBlocks = 0;
  memoryUsed = 0;
  diskUsed = 0;
  maxTasks = 0;
  totalCores = 0;
  maxMemory = 0;
  totalTasks = 0;
  activeTasks = 0;
  completedTasks = 0;
  failedTasks = 0;
  totalDuration = 0;
  totalGcTime = 0;
  totalInputBytes = 0;
  totalShuffleRead = 0;
  totalShuffleWrite = 0;
  isExcluded = false;
  readonly excludedInStages: Set<number> = new Set();
  removeTime: number | null = null;
  removeReason: string | null = null;
  executorLogs: LoggedObject = {};
  attributes: LoggedObject = {};
  resources: LoggedObject = {};
  resourceProfileId = 0;
  /** Null: not told. Old logs tell no more than the maximum. */
  memory: { totalOnHeap: number; totalOffHeap: number; usedOnHeap: number; usedOffHeap: number } | null = null;
  readonly peaks: PeakMetrics = new PeakMetrics();

  constructor(id: string, addTime: number) {
    this.id = id;
    this.addTime = addTime;
  }

  /** A block came or went: bytes, below zero when they are free again. */
  use(memory: number, disk: number, offHeap: boolean): void {
    if (this.memory !== null) {
      const which = offHeap ? 'usedOffHeap' : 'usedOnHeap';
      this.memory[which] = Math.max(0, this.memory[which] + memory);
    }
    this.memoryUsed = Math.max(0, this.memoryUsed + memory);
    this.diskUsed = Math.max(0, this.diskUsed + disk);
  }

  /** Spark: ExecutorSummary */
  toJson(): LoggedObject {
    const excludedInStages = [...this.excludedInStages];
    return {
      id: this.id,
      hostPort: this.hostPort === '' ? this.host : this.hostPort,
      isActive: this.isActive,
      rddBlocks: this.rddBlocks,
      memoryUsed: this.memoryUsed,
      diskUsed: this.diskUsed,
      totalCores: this.totalCores,
      maxTasks: this.maxTasks,
      activeTasks: this.activeTasks,
      failedTasks: this.failedTasks,
      completedTasks: this.completedTasks,
      totalTasks: this.totalTasks,
      totalDuration: this.totalDuration,
      totalGCTime: this.totalGcTime,
      totalInputBytes: this.totalInputBytes,
      totalShuffleRead: this.totalShuffleRead,
      totalShuffleWrite: this.totalShuffleWrite,
      isBlacklisted: this.isExcluded,
      maxMemory: this.maxMemory,
      addTime: dateText(this.addTime),
      ...ifKnown('removeTime', this.removeTime, dateText),
      ...ifKnown('removeReason', this.removeReason),
      executorLogs: this.executorLogs,
      ...ifKnown('memoryMetrics', this.memory, (m) => ({
        usedOnHeapStorageMemory: m.usedOnHeap,
        usedOffHeapStorageMemory: m.usedOffHeap,
        totalOnHeapStorageMemory: m.totalOnHeap,
        totalOffHeapStorageMemory: m.totalOffHeap,
      })),
      blacklistedInStages: excludedInStages,
      ...ifKnown('peakMemoryMetrics', this.peaks.toJson()),
      attributes: this.attributes,
      resources: this.resources,
      resourceProfileId: this.resourceProfileId,
      isExcluded: this.isExcluded,
      excludedInStages,
    };
  }
}
