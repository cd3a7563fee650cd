import type { Clock } from '../base/clock.ts';
import type { JobId } from '../protocol/ids.ts';
import { JobWaiter } from './job-waiter.ts';

/** The most that Node's timers take. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The callers that wait for jobs. While there is one the process stays alive, also when no executor has a part of its job. */
export class JobWaiters {
  readonly #clock: Clock;
  readonly #waiters = new Map<JobId, JobWaiter>();
  #nextJobId = 0;
  #letGo: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#waiters.size;
  }

  /** How many there ever were. */
  get numOpened(): number {
    return this.#nextJobId;
  }

  open(onTaskResult: (index: number, bytes: Uint8Array) => void): JobWaiter {
    const waiter = new JobWaiter(this.#nextJobId++, onTaskResult);
    this.#waiters.set(waiter.jobId, waiter);
    this.#letGo ??= this.#clock.after(LONGEST_TIMER_MS, () => {});
    return waiter;
  }

  get(jobId: JobId): JobWaiter | undefined {
    return this.#waiters.get(jobId);
  }

  /** The job is over: its caller is told by whoever takes it. */
  take(jobId: JobId): JobWaiter | undefined {
    const waiter = this.#waiters.get(jobId);
    this.#waiters.delete(jobId);
    if (this.#waiters.size === 0) this.#letProcessGo();
    return waiter;
  }

  /** All there are, which are forgotten. */
  takeAll(): JobWaiter[] {
    const all = [...this.#waiters.values()];
    this.#waiters.clear();
    this.#letProcessGo();
    return all;
  }

  #letProcessGo(): void {
    this.#letGo?.();
    this.#letGo = null;
  }
}
