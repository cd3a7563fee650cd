import { getHeapStatistics } from 'node:v8';
import type { Clock } from '../base/clock.ts';
import { collectGarbage } from '../base/collect-garbage.ts';
import { oldObjectBytes } from '../base/heap-use.ts';
import type { HeldMemory } from '../protocol/executor-slot.ts';
import { arraysEndProcess, LongArrays } from './long-arrays.ts';

const MIB = 1 << 20;
/** A collection takes as long for one new object as for many: so many have to be there. */
const WORTH_COLLECTING_BYTES = 32 * MIB;
/** After a collection a thread works four times as long before the next: a fifth of the time is lost at most. */
const WORK_PER_COLLECTION = 4;
/** … unless it is so far beyond its limit. */
const FAR_BEYOND = 1.25;
/** What one collection of the young generation may promote: what is old by chance only is no reason to end. */
const SEMI_SPACE_BYTES = 64 * MIB;
/** Batch edges between two looks, which take 3 µs. */
const EDGES_PER_LOOK = 16;

/** How a slot's thread is made to stand still, to be ended. None of them returns. */
export interface SlotEnds {
  /** @param longArray elements of the array that V8 would refuse to grow; null: it is the heap. */
  outOfHeap(memory: HeldMemory, longArray: number | null): void;
  /** Somebody else has decided it. */
  endFor(why: string): void;
}

/**
 * A slot's thread looks at its own heap, at batch edges and when its executor makes it (slot-inspector.ts), and stops for
 * good when that is above its limit after a collection.
 *
 * It has to be this thread: while somebody else thinks about the figures an array can double twice, and V8 ends the
 * process when one is to have more than 2^27 slots.
 */
export class SlotMemory {
  readonly #limitBytes: number;
  readonly #clock: Clock;
  readonly #ends: SlotEnds;
  readonly #longArrays: LongArrays | null;
  /** What is there for certain: the least since the last collection. */
  #provenBytes = 0;
  #collectFrom = 0;
  #edges = 0;

  constructor(
    limitBytes: number,
    clock: Clock,
    ends: SlotEnds,
    longArrays: LongArrays | null = arraysEndProcess ? new LongArrays(clock) : null,
  ) {
    this.#limitBytes = limitBytes + SEMI_SPACE_BYTES;
    this.#clock = clock;
    this.#ends = ends;
    this.#longArrays = longArrays;
  }

  atBatchEdge(): void {
    if (++this.#edges % EDGES_PER_LOOK === 0) this.look(false);
  }

  /** @param collect garbage is collected before in any case. */
  look(collect: boolean): HeldMemory {
    let memory = held(false);
    this.#provenBytes = Math.min(this.#provenBytes, memory.heapBytes);
    if (collect || this.#shouldCollect(memory.heapBytes)) memory = this.#collect();
    if (this.#provenBytes > this.#limitBytes) this.#ends.outOfHeap(memory, null);
    const longArray = this.#longArrays?.look() ?? null;
    if (longArray !== null) this.#ends.outOfHeap(memory, longArray);
    return memory;
  }

  endFor(why: string): void {
    this.#ends.endFor(why);
  }

  #shouldCollect(heapBytes: number): boolean {
    if (heapBytes <= this.#limitBytes || heapBytes - this.#provenBytes < WORTH_COLLECTING_BYTES) return false;
    return heapBytes > FAR_BEYOND * this.#limitBytes || this.#clock.now() >= this.#collectFrom;
  }

  #collect(): HeldMemory {
    const begun = this.#clock.now();
    collectGarbage();
    const ended = this.#clock.now();
    this.#collectFrom = ended + WORK_PER_COLLECTION * (ended - begun);
    const memory = held(true);
    this.#provenBytes = memory.heapBytes;
    return memory;
  }
}

function held(collected: boolean): HeldMemory {
  return { heapBytes: oldObjectBytes(), bufferBytes: getHeapStatistics().external_memory, collected };
}

const HOOK = 'iskra.slotMemory';

/** In a slot's thread: lets others have it look, or end it, whatever the thread is doing. */
export function offerLook(memory: SlotMemory): void {
  (globalThis as { [key: symbol]: unknown })[Symbol.for(HOOK)] = (collect: boolean, endFor?: string) => {
    if (endFor !== undefined) memory.endFor(endFor);
    return JSON.stringify(memory.look(collect));
  };
}

/** What is evaluated in the thread; its value is JSON of HeldMemory, or undefined while the thread is still starting. */
export function lookExpression(collect: boolean): string {
  return `globalThis[Symbol.for('${HOOK}')]?.(${collect})`;
}

/** The same, for a thread that is to stand still. */
export function endExpression(why: string): string {
  return `globalThis[Symbol.for('${HOOK}')]?.(false, ${JSON.stringify(why)})`;
}
