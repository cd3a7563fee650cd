import { getHeapStatistics } from 'node:v8';
import { collectGarbage } from '../base/collect-garbage.ts';
import { objectBytes } from '../base/heap-use.ts';

/** Part of the heap limit from which on somebody has to give up memory. `used_heap_size` counts garbage too. */
const HEAP_HIGH_WATER = 0.7;
/** After a forced spill the next one needs this much more of the limit: the numbers fall only with the next collection. */
const HEAP_STEP = 0.1;
/** Where what cannot spill has to stop: the rest is for the young generation, and for what a collection leaves. */
const HEAP_END = 0.85;
/** A collection is worth its time again when this much more of the limit is used. */
const COLLECT_STEP = 0.05;
/** Spilling less than this frees nothing worth a file. */
const MIN_FORCED_SPILL_BYTES = 1024 * 1024;

/** The two numbers of `v8.getHeapStatistics()` that count, in bytes; an argument for tests. */
export interface HeapStatistics {
  readonly used_heap_size: number;
  readonly heap_size_limit: number;
}

/** This thread's heap. Its limit in V8 is not the one that counts for slots. */
function ownHeap(): HeapStatistics {
  return getHeapStatistics();
}

/** This thread's heap, of which it may use so much. */
export function heapOf(limitBytes: number): () => HeapStatistics {
  return () => ({ used_heap_size: objectBytes(limitBytes / 2), heap_size_limit: limitBytes });
}

/** One structure of a task that may grow: a table, a sorter, a buffer. */
export interface MemoryUse {
  /** Bytes it says it holds. */
  readonly bytes: number;
  /**
   * Tells the new size, at a batch edge.
   *
   * @returns true: it has to spill now, and then to call this again with what is left.
   */
  shouldSpill(estimatedBytes: number): boolean;
  /** Gives everything back; the use is over. */
  release(): void;
}

/** Who has the memory: the executor, which shares it among tasks and blocks. */
export interface MemorySource {
  /** @returns what is granted of `bytes`, maybe 0. */
  acquire(bytes: number): number;
  release(bytes: number): void;
  /** True once when tasks are to spill whatever they were granted. */
  wantsBack?(): boolean;
}

/** A source that has so much and no more. */
export function fixedMemory(totalBytes: number): MemorySource {
  let left = totalBytes;
  return {
    acquire(bytes) {
      const granted = Math.min(bytes, left);
      left -= granted;
      return granted;
    },
    release(bytes) {
      left += bytes;
    },
  };
}

/** Memory is asked for, and given back, in steps: each costs a question to the executor. */
const STEP_BYTES = 8 << 20;

/**
 * What the structures of one task attempt hold together, in bytes by their own estimates: never more than was granted, or
 * somebody has to spill. Below that is a safety net: estimates err, the heap's own numbers do not.
 *
 * What is granted stays granted until it is not used any more; what is left at the end of the task its executor takes back.
 *
 * Spark: TaskMemoryManager
 */
export class TaskMemory {
  readonly #source: MemorySource;
  readonly #heap: () => HeapStatistics;
  readonly #uses = new Set<Use>();
  #granted = 0;
  #held = 0;
  #peak = 0;
  /** Heap use at the last forced spill; null: armed. */
  #trippedAt: number | null = null;
  /** Heap use from which on a collection may find something. */
  #collectFrom = 0;
  /** Heap use after the last collection, or what it fell to since. */
  #collectedTo = 0;
  /** The source wants memory back, and the largest use has not come by yet. */
  #wantedBack = false;
  readonly #collect: () => void;

  constructor(
    source: MemorySource,
    heap: () => HeapStatistics = ownHeap,
    /** An argument for tests. */
    collect: () => void = collectGarbage,
  ) {
    this.#source = source;
    this.#heap = heap;
    this.#collect = collect;
  }

  /** Bytes granted so far. */
  get grantedBytes(): number {
    return this.#granted;
  }

