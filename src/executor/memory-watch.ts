import { Worker } from 'node:worker_threads';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { arraysEndProcess, LEAST_FULL_BYTES } from './long-arrays.ts';
import { LookoutShare } from './lookout-share.ts';
import { type MemoryEffect, MemoryGuard, type MemoryLimits } from './memory-guard.ts';
import type { LookoutSettings } from './memory-lookout.ts';
import { outOfMemory } from './out-of-memory.ts';
import type { SlotInspector } from './slot-inspector.ts';
import { type Question, SlotQuestions } from './slot-questions.ts';

/** What the watch needs of a slot. */
export interface WatchedSlot {
  readonly index: number;
  readonly threadId: number;
  readonly isBusy: boolean;
  /** It was told to end. */
  readonly isEnding: boolean;
  askToSpill(): void;
  endFor(why: string): void;
  endNow(): void;
}

/** Memory does not grow faster than a core can touch new pages. */
const GROWTH_BYTES_PER_MS = 2 << 20;
const LEAST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;
/** When the process exits: how long threads that were asked are told to end, and how often. */
const EXIT_MS = 2000;
const EXIT_STEP_MS = 5;
/** Before the first look: most jobs are over by then. */
const FIRST_PAUSE_MS = 50;
/** A slot that was told to end while it looks is told again so often after the last look. */
const ENDS_AFTER_LOOK = 4;

/** Who is asked for the memory of a slot. */
export type MemoryInspector = Pick<SlotInspector, 'measure' | 'isWaiting' | 'close'>;

async function openInspector(): Promise<MemoryInspector> {
  const { SlotInspector: Inspector } = await import('./slot-inspector.ts');
  return Inspector.open();
}

/** Without what the main thread holds: in local mode that is the user's program. */
function processBytes(): number {
  const { rss, heapTotal, external } = process.memoryUsage();
  return rss - heapTotal - external;
}

/** The loop of a MemoryGuard: looks at the process, asks slots, does what follows. At rest when no slot has a task. */
export class MemoryWatch {
  readonly #limits: MemoryLimits;
  readonly #guard: MemoryGuard;
  readonly #slots: () => Iterable<WatchedSlot>;
  readonly #blockBytes: () => number;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #questions = new SlotQuestions();
  #inspector: Promise<MemoryInspector | null> | null = null;
  readonly #open: () => Promise<MemoryInspector>;
  #cancelTimer: (() => void) | null = null;
  #longestPauseMs = LONGEST_PAUSE_MS;
  /** Whether the inspector waits for an answer. */
  #asksOwn: () => boolean = () => false;
  #onProcessExit: (() => void) | null = null;
  #closed = false;
  /** The entry of a lookout's thread; null: this thread never computes for long. */
  readonly #lookoutEntry: URL | null;
  #lookout: LookoutShare | null = null;

  constructor(
    limits: MemoryLimits,
    slots: () => Iterable<WatchedSlot>,
    blockBytes: () => number,
    lookoutEntry: URL | null,
    clock: Clock,
    log: Logger,
    open: () => Promise<MemoryInspector> = openInspector,
  ) {
    this.#limits = limits;
    this.#guard = new MemoryGuard(limits);
    this.#slots = slots;
    this.#blockBytes = blockBytes;
    this.#lookoutEntry = process.features.inspector ? lookoutEntry : null;
    this.#clock = clock;
    this.#log = log;
    this.#open = open;
  }

