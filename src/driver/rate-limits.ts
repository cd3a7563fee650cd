import type { Clock } from '../base/clock.ts';
import type { TaskId } from '../protocol/ids.ts';
import type { PermitAsk, PermitReturn } from '../protocol/rate-limit.ts';
import { type Grant, RateLimiter } from '../scheduler/rate-limiter.ts';

/** The rate limiter with its timer: answers tasks' asks as soon as they may have something. */
export class RateLimits {
  readonly #limiter = new RateLimiter();
  readonly #clock: Clock;
  readonly #answers = new Map<number, (grant: { readonly permits: number }) => void>();
  #nextAsk = 0;
  #armed: { readonly at: number; readonly cancel: () => void } | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns some of what is wanted, or 0 when there was nothing for a long time, or the task has ended. */
  acquire(ask: PermitAsk): Promise<{ readonly permits: number }> {
    const askId = this.#nextAsk++;
    return new Promise((answer) => {
      this.#answers.set(askId, answer);
      this.#done(this.#limiter.handle({ type: 'Ask', now: this.#clock.now(), askId, ask }));
    });
  }

  giveBack(returned: PermitReturn): void {
    this.#done(this.#limiter.handle({ type: 'Return', now: this.#clock.now(), returned }));
  }

  taskEnded(taskId: TaskId): void {
    if (this.#limiter.numBuckets === 0) return;
    this.#done(this.#limiter.handle({ type: 'TaskEnded', now: this.#clock.now(), taskId }));
  }

  /** Nobody gets any more. */
  close(): void {
    this.#armed?.cancel();
    this.#armed = null;
    for (const answer of this.#answers.values()) answer({ permits: 0 });
    this.#answers.clear();
  }

  #done(grants: readonly Grant[]): void {
    for (const { askId, permits } of grants) {
      this.#answers.get(askId)?.({ permits });
      this.#answers.delete(askId);
    }
    const at = this.#limiter.wakeAt;
    if (at === this.#armed?.at) return;
    this.#armed?.cancel();
    this.#armed = null;
    if (at === null) return;
    const cancel = this.#clock.after(Math.max(0, Math.ceil(at - this.#clock.now())), () => {
      this.#armed = null;
      this.#done(this.#limiter.handle({ type: 'Tick', now: this.#clock.now() }));
    });
    this.#armed = { at, cancel };
  }
}
