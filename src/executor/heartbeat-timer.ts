import type { Clock } from '../base/clock.ts';
import type { TaskProgress } from '../protocol/executor-registration.ts';
import type { Executor } from './executor.ts';

/** Slots have so long to tell what their tasks have added, ms; most do at once. */
const TELLING_MS = 50;

/**
 * Calls `beat` once, after so long, with what tasks have done by then.
 *
 * @returns what cancels it.
 */
export function nextHeartbeat(
  executor: Pick<Executor, 'askForAccumulators' | 'runningTasks'>,
  clock: Clock,
  afterMs: number,
  beat: (running: TaskProgress[]) => void,
): () => void {
  const telling = Math.min(TELLING_MS, afterMs / 2);
  const tell = (): void => {
    executor.askForAccumulators();
    cancel = clock.after(telling, () => beat(executor.runningTasks()), true);
  };
  let cancel = clock.after(afterMs - telling, tell, true);
  return () => cancel();
}
