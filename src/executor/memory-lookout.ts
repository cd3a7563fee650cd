import { type Clock, systemClock } from '../base/clock.ts';
import { LookoutShare } from './lookout-share.ts';
import { type MemoryEffect, MemoryGuard, type MemoryLimits } from './memory-guard.ts';
import { outOfMemory } from './out-of-memory.ts';
import { SlotInspector } from './slot-inspector.ts';
import { type Question, SlotQuestions } from './slot-questions.ts';

/** What a lookout's thread is given. */
export interface LookoutSettings {
  readonly limits: MemoryLimits;
  readonly buffer: SharedArrayBuffer;
}

/** The executor's thread is late by so much: it computes. */
const LATE_MS = 100;
const PAUSE_MS = 50;
/** Memory does not grow faster than a core can touch new pages. */
const GROWTH_BYTES_PER_MS = 2 << 20;
const LONGEST_PAUSE_MS = 500;

/**
 * Looks at the slots of a process while its main thread, which else does (memory-watch.ts), computes in one stretch. That
 * thread may be the user's program.
 *
 *   at rest ─a slot has a task─► waits until the main thread is late ─the process is large─► looks ─the main thread is back─► waits
 *
 * It only measures and ends: the main thread hears of that when it is back.
 */
export class MemoryLookout {
  readonly #limits: MemoryLimits;
  readonly #share: LookoutShare;
  readonly #clock: Clock;
  readonly #processBytes: () => number;

  constructor(limits: MemoryLimits, share: LookoutShare, clock: Clock, processBytes: () => number) {
    this.#limits = limits;
    this.#share = share;
    this.#clock = clock;
    this.#processBytes = processBytes;
  }

  /** Until it is closed. */
  async run(): Promise<void> {
    const share = this.#share;
    const { worthMeasuringBytes } = new MemoryGuard(this.#limits);
    while (!share.isClosed) {
      const late = this.#lateMs();
      const missing = worthMeasuringBytes - this.#processBytes();
      if (late < 0) share.wait(-late);
      else if (missing > 0) share.wait(Math.min(LONGEST_PAUSE_MS, 1 + missing / GROWTH_BYTES_PER_MS));
      else await this.#look();
    }
  }

  /** Below 0: it is not, for so long at least. */
  #lateMs(): number {
    const { nextLook } = this.#share;
    return nextLook === null ? Number.NEGATIVE_INFINITY : this.#clock.now() - nextLook - LATE_MS;
  }

  async #look(): Promise<void> {
    const share = this.#share;
    share.looking(true);
    const inspector = await SlotInspector.open('main thread');
    const guard = new MemoryGuard(this.#limits);
    const questions = new SlotQuestions();
    const ended = new Set<number>();
    const act = (effect: MemoryEffect): void => {
      if (effect.type === 'Collect') void ask(questions.collect(effect.slot, this.#clock.now()));
      else if (effect.type === 'End') {
        ended.add(effect.slot);
        questions.forget(effect.slot);
        inspector.end(effect.slot, outOfMemory(this.#limits, effect.totals));
      } // who spills asks the main thread for memory
    };
    const ask = async (question: Question): Promise<void> => {
      const { slot, collect } = question;
      const memory = await inspector.measure(slot, collect);
      const at = this.#clock.now();
      const settled = questions.answered(question, at);
      if (settled === null) return;
      if (memory !== null) guard.measured(slot, memory);
      if (settled.collect) guard.collectionOver(slot, settled.tookMs, at);
      for (const effect of guard.decide(share.blockBytes, 0, at)) act(effect);
    };
    while (!share.isClosed && this.#lateMs() >= 0) {
      for (const slot of inspector.slotThreads) {
        const question = ended.has(slot) ? null : questions.next(slot, this.#clock.now());
        if (question !== null) void ask(question);
      }
      await new Promise<void>((resolve) => this.#clock.after(PAUSE_MS, resolve));
    }
    inspector.close();
    share.looking(false);
  }
}

/** In a thread of its own. */
export function lookOut({ limits, buffer }: LookoutSettings): void {
  void new MemoryLookout(limits, new LookoutShare(buffer), systemClock, process.memoryUsage.rss).run();
}
