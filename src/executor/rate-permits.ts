import type { TaskId } from '../protocol/ids.ts';
import type { PermitAsk, PermitReturn, RateLimitPlan } from '../protocol/rate-limit.ts';

/** The way to the driver's rate limiter. */
export interface PermitDesk {
  acquire(ask: PermitAsk): Promise<{ readonly permits: number }>;
  giveBack(returned: PermitReturn): void;
}

/**
 * A task's share of a rate limit: calls wait here, and the driver is asked for as many permits as calls wait. Nothing is held
 * in stock, so a task that has nothing to call costs the others nothing.
 */
export class RatePermits {
  readonly #limit: RateLimitPlan;
  readonly #taskId: TaskId;
  readonly #desk: PermitDesk;
  readonly #queue: { readonly go: () => void; readonly fail: (error: unknown) => void }[] = [];
  /** Permits for calls that waited when they were asked for, and did not any more when they came. */
  #spare = 0;
  #asking = false;
  #closed = false;

  constructor(limit: RateLimitPlan, taskId: TaskId, desk: PermitDesk) {
    this.#limit = limit;
    this.#taskId = taskId;
    this.#desk = desk;
  }

  /** Calls `go` when a call may begin, in the order of the requests; not at all after `close`. */
  take(go: () => void, fail: (error: unknown) => void): void {
    if (this.#spare > 0) {
      this.#spare--;
      go();
      return;
    }
    this.#queue.push({ go, fail });
    if (this.#asking) return;
    this.#asking = true;
    // After this turn it is known how many calls wait.
    queueMicrotask(() => void this.#ask());
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue.length = 0;
    if (this.#asking || this.#spare > 0) this.#giveBack(this.#spare);
  }

  async #ask(): Promise<void> {
    while (!this.#closed && this.#queue.length > 0) {
      try {
        const want = this.#queue.length;
        const { permits } = await this.#desk.acquire({ limit: this.#limit, taskId: this.#taskId, want });
        if (!this.#closed) this.#handOut(permits);
        else if (permits > 0) this.#giveBack(permits);
      } catch (error) {
        for (const { fail } of this.#queue.splice(0)) fail(error);
      }
    }
    this.#asking = false;
  }

  #handOut(permits: number): void {
    const ready = this.#queue.splice(0, permits);
    this.#spare += permits - ready.length;
    for (const { go } of ready) go();
  }

  #giveBack(permits: number): void {
    this.#desk.giveBack({ key: this.#limit.key, taskId: this.#taskId, permits });
  }
}
