import { assertNever } from '../base/assert-never.ts';
import type { EpochMs } from '../base/clock.ts';
import { InvariantError } from '../base/errors.ts';
import type { TaskId } from '../protocol/ids.ts';
import type { PermitAsk, PermitReturn, RateLimitPlan } from '../protocol/rate-limit.ts';

/** Not more often than this are permits handed out while tasks wait: at high rates one answer brings several. */
export const SERVE_EVERY_MS = 5;
/** Permits that came while tasks waited and nobody looked (a busy driver) are kept for so long, ms. */
export const LATE_CREDIT_MS = 20;
/** An ask is answered after this at the latest, with 0 if need be, ms: no question to a driver waits for ever. */
export const LONGEST_WAIT_MS = 10_000;
/** At most so many answers a second are caused by one limit. */
const MAX_ANSWERS_PER_SECOND = 1000;
/** Sums of fractions of permits are a little off. */
const EPSILON = 1e-6;

export type RateEvent =
  /** A task asks; answered by one Grant with this `askId`. A task has one open ask a key. */
  | { readonly type: 'Ask'; readonly now: EpochMs; readonly askId: number; readonly ask: PermitAsk }
  | { readonly type: 'Return'; readonly now: EpochMs; readonly returned: PermitReturn }
  /** However it ended: its open asks are answered with 0. */
  | { readonly type: 'TaskEnded'; readonly now: EpochMs; readonly taskId: TaskId }
  | { readonly type: 'Tick'; readonly now: EpochMs };

export interface Grant {
  readonly type: 'Grant';
  readonly askId: number;
  readonly permits: number;
}

/** How often it is looked for what can be forgotten, ms. */
const SWEEP_EVERY_MS = 1000;
/** A task that has not asked for so long counts as gone, ms; it is back when it asks. */
const TASK_FORGOTTEN_MS = 60_000;

interface Waiting {
  readonly askId: number;
  readonly want: number;
  until: EpochMs;
}

interface LiveTask {
  readonly limit: RateLimitPlan;
  open: Waiting | null;
  seenAt: EpochMs;
}

interface Bucket {
  /** In force: the lowest that the live tasks named. */
  perSecond: number;
  burst: number;
  tokens: number;
  at: EpochMs;
  servedAt: EpochMs;
  /** Live tasks; the one that was served longest ago first. */
  readonly tasks: Map<TaskId, LiveTask>;
  /** Those of them with an open ask; the one that has waited longest first. */
  readonly waiting: Map<TaskId, LiveTask>;
  /** Permits that all open asks want together. */
  wanted: number;
  /** What the live tasks named, and how many of them. */
  readonly limits: Map<string, { readonly limit: RateLimitPlan; tasks: number }>;
}

/**
 * Token buckets that all tasks of an application draw from: one a key.
 *
 *             + perSecond × time, up to burst
 *                     ▼
 *   Ask ──► waits ── Grant ──► the task begins that many calls, and gives back what it did not use when it ends
 *
 * A permit is spent when it is granted. A task asks only for calls that could begin at once, so that an idle one holds none, and
 * what a task takes with it when its thread or its executor dies is at most one grant, which counts as used.
 * Permits go to waiting tasks in equal shares, those served longest ago first. Tasks that give one key different numbers get
 * the lowest of each while they live.
 *
 * Invariants:
 * 1. In any T ms at most burst + perSecond × (T + LATE_CREDIT_MS) / 1000 permits are granted beyond those given back.
 * 2. Every ask is answered once, after LONGEST_WAIT_MS at the latest if ticks come at `wakeAt`.
 * 3. Who has an open ask is a live task of its bucket; `wanted` is what they want together.
 * 4. A bucket that is full and has no task is as good as none, and is forgotten.
 */
export class RateLimiter {
  readonly #buckets = new Map<string, Bucket>();
  #sweptAt: EpochMs = Number.NEGATIVE_INFINITY;

  handle(event: RateEvent): Grant[] {
    const grants: Grant[] = [];
    switch (event.type) {
      case 'Ask':
        this.#ask(event.askId, event.ask, event.now, grants);
        break;
      case 'Return': {
        const { key, taskId, permits } = event.returned;
        const bucket = this.#buckets.get(key);
        if (bucket === undefined) break;
        this.#advance(bucket, event.now);
        bucket.tokens = Math.min(bucket.tokens + permits, capacity(bucket));
        this.#leave(bucket, taskId, grants);
        this.#serveIfDue(bucket, event.now, grants);
        break;
      }
      case 'TaskEnded':
        for (const bucket of this.#buckets.values()) {
          if (!bucket.tasks.has(event.taskId)) continue;
          this.#advance(bucket, event.now);
          this.#leave(bucket, event.taskId, grants);
        }
        break;
      case 'Tick':
        for (const bucket of this.#buckets.values()) {
          this.#advance(bucket, event.now);
          this.#serveIfDue(bucket, event.now, grants);
          answerOverdue(bucket, event.now, grants);
        }
        this.#forgetIdle(event.now);
        break;
      default:
        assertNever(event);
    }
    return grants;
  }