  /** A slot has got a task. */
  wake(): void {
    if (this.#cancelTimer === null) this.#lookIn(FIRST_PAUSE_MS);
  }

  /** The slot is gone, or about to go. */
  forget(slot: WatchedSlot): void {
    this.#guard.forget(slot.index);
    this.#questions.forget(slot.index);
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#lookout?.close();
    // A lookout that is looking lets go in a moment: an exit before that waits for it.
    if (this.#onProcessExit !== null && this.#lookout?.isLooking !== true) process.off('exit', this.#onProcessExit);
    void this.#inspector?.then((inspector) => inspector?.close());
  }

  #lookIn(ms: number): void {
    if (this.#closed) return;
    this.#cancelTimer?.();
    const pause = Math.min(this.#longestPauseMs, Math.max(LEAST_PAUSE_MS, Math.ceil(ms)));
    this.#lookout?.expect(this.#clock.now() + pause, this.#blockBytes());
    this.#cancelTimer = this.#clock.after(pause, () => this.#look(), true);
  }

  #look(): void {
    this.#cancelTimer = null;
    const slots = [...this.#slots()];
    if (!slots.some((slot) => slot.isBusy)) {
      this.#lookout?.expect(null, 0);
      return;
    }
    if (this.#lookout === null && this.#lookoutEntry !== null) this.#startLookout(this.#lookoutEntry);
    const bytes = process.memoryUsage.rss();
    const isFull = arraysEndProcess && bytes >= LEAST_FULL_BYTES;
    this.#longestPauseMs = isFull ? FIRST_PAUSE_MS : LONGEST_PAUSE_MS;
    const missing = Math.min(this.#guard.worthMeasuringBytes, arraysEndProcess ? LEAST_FULL_BYTES : Infinity) - bytes;
    if (missing > 0) {
      this.#lookIn(missing / GROWTH_BYTES_PER_MS);
      return;
    }
    this.#lookIn(FIRST_PAUSE_MS);
    const now = this.#clock.now();
    for (const slot of slots) {
      const question = slot.isEnding ? null : this.#questions.next(slot.index, now);
      if (question !== null) void this.#ask(slot, question);
    }
  }

  async #ask(slot: WatchedSlot, question: Question): Promise<void> {
    const { index, threadId } = slot;
    this.#inspector ??= this.#openInspector();
    const inspector = await this.#inspector;
    const memory = (await inspector?.measure(threadId, question.collect)) ?? null;
    const at = this.#clock.now();
    const settled = this.#questions.answered(question, at);
    if (this.#closed || settled === null) return;
    if (memory !== null) this.#guard.measured(index, memory);
    if (settled.collect) this.#guard.collectionOver(index, settled.tookMs, at);
    for (const effect of this.#guard.decide(this.#blockBytes(), processBytes(), at)) this.#do(effect);
    if (this.#questions.size === 0) this.#lookIn(this.#guard.headroom(this.#blockBytes()) / GROWTH_BYTES_PER_MS);
  }

  #do(effect: MemoryEffect): void {
    if (effect.type === 'AskToSpill') {
      this.#log.info('memory is nearly full: tasks are asked to spill');
      for (const slot of this.#slots()) slot.askToSpill();
      return;
    }
    const slot = [...this.#slots()].find(({ index }) => index === effect.slot);
    if (slot === undefined) return;
    if (effect.type === 'End') {
      this.forget(slot);
      slot.endFor(outOfMemory(this.#limits, effect.totals));
    } else void this.#ask(slot, this.#questions.collect(slot.index, this.#clock.now()));
  }

  /** For jobs that take their time: a thread takes 10 ms of a core to start, which short ones need not have. */
  #startLookout(entry: URL): void {
    const share = new LookoutShare();
    const workerData: LookoutSettings = { limits: this.#limits, buffer: share.buffer };
    const worker = new Worker(entry, { workerData, execArgv: [], name: 'iskra memory lookout' });
    worker.unref();
    worker.on('error', (error) => this.#log.warn(`nobody looks at slots while this thread computes: ${String(error)}`));
    this.#lookout = share;
    this.#whenProcessExits();
  }

  #whenProcessExits(): void {
    if (this.#onProcessExit !== null) return;
    this.#onProcessExit = () => this.#endAsked();
    process.once('exit', this.#onProcessExit);
  }

  /**
   * A thread that drops the end it was told while it looks at its memory would keep the process for ever; a lookout's session
   * that is open has Node wait for it, and say so.
   */
  #endAsked(): void {
    const lookout = this.#lookout;
    lookout?.close();
    let left = this.#asksOwn() ? EXIT_MS / EXIT_STEP_MS : 0;
    const isLooking = lookout?.isLooking === true;
    if (isLooking) left += ENDS_AFTER_LOOK;
    const pause = new Int32Array(new SharedArrayBuffer(4));
    for (let waited = 0; waited < EXIT_MS && left > 0; waited += EXIT_STEP_MS) {
      for (const slot of this.#slots()) slot.endNow();
      Atomics.wait(pause, 0, 0, EXIT_STEP_MS);
      if (lookout?.isLooking !== true) left--;
    }
  }

  async #openInspector(): Promise<MemoryInspector | null> {
    try {
      const inspector = await this.#open();
      this.#asksOwn = () => inspector.isWaiting;
      this.#whenProcessExits();
      return inspector;
    } catch (error) {
      this.#log.warn(`the memory of slots cannot be measured, so that only V8 bounds it: ${String(error)}`);
      return null;
    }
  }
}
