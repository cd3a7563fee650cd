import { type Clock, systemClock } from '../base/clock.ts';
import { type SeededRandom, seededRandom } from '../base/seeded-random.ts';
import type { RateLimitPlan } from '../protocol/rate-limit.ts';
import type { AsyncOp } from '../protocol/stage-program.ts';
import { TaskKilledError } from './executor-link.ts';
import { type PermitDesk, RatePermits } from './rate-permits.ts';
import type { TaskEnv } from './task-env.ts';

/** What async operators use of their task. */
export interface AsyncTask {
  readonly clock: Clock;
  /** For the jitter of pauses. */
  readonly random: SeededRandom;
  throwIfKilled(): void;
  /** Calls `listener` at once when the task is killed, also while it awaits; the returned function ends that. */
  onKilled(listener: (error: Error) => void): () => void;
  /** The task's share of a limit, the same for all its operators with that key. */
  permits(limit: RateLimitPlan): RatePermits;
  /** Gives back what is left of the limits. */
  close(): void;
}

export function openAsyncTask(env: TaskEnv): AsyncTask {
  const { link, task } = env;
  const { taskAttemptId } = task;
  const permits = new Map<string, RatePermits>();
  const desk: PermitDesk = {
    acquire: (ask) => link.askLater('AcquirePermits', ask),
    // A driver that is gone has no use for them.
    giveBack: (returned) => void link.askLater('ReturnPermits', returned).catch(() => {}),
  };
  return {
    clock: systemClock,
    random: seededRandom(taskAttemptId, task.partitionId),
    throwIfKilled: () => link.throwIfKilled(taskAttemptId),
    onKilled: (listener) =>
      link.onKilled((taskId) => {
        if (taskId === taskAttemptId) listener(new TaskKilledError(taskId));
      }),
    permits(limit) {
      let mine = permits.get(limit.key);
      if (mine === undefined) {
        mine = new RatePermits(limit, taskAttemptId, desk);
        permits.set(limit.key, mine);
      }
      return mine;
    },
    close() {
      for (const mine of permits.values()) mine.close();
    },
  };
}

/** An operator's limit with its whole key: those that users name and those of single operators do not meet. */
export function wholeLimit(limit: NonNullable<AsyncOp['rateLimit']>, rddId: number): RateLimitPlan {
  return { ...limit, key: limit.key === null ? `rdd ${rddId}` : `key ${limit.key}` };
}
