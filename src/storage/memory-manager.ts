import type { TaskId } from '../protocol/ids.ts';

export interface MemorySettings {
  /** Bytes for blocks and tasks together. */
  readonly maxBytes: number;
  /** Bytes of blocks that tasks cannot push out. */
  readonly storageRegionBytes: number;
  /** Tasks at the same time. */
  readonly slots: number;
}

/**
 * One pool for what an executor's tasks hold (tables, sort buffers) and for the blocks it keeps. Each side uses what the
 * other leaves; tasks push blocks out down to the storage region, blocks never take from tasks.
 *
 * Of N tasks that hold memory each may have up to 1/N of what blocks leave. None ever waits: what it is not granted it
 * does without, by spilling. So that it has something to work with, a part for each slot is granted in any case.
 *
 * Invariants: what is used is never negative; blocks have at most `maxBytes`; a task has at most its share, or the least.
 *
 * Spark: UnifiedMemoryManager, ExecutionMemoryPool
 */
export class MemoryManager {
  readonly maxBytes: number;
  readonly #storageRegion: number;
  readonly #least: number;
  readonly #tasks = new Map<TaskId, number>();
  #storageUsed = 0;
  #executionUsed = 0;

  constructor({ maxBytes, storageRegionBytes, slots }: MemorySettings) {
    this.maxBytes = maxBytes;
    this.#storageRegion = storageRegionBytes;
    this.#least = Math.floor(maxBytes / (4 * slots));
  }

  get storageUsed(): number {
    return this.#storageUsed;
  }

  get executionUsed(): number {
    return this.#executionUsed;
  }

  /** What blocks could have now if all others were evicted. Spark: maxOnHeapStorageMemory */
  get maxStorageBytes(): number {
    return Math.max(0, this.maxBytes - this.#executionUsed);
  }

  /** How many bytes of blocks have to go before `bytes` more fit; 0: they fit; null: they never will. */
  storageShortage(bytes: number): number | null {
    if (bytes > this.maxStorageBytes) return null;
    return Math.max(0, this.#storageUsed + bytes - this.maxStorageBytes);
  }

  /** The caller has made sure that they fit. */
  takeStorage(bytes: number): void {
    this.#storageUsed += bytes;
  }

  giveBackStorage(bytes: number): void {
    this.#storageUsed -= bytes;
  }

  /**
   * Memory for a task.
   *
   * @param evict asked to push blocks out, with the bytes that are wanted; calls `giveBackStorage` for what went.
   * @returns what it gets of `bytes`; maybe nothing.
   */
  acquireExecution(taskId: TaskId, bytes: number, evict: (bytes: number) => void): number {
    const has = this.#tasks.get(taskId) ?? 0;
    this.#tasks.set(taskId, has);
    const pool = this.maxBytes - Math.min(this.#storageUsed, this.#storageRegion);
    const share = Math.max(this.#least, Math.floor(pool / this.#tasks.size));
    const wanted = Math.min(bytes, share - has);
    if (wanted <= 0) return 0;
    let free = this.maxBytes - this.#storageUsed - this.#executionUsed;
    if (free < wanted) {
      const evictable = Math.max(0, this.#storageUsed - this.#storageRegion);
      if (evictable > 0) evict(Math.min(wanted - free, evictable));
      free = this.maxBytes - this.#storageUsed - this.#executionUsed;
    }
    const granted = Math.max(0, Math.min(wanted, Math.max(free, this.#least - has)));
    this.#tasks.set(taskId, has + granted);
    this.#executionUsed += granted;
    return granted;
  }

  releaseExecution(taskId: TaskId, bytes: number): void {
    const has = this.#tasks.get(taskId) ?? 0;
    const back = Math.min(bytes, has);
    this.#tasks.set(taskId, has - back);
    this.#executionUsed -= back;
  }

  /** The task is over. */
  releaseTask(taskId: TaskId): void {
    this.#executionUsed -= this.#tasks.get(taskId) ?? 0;
    this.#tasks.delete(taskId);
  }
}
