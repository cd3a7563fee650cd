import type { Clock, EpochMs } from '../base/clock.ts';

/** A timer that fires this late means that the driver was busy: what arrived in the meantime is read first. */
const LATE_MS = 100;

/** The schedulers' timers: of the task scheduler one at a time, of the DAG scheduler any number. */
export class LoopTimers {
  readonly #clock: Clock;
  #cancelTasks: (() => void) | null = null;
  readonly #dag = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Instead of the time asked for before. */
  wakeTasks(at: EpochMs, fire: () => void): void {
    this.#cancelTasks?.();
    this.#cancelTasks = this.#wakeAt(at, fire);
  }

  wakeDag(at: EpochMs, fire: (at: EpochMs) => void): void {
    const cancel = this.#wakeAt(at, () => {
      this.#dag.delete(cancel);
      // Never before `at`, also when the clock was set back meanwhile: the machine arms no other alarm for what it waits for.
      fire(Math.max(at, this.#clock.now()));
    });
    this.#dag.add(cancel);
  }

  cancelAll(): void {
    this.#cancelTasks?.();
    for (const cancel of this.#dag) cancel();
    this.#dag.clear();
  }

  /** Calls `fire` at that time, or a little later if that lets what has arrived be read first. */
  #wakeAt(at: EpochMs, fire: () => void): () => void {
    const clock = this.#clock;
    const due = (): void => {
      if (clock.now() - at > LATE_MS) cancel = clock.after(0, fire, true);
      else fire();
    };
    let cancel = clock.after(Math.max(0, at - clock.now()), due, true);
    return () => cancel();
  }
}
