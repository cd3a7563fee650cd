import type { TaskId } from './ids.ts';

/** How many calls may begin, over all tasks that name the same `key`. Plain data. */
export interface RateLimitPlan {
  readonly key: string;
  /** Calls a second, over time; above 0. */
  readonly perSecond: number;
  /** Calls that may begin at once after a pause; at least 1. */
  readonly burst: number;
}

/** A task's wish for permits: one for each call that could begin now. */
export interface PermitAsk {
  readonly limit: RateLimitPlan;
  readonly taskId: TaskId;
  readonly want: number;
}

/** What a task did not use, and that it wants no more: it is over. */
export interface PermitReturn {
  readonly key: string;
  readonly taskId: TaskId;
  readonly permits: number;
}
