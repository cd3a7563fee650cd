import { InvariantError } from '../base/errors.ts';

/** Why the task scheduler wants to be woken. */
export type WakeReason = 'locality' | 'starvation' | 'speculation' | 'exclusion' | 'unschedulable';

/**
 * Times at which something is to be looked at again, one for each reason: the earliest that was asked for. Asks to be
 * woken in time for the first of them, and no more often than needed.
 */
export class Deadlines {
  readonly #at = new Map<WakeReason, number>();
  readonly #wakeAt: (at: number, why: WakeReason) => void;
  /** Earliest time at which a wake-up was asked for and has not come. */
  #awaited: number | null = null;

  constructor(wakeAt: (at: number, why: WakeReason) => void) {
    this.#wakeAt = wakeAt;
  }

  /** Not later than `at`. */
  set(why: WakeReason, at: number): void {
    const known = this.#at.get(why);
    if (known === undefined || at < known) this.#at.set(why, at);
    if (this.#awaited !== null && this.#awaited <= at) return;
    this.#awaited = at;
    this.#wakeAt(at, why);
  }

  has(why: WakeReason): boolean {
    return this.#at.has(why);
  }

  /** A wake-up came: handles what is due, which may set new times, and asks for the next. */
  wake(now: number, handle: (why: WakeReason) => void): void {
    this.#awaited = null;
    const due: WakeReason[] = [];
    for (const [why, at] of this.#at) if (at <= now) due.push(why);
    for (const why of due) this.#at.delete(why);
    for (const why of due) handle(why);
    const next = this.#next();
    if (next !== null) this.set(next.why, next.at);
  }

  /** The earliest; null when there is none. */
  #next(): { readonly why: WakeReason; readonly at: number } | null {
    let first: { why: WakeReason; at: number } | null = null;
    for (const [why, at] of this.#at) if (first === null || at < first.at) first = { why, at };
    return first;
  }

  /** Throws InvariantError when a time is set and no wake-up is awaited by then. */
  checkInvariants(): void {
    const next = this.#next();
    if (next !== null && (this.#awaited === null || this.#awaited > next.at))
      throw new InvariantError(`Deadlines: the time for ${next.why} is awaited by nobody`);
  }
}
