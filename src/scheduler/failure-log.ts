const PRINT_INTERVAL_MS = 10_000;
/** Distinct errors remembered; a job that fails in more ways than this is logged in full again. */
const MAX_REMEMBERED = 200;

/**
 * Keeps a task set that fails a thousand times in the same way from logging a thousand stacks: the same error is shown
 * in full at most once per 10 s, in between in one line with a count.
 *
 * Spark: TaskSetManager.recentExceptions
 */
export class FailureLog {
  readonly #seen = new Map<string, { count: number; shownAt: number }>();

  /** The text to log, and whether it is the full one. */
  line(lost: string, brief: string, full: string, at: number): { readonly text: string; readonly isFull: boolean } {
    const known = this.#seen.get(full);
    if (known !== undefined && at - known.shownAt < PRINT_INTERVAL_MS) {
      known.count++;
      return { text: `${lost}: ${brief} [duplicate ${known.count}]`, isFull: false };
    }
    if (this.#seen.size >= MAX_REMEMBERED) this.#seen.clear();
    this.#seen.set(full, { count: 0, shownAt: at });
    return { text: `${lost}: ${full}`, isFull: true };
  }
}