  /** When the next Tick is due; null while nobody waits. */
  get wakeAt(): EpochMs | null {
    let earliest: EpochMs | null = null;
    for (const bucket of this.#buckets.values()) {
      const [oldest] = bucket.waiting.values();
      if (oldest === undefined) continue;
      const until = (oldest.open as Waiting).until; // it waits
      const at = Math.min(until, Math.max(bucket.servedAt + SERVE_EVERY_MS, fullTokenAt(bucket)));
      if (earliest === null || at < earliest) earliest = at;
    }
    return earliest;
  }

  get numBuckets(): number {
    return this.#buckets.size;
  }

  checkInvariants(): void {
    for (const [key, bucket] of this.#buckets) {
      const open = [...bucket.tasks].filter(([, task]) => task.open !== null);
      const wanted = open.reduce((sum, [, task]) => sum + (task.open?.want ?? 0), 0);
      if (open.length !== bucket.waiting.size || open.some(([taskId, task]) => bucket.waiting.get(taskId) !== task))
        throw new InvariantError(`limit ${key} has ${bucket.waiting.size} waiting tasks, but ${open.length} open asks`);
      if (wanted !== bucket.wanted)
        throw new InvariantError(`limit ${key} counts ${bucket.wanted} wanted permits, but ${wanted} are`);
      const named = [...bucket.limits.values()].reduce((sum, { tasks }) => sum + tasks, 0);
      if (named !== bucket.tasks.size)
        throw new InvariantError(`limit ${key} has ${bucket.tasks.size} tasks, but ${named} named it`);
      if (!(bucket.tokens >= -EPSILON && bucket.tokens <= capacity(bucket) + EPSILON))
        throw new InvariantError(`limit ${key} has ${bucket.tokens} permits of at most ${capacity(bucket)}`);
      if (open.length > 0 && this.wakeAt === null)
        throw new InvariantError(`limit ${key} has waiting tasks and no tick`);
    }
  }

