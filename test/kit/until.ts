import { setTimeout as sleep } from 'node:timers/promises';

/** The first ones follow each other at once: most conditions hold after a few turns. */
const QUICK_LOOKS = 50;
const PAUSE_MS = 10;
/** Looks are counted, not time: a machine that stands still does not look. Less than what makes a test file count as hung. */
const MOST_LOOKS = 30_000;

/**
 * Looks again and again until it holds.
 *
 * @throws Error with the condition's text when it has not held for minutes.
 */
export async function until(holds: () => unknown, mostLooks: number = MOST_LOOKS): Promise<void> {
  for (let look = 0; look < mostLooks; look++) {
    if (await holds()) return;
    if (look < QUICK_LOOKS) await new Promise((resolve) => setImmediate(resolve));
    else await sleep(PAUSE_MS);
  }
  throw new Error(`looked ${mostLooks} times, and this did not come true: ${holds}`);
}
