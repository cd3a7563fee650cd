import { MEMORY_FRACTION, MEMORY_STORAGE_FRACTION } from '../config/memory-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';

/** How the memory an application is given is divided in a process that runs slots: an executor, or a driver in local mode. Units: bytes, MiB. */
export interface MemoryPlan {
  /** Blocks of persisted RDDs, in shared memory. */
  readonly storageBytes: number;
  /** V8 heap of each slot. */
  readonly slotHeapMiB: number;
  /** What a task's tables and sort buffers may hold before they spill. */
  readonly taskMemoryBytes: number;
}

/** A slot with less than this spends its time collecting garbage. */
const LEAST_SLOT_HEAP_MIB = 256;

/**
 * @param memoryBytes what the process may use.
 *
 * `memory` × fraction × storageFraction is for blocks; the slots share the rest, and inside a slot `fraction` of the heap
 * is for tables and sort buffers.
 *
 * Spark: UnifiedMemoryManager, with the two regions apart because blocks live outside the slots' heaps.
 */
export function planMemory(conf: SparkConf, memoryBytes: number, slots: number): MemoryPlan {
  const memoryMiB = memoryBytes / (1 << 20);
  const fraction = conf.get(MEMORY_FRACTION);
  const storageFraction = conf.get(MEMORY_STORAGE_FRACTION);
  const storageMiB = memoryMiB * fraction * storageFraction;
  const slotHeapMiB = Math.max(LEAST_SLOT_HEAP_MIB, Math.floor((memoryMiB - storageMiB) / slots));
  return {
    storageBytes: Math.floor(storageMiB * (1 << 20)),
    slotHeapMiB,
    taskMemoryBytes: Math.floor(slotHeapMiB * fraction * (1 << 20)),
  };
}