  /**
   * For what cannot spill.
   *
   * @returns null when the heap has room for so many bytes more, after a collection if need be; else its numbers.
   */
  heapWithoutRoomFor(bytes: number): HeapStatistics | null {
    const { used_heap_size: used, heap_size_limit: limit } = this.#heap();
    if (used + bytes <= HEAP_END * limit || used < this.#collectFrom) return null;
    const after = this.#collected(COLLECT_STEP * limit);
    return after.used_heap_size + bytes <= HEAP_END * limit ? null : after;
  }

  /** Bytes held by all uses. */
  get heldBytes(): number {
    return this.#held;
  }

  /** The most they ever held. */
  get peakBytes(): number {
    return this.#peak;
  }

  /** Registers a structure that grows. */
  use(): MemoryUse {
    const use = new Use(this, this.#uses);
    this.#uses.add(use);
    return use;
  }

  /** For `MemoryUse`: the change of one use. */
  grow(use: Use, change: number): boolean {
    this.#held += change;
    if (this.#held > this.#peak) this.#peak = this.#held;
    if (change > 0 && !this.#isGranted()) return true;
    if (change < 0) this.#giveBack();
    if (this.#source.wantsBack?.() === true) this.#wantedBack = true;
    if (this.#wantedBack && this.#isLargest(use)) {
      this.#wantedBack = false;
      return true;
    }
    return this.#heapIsFull() && this.#isLargest(use);
  }

  #collected(nextAfterBytes: number): HeapStatistics {
    this.#collect();
    const after = this.#heap();
    this.#collectedTo = after.used_heap_size;
    this.#collectFrom = this.#collectedTo + nextAfterBytes;
    return after;
  }

  #isGranted(): boolean {
    const short = this.#held - this.#granted;
    if (short > 0) this.#granted += this.#source.acquire(Math.max(short, STEP_BYTES));
    return this.#held <= this.#granted;
  }

  #giveBack(): void {
    const spare = this.#granted - this.#held;
    if (spare <= 2 * STEP_BYTES) return;
    this.#source.release(spare - STEP_BYTES);
    this.#granted -= spare - STEP_BYTES;
  }

  #heapIsFull(): boolean {
    let { used_heap_size: used, heap_size_limit: limit } = this.#heap();
    const highWater = HEAP_HIGH_WATER * limit;
    if (used < this.#collectedTo) {
      this.#collectedTo = used;
      this.#collectFrom = used + HEAP_STEP * limit;
    }
    // V8 itself sees no need to collect: its limit is far above.
    if (used > highWater)
      used = used < this.#collectFrom ? this.#collectedTo : this.#collected(HEAP_STEP * limit).used_heap_size;
    if (used <= highWater) {
      this.#trippedAt = null;
      return false;
    }
    return this.#trippedAt === null || used >= this.#trippedAt + HEAP_STEP * limit;
  }

  // Only the largest gives way: the others would free little, and ask again at each batch.
  #isLargest(use: Use): boolean {
    if (use.bytes < MIN_FORCED_SPILL_BYTES) return false;
    for (const other of this.#uses) if (other.bytes > use.bytes) return false;
    this.#trippedAt = this.#heap().used_heap_size;
    return true;
  }
}

class Use implements MemoryUse {
  readonly #memory: TaskMemory;
  readonly #uses: Set<Use>;
  #bytes = 0;

  constructor(memory: TaskMemory, uses: Set<Use>) {
    this.#memory = memory;
    this.#uses = uses;
  }

  get bytes(): number {
    return this.#bytes;
  }

  shouldSpill(estimatedBytes: number): boolean {
    const change = estimatedBytes - this.#bytes;
    this.#bytes = estimatedBytes;
    return this.#memory.grow(this, change);
  }

  release(): void {
    const held = this.#bytes;
    this.#bytes = 0;
    this.#memory.grow(this, -held);
    this.#uses.delete(this);
  }
}
