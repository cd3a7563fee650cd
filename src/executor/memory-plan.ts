import { MEMORY_FRACTION, MEMORY_STORAGE_FRACTION } from '../config/memory-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';
import type { MemoryLimits } from './memory-guard.ts';

/** How the memory of a process that runs slots is divided: an executor, or a driver in local mode. Units: bytes. */
export interface MemoryPlan extends MemoryLimits {
  /** Cached blocks, and what tasks hold in tables and sort buffers, together. */
  readonly maxBytes: number;
  /** The part of it in which blocks are safe from tasks. */
  readonly storageRegionBytes: number;
}

const MIB = 1 << 20;
/** For everything that is nobody's: the main thread, code, sockets. Spark: RESERVED_SYSTEM_MEMORY_BYTES */
const RESERVED_BYTES = 300 * MIB;
/** A slot with less than this spends its time collecting garbage. */
const LEAST_SLOT_HEAP_BYTES = 256 * MIB;
/** With less an executor does nothing but spill: one such heap and as much again, and what a slot needs at rest. */
const LEAST_BYTES = 512 * MIB;
const LEAST_PER_SLOT_BYTES = 32 * MIB;
/** Spark: spark.executor.minMemoryOverhead, spark.executor.memoryOverheadFactor */
const LEAST_OVERHEAD_BYTES = 384 * MIB;
const OVERHEAD_FACTOR = 0.1;

/**
 * (`memoryBytes` - 300 MiB) × fraction is for blocks and tasks, the rest for what functions make. A slot's heap must be able
 * to take what a lone task may hold, and its share of the rest. That all slots do so at a time the MemoryManager prevents for
 * what the engine holds, and the MemoryGuard for all.
 *
 * @param memoryBytes what the process may use.
 *
 * Spark: UnifiedMemoryManager.getMaxMemory
 */
export function planMemory(conf: SparkConf, memoryBytes: number, slots: number): MemoryPlan {
  const usable = memoryBytes - Math.min(RESERVED_BYTES, memoryBytes / 3);
  const maxBytes = Math.floor(usable * conf.get(MEMORY_FRACTION));
  const heap = maxBytes + (memoryBytes - maxBytes) / slots;
  return {
    maxBytes,
    storageRegionBytes: Math.floor(maxBytes * conf.get(MEMORY_STORAGE_FRACTION)),
    slotHeapBytes: Math.max(LEAST_SLOT_HEAP_BYTES, Math.floor(heap)),
    memoryBytes: Math.max(memoryBytes, LEAST_BYTES + slots * LEAST_PER_SLOT_BYTES),
    overheadBytes: Math.max(LEAST_OVERHEAD_BYTES, OVERHEAD_FACTOR * memoryBytes),
  };
}
