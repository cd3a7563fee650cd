import type { Deadlines } from './deadlines.ts';

/**
 * Says again and again that tasks wait and none runs, as long as it is so.
 *
 * Spark: TaskSchedulerImpl.submitTasks, the starvation timer
 */
export class StarvationWatch {
  readonly #everyMs: number;
  readonly #deadlines: Deadlines;
  readonly #warn: (message: string) => void;
  /** Since when; null: not so. */
  #since: number | null = null;

  constructor(everyMs: number, deadlines: Deadlines, warn: (message: string) => void) {
    this.#everyMs = everyMs;
    this.#deadlines = deadlines;
    this.#warn = warn;
  }

  look(starving: boolean, at: number): void {
    if (!starving) {
      this.#since = null;
      return;
    }
    this.#since ??= at;
    this.#deadlines.set('starvation', this.#since + this.#everyMs);
  }

  /**
   * A time has come that was asked for, maybe by tasks that run by now, while others have begun to wait.
   *
   * @param missing why there may be no executor, or none that is large enough; '' when that is not known.
   * @returns whether tasks have waited for so long.
   */
  wake(missing: string, at: number): boolean {
    if (this.#since === null) return false;
    if (at - this.#since < this.#everyMs) {
      this.#deadlines.set('starvation', this.#since + this.#everyMs);
      return false;
    }
    this.#since = at;
    this.#warn(
      `Initial job has not accepted any resources; check your cluster UI to ensure that workers are registered and have sufficient resources${missing}`,
    );
    return true;
  }
}
