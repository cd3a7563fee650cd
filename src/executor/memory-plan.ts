import { MEMORY_FRACTION, MEMORY_STORAGE_FRACTION } from '../config/memory-entries.ts';
import type { SparkConf } from '../config/spark-conf.ts';

/** How the memory of a process that runs slots is divided: an executor, or a driver in local mode. Units: bytes, MiB. */
export interface MemoryPlan {
  /** Cached blocks, and what tasks hold in tables and sort buffers, together. */
  readonly maxBytes: number;
  /** The part of it in which blocks are safe from tasks. */
  readonly storageRegionBytes: number;
  /** V8 heap of each slot. */
  readonly slotHeapMiB: number;
}

const MIB = 1 << 20;
/** For everything that is nobody's: the main thread, code, sockets. Spark: RESERVED_SYSTEM_MEMORY_BYTES */
const RESERVED_BYTES = 300 * MIB;
/** A slot with less than this spends its time collecting garbage. */
const LEAST_SLOT_HEAP_MIB = 256;

/**
 * (`memoryBytes` - 300 MiB) × fraction is for blocks and tasks, the rest for what functions make. A slot's heap must be able
 * to take what a lone task may hold, and its share of the rest; that all slots do so at a time the MemoryManager prevents.
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
    slotHeapMiB: Math.max(LEAST_SLOT_HEAP_MIB, Math.floor(heap / MIB)),
  };
}
