import type { EpochMs } from '../base/clock.ts';
import type { HeldMemory } from '../protocol/executor-slot.ts';

export interface MemoryLimits {
  /** Objects of one slot, bytes. */
  readonly slotHeapBytes: number;
  /** Objects of all slots, and cached blocks in memory, together, bytes. */
  readonly memoryBytes: number;
  /** Beyond that, for buffers. */
  readonly overheadBytes: number;
}

export type MemoryEffect =
  /** Measure the slot again, after a collection of its garbage. */
  | { readonly type: 'Collect'; readonly slot: number }
  /** Tables and sorters of all tasks give up the largest part of what they hold. */
  | { readonly type: 'AskToSpill' }
  | { readonly type: 'End'; readonly slot: number; readonly totals: MemoryTotals };

/** Bytes: of the slot that ends, of all slots, of cached blocks. */
export interface MemoryTotals {
  readonly slot: HeldMemory;
  readonly all: HeldMemory;
  readonly blockBytes: number;
}

interface Slot {
  memory: HeldMemory;
  /** What is there for certain: the least since the last collection. */
  proven: HeldMemory;
  /** A collection is under way. */
  collecting: boolean;
  collectFrom: EpochMs;
}

const MIB = 1 << 20;
const NOTHING: HeldMemory = { heapBytes: 0, bufferBytes: 0, collected: false };
/** A collection takes as long for one new object as for many: so many have to be there. */
const WORTH_COLLECTING_BYTES = 32 * MIB;
/** After a collection a thread works four times as long before the next: a fifth of the time is lost at most. */
const WORK_PER_COLLECTION = 4;
/** … unless all are so far beyond the limit. */
const FAR_BEYOND = 1.25;
/** Part of the memory from which on tasks spill: what that frees lies above the rest when a task has to end. */
const SPILL_PART = 0.85;
/** They are asked again after so much more. */
const SPILL_AGAIN_PART = 0.05;

/**
 * Holds an executor's slots together to its memory. Each of them sees to its own heap (slot-memory.ts).
 *
 * Glossary: *measured* is with garbage; *proven* is what was left after a collection. The *part* is how much is used of what
 * there is: by objects and cached blocks of the memory, or by those and buffers of memory and overhead, whichever is more.
 *
 * When the measured part is large, or the process, slots that may have garbage are collected; if the proven one is, tasks are asked to spill;
 * if that is more than all, the slot that holds most ends, and does not count any more.
 *
 * Invariants: no slot ends for what may be garbage. No collection is asked for while one is under way.
 */
export class MemoryGuard {
  readonly #limits: MemoryLimits;
  readonly #slots = new Map<number, Slot>();
  /** The part when tasks were asked to spill; null: it has been below since. */
  #spillAsked: number | null = null;

  constructor(limits: MemoryLimits) {
    this.#limits = limits;
  }

  /** While the process has less than this there is nothing to measure. */
  get worthMeasuringBytes(): number {
    return Math.min(this.#limits.slotHeapBytes, SPILL_PART * this.#limits.memoryBytes);
  }

  /** Bytes that may be added before a limit is reached, by the last figures. Not below 0. */
  headroom(blockBytes: number): number {
    const { slotHeapBytes, memoryBytes } = this.#limits;
    let least = (1 - this.#part('memory', blockBytes)) * memoryBytes;
    for (const { memory } of this.#slots.values()) least = Math.min(least, slotHeapBytes - memory.heapBytes);
    return Math.max(0, least);
  }

  measured(slot: number, memory: HeldMemory): void {
    const known = this.#slots.get(slot) ?? { memory, proven: NOTHING, collecting: false, collectFrom: 0 };
    known.memory = memory;
    known.proven = memory.collected ? memory : least(known.proven, memory);
    this.#slots.set(slot, known);
  }

  /** The collection that was asked for is over; `measured` says what came of it, if it came to that. */
  collectionOver(slot: number, tookMs: number, at: EpochMs): void {
    const known = this.#slots.get(slot);
    if (known === undefined) return;
    known.collecting = false;
    known.collectFrom = at + WORK_PER_COLLECTION * tookMs;
  }

  /** The slot is gone, or about to go. */
  forget(slot: number): void {
    this.#slots.delete(slot);
  }

  /** @param processBytes what the process has, without what its main thread holds. */
  decide(blockBytes: number, processBytes: number, at: EpochMs): MemoryEffect[] {
    const measured = this.#part('memory', blockBytes);
    if (measured <= SPILL_PART) this.#spillAsked = null;
    // What V8 has not collected, or not given back, counts for whoever looks at the process.
    if (measured <= SPILL_PART && processBytes <= this.#limits.memoryBytes) return [];
    const effects: MemoryEffect[] = [];
    const urgent = measured > FAR_BEYOND;
    for (const [index, slot] of this.#slots)
      if (this.#shouldCollect(slot, urgent, at)) {
        slot.collecting = true;
        effects.push({ type: 'Collect', slot: index });
      }
    const proven = this.#part('proven', blockBytes);
    const [index, largest] = this.#largest() ?? [];
    // Without slots it is all blocks, which have a limit of their own below this one.
    if (proven > 1 && index !== undefined && largest !== undefined) {
      const totals = { slot: largest.proven, all: this.#total('proven'), blockBytes };
      this.#slots.delete(index);
      return [{ type: 'End', slot: index, totals }];
    }
    const askAgain = this.#spillAsked === null ? SPILL_PART : this.#spillAsked + SPILL_AGAIN_PART;
    if (proven > askAgain) {
      this.#spillAsked = proven;
      effects.push({ type: 'AskToSpill' });
    }
    return effects;
  }

  #shouldCollect({ memory, proven, collecting, collectFrom }: Slot, urgent: boolean, at: EpochMs): boolean {
    if (collecting || bytesOf(memory) - bytesOf(proven) < WORTH_COLLECTING_BYTES) return false;
    return urgent || at >= collectFrom;
  }

  #largest(): [number, Slot] | null {
    let largest: [number, Slot] | null = null;
    for (const entry of this.#slots)
      if (largest === null || bytesOf(entry[1].proven) > bytesOf(largest[1].proven)) largest = entry;
    return largest;
  }

  #part(figure: 'memory' | 'proven', blockBytes: number): number {
    const { memoryBytes, overheadBytes } = this.#limits;
    const { heapBytes, bufferBytes } = this.#total(figure);
    const objects = heapBytes + blockBytes;
    return Math.max(objects / memoryBytes, (objects + bufferBytes) / (memoryBytes + overheadBytes));
  }

  #total(figure: 'memory' | 'proven'): HeldMemory {
    let [heapBytes, bufferBytes] = [0, 0];
    for (const slot of this.#slots.values()) {
      heapBytes += slot[figure].heapBytes;
      bufferBytes += slot[figure].bufferBytes;
    }
    return { heapBytes, bufferBytes, collected: figure === 'proven' };
  }
}

function bytesOf({ heapBytes, bufferBytes }: HeldMemory): number {
  return heapBytes + bufferBytes;
}

function least(a: HeldMemory, b: HeldMemory): HeldMemory {
  return {
    heapBytes: Math.min(a.heapBytes, b.heapBytes),
    bufferBytes: Math.min(a.bufferBytes, b.bufferBytes),
    collected: false,
  };
}
