/** Why the task scheduler wants to be woken. */
export type WakeReason = 'locality' | 'starvation' | 'speculation' | 'exclusion' | 'unschedulable';

/** Times at which something is to be looked at again, one for each reason: the earliest that was asked for. */
export class Deadlines {
  readonly #at = new Map<WakeReason, number>();

  /** Not later than `at`. */
  set(why: WakeReason, at: number): void {
    const known = this.#at.get(why);
    if (known === undefined || at < known) this.#at.set(why, at);
  }

  has(why: WakeReason): boolean {
    return this.#at.has(why);
  }

  /** Takes out the reasons whose time has come. */
  takeDue(now: number): WakeReason[] {
    const due: WakeReason[] = [];
    for (const [why, at] of this.#at)
      if (at <= now) {
        due.push(why);
        this.#at.delete(why);
      }
    return due;
  }

  /** The earliest; null when there is none. */
  next(): { readonly why: WakeReason; readonly at: number } | null {
    let first: { why: WakeReason; at: number } | null = null;
    for (const [why, at] of this.#at) if (first === null || at < first.at) first = { why, at };
    return first;
  }
}
