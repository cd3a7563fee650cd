import type { Clock, EpochMs } from '../../base/clock.ts';

/** The most that Node's timers take. */
const LONGEST_MS: number = 2 ** 31 - 1;

/** Alarms by name; a new one replaces the one of its name. */
export class Timers<Name extends string> {
  readonly #clock: Clock;
  readonly #fire: (name: Name) => void;
  readonly #cancels = new Map<Name, () => void>();

  constructor(clock: Clock, fire: (name: Name) => void) {
    this.#clock = clock;
    this.#fire = fire;
  }

  set(name: Name, at: EpochMs): void {
    this.cancel(name);
    const left = Math.max(0, at - this.#clock.now());
    const wake = (): void => {
      this.#cancels.delete(name);
      if (left > LONGEST_MS) this.set(name, at);
      else this.#fire(name);
    };
    this.#cancels.set(name, this.#clock.after(Math.min(left, LONGEST_MS), wake));
  }

  cancel(name: Name): void {
    this.#cancels.get(name)?.();
    this.#cancels.delete(name);
  }

  cancelAll(): void {
    for (const cancel of this.#cancels.values()) cancel();
    this.#cancels.clear();
  }
}