  #ask(askId: number, ask: PermitAsk, now: EpochMs, grants: Grant[]): void {
    const { limit, taskId, want } = ask;
    let bucket = this.#buckets.get(limit.key);
    if (bucket === undefined) {
      this.#forgetIdle(now);
      const { perSecond, burst } = limit;
      bucket = {
        perSecond,
        burst,
        tokens: burst,
        at: now,
        servedAt: Number.NEGATIVE_INFINITY,
        tasks: new Map(),
        waiting: new Map(),
        wanted: 0,
        limits: new Map(),
      };
      this.#buckets.set(limit.key, bucket);
    }
    this.#advance(bucket, now);
    let task = bucket.tasks.get(taskId);
    if (task === undefined) {
      task = { limit, open: null, seenAt: now };
      bucket.tasks.set(taskId, task);
      count(bucket, limit, 1);
    } else if (task.open !== null) close(bucket, taskId, 0, grants); // nobody waits for that answer any more
    task.open = { askId, want, until: now + LONGEST_WAIT_MS };
    task.seenAt = now;
    bucket.waiting.set(taskId, task);
    bucket.wanted += want;
    this.#serveIfDue(bucket, now, grants);
  }

  /** A task wants no more. */
  #leave(bucket: Bucket, taskId: TaskId, grants: Grant[]): void {
    const task = bucket.tasks.get(taskId);
    if (task === undefined) return;
    if (task.open !== null) close(bucket, taskId, 0, grants);
    bucket.tasks.delete(taskId);
    count(bucket, task.limit, -1);
  }

  #advance(bucket: Bucket, now: EpochMs): void {
    const gained = (Math.max(0, now - bucket.at) * bucket.perSecond) / 1000;
    if (now < bucket.at) {
      // A clock that was set back gives nothing, and does not stop the flow either.
      bucket.servedAt = Math.min(bucket.servedAt, now);
      for (const task of bucket.tasks.values()) {
        task.seenAt = Math.min(task.seenAt, now);
        if (task.open !== null) task.open.until = Math.min(task.open.until, now + LONGEST_WAIT_MS);
      }
    }
    bucket.at = now;
    bucket.tokens = Math.min(bucket.tokens + gained, capacity(bucket));
  }

  /** Hands out what there is, unless so little has come since the last time that the tasks had better wait a moment. */
  #serveIfDue(bucket: Bucket, now: EpochMs, grants: Grant[]): void {
    if (bucket.waiting.size === 0 || bucket.tokens < 1 - EPSILON) return;
    if (now < bucket.servedAt + SERVE_EVERY_MS && bucket.tokens < bucket.wanted) return;
    bucket.servedAt = now;
    // Equal shares, then what is left in turn.
    const least = Math.ceil(bucket.perSecond / MAX_ANSWERS_PER_SECOND);
    const waiters = [...bucket.tasks].filter(([, task]) => task.open !== null);
    const given = new Map<TaskId, number>();
    let left = Math.floor(bucket.tokens + EPSILON);
    let hungry = waiters;
    // Ends: each round satisfies somebody or hands out everything.
    while (left > 0 && hungry.length > 0) {
      const share = Math.max(least, Math.floor(left / hungry.length));
      const next: typeof hungry = [];
      for (const waiter of hungry) {
        if (left === 0) break;
        const [taskId, { open }] = waiter;
        const has = given.get(taskId) ?? 0;
        const want = (open as Waiting).want; // filtered above
        const n = Math.min(share, left, want - has);
        given.set(taskId, has + n);
        left -= n;
        if (has + n < want) next.push(waiter);
      }
      hungry = next;
    }
    // Who got most comes last the next time.
    const turns = [...given].sort((a, b) => a[1] - b[1]);
    for (const [taskId, permits] of turns) {
      const task = bucket.tasks.get(taskId) as LiveTask; // a waiter
      bucket.tokens = Math.max(0, bucket.tokens - permits);
      close(bucket, taskId, permits, grants);
      bucket.tasks.delete(taskId);
      bucket.tasks.set(taskId, task);
    }
  }

  #forgetIdle(now: EpochMs): void {
    if (now >= this.#sweptAt && now < this.#sweptAt + SWEEP_EVERY_MS) return;
    this.#sweptAt = now;
    for (const [key, bucket] of this.#buckets) {
      this.#advance(bucket, now);
      for (const [taskId, { limit, open, seenAt }] of bucket.tasks) {
        if (open !== null || now - seenAt < TASK_FORGOTTEN_MS) continue;
        bucket.tasks.delete(taskId);
        count(bucket, limit, -1);
      }
      if (bucket.tasks.size === 0 && bucket.tokens >= bucket.burst - EPSILON) this.#buckets.delete(key);
    }
  }
}

function capacity(bucket: Bucket): number {
  return bucket.waiting.size === 0 ? bucket.burst : bucket.burst + (bucket.perSecond * LATE_CREDIT_MS) / 1000;
}

function fullTokenAt(bucket: Bucket): EpochMs {
  return bucket.at + Math.max(0, ((1 - bucket.tokens) * 1000) / bucket.perSecond);
}

function answerOverdue(bucket: Bucket, now: EpochMs, grants: Grant[]): void {
  for (const [taskId, { open }] of bucket.waiting) {
    if (open !== null && open.until > now) return;
    close(bucket, taskId, 0, grants);
  }
}

/** Answers a task's open ask. */
function close(bucket: Bucket, taskId: TaskId, permits: number, grants: Grant[]): void {
  const task = bucket.waiting.get(taskId) as LiveTask; // callers have looked
  const { askId, want } = task.open as Waiting;
  grants.push({ type: 'Grant', askId, permits });
  task.open = null;
  bucket.waiting.delete(taskId);
  bucket.wanted -= want;
  bucket.tokens = Math.min(bucket.tokens, capacity(bucket));
}

/** A task came or went: the lowest numbers of those that are there hold; of none, the last that were. */
function count(bucket: Bucket, limit: RateLimitPlan, change: 1 | -1): void {
  const name = `${limit.perSecond} ${limit.burst}`;
  const known = bucket.limits.get(name) ?? { limit, tasks: 0 };
  known.tasks += change;
  if (known.tasks === 0) bucket.limits.delete(name);
  else if (known.tasks === 1 && change === 1) bucket.limits.set(name, known);
  else return;
  if (bucket.limits.size === 0) return;
  const limits = [...bucket.limits.values()];
  bucket.perSecond = Math.min(...limits.map((one) => one.limit.perSecond));
  bucket.burst = Math.min(...limits.map((one) => one.limit.burst));
  bucket.tokens = Math.min(bucket.tokens, capacity(bucket));
}
