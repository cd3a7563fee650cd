import type { EpochMs } from '../base/clock.ts';

/** To one slot: how much it holds. */
export interface Question {
  readonly slot: number;
  /** Later questions have larger ones. */
  readonly id: number;
  /** After a collection of its garbage. */
  readonly collect: boolean;
}

/** A question that nobody waits for any more. */
export interface Settled {
  readonly collect: boolean;
  readonly tookMs: number;
}

interface Open {
  readonly question: Question;
  readonly at: EpochMs;
  /** When the slot was last asked whether it is still there. */
  probedAt: EpochMs;
}

/** Threads that are just starting lose questions. */
const PROBE_AFTER_MS = 500;

/**
 * Which slots are asked for their memory, and which answers are awaited.
 *
 * A thread answers in order and one question at a time, however long a collection takes. So a question without an answer is not put again:
 * the thread is asked another, for which nothing is collected, and the first is lost when that is answered before it.
 *
 * Invariant: each slot has one question at most that is waited for; none is given up because it takes its time.
 */
export class SlotQuestions {
  readonly #open = new Map<number, Open>();
  #nextId = 0;

  /** Slots that have not answered. */
  get size(): number {
    return this.#open.size;
  }

  /** At a look. @returns what to ask the slot now; null: its answer is waited for. */
  next(slot: number, at: EpochMs): Question | null {
    const open = this.#open.get(slot);
    if (open === undefined) return this.#ask(slot, false, at);
    if (at - open.probedAt < PROBE_AFTER_MS) return null;
    open.probedAt = at;
    return { slot, id: this.#nextId++, collect: false };
  }

  /** Takes the place of a question without a collection. */
  collect(slot: number, at: EpochMs): Question {
    return this.#ask(slot, true, at);
  }

  /**
   * The thread has answered, or there is none.
   *
   * @returns what that settles; null: an answer to something else is waited for, or none is.
   */
  answered({ slot, id }: Question, at: EpochMs): Settled | null {
    const open = this.#open.get(slot);
    if (open === undefined || id < open.question.id) return null;
    this.#open.delete(slot);
    const { collect } = open.question;
    return { collect, tookMs: id === open.question.id ? at - open.at : 0 };
  }

  /** The slot is gone, or about to go: its answers count no more. */
  forget(slot: number): void {
    this.#open.delete(slot);
  }

  #ask(slot: number, collect: boolean, at: EpochMs): Question {
    const question: Question = { slot, id: this.#nextId++, collect };
    this.#open.set(slot, { question, at, probedAt: at });
    return question;
  }
}
